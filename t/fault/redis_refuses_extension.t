#!/usr/bin/env perl
# A hold whose extension Redis refuses, busy or a replica, is extended when it
# takes commands again; without memory it is extended all the same.  The call
# ends by what it used, and once.
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
use Asgard::Test;

# An extension each five seconds.
my $t = Asgard::Test->new(workers => 1, redis_deadline => '2s',
    http_conf => 'asgard_hold_ttl 15s;');
$t->add_model($t->upstream('slow'), ref => 'model:slow/slow', route => 'slow',
    proxy => 1);
$t->start;
my $redis = $t->{redis};
my $project = $t->project(budget_usd => '1');
my $key = $t->key(project => $project);

sub expires { return (split / /, $redis->cmd('GET', $_[0]{key}) // '0 0 0')[2] }

sub keeps_its_hold {
    my ($name, %with) = @_;
    ok(wait_until(sub { $t->chat($key, {model => 'slow'})->status == 200 }, 15),
        "$name: calls go through before");
    wait_until(sub { !open_holds($t) }, 10);
    my $end = $t->stalled_stream($key, 'slow');
    my ($hold) = open_holds($t);
    my $first = expires($hold);
    $with{provoke}->();
    sleep 6.5;
    is(expires($hold) > $first, $with{passes}, $with{passes}
        ? '... an extension is taken' : '... an extension is refused')
        if exists $with{passes};
    $with{undo}->();
    ok(wait_until(sub { expires($hold) > $first }, 8),
        '... the hold is extended before it is over');
    like($end->()->body, qr/\[DONE\]/, '... the stream ends as it should');
    my $ended = ended($t, $hold->{id}, 20) // {kinds => 'nothing'};
    is("$ended->{kinds} $ended->{deltas}", "settle $ended->{balance}",
        '... and is charged once, by what it used');
    cmp_ok($ended->{balance}, '<=', $hold->{amount}, '... within its hold');
    return;
}

my $script;                                 # the client that keeps Redis busy
keeps_its_hold('BUSY', provoke => sub {
    $redis->cmd('CONFIG', 'SET', 'busy-reply-threshold', 50);
    $script = $redis->connect;
    $script->send('EVAL', 'while true do end', 0);
    ok(wait_until(sub { $redis->says ne 'PONG' }, 5), '... a script runs');
}, undo => sub {
    $redis->cmd('SCRIPT', 'KILL');
    ok(wait_until(sub { $redis->says eq 'PONG' }, 5), '... and is killed');
    $redis->cmd('CONFIG', 'SET', 'busy-reply-threshold', 1000);
});

keeps_its_hold('READONLY', passes => '', provoke => sub {
    $redis->cmd('REPLICAOF', '127.0.0.1', 1);
}, undo => sub { $redis->cmd('REPLICAOF', 'NO', 'ONE') });

keeps_its_hold('OOM', passes => 1, provoke => sub {
    $redis->cmd('CONFIG', 'SET', 'maxmemory', '1mb');
}, undo => sub { $redis->cmd('CONFIG', 'SET', 'maxmemory', '1gb') });
$t->done;
