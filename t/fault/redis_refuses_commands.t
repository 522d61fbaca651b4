#!/usr/bin/env perl
# Redis is busy, full, a replica, cannot save: a reserve is refused and leaves
# nothing, a settlement waits and is applied once, a limit that is changed comes
# into force, nothing is half written, and both the gateway and asgard-ctl's
# meter go on by themselves within 10 s.
#
# Fault row 7.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Time::HiRes qw(sleep);

use Asgard::Files qw(wait_until);
use Asgard::Holds qw(ended open_holds);
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
sub served { wait_until(sub { call()->status == 200 }, $_[0] // 15, 0.05) }
sub config { $redis->cmd('CONFIG', 'SET', @_) }

# Everything that is money in Redis, as text: two equal texts, nothing written.
sub money {
    my $books = Asgard::Money::read_books($t);
    return join "\n", map { join ' ', @$_ } Asgard::Money::counters($books);
}

# What it says where Redis cannot be told now.
my $limit_usd = 1;
sub change_limit {
    $limit_usd += 0.5;
    my $reply = $t->api('PATCH', "/api/projects/$project",
        qq({"budget_usd":$limit_usd}));
    return join ' ', $reply->status, $reply->code // '';
}
sub limit_in_redis {
    return +{map { $_->[1] => $_->[5] } grep { $_->[0] eq "p.$project" }
        Asgard::Money::counters(Asgard::Money::read_books($t))}->{total};
}

# Refused before anything was sent, as docs/errors.md says it.
sub refused_well {
    my ($reply, $sent) = @_;
    is($reply->status, 503, '... gateway: a reserve is refused');
    is($reply->code, 'budget_unavailable', '... as a budget not known');
    is($reply->header('retry-after'), 1, '... to be asked again in a second');
    is($reply->header('x-asgard-cost-usd') // 0, 0, '... at no cost');
    is($up->count, $sent, '... and does not reach the provider');
    return;
}

# The stream that ended meanwhile has one entry, of what it used; each call that
# was served has one, and no other has: what was refused left nothing.
sub accounted {
    my ($hold, $entries, $sent) = @_;
    my $ended = ended($t, $hold->{id}, 20) // {kinds => 'nothing'};
    is("$ended->{kinds} $ended->{deltas}", "settle $ended->{balance}",
        '... it is applied, once') or diag $t->{control}->log_text;
    ok($ended->{balance} > 0 && $ended->{balance} <= $hold->{amount},
        '... as what it used');
    ok(wait_until(sub { !open_holds($t) && Asgard::Money::is_drained($t) }, 20),
        '... no hold is left');
    is($t->{postgres}->value('SELECT count(*) FROM ledger'),
        $entries + 1 + $up->count - $sent, '... and nobody else is charged');
    return;
}

# With an open stream that ends while Redis refuses; `settles` when a settle
# passes all the same.
sub refuses {
    my ($name, %with) = @_;
    ok(served(), "$name: calls go through before") or return;
    wait_until(sub { !open_holds($t) && Asgard::Money::is_drained($t) }, 20);
    my $end = $t->stalled_stream($key, 'slow');
    my ($hold) = open_holds($t);
    my $before = $with{reads} // 1 ? money() : undef;
    my $entries = $t->{postgres}->value('SELECT count(*) FROM ledger');
    my $count = $up->count;
    $with{provoke}->();

    refused_well(call(), $count);
    like($t->{gateway}->error_log, qr/reserve: \Q$with{error}\E/,
        '... because of this') if $with{error};
    is(money(), $before, '... gateway: nothing was half written')
        if defined $before;
    like($end->()->body, qr/\[DONE\]/, '... a stream ends as it should');
    is(change_limit(), '503 delivery_pending',
        '... asgard-ctl: a limit that is changed is on record, and waits');
    $with{while}->() if $with{while};
    if (!$with{settles}) {
        is($t->{postgres}->value('SELECT count(*) FROM ledger'), $entries,
            '... and its settlement waits');
    }
    $with{undo}->();
    ok(served(10), '... gateway: calls go through again within 10 s');
    ok(wait_until(sub { $t->get('/readyz')->status == 200 }, 10),
        '... asgard-ctl: its meter goes on');
    ok(wait_until(sub { limit_in_redis() == $limit_usd * 1e9 }, 10),
        '... and the limit is in force');
    accounted($hold, $entries, $count);
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
