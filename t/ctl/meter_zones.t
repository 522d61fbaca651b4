# Windows in a time zone, as the meter keeps them: their boundaries come from
# the database, go on before they end, and never move under a window in use;
# another zone begins with what its period had spent.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use POSIX ();
use Test::More;

use Asgard::Files qw(wait_until);
use Asgard::Meter;

# No midnight may pass while this runs; all are at a quarter of an hour.
wait_until(sub { time % 900 < 800 }, 120, 1);

my ($m, $id, $budget, $p) = Asgard::Meter->with_project(part => 9,
    total => 1_000_000);

sub starts {
    my ($window, $zone, $at, $old) = @_;
    my $text = $m->value('SELECT array_to_string(window_boundaries('
        . "'$window', '$zone', '$at', " . ($old // 'NULL') . "), '/')");
    return split m{/}, $text;
}

# --- the database's days, against those of the C library ----------------------

# The local date at a moment, as a number that rises with it.
sub local_day {
    my ($at) = @_;
    my (undef, undef, undef, $d, $mon, $y) = localtime($at);
    return $y * 400 + $mon * 32 + $d;
}

my @zones = map { $_->[0] } $m->sql('SELECT name FROM pg_timezone_names'
    . " WHERE name ~ '^(Africa|America|Antarctica|Arctic|Asia|Atlantic|"
    . "Australia|Europe|Indian|Pacific)/' ORDER BY name");
cmp_ok(scalar @zones, '>', 300, 'the database knows zones');
for my $month (qw(2026-03-10 2026-10-10)) {
    my (%list, @wrong);
    push @{$list{$_->[0]}}, $_->[1] for $m->sql('SELECT name, unnest('
        . "window_boundaries('1d', name, '$month 12:00Z', NULL))"
        . " FROM pg_timezone_names WHERE name LIKE '%/%'"
        . " AND name !~ '^(posix|right)/'");
    for my $zone (@zones) {
        local $ENV{TZ} = $zone;
        POSIX::tzset();
        my @at = @{$list{$zone}};
        for my $i (0 .. $#at) {
            push @wrong, "$zone $at[$i]" if local_day($at[$i])
                <= local_day($at[$i] - 1)
                || $i && local_day($at[$i] - 1) != local_day($at[$i - 1]);
        }
    }
    is("@wrong[0 .. ($#wrong < 5 ? $#wrong : 5)]", '',
        "from $month on, a period is one local day in every zone");
}
POSIX::tzset();

my %known = (
    'a day of 23 hours' => ['1d', 'Europe/Berlin', '2026-03-29 12:00Z',
        [1774652400, 1774738800, 1774821600, 1774908000]],
    'a day of 25 hours' => ['1d', 'Europe/Berlin', '2026-10-25 12:00Z',
        [1792792800, 1792879200, 1792969200, 1793055600]],
    'half an hour' => ['1d', 'Australia/Lord_Howe', '2026-04-05 00:00Z',
        [1775221200, 1775307600, 1775395800, 1775482200]],
    'a midnight that does not exist' => ['1d', 'Africa/Cairo',
        '2023-04-28 12:00Z', [1682546400, 1682632800, 1682715600,
            1682802000]],
    'the same in another year' => ['1d', 'America/Sao_Paulo',
        '2018-11-04 12:00Z', [1541214000, 1541300400, 1541383200,
            1541469600]],
    'a midnight that comes twice' => ['1d', 'Atlantic/Azores',
        '2026-10-25 12:00Z', [1792800000, 1792886400, 1792976400,
            1793062800]],
    'a day that is left out' => ['1d', 'Pacific/Apia', '2011-12-29 12:00Z',
        [1325066400, 1325152800, 1325239200, 1325325600]],
    'months at half past' => ['1mo', 'Asia/Kolkata', '2026-11-10 12:00Z',
        [1790793000, 1793471400, 1796063400, 1798741800]],
    'weeks from Monday' => ['7d', 'Europe/Berlin', '2026-03-25 12:00Z',
        [1773615600, 1774220400, 1774821600, 1775426400]],
    'two weeks from Monday 1970-01-05' => ['2w', 'Europe/Berlin',
        '2026-03-25 12:00Z', [1772406000, 1773615600, 1774821600,
            1776031200]],
);
for my $what (sort keys %known) {
    my ($window, $zone, $at, $expected) = @{$known{$what}};
    my @got = starts($window, $zone, $at);
    is_deeply([@got[0 .. 3]], $expected, "$what: $zone, $window");
}
for ('1d', '3d', '56d', '57d', '3650d', '1w', '521w', '1mo') {
    my $now = 1774785600;
    my @got = starts($_, 'Europe/Berlin', '2026-03-29 12:00Z');
    cmp_ok($got[-1] - $now, '>=', 55 * 86400, "$_ reaches far enough ahead");
    ok($got[0] <= $now && @got <= 64, '... from now on, within the limit');
}

# --- newer time zone data -----------------------------------------------------

my @real = starts('1d', 'Europe/Berlin', '2026-03-27 12:00Z');
my $list = sub { 'ARRAY[' . join(',', map { $_ . '::bigint' } @_) . ']' };
is_deeply([starts('1d', 'Europe/Berlin', '2026-03-28 12:00Z',
    $list->(@real))], [@real[2 .. $#real], $real[-1] + 86400],
    'the same data continue a list');

# By the old data every midnight from the one in use on was an hour earlier.
my @moved = (@real[0, 1], map { $_ - 3600 } @real[2 .. $#real]);
my @got = starts('1d', 'Europe/Berlin', '2026-03-28 12:00Z',
    $list->(@moved));
is($got[0], $moved[2], 'a window in use keeps its start');
is($got[1], $real[3], '... and ends by the new data');
# ... or an hour later
@moved = (@real[0, 1], map { $_ + 3600 } @real[2 .. $#real]);
@got = starts('1d', 'Europe/Berlin', '2026-03-28 12:00Z', $list->(@moved));
is_deeply([@got[0, 1]], [$moved[2], $real[3]],
    '... the same when its start was too late');
@got = starts('1d', 'Europe/Berlin', '2026-03-28 23:10Z', $list->(@moved));
is_deeply([@got[0 .. 2]], [@moved[2, 3], $real[4]],
    'a boundary within the hour stays: Redis may be there already');

# --- calls over zoned windows -------------------------------------------------

sub call {
    my ($hold, $amount) = @_;
    my $r = $p->reserve($hold, $amount, [$budget], detail => $m->detail($id));
    return $r if $r->[0] ne 'OK';
    $p->finish($hold, 's', $amount, $r->[1], [$budget],
        detail => $m->detail($id));
    $m->balance($hold);
    return $r;
}

sub zone_window {
    my ($window, $zone, $limit, $later) = @_;
    my $z = defined $zone ? "'$zone'" : 'NULL';
    $m->sql('INSERT INTO zone_windows (zone, window_name, boundaries)'
        . " SELECT $z, '$window', window_boundaries('$window', $z, now(),"
        . ' NULL) ON CONFLICT DO NOTHING') if defined $zone;
    $m->sql('INSERT INTO budget_windows (budget_id, window_name, limit_nusd,'
        . " zone) VALUES ('$budget', '$window', $limit, $z) ON CONFLICT"
        . ' (budget_id, window_name) DO UPDATE SET limit_nusd ='
        . ' excluded.limit_nusd, zone = excluded.zone, added_at = now()');
    my $total = $m->value('SELECT limit_nusd FROM budget_windows'
        . " WHERE budget_id = '$budget' AND window_name = 'total'");
    $m->window($budget, 'total', $total);       # a new version, sent
    return $later || $m->sent;
}

sub current { my ($w) = @_; return $p->field($budget, "c:$w") }
sub spent {
    my ($w) = @_;
    return $p->field($budget, "s:$w:" . current($w));
}

# The start of the local day, by the C library.
sub midnight {
    my ($zone) = @_;
    local $ENV{TZ} = $zone;
    POSIX::tzset();
    my (undef, undef, undef, $d, $mon, $y) = localtime;
    return POSIX::mktime(0, 0, 0, $d, $mon, $y, 0, 0, -1);
}

call('z1', 300);
ok(zone_window('1d', 'Asia/Kolkata', 1000), 'a zoned window is sent');
is(current('1d'), midnight('Asia/Kolkata'), '... for the local day');
is(spent('1d'), 300, '... with what the day had spent');
like($p->field($budget, 'w'), qr/\b1d:c:[\d\/]+\@Asia\/Kolkata/,
    '... as boundaries and a zone');
call('z2', 250);
is(spent('1d'), 550, 'a call counts in it');
is($p->reserve('z3', 451, [$budget])->[7], 'Asia/Kolkata',
    'a refusal names the zone');

my $flight = $p->reserve('flight', 100, [$budget],
    detail => $m->detail($id));
ok(zone_window('1d', 'Pacific/Kiritimati', 1000), 'another zone is sent');
is(current('1d'), midnight('Pacific/Kiritimati'),
    '... and its day is in use');
is(spent('1d'), 550, '... with what it had spent, once');
call('z4', 50);
is(spent('1d'), 600, '... and calls go on in it');
is($p->finish('flight', 's', 40, $flight->[1], [$budget],
    detail => $m->detail($id))->[0], 'OK',
    'a call that was in flight is settled in its own');
$m->balance('flight');
is(spent('1d'), 600, '... and stays outside the new one');
ok(zone_window('1d', undef, 1000), 'and back to UTC');
is(spent('1d'), 640, '... which knows all of its day');

# While the ledger is behind, what was settled before the change is in it.
my $behind = $p->reserve('late', 60, [$budget], detail => $m->detail($id));
open my $psql, '|-', 'psql', '-Xqo', '/dev/null', $m->{postgres}->owner_url
    or die "psql: $!" . "\n";
syswrite $psql, "BEGIN; SELECT FROM cursors FOR UPDATE;\n";
ok(wait_until(sub { $m->value('SELECT count(*) FROM pg_stat_activity WHERE'
    . " state = 'idle in transaction' AND query LIKE '%cursors FOR UPDATE%'")
    }), 'somebody holds the cursors');
$p->finish('late', 's', 60, $behind->[1], [$budget],
    detail => $m->detail($id));
zone_window('1d', 'Pacific/Kiritimati', 1000, 'do not wait');
ok(wait_until(sub { (current('1d') // '') eq midnight('Pacific/Kiritimati') },
    10), 'a zone does not wait for the ledger');
is($m->value("SELECT count(*) FROM holds WHERE hold_id = 'late'"), 0,
    '... which has not read a call');
is(spent('1d'), 700, '... and begins with all of them');
close $psql;
is($m->balance('late'), 60, 'the ledger reads on');
ok($m->sent(10), '... and hears of the zone');
is(spent('1d'), 700, '... and each call counts once');
ok(zone_window('1d', undef, 1000), 'and back to UTC');
is(spent('1d'), 700, '... with all of them');

# The same midnight, another name: nothing begins
ok(zone_window('1d', 'Africa/Abidjan', 1000), 'a zone with the same midnight');
is(spent('1d'), 700, '... counts the same');
call('z5', 10);
is(spent('1d'), 710, '... on');

# --- kept ahead ---------------------------------------------------------------

sub last_boundary {
    my ($w) = @_;
    my ($text) = $p->field($budget, 'w') =~ /(?:^|,)$w:c:([\d\/]+)/;
    return (split m{/}, $text // 0)[-1];
}

sub version { return $p->field($budget, 'v') }

ok(zone_window('7d', 'Europe/Berlin', 5000), 'a week of Berlin');
my ($day, $week, $version) = (current('1d'), current('7d'), version());
$m->stop;
# As if it were made 40 days ago and Redis had been told that.
$m->sql(<<'SQL');
UPDATE zone_windows SET made_at = now() - interval '8 days',
    boundaries = (SELECT array_agg(s ORDER BY s) FROM unnest(boundaries) s
        WHERE s < extract(epoch FROM now()) + 20 * 86400);
UPDATE budgets SET spec_at = now() - interval '8 days'
SQL
$m->start;
ok(wait_until(sub { (version() // 0) > $version }, 20),
    'the meter sends a list again that nobody changed');
cmp_ok(last_boundary($_), '>', time + 49 * 86400,
    "... $_ reaches 49 days ahead") for '1d', '7d';
is(current('1d'), $day, '... the day is the same');
is(current('7d'), $week, '... the week too');
is(spent('1d'), 710, '... with the same spent');

# Newer time zone data: by the old ones the day began a quarter later.
$m->stop;
$m->sql("UPDATE zone_windows SET boundaries = (SELECT array_agg(s + 900"
    . " ORDER BY s) FROM unnest(boundaries) s) WHERE window_name = '1d'");
$m->start;
$m->wait_open;
ok(zone_window('1d', 'Asia/Kolkata', 1000), 'a day by old data');
($day, $version) = (current('1d'), version());
is(($day - midnight('Asia/Kolkata')) % 86400, 900, '... begins by them');
is(spent('1d'), 710, '... with all that it had spent');
$p->reserve('update', 30, [$budget], detail => $m->detail($id));
$m->stop;
$m->sql("UPDATE zone_windows SET made_at = now() - interval '8 days'");
$m->start;
ok(wait_until(sub { (version() // 0) > $version }, 20),
    'newer data are sent');
is(last_boundary('1d') % 86400, (midnight('Asia/Kolkata')) % 86400,
    '... from the next boundary on');
is(current('1d'), $day, '... the day in use keeps its start');
is(spent('1d'), 710, '... what was spent');
is($p->field($budget, "h:1d:$day"), 30, '... and what is held');
is($p->finish('update', 's', 25, "$budget:1d:$day,$budget:7d:$week,"
    . "$budget:total:0", [$budget], detail => $m->detail($id))->[0], 'OK',
    '... and calls are settled in it');
$m->balance('update');
is(spent('1d'), 735, '... and counted');
my ($status, $out) = $m->{control}->run('audit', 'money');
is($status, 0, '... and the audit finds nothing') or diag($out);
is(zone_window('1d', 'Africa/Abidjan', 1000), 1, 'back again');
$day = current('1d');

# --- lost, and run out --------------------------------------------------------

$m->cmd('FLUSHALL');
$m->wait_open;
$p = $m->partition(9);
is(current('1d'), $day, 'a reseed keeps the id of the day');
is(current('7d'), $week, '... and of the week');
is(spent('1d'), 735, '... and what was spent in them');

$m->stop;
$m->sql(<<'SQL');
UPDATE zone_windows SET made_at = now() - interval '90 days',
    boundaries = (SELECT array_agg(s - 90 * 86400) FROM unnest(boundaries) s);
UPDATE budgets SET spec_at = now() - interval '90 days'
SQL
$m->cmd('FLUSHALL');
$m->start;
ok($m->wait_open, 'after 90 days without a meter');
$p = $m->partition(9);
cmp_ok(last_boundary('1d'), '>', time + 49 * 86400,
    '... the lists are made before the counters');
is(call('z6', 5)->[0], 'OK', '... and calls go on');

# A zone that the database has no more: its budgets close, nobody else's.
my $second = $m->project('proj-2026-0002', part => 9, total => 1000);
$m->sent;
$m->stop;
$m->sql('ALTER TABLE budget_windows DROP CONSTRAINT'
    . ' budget_windows_zone_window_name_fkey');
$m->sql("UPDATE zone_windows SET zone = 'Europe/Atlantis',"
    . " made_at = now() - interval '90 days', boundaries = (SELECT"
    . ' array_agg(s - 90 * 86400) FROM unnest(boundaries) s)'
    . " WHERE zone = 'Europe/Berlin'");
$m->sql("UPDATE budget_windows SET zone = 'Europe/Atlantis'"
    . " WHERE zone = 'Europe/Berlin'");
$m->cmd('FLUSHALL');
$m->start;
ok($m->wait_open, 'with a zone that the database does not know');
$p = $m->partition(9);
is($p->reserve('z7', 1, [$second])->[0], 'OK', '... other budgets are open');
is($p->reserve('z8', 1, [$budget])->[0], 'UNSEEDED', '... its own closed');
ok(wait_until(sub { $m->log_text =~ m{no time zone Europe/Atlantis} }),
    '... and the log says why');

$m->done;
