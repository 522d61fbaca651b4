#!/usr/bin/env perl
# Redis' clock was ahead and is set back over the start of a window, and the
# counters are seeded anew: the window to come already has what was spent and
# what is held in it, and begins with that.
#
# Fault row 24.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Time::HiRes qw(sleep time);

use Asgard::Files qw(wait_until);
use Asgard::OneModel qw(one_model $COST);

my $LENGTH = 20;
my ($t, undef, $project, $key) = one_model(slow => 1,
    shims => {redis => 'clock'});
$t->set_budgets($project, ['total', '1'], ["${LENGTH}s", '1']);
my $redis = $t->{redis};

my ($budget) = grep { /\Q$project\E/ } @{$redis->cmd('KEYS', '*:b:*')};
sub field { $redis->cmd('HGET', $budget, $_[0]) }
sub call  { $t->chat($key, {model => 'one'}) }
sub second { $redis->cmd('TIME')->[0] }

is(call()->status, 200, 'a first call');
# From the beginning of a period, so that the next is far enough.
ok(wait_until(sub { second() % $LENGTH < 2 }, $LENGTH + 5, 0.02),
    'a period begins');
my $next = second() - second() % $LENGTH + $LENGTH;
$t->shim('redis')->set($LENGTH);
is(call()->status, 200, 'a clock that is ahead: a call');
my $end = $t->stalled_stream($key, 'slow');
my $wid = "${LENGTH}s:$next";
ok(wait_until(sub { (field("s:$wid") // '') eq $COST }, 5),
    'is counted in the window to come');
my $held = field("h:$wid");
cmp_ok($held, '>', 0, '... and the hold of an open one');
ok(wait_until(sub { $t->{postgres}->value('SELECT count(*) FROM ledger')
    == 2 }, 5), '... and the ledger has it');

$t->shim('redis')->set(0);
is(($t->{control}->run('reseed'))[0], 0,
    'the clock is right again, and the counters are seeded');
cmp_ok(second(), '<', $next, '... before the window begins');
is(field("s:$wid"), $COST, 'it has what was spent in it');
is(field("h:$wid"), $held, '... and what is held');
isnt(field("c:${LENGTH}s"), $next, '... and is not the one in use');
is(call()->status, 200, 'calls go through');

ok(wait_until(sub { second() >= $next }, $LENGTH + 5, 0.05),
    'the window begins');
is(call()->status, 200, 'a call in it');
ok(wait_until(sub { (field("s:$wid") // '') eq 2 * $COST }, 5),
    '... adds to what was spent before')
    or diag field("s:$wid") // 'nothing';
is(field("c:${LENGTH}s"), $next, '... and it is the one in use');
like($end->()->body, qr/\[DONE\]/, 'the open one ends');
ok(wait_until(sub { (field("h:$wid") // '') eq '0' }, 5),
    '... and is held no more');
$t->done;
