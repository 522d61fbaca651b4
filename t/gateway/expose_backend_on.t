# With asgard_expose_backend an answer is the provider's, but for its model.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use Test::More;

use Asgard::Stage;

my $s = Asgard::Stage->new(workers => 1,
    location_conf => 'asgard_expose_backend on;');
my $up = $s->upstream('main');
my $key = $s->key($s->project(limit => '-'));
$s->endpoint(id => 'there', kind => 'openai-compatible', host => '127.0.0.1',
    port => $up->port, host_header => 'provider.test');
$s->model(route => 'one', served => 'served');
$s->publish;
$s->start;

my $answer = '{"provider":"P","id":"theirs-1","model":"served","choices":[],'
    . '"x_groq":{"a":[1]},"system_fingerprint":"fp"}';
my $shown = $answer =~ s/served/one/r;

$up->script({raw => "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
    . 'Content-Length: ' . length($answer) . "\r\n\r\n$answer"});
my $reply = $s->chat($key, {model => 'one'});
is($reply->body, $shown, 'an answer passes');
is($reply->header('x-asgard-backend') . ' ' . $reply->header('x-asgard-model'),
    'there served', '... with headers that say who served');

my $stream = "data: $answer\n\ndata: [DONE]\n\n";
$up->script({raw => "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
    . 'Content-Length: ' . length($stream) . "\r\n\r\n$stream"});
is($s->chat($key, {model => 'one', stream => JSON::PP::true()})->body,
    "data: $shown\n\ndata: [DONE]\n\n", 'so does a stream');

$s->done;
