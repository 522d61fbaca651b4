# The limiter against a naive list of what it let in: in no 60 seconds more than
# the limit, under steady overload at least 95 % of it, each refusal true to its
# time, and a bounded memory.
#
#     ASGARD_SEED=42 prove -It/lib t/lua/limits_random.t
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use List::Util qw(sum0);
use Test::More;

use Asgard::Partition;
use Asgard::PrivateRedis;

my $SEED = $ENV{ASGARD_SEED} // time() ^ $$;
my ($MINUTE, $STEP) = (60_000_000, 250_000);    # µs

for my $name (qw(reserve finish seed)) {
    my $text = Asgard::Redis->script_text($name);
    $text =~ s/call\('TIME'\)/call('HMGET','test:clock','s','u')/g;
    Asgard::Redis->script_replace($name, $text);
}
my $server = Asgard::PrivateRedis->new;
my $redis = $server->client;
srand($SEED);
note "ASGARD_SEED=$SEED";
my $us = 1_700_000_000 * 1_000_000;
my $serial = 0;

sub pass_time {
    $us += $_[0];
    $redis->cmd('HSET', 'test:clock', 's', int($us / 1_000_000), 'u',
        $us % 1_000_000);
}
pass_time(0);
my $p = Asgard::Partition->new(redis => $redis, part => 3);
$p->open;
$p->add('p.x', total => '-');

# What a list of [time, count] has in the `span` before now.
sub within {
    my ($list, $span) = @_;
    return sum0(map { $_->[1] } grep { $_->[0] > $us - $span } @$list);
}

sub forget { my ($list) = @_;
    shift @$list while @$list && $list->[0][0] <= $us - 2 * $MINUTE }

sub requests {
    my ($limit, $steps, $pause) = @_;
    my ($scope, @in, @wrong) = ("k.r$limit");
    my $late = $limit > 240 ? $STEP : 0;
    for (1 .. $steps) {
        pass_time($pause->());
        my $reply = $p->reserve('h' . ++$serial, 1, ['p.x'],
            limits => [[$scope, $limit, '-', '-']]);
        my $has = within(\@in, $MINUTE);
        if ($reply->[0] eq 'OK') {
            push @wrong, "$has were in" if $has >= $limit;
            push @in, [$us, 1];
        } else {
            my $free = (grep { $_->[0] > $us - $MINUTE - $late } @in)[0][0]
                + $MINUTE - $us;
            push @wrong, "only $has were in"
                if within(\@in, $MINUTE + $late) < $limit;
            push @wrong, "retry $reply->[5] ms, free in $free us"
                if !$late && $reply->[5] * 1000 - $free >= 1000
                || $reply->[5] * 1000 < $free;
        }
        forget(\@in);
    }
    my $size = $redis->cmd('HLEN', $p->key("r:$scope"));
    my $most = 3 + ($late ? 242 : $limit);
    push @wrong, "$size fields" if $size > $most;
    return join "\n", @wrong[0 .. ($#wrong > 4 ? 4 : $#wrong)];
}

sub tokens {
    my ($limit, $steps) = @_;
    my ($scope, @in, @open, @wrong) = ("k.t$limit");
    for (1 .. $steps) {
        pass_time(int rand 1_500_000);
        my $need = 1 + int rand $limit / 3;
        my $id = 't' . ++$serial;
        my $reply = $p->reserve($id, 1, ['p.x'], tokens => $need, ttl => 600,
            limits => [[$scope, '-', $limit, '-']]);
        my $has = within(\@in, $MINUTE);
        if ($reply->[0] eq 'OK') {
            push @wrong, "$has + $need were in" if $has + $need > $limit;
            push @in, [$us, $need];
            push @open, [$id, $in[-1], @$reply[1, 4]];
        } elsif (within(\@in, $MINUTE + $STEP) + $need <= $limit) {
            push @wrong, "$has + $need would fit";
        }
        next if !@open || rand() < 0.4;
        my ($hold, $entry, $pins, $mark) = @{splice @open, rand @open, 1};
        my $used = int rand $entry->[1] + 1;
        $p->finish($hold, 's', 0, $pins, ['p.x'], used => $used,
            marks => {$scope => $mark});
        $entry->[1] = $used;
        forget(\@in);
    }
    return join "\n", @wrong[0 .. ($#wrong > 4 ? 4 : $#wrong)];
}

is(requests(5, 400, sub { int rand 9_000_000 }), '',
    'a small limit, asked now and then, is exact');
is(requests(37, 1500, sub { int rand 1_200_000 }), '', '... and under load');
is(requests(241, 2500, sub { rand() < 0.02 ? int rand 30_000_000
    : int rand 60_000 }), '', 'a large one is never passed, and hardly missed');
is(tokens(1000, 1500), '', 'tokens with what calls have really used');

# Steady overload: twenty times what may come in.
for my $limit (3, 60, 600) {
    my ($minutes, $n, $asked) = (5, 0, 0);
    my $end = $us + $minutes * $MINUTE;
    while ($us < $end) {
        my $reply = $p->reserve('s' . ++$serial, 1, ['p.x'],
            limits => [["k.s$limit", $limit, '-', '-']]);
        $n++ if $reply->[0] eq 'OK';
        pass_time($reply->[0] eq 'OK' ? 1000
            : $reply->[5] > 500 ? 200_000 : 20_000);
    }
    cmp_ok($n, '>=', 0.95 * $limit * $minutes,
        "a limit of $limit lets in 95 % of it under overload");
    cmp_ok($n, '<=', $limit * $minutes, '... and no more');
}
done_testing();
