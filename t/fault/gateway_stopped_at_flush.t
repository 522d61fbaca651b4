#!/usr/bin/env perl
# Redis is flushed while one gateway is stopped and the other one has much to
# tell and goes on ending calls: the door is open again within 10 s, and what
# the stopped one tells later counts once.  When it was killed with its memory,
# its witness file is replayed, and counts once.
#
# Fault row 5.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use Test::More;
use Time::HiRes qw(sleep);

use Asgard::Files qw(slurp wait_until);
use Asgard::OneModel qw(one_model $COST);

my ($t, $up, $project, $key) = one_model(gateways => 2, budget_usd => '100',
    redis_deadline => '2s');
my $there = $t->at(1);
my $redis = $t->{redis};
my $part = $t->{postgres}->value(
    "SELECT partition FROM projects WHERE project_id = '$project'");
my $calls = 0;

sub served {
    my ($at, $n) = @_;
    my $good = 0;
    $good += $_ for $at->in_parallel(4, sub { scalar grep {
        $at->chat($key, {model => 'one'})->status == 200 } 1 .. $n / 4 });
    is($good, $n, "$n calls are answered that the ledger hears nothing of");
    $calls += $good;
}
sub spent { $redis->cmd('HGET', sprintf('{p%02d}:b:p.%s', $part, $project),
    's:total:0') // -1 }
sub charged { $t->{postgres}->value(
    'SELECT coalesce(sum(delta_nano), 0) FROM ledger') }
sub is_exact { wait_until(sub { charged() == $calls * $COST
    && spent() == $calls * $COST }, 60, 0.1) }
sub family { my ($gateway) = @_;
    return ($gateway->pid, $gateway->workers) }

# It may be waiting for an event, and would be given the next one: until that
# wait is over, nothing may come.
sub hold_meter {
    kill STOP => $t->{control}->roles->{meter};
    sleep 0.5;
}

sub both_live { wait_until(sub { $t->{postgres}->value('SELECT count(*) FROM'
    . " gateway_workers WHERE seen_at > now() - interval '3 s'") >= 2 }, 20) }

# Redis loses all; how long its partition was closed, by the meter's own log.
sub flush {
    my ($meter) = @_;
    my $from = length $t->{control}->log_text;
    my ($said, $ms);
    $redis->cmd('FLUSHALL');
    kill CONT => $meter;
    wait_until(sub { $said = substr $t->{control}->log_text, $from;
        ($ms) = $said =~ /partition $part was closed for (\d+) ms/; $ms }, 60);
    return ($ms // 60_000, $said);
}

is($t->chat($key, {model => 'one'})->status, 200, 'a first call');
$calls++;
ok(is_exact(), 'is in the ledger, and both gateways live');
ok(both_live(), '... as the meter knows');

# --- stopped ------------------------------------------------------------------

my $meter = $t->{control}->roles->{meter};
hold_meter();
served($t, 300);
served($there, 200);
$up->script(map { {chunks => $_, chunk_delay => 1} } 2 .. 14);
my @open = map { [$t->chat_start($key, {model => 'one',
    stream => JSON::PP::true})] } 2 .. 14;
$calls += @open;
kill STOP => family($there->{gateway});

my ($ms, $said) = flush($meter);
note("closed for $ms ms");
cmp_ok($ms, '<', 10_000,
    'one gateway is stopped: the door is open within 10 s');
like($said, qr/opens without hearing from 1 workers/, '... without its word');
cmp_ok(spent(), '>=', 301 * $COST,
    '... with all that the other one had to tell');
is($t->chat($key, {model => 'one'})->status, 200, '... calls are served');
$calls++;
$_->[0]->read_body($_->[1]) for @open;
is((grep { $_->[1]->body =~ /\[DONE\]/ } @open), @open, '... streams end');
cmp_ok(charged(), '<=', ($calls - 200) * $COST,
    '... and nobody knows of the calls of the one that is stopped');
kill CONT => family($there->{gateway});
ok(is_exact(), 'it goes on and tells: each call counts once')
    or diag(join ' ', spent(), charged(), $calls * $COST);

# --- killed -------------------------------------------------------------------

ok(both_live(), 'both live again');
hold_meter();
served($there, 100);
kill KILL => family($there->{gateway});
$there->{gateway}{process}->wait_end(10);
($ms, $said) = flush($meter);
note("closed for $ms ms");
cmp_ok($ms, '<', 10_000, 'one gateway is killed: the door is open within 10 s');
is($t->chat($key, {model => 'one'})->status, 200, '... calls are served');
$calls++;
ok(wait_until(sub { charged() == ($calls - 100) * $COST }, 20, 0.1),
    '... and what it had in memory is gone');
$t->{control}->run_ok('replay', "$there->{gateway}{dir}/log/calls.log");
ok(is_exact(), 'its witness is replayed: each call counts once')
    or diag(join ' ', spent(), charged(), $calls * $COST);
$there->{gateway}->start;
is($there->chat($key, {model => 'one'})->status, 200, 'it serves again');
$calls++;
ok(is_exact(), '... and all agrees');
is($t->{postgres}->value("SELECT count(*) FROM ledger WHERE kind <> 'settle'"),
    0, '... no call was charged by an estimate or corrected');
$t->done;
