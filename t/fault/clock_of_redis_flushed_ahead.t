#!/usr/bin/env perl
# Redis' clock was ahead, calls fell into the window that was to come, and then
# Redis loses everything, with its clock right: what the gateway tells again
# opens that window, which begins with it.
#
# Fault row 24.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(wait_until);
use Asgard::OneModel qw(one_model $COST);

my $LENGTH = 28;                        # twice that is less than a minute
my $W = "${LENGTH}s";
my ($t, undef, $project, $key) = one_model(slow => 1,
    shims => {redis => 'clock'});
my $redis = $t->{redis};
my $clock = $t->shim('redis');
sub second { $redis->cmd('TIME')->[0] }

# A period begins now by Redis' clock.
my $right = $LENGTH - second() % $LENGTH;
$clock->set($right);
$t->set_budgets($project, ['total', '1'], [$W, '1']);
my ($budget) = grep { /\Q$project\E/ } @{$redis->cmd('KEYS', '*:b:*')};
sub field { $redis->cmd('HGET', $budget, $_[0]) // '' }
sub call  { $t->chat($key, {model => 'one'}) }

is(call()->status, 200, 'a first call');
ok(wait_until(sub { $t->{postgres}->value('SELECT count(*) FROM ledger') == 1 },
    5), 'is in the ledger');
my $meter = $t->{control}->roles->{meter};
kill STOP => $meter;
my $next = second() - second() % $LENGTH + $LENGTH;
$clock->set($right + $LENGTH);
is(call()->status, 200, 'a clock that is ahead: a call');
my $end = $t->stalled_stream($key, 'slow');
my $wid = "$W:$next";
ok(wait_until(sub { field("s:$wid") eq $COST }, 5),
    '... is counted in the window to come');
my $held = field("h:$wid");
cmp_ok($held, '>', 0, '... and the hold of an open one');

$redis->cmd('FLUSHALL');
$clock->set($right);
kill CONT => $meter;
ok(wait_until(sub { field("h:$wid") eq $held }, 20),
    'all is lost, the clock is right: the window to come has the hold again')
    or diag(field("h:$wid"));
ok(wait_until(sub { field("s:$wid") eq $COST }, 20),
    '... and what was spent') or diag(field("s:$wid"));
ok(wait_until(sub { call()->status == 200 }, 20), '... and calls go through');
cmp_ok(second(), '<', $next, '... before that window begins');
is(field("c:$W"), $next - $LENGTH, '... in the one before');

$clock->set($right + $LENGTH);
is(call()->status, 200, 'the window begins: a call in it');
ok(wait_until(sub { field("s:$wid") eq 2 * $COST }, 5),
    '... adds to what was spent before') or diag(field("s:$wid"));
is(field("c:$W"), $next, '... and it is the one in use');
like($end->()->body, qr/\[DONE\]/, 'the open one ends');
ok(wait_until(sub { field("h:$wid") eq 0 }, 5), '... and is held no more');
$t->done;
