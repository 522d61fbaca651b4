#!/usr/bin/env perl
# Redis is busy, full, a replica, cannot save: a reserve is refused, a
# settlement waits and is applied once, nothing is half written, and both the
# gateway and asgard-ctl's meter go on by themselves afterwards.
#
# Fault row 7.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Time::HiRes qw(sleep);

use Asgard::Files qw(wait_until);
use Asgard::RedisServer;
use Asgard::Test;

my $t = Asgard::Test->new(workers => 1, redis_deadline => '2s');
my $up = $t->upstream('main', prompt_tokens => 10, completion_tokens => 20);
$t->add_model($up, ref => 'model:test/one', route => 'one');
$t->add_model($t->upstream('slow'), ref => 'model:slow/slow', route => 'slow',
    proxy => 1);
$t->start;
my $redis = $t->{redis};
my $project = $t->project(budget_usd => '1');
my $key = $t->key(project => $project);

sub call { $t->chat($key, {model => 'one'}) }
sub served { wait_until(sub { call()->status == 200 }, 15, 0.05) }
sub config { $redis->cmd('CONFIG', 'SET', @_) }

# Everything that is money in Redis, as text: two equal texts, nothing written.
sub money {
    my $books = Asgard::Money::read_books($t);
    return join "\n", map { join ' ', @$_ } Asgard::Money::counters($books);
}

# With an open stream that ends while Redis refuses; `settles` when a settle
# passes all the same.
sub refuses {
    my ($name, %with) = @_;
    ok(served(), "$name: calls go through before") or return;
    wait_until(sub { !@{Asgard::Money::read_books($t)->{holds}}
        && Asgard::Money::is_drained($t) }, 20);
    my $end = $t->stalled_stream($key, 'slow');
    my $before = $with{reads} // 1 ? money() : undef;
    my $entries = $t->{postgres}->value('SELECT count(*) FROM ledger');
    my $count = $up->count;
    $with{provoke}->();

    my $reply = call();
    is($reply->status, 503, '... gateway: a reserve is refused');
    is($reply->code, 'budget_unavailable', '... as a budget not known');
    like($t->{gateway}->error_log, qr/reserve: \Q$with{error}\E/,
        '... because of this') if $with{error};
    is($up->count, $count, '... and does not reach the provider');
    is(money(), $before, '... gateway: nothing was half written')
        if defined $before;
    like($end->()->body, qr/\[DONE\]/, '... a stream ends as it should');
    $with{while}->() if $with{while};
    if (!$with{settles}) {
        is($t->{postgres}->value('SELECT count(*) FROM ledger'), $entries,
            '... and its settlement waits');
    }
    $with{undo}->();
    ok(wait_until(sub { $t->{postgres}->value('SELECT count(*) FROM ledger')
        == $entries + 1 }, 20, 0.05),
        '... it is applied, once') or diag $t->{control}->log_text;
    ok(served(), '... gateway: calls go through again');
    ok(wait_until(sub { $t->get('/readyz')->status == 200 }, 15, 0.05),
        '... asgard-ctl: its meter goes on');
}

my $script;                                 # the client that keeps Redis busy
refuses('BUSY', reads => 0, provoke => sub {
    config('busy-reply-threshold', 50);
    $script = $redis->connect;
    $script->send('EVAL', 'while true do end', 0);
    ok(wait_until(sub { $redis->says ne 'PONG' }, 5), '... a script runs');
}, undo => sub {
    $redis->cmd('SCRIPT', 'KILL');
    wait_until(sub { $redis->says eq 'PONG' }, 5);
    config('busy-reply-threshold', 1000);
});

# The log tells the first error and the end of a row of them.
sub auditor_is_well {
    my ($last) = $t->{control}->log_text
        =~ /.*(while meter auditor|meter auditor: works again)/s;
    return ($last // 'works') =~ /works/;
}

# The audit's transaction is refused halfway: it must not stay in it.
refuses('OOM', error => 'OOM', settles => 1, provoke => sub {
    wait_until(\&auditor_is_well, 90);
    config('maxmemory', '1mb');
}, while => sub {
    ok(wait_until(sub { $t->{control}->log_text
        =~ /while meter auditor: .*OOM/ }, 90),
        '... asgard-ctl: an audit is refused');
}, undo => sub {
    config('maxmemory', '1gb');
    ok(wait_until(sub { $t->{control}->log_text
        =~ /auditor: works again/ }, 90),
        '... asgard-ctl: the next one is not');
});

refuses('MISCONF', error => 'MISCONF', provoke => sub {
    ok($redis->break_saves, '... a save fails');
}, undo => sub { $redis->mend_saves });

refuses('READONLY', provoke => sub {
    $redis->cmd('REPLICAOF', '127.0.0.1', 1);
}, undo => sub { $redis->cmd('REPLICAOF', 'NO', 'ONE') });

refuses('MASTERDOWN', reads => 0, provoke => sub {
    config('replica-serve-stale-data', 'no');
    $redis->cmd('REPLICAOF', '127.0.0.1', 1);
}, undo => sub { $redis->cmd('REPLICAOF', 'NO', 'ONE') });

# An isolated master: half of a split brain.
mkdir "$t->{dir}/replica";
my $replica = Asgard::RedisServer->new(dir => "$t->{dir}/replica",
    password => $redis->{password});
ok($replica->follow($redis->address), 'a replica follows');
config('min-replicas-to-write', 1);
config('min-replicas-max-lag', 1);
refuses('NOREPLICAS', error => 'NOREPLICAS', provoke => sub {
    $replica->freeze;
    ok(wait_until(sub { $redis->cmd('INFO', 'replication')
        =~ /^min_slaves_good_slaves:0/m }, 10), '... its replica is cut off');
}, undo => sub { $replica->thaw });
config('min-replicas-to-write', 0);
$replica->stop;
$t->done;
