# The scripts over windows that follow the days of a zone: they turn at each
# boundary and nowhere else, on days of 23, 24 and 25 hours, and close past the
# last one.  Only the clock of the scripts is replaced.
#
# The boundaries are written out by hand from the rules of each zone, not
# computed: what computes them is tested elsewhere.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Partition;
use Asgard::PrivateRedis;

my $CLOCK = 'test:clock';
for my $name (qw(reserve finish extend seed)) {
    my $text = Asgard::Redis->script_text($name);
    $text =~ s/call\('TIME'\)/({call('GET','$CLOCK')})/g;
    Asgard::Redis->script_replace($name, $text);
}
my $server = Asgard::PrivateRedis->new;
my $redis = $server->client;
my ($part, $serial) = (0, 0);

sub clock_is { $redis->cmd('SET', $CLOCK, $_[0]); return }

# An open partition whose clock stands at $now.
sub partition {
    my ($now) = @_;
    clock_is($now);
    return Asgard::Partition->new(redis => $redis, part => $part++)->open;
}

sub spec { return Asgard::Partition::spec(@_) }

sub add {
    my ($p, $budget, $at, $window, $limit) = @_;
    return $p->seed('add', [$p->budget_keys($budget)], $p->{version}++, $at,
        spec($window), $window->[0], $limit, 0)->[0];
}

# A new windows text, and what stands for each window after its limit.
sub limit {
    my ($p, $budget, $window, $opening) = @_;
    return join(' ', @{$p->seed('limit', [$p->budget_keys($budget)],
        $p->{version}++, spec($window), $window->[0], 100, $opening)});
}

sub reserve {
    my ($p, $budget, $amount) = @_;
    return $p->reserve('h' . ++$serial, $amount, [$budget], ttl => 200_000);
}

# UTC, as text "yyyy-mm-dd hh:mm"
sub utc {
    my ($text) = @_;
    my ($y, $m, $d, $h, $min) = $text =~ /^(\d+)-(\d+)-(\d+) (\d+):(\d+)$/
        or die "no time: $text\n";
    my $a = int((14 - $m) / 12);
    my ($year, $month) = ($y + 4800 - $a, $m + 12 * $a - 3);
    my $day = $d + int((153 * $month + 2) / 5) + 365 * $year
        + int($year / 4) - int($year / 100) + int($year / 400) - 32045;
    return ($day - 2440588) * 86400 + $h * 3600 + $min * 60;
}

# --- every boundary -----------------------------------------------------------

my @zones = (
    ['1d', 'Europe/Berlin', 'a day of 23 hours', [24, 23, 24],
        '2026-03-27 23:00', '2026-03-28 23:00', '2026-03-29 22:00',
        '2026-03-30 22:00'],
    ['1d', 'Europe/Berlin', 'a day of 25 hours', [24, 25, 24],
        '2026-10-23 22:00', '2026-10-24 22:00', '2026-10-25 23:00',
        '2026-10-26 23:00'],
    ['1d', 'Australia/Lord_Howe', 'half an hour more', [24, 24.5, 24],
        '2026-04-03 13:00', '2026-04-04 13:00', '2026-04-05 13:30',
        '2026-04-06 13:30'],
    ['1d', 'Australia/Lord_Howe', 'half an hour less', [24, 23.5, 24],
        '2026-10-02 13:30', '2026-10-03 13:30', '2026-10-04 13:00',
        '2026-10-05 13:00'],
    ['1d', 'Africa/Cairo', 'a midnight that does not exist', [24, 23, 24],
        '2023-04-26 22:00', '2023-04-27 22:00', '2023-04-28 21:00',
        '2023-04-29 21:00'],
    ['1d', 'America/Sao_Paulo', 'the same of old', [24, 23, 24],
        '2018-11-03 03:00', '2018-11-04 03:00', '2018-11-05 02:00',
        '2018-11-06 02:00'],
    ['1d', 'Atlantic/Azores', 'a midnight that comes twice', [24, 25, 24],
        '2026-10-24 00:00', '2026-10-25 00:00', '2026-10-26 01:00',
        '2026-10-27 01:00'],
    ['1d', 'Pacific/Apia', 'a day that is left out', [24, 24, 24],
        '2011-12-28 10:00', '2011-12-29 10:00', '2011-12-30 10:00',
        '2011-12-31 10:00'],
    ['7d', 'Europe/Berlin', 'a week with the change', [168, 167, 168],
        '2026-03-15 23:00', '2026-03-22 23:00', '2026-03-29 22:00',
        '2026-04-05 22:00'],
    ['1mo', 'Asia/Kolkata', 'months at half past', [744, 720, 744],
        '2026-09-30 18:30', '2026-10-31 18:30', '2026-11-30 18:30',
        '2026-12-31 18:30'],
);

for (@zones) {
    my ($window, $zone, $what, $hours, @at) = @$_;
    @at = map { utc($_) } @at;
    is_deeply([map { ($at[$_ + 1] - $at[$_]) / 3600 } 0 .. $#at - 1], $hours,
        "$zone, $window, $what");
    my $p = partition($at[0]);
    is(add($p, 'p.z', $at[0], [$window, $zone, @at], 100), 'OK',
        '  … is seeded');
    for my $i (0 .. $#at - 1) {
        my ($start, $end) = @at[$i, $i + 1];
        clock_is($start);
        my $reply = reserve($p, 'p.z', 60);
        is_deeply([@$reply[0, 1]], ['OK', "p.z:$window:$start"],
            "  … period $i has the whole limit in its first second");
        clock_is($end - 1);
        is_deeply(reserve($p, 'p.z', 60), ['OVER', 'p.z', $window, 100, 0, 60,
            $end, $zone], '  … the same budget in its last, with end and zone');
        is(reserve($p, 'p.z', 40)->[1], "p.z:$window:$start",
            '  … and the same period');
    }
    clock_is($at[-1]);
    my $before = $p->dump;
    is_deeply(reserve($p, 'p.z', 1), ['UNSEEDED', 'p.z'],
        '  … past the last boundary nothing is admitted');
    is($p->dump, $before, '  … and nothing written');
}

# --- a hold belongs to the window of its reserve ------------------------------

my @march = map { utc($_) } '2026-03-27 23:00', '2026-03-28 23:00',
    '2026-03-29 22:00', '2026-03-30 22:00';
my $p = partition($march[1]);
add($p, 'p.a', $march[0], ['1d', 'Europe/Berlin', @march], 1000);
clock_is($march[2] - 1);
my $old = reserve($p, 'p.a', 100);
my $other = reserve($p, 'p.a', 70);
clock_is($march[2]);
my $new = reserve($p, 'p.a', 30);
is($new->[1], "p.a:1d:$march[2]", 'a call after the boundary has its window');
is($p->finish('h' . ($serial - 2), 's', 90, $old->[1], ['p.a'])->[0], 'OK',
    'a call from before it is settled');
is($p->field('p.a', "s:1d:$march[1]"), 90, '... in the window of its reserve');
is($p->field('p.a', "s:1d:$march[2]"), 0, '... not in the new one');
is($p->finish('h' . ($serial - 1), 's', 50, $other->[1], ['p.a'])->[0], 'OK',
    'the last hold of the old window is settled');
is($p->field('p.a', "s:1d:$march[1]"), undef, '... and takes its fields along');
is_deeply([map { $_->{a} } $p->events], [90, 50], '... both are events');

$p = partition($march[0] - 1);
add($p, 'p.b', 0, ['1d', 'Europe/Berlin', @march], 1000);
is(reserve($p, 'p.b', 1)->[0], 'UNSEEDED', 'before the first boundary too');

# --- continued, and in another zone -------------------------------------------

$p = partition($march[0]);
add($p, 'p.c', $march[0], ['1d', 'Europe/Berlin', @march[0, 1, 2]], 100);
clock_is($march[1] + 5);
reserve($p, 'p.c', 60);
is(limit($p, 'p.c', ['1d', 'Europe/Berlin', @march[1, 2, 3]], '-'), 'OK',
    'a list that is continued needs no opening');
is($p->field('p.c', "h:1d:$march[1]"), 60, '... and touches no counter');
clock_is($march[2] + 5);
is(limit($p, 'p.c', ['1d', 'Europe/Berlin', @march[1, 2, 3]], '-'), 'OK',
    'nor one that is sent before the first call of a period');
is(reserve($p, 'p.c', 100)->[0], 'OK', '... which begins at 0');

clock_is($march[3] + 5);
is(reserve($p, 'p.c', 1)->[0], 'UNSEEDED', 'a list that has run out closes');
is(limit($p, 'p.c', ['1d', 'Europe/Berlin', @march[2, 3], $march[3] + 86400],
    '-'), 'OK', '... until it is continued');
is(reserve($p, 'p.c', 100)->[1], "p.c:1d:$march[3]",
    '... and the new period is begun');

# Kolkata's day began at 18:30 UTC, 3.5 hours before Berlin's.
my @india = map { utc($_) } '2026-03-29 18:30', '2026-03-30 18:30',
    '2026-03-31 18:30';
$p = partition($march[2]);
add($p, 'p.d', $march[2], ['1d', 'Europe/Berlin', @march[2, 3]], 100);
my $flight = reserve($p, 'p.d', 10);
my $before = $p->dump;
is(limit($p, 'p.d', ['1d', 'Asia/Kolkata', @india], '-'), 'UNSEEDED 1d',
    'another zone is another period: it needs an opening');
is($p->dump, $before, '... before anything is written');
is(limit($p, 'p.d', ['1d', 'Asia/Kolkata', @india], "$india[0]:70"), 'OK',
    '... with which it begins');
is($p->field('p.d', "s:1d:$india[0]"), 70, '... with what was spent');
is_deeply(reserve($p, 'p.d', 31), ['OVER', 'p.d', '1d', 100, 70, 0, $india[1],
    'Asia/Kolkata'], '... and has what is left');
is($p->field('p.d', "h:1d:$march[2]"), 10,
    'a call in flight keeps its old window');
is($p->finish("h" . ($serial - 1), 's', 9, $flight->[1], ['p.d'])->[0], 'OK',
    '... and is settled there');
is($p->field('p.d', "s:1d:$march[2]"), undef, '... which goes with it');
is($p->field('p.d', "s:1d:$india[0]"), 70, '... and is not in the new one');

is(limit($p, 'p.d', ['1d', 'Europe/Berlin', @march[2, 3]], "$march[2]:79"),
    'OK', 'back again');
is($p->field('p.d', "s:1d:$march[2]"), 79, '... it knows all of its period');
is($p->field('p.d', "s:1d:$india[0]"), undef,
    '... and the window that was left is gone');

# From a period of UTC to a zone and its end; the same midnight is the same
# window.
my $midnight = utc('2026-11-29 00:00');
$p = partition($midnight + 50);
$p->seed('add', [$p->budget_keys('p.e')], $p->{version}++, $midnight,
    spec('1d'), '1d', 100, 0);
reserve($p, 'p.e', 40);
is(limit($p, 'p.e', ['1d', 'Europe/London', map { $midnight + $_ * 86400 }
    0 .. 3], '-'), 'OK', 'a zone with the same midnight goes on counting');
is($p->field('p.e', "h:1d:$midnight"), 40, '... in the same window');
clock_is($midnight + 86400 * 3 + 60);
is(limit($p, 'p.e', ['1d', 'Asia/Kolkata', map { $midnight + 66600
    + $_ * 86400 } 1 .. 4], '-'), 'UNSEEDED 1d',
    'after a list that ran out, a period from before its end needs an opening');

# --- as much as a budget may have ---------------------------------------------

my @full = map { $midnight + $_ * 86400 } 0 .. 63;
my @names = map { "${_}d" } 3643 .. 3650;
$p = partition($full[62]);
my $specs = join(',', map { spec([$_, 'America/Argentina/ComodRivadavia',
    @full]) } @names);
is($p->seed('add', [$p->budget_keys('p.f')], 1, 0, $specs,
    map { ($_, 100, 0) } @names)->[0], 'OK',
    '8 windows of 64 boundaries are seeded, ' . length($specs) . ' bytes');
my $reply = $p->reserve('full', 100, ['p.f']);
is($reply->[1], join(',', map { "p.f:$_:$full[62]" } @names),
    '... and reserved over');
is($p->finish('full', 's', 100, $reply->[1], ['p.f'])->[0], 'OK',
    '... and settled');
is_deeply([@{$p->reserve('more', 1, ['p.f'])}[0, 6, 7]], ['OVER', $full[63],
    'America/Argentina/ComodRivadavia'], '... and refuse');

# --- entries that are none ----------------------------------------------------

for my $bad ('1d:c:', '1d:c:5', '1d:c:5/', '1d:c:/5/6', '1d:c:6/5', '1d:c:5/5',
    '1d:c:5//6', '1d:c:5/6@', '1d:c:5/6@Europe/Ber1in', '1d:c:5/6@A,1h:t',
    '1d:c:5/6@A@B', '1d:c:5/6@' . 'A' x 60, '1d:c:5/6/x', '1d:p:60:0@A',
    '1d:t:1', '1d:c:' . join('/', 1 .. 65),
    '1d:c:5/99999999999999999') {
    is($p->seed('add', [$p->budget_keys('p.g')], 1, 0, $bad, '1d', 1, 0)->[0],
        'ARG', 'no entry: ' . substr($bad, 0, 30));
}

done_testing();
