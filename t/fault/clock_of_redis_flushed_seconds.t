#!/usr/bin/env perl
# Windows of a second: Redis' clock was ahead and calls fell into many that were
# to come, then Redis loses everything.  Each of them has what it had.
#
# Fault row 24.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(wait_until);
use Asgard::OneModel qw(one_model);

my ($t, undef, $project, $key) = one_model(shims => {redis => 'clock'});
my $redis = $t->{redis};
my $clock = $t->shim('redis');
$t->set_budgets($project, ['total', '1'], ['1s', '1'],
    ['2s', '1']);
my ($budget) = grep { /\Q$project\E/ } @{$redis->cmd('KEYS', '*:b:*')};
sub spent {
    my %all = @{$redis->cmd('HGETALL', $budget)};
    return {map { /^s:1s:(\d+)$/ && $all{$_} ? ($1 => $all{$_}) : () }
        keys %all};
}
sub entries { $t->{postgres}->value('SELECT count(*) FROM ledger') }

# Each call in a second of its own that is to come.
my $CALLS = 45;
my $good = grep { $clock->set(12 + $_);
    $t->chat($key, {model => 'one'})->status == 200 } 1 .. $CALLS;
is($good, $CALLS, 'calls in the seconds to come');
ok(wait_until(sub { entries() == $CALLS }, 10), 'all is in the ledger');
my %begun = map { @$_ } $t->{postgres}->rows('SELECT window_id, spent_nano'
    . " FROM balances WHERE window_name = '1s'");
cmp_ok(scalar keys %begun, '>', 30, '... in many windows');

$redis->cmd('FLUSHALL');
$clock->set(0);
ok(wait_until(sub { keys %{spent()} >= keys %begun }, 15),
    'all is lost, the clock is right: the windows to come are there again');
is_deeply(spent(), \%begun, '... as they were');
$t->done;
