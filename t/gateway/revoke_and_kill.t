#!/usr/bin/env perl
# Revoke and kill are seen by every worker within a second, on kept-alive
# connections too, with and without the change channel.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

use Asgard::Files qw(wait_until);
use Asgard::Stage;

my $s = Asgard::Stage->new(workers => 2);
my $up = $s->upstream('main', prompt_tokens => 10, completion_tokens => 20);
$s->endpoint(kind => 'openai-compatible', host => '127.0.0.1',
    port => $up->port, host_header => '127.0.0.1');
$s->model(route => 'one');
my $project = $s->project(limit => '-');
my $other = $s->project(limit => '-');
$s->start;
my $part = $s->partition(3);

# ctl's heartbeat, from a process of its own.
my $beat = fork() // die "fork: $!";
if ($beat == 0) {
    my $redis = $s->{redis}->connect;
    while (getppid() != 1) {
        $redis->cmd('PUBLISH', 'asg:changes', 'hb ' . int time);
        sleep 0.5;
    }
    POSIX::_exit(0);
}

# A connection that is kept alive, and a call on it.
sub kept { return $s->http }

sub status_on {
    my ($http, $key) = @_;
    my $reply = $http->request('POST', '/v1/chat/completions',
        ['Authorization', "Bearer $key->{key}",
         'Content-Type', 'application/json'],
        $s->chat_body({model => 'one'}));
    my $code = $reply->status == 200 ? ''
        : JSON::PP::decode_json($reply->body)->{error}{code};
    return $reply->status . " $code";
}

sub all_say {
    my ($want, $key, @http) = @_;
    return !grep { status_on($_, $key) ne $want } @http;
}

sleep 1;                                    # the channel is heard
my $key = $s->key($project);
my @kept = map { kept() } 1 .. 8;
ok(all_say('200 ', $key, @kept), 'a key works on every connection');
my $asked = sub { $s->metric('asgard_key_misses_total') };
my $misses = $asked->();
sleep 1.5;
ok(all_say('200 ', $key, @kept), 'and goes on working');
cmp_ok($asked->(), '<=', $misses + 2,
    'without asking Redis each time while the channel is heard');

$s->change_key($key, revoked => 1);
sleep 0.2;
ok(all_say('401 invalid_api_key', $key, @kept),
    'a revoked key is refused by every worker, kept-alive or not');

my $fresh = $s->key($project);
ok(all_say('200 ', $fresh, @kept), 'a new key works at once');
is(status_on($kept[0], {key => 'asg_' . '0' x 64}), '401 invalid_api_key',
    'an unknown key is refused');

# Unknown, then made: the refusal is not remembered past the announcement.
my $token = 'asg_' . 'ab' x 32;
is(status_on($kept[0], {key => $token}), '401 invalid_api_key',
    'a key that does not exist yet');
my $late = $s->key($project, token => $token);
sleep 0.1;
ok(all_say('200 ', $late, @kept), 'works as soon as it is made');

# Kill, with open streams of two projects.
my $theirs = $s->key($other);
$up->script(({chunks => 30, chunk_delay => 0.2}) x 3);
my ($http1, $reply1) = $s->chat_start($fresh, {model => 'one',
    stream => JSON::PP::true});
my ($http2, $reply2) = $s->chat_start($theirs, {model => 'one',
    stream => JSON::PP::true});
my ($http3, $reply3) = $s->chat_start($late, {model => 'one',
    stream => JSON::PP::true});
$_->[0]->read_piece($_->[1]) for [$http1, $reply1], [$http2, $reply2],
    [$http3, $reply3];
$s->change_key($late, revoked => 1);
my $events = $part->events;
my $begun = time;
$s->change_project($project, killed => 1);
sleep 0.2;
ok(all_say('403 project_killed', $fresh, @kept),
    'a killed project is refused by every worker');
ok(wait_until(sub { $part->events >= $events + 2 }, 5),
    'its open streams are cut and settled');
cmp_ok(time - $begun, '<', 5, 'within five seconds');
$http1->read_body($reply1);
cmp_ok(time - $begun, '<', 5, 'the client sees the end of it');
ok(all_say('200 ', $theirs, @kept), 'another project is not touched');
is($part->field("p.$project", 'h:total:0'), 0,
    'nothing of the killed project is held');

$s->change_project($project, killed => 0);
sleep 0.2;
ok(all_say('200 ', $fresh, @kept), 'an unkilled project is served again');

# The channel says nothing any more: a record is fresh for a second.
kill KILL => $beat;
waitpid $beat, 0;
$s->{redis}->cmd('CLIENT', 'KILL', 'TYPE', 'pubsub');
sleep 3.5;
ok(all_say('200 ', $fresh, @kept), 'without the channel keys still work');
my $record = {%{$fresh->{record}}, revoked => 1, v => 1000};
$s->{redis}->cmd('SET', '{asg}:key:p1:' . $s->digest($fresh->{key}),
    JSON::PP->new->canonical->encode($record));
sleep 1.1;
ok(all_say('401 invalid_api_key', $fresh, @kept),
    'a revoke that nobody announced is seen within a second');

$s->done;
