#!/usr/bin/env perl
# Scripts flushed, connection cut, a server that became a replica or is full, a
# client that leaves while Redis is asked.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use Test::More;
use Time::HiRes qw(sleep time);

use Asgard::Files qw(wait_until);
use Asgard::OneModel qw(one_model_stage);

my ($s, $up, $project, $key, $part) = one_model_stage(
    redis_deadline => '3s');

sub call { $s->chat($key, {model => 'one'}) }
sub code { JSON::PP::decode_json($_[0]->body)->{error}{code} // '' }
sub held { $part->field("p.$project", 'h:total:0') }

sub send_chat {
    my $http = $s->http;
    $http->send_raw($http->request_text('POST', '/v1/chat/completions',
        ['Authorization', "Bearer $key->{key}",
         'Content-Type', 'application/json'],
        $s->chat_body({model => 'one'})));
    return $http;
}

is(call()->status, 200, 'a first call');
$s->{redis}->cmd('SCRIPT', 'FLUSH');
is(call()->status, 200, 'scripts that were flushed are loaded again');
ok(wait_until(sub { held() == 0 }), 'for the end of the call too');

$s->{redis}->cmd('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
$part->{redis} = $s->{redis}->connect;     # ours was cut too
ok(wait_until(sub { call()->status == 200 }, 3),
    'a connection that was cut is made again');

# A client that leaves while the reserve is under way, and one that leaves
# while its key is asked for.
sleep 1.2;
my $n = $up->count;
my $events = $part->events;
call();
$n = $up->count;
$s->{redis}->freeze;
my @gone = map { send_chat() } 1 .. 3;
sleep 0.3;
$_->abort for @gone;
sleep 0.3;
$s->{redis}->thaw;
ok(wait_until(sub { (grep { $_->{v} eq 'v' } $part->events) >= 3 }, 5),
    'a hold whose client has left is given back');
is(held(), 0, 'nothing stays held');
is($up->count, $n, 'nothing went to the provider');

sleep 1.2;
$s->{redis}->freeze;
@gone = map { send_chat() } 1 .. 3;
sleep 0.3;
$_->abort for @gone;
$s->{redis}->thaw;
sleep 0.3;
is($up->count, $n, 'nor for one that left while its key was asked for');
is(call()->status, 200, 'and service goes on');

# Full: the reserve is refused before it starts, the finish passes.
$up->script({delay => 0.6});
my @answer = $s->in_parallel(2, sub {
    my ($i) = @_;
    return call()->status if $i == 0;
    sleep 0.3;
    $s->{redis}->cmd('CONFIG', 'SET', 'maxmemory', '1mb');
    return 'full';
});
is($answer[0], 200, 'a call that runs when Redis fills up is answered');
ok(wait_until(sub { held() == 0 }), 'and settled');
my $reply = call();
is($reply->status, 503, 'a new one is refused');
is(code($reply), 'budget_unavailable', 'as a budget that is not known');
$s->{redis}->cmd('CONFIG', 'SET', 'maxmemory', '0');
is(call()->status, 200, 'with room again it is served');

# A server that became a replica is left, and not believed.
$s->{redis}->cmd('REPLICAOF', '127.0.0.1', '1');
is(call()->status, 503, 'a replica grants nothing');
sleep 0.5;
is(call()->status, 503, 'nor after a reconnect');
$s->{redis}->cmd('REPLICAOF', 'NO', 'ONE');
ok(wait_until(sub { call()->status == 200 }, 3),
    'a master of the same run id and epoch is');
ok(wait_until(sub { held() == 0 }, 5), 'nothing stays held');

$s->done;
