#!/usr/bin/env perl
# An operator lets Redis evict while all runs: that is told within seconds.
# When a key goes, all is closed, and is whole again once Redis may not evict.
#
# Fault row 5.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(wait_until);
use Asgard::Test;

my $t = Asgard::Test->new(workers => 1);
my $up = $t->upstream('main', prompt_tokens => 10, completion_tokens => 20);
$t->add_model($up, ref => 'model:test/one', route => 'one');
$t->start;
my $project = $t->project(budget_usd => '1');
my $key = $t->key(project => $project);
my $unused = $t->key(project => $project);
my $redis = $t->{redis};

sub policy { $redis->cmd('CONFIG', 'SET', 'maxmemory-policy', $_[0]) }
sub ready { my $reply = $t->get('/readyz');
    return $reply->status . ' ' . $reply->body }
sub log_has { my ($re) = @_;
    return wait_until(sub { $t->{control}->log_text =~ $re }, 10, 0.1) }
sub may_evict { $t->get('/metrics/ctl')->body
    =~ /^asgard_redis_may_evict (\d)/m ? $1 : '' }
sub epochs { $t->{postgres}->value('SELECT sum(epoch) FROM partitions') }
sub call { my $reply = $t->chat($key, {model => 'one'});
    return join ' ', grep { defined } $reply->status, $reply->code }

is(call(), 200, 'a call');
is(may_evict(), 0, 'the metric is 0');
policy('allkeys-random');
ok(wait_until(sub { ready() =~ /^503 .*it may evict keys/ }, 10, 0.1),
    'a policy that evicts makes it not ready, with the reason')
    or diag(ready());
ok(log_has(qr/Redis may evict keys: set maxmemory-policy noeviction/),
    '... is in the log');
is(may_evict(), 1, '... and is a metric');
is(call(), 200, 'nothing is lost yet: calls go on');
policy('noeviction');
ok(wait_until(sub { ready() =~ /^200/ }, 10, 0.1), 'taken back it is ready');
ok(log_has(qr/Redis may not evict keys any more/), '... as the log says');
is(may_evict(), 0, '... and the metric');

# Now keys go: as many as it takes, so the record of the key is among them.
my $epochs = epochs();
my $old = $redis->cmd('CONFIG', 'GET', 'maxmemory')->[1];
policy('allkeys-random');
$redis->cmd('CONFIG', 'SET', 'maxmemory', 1);
ok(wait_until(sub { eval { $redis->cmd('PING'); $redis->cmd('DBSIZE') } == 0 },
    10, 0.1), 'every key is evicted') or diag($redis->cmd('DBSIZE'));
ok(log_has(qr/Redis has evicted \d+ keys: all is seeded again/),
    '... the meter sees it');
ok(wait_until(sub { call() =~ /^503/ }, 10, 0.1), '... calls are refused');
$redis->cmd('CONFIG', 'SET', 'maxmemory', $old);
ok(wait_until(sub { $t->{postgres}->value('SELECT count(*) FROM partitions'
    . " WHERE step = 'catching'") == 16 }, 15, 0.1),
    'with memory again all is seeded, and not opened');
# What was seeded while memory was still short may have gone as well, and is
# then seeded once more; after that nothing moves.
sub epochs_rest { my $before = epochs();
    sleep 3;
    return epochs() == $before }
ok(wait_until(\&epochs_rest, 30, 0.1), '... which stays so while it waits');
cmp_ok(epochs(), '>', $epochs, '... under new epochs');
ok(log_has(qr/meter ledger: redis_evicts/), '... as the log says');
like(call(), qr/^503/, '... calls are refused');
policy('noeviction');
ok(wait_until(sub { call() eq '200' }, 10, 0.1),
    'when Redis may not evict, the door is open within seconds')
    or diag(call() . $t->{control}->log_text);
is($t->chat($unused, {model => 'one'})->status, 200,
    '... also with a key that no gateway has seen');
is($t->wait_ledger($project, 4), 4, 'each call is in the ledger');
$t->done;
