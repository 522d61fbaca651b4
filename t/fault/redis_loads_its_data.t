#!/usr/bin/env perl
# A Redis that still loads its data grants nothing: the reserve is refused, the
# settlement waits, and both the gateway and the meter go on by themselves.
#
# Fault row 7.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(wait_until);
use Asgard::Holds qw(ended open_holds);
use Asgard::Test;

my $t = Asgard::Test->new(workers => 1, redis_deadline => '2s');
my $up = $t->upstream('main', prompt_tokens => 10, completion_tokens => 20);
$t->add_model($up, ref => 'model:test/one', route => 'one');
$t->add_model($t->upstream('slow'), ref => 'model:slow/slow', route => 'slow',
    proxy => 1);
$t->start;
my $project = $t->project(budget_usd => '1');
my $key = $t->key(project => $project);

is($t->chat($key, {model => 'one'})->status, 200, 'a first call');
$t->wait_ledger($project, 1);
$t->{redis}->cmd(qw(EVAL), <<'LUA', 0);
for i = 1, 3000 do redis.call('SET', 'big:' .. i, i) end
LUA
$t->{redis}->cmd('BGREWRITEAOF');
ok(wait_until(sub { $t->{redis}->cmd('INFO', 'persistence')
    =~ /^aof_rewrite_in_progress:0/m }, 10), 'a big file on disk');

my $end = $t->stalled_stream($key, 'slow');
my ($hold) = open_holds($t);
$t->{redis}->stop;
$t->{redis}->write_conf(conf => "key-load-delay 2000\n"
    . "loading-process-events-interval-bytes 1024\n");
$t->{redis}->start_only;
ok(wait_until(sub { $t->{redis}->says =~ /^LOADING/ }, 5), 'Redis loads');

my $reply = $t->chat($key, {model => 'one'});
is(join(' ', $reply->status, $reply->code), '503 budget_unavailable',
    'gateway: a call is refused');
is($reply->header('retry-after'), 1, '... to be asked again in a second');
like($t->{redis}->says, qr/^LOADING/, '... while it still loads');
is($up->count, 1, '... and does not reach the provider');
like($end->()->body, qr/\[DONE\]/, 'an open stream ends as it should');
is($t->{postgres}->value('SELECT count(*) FROM ledger'), 1,
    '... and its settlement waits');

ok(wait_until(sub { $t->{redis}->says eq 'PONG' }, 30), 'Redis has loaded');
ok(wait_until(sub { $t->chat($key, {model => 'one'})->status == 200 }, 10),
    'gateway: calls go through again within 10 s');
ok(wait_until(sub { $t->get('/readyz')->status == 200 }, 10),
    'asgard-ctl: its meter goes on');
my $ended = ended($t, $hold->{id}, 20) // {kinds => 'nothing'};
is("$ended->{kinds} $ended->{deltas}", "settle $ended->{balance}",
    'the settlement is applied, once');
ok($ended->{balance} > 0 && $ended->{balance} <= $hold->{amount},
    '... as what the stream used');
ok(wait_until(sub { !open_holds($t) && Asgard::Money::is_drained($t) }, 20),
    'no hold is left');
is($t->{postgres}->value('SELECT count(*) FROM ledger'), 1 + $up->count,
    '... and who was refused is not charged');
$t->done;
