# A stream passes event by event, metered, however it is cut; one that breaks
# never ends cleanly; a client that leaves is billed for what was produced.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Time::HiRes qw(time sleep);

use Asgard::Stage;
use Asgard::Spool qw(money_of call_of);

my $s = Asgard::Stage->new(workers => 1, http_conf =>
    'asgard_drain_timeout 1s; asgard_drain_bytes 100k; send_timeout 700ms;');
my $up = $s->upstream('main');
my $key = $s->key($s->project(limit => '-'));
$s->endpoint(kind => 'openai-compatible', host => '127.0.0.1',
    port => $up->port, host_header => 'provider.test',
    idle_timeout_ms => 1500);
$s->model(route => 'one');
$s->endpoint(id => 'echo');
$s->model(route => 'echo');
$s->publish;
$s->start;

sub money { return money_of($s, @_) }

my $true = JSON::PP::true();
my $cost = 's ' . (10 * 1000 + 20 * 10000);

sub event {
    my ($text, $more) = @_;
    return 'data: {"id":"c1","object":"chat.completion.chunk","created":1,'
        . '"model":"hidden","choices":[{"index":0,"delta":{"content":"'
        . "$text\"},\"finish_reason\":null}]" . ($more // '') . "}\n\n";
}

my $usage = 'data: {"id":"c1","object":"chat.completion.chunk","created":1,'
    . '"model":"hidden","choices":[],"usage":{"prompt_tokens":10,'
    . "\"completion_tokens\":20,\"total_tokens\":30}}\n\n";
my $head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n";
my $body = event('Hello') . event(' there') . $usage . "data: [DONE]\n\n";

sub chunk { map { sprintf "%x\r\n%s\r\n", length, $_ } @_ }

sub streamed {
    my ($script, $change) = @_;
    $up->script($script);
    return $s->chat($key, {model => 'one', stream => $true,
        %{$change // {}}});
}

my @whole = (
    ['chunks', {raw => "${head}Transfer-Encoding: chunked\r\n\r\n"
        . join('', chunk($body)) . "0\r\n\r\n"}],
    ['a byte at a time', {raw => "${head}Transfer-Encoding: chunked\r\n\r\n"
        . join('', chunk(split //, $body)) . "0\r\n\r\n", one_byte => 1}],
    ['a length', {raw => $head . 'Content-Length: ' . length($body)
        . "\r\n\r\n$body"}],
    ['the end of the connection', {raw => "$head\r\n$body"}],
    ['CRLF lines', {raw => "$head\r\n" . $body =~ s/\n/\r\n/gr}],
);
for my $case (@whole) {
    my ($what, $script) = @$case;
    my $reply = streamed($script);
    is($reply->status, 200, "$what: answered");
    is($reply->header('content-type'), 'text/event-stream', "$what: as SSE");
    my @events = $reply->events;
    is(scalar @events, 3, "$what: the extra event of usage is hidden");
    unlike($reply->body, qr/hidden/, "$what: the model is renamed");
    is($reply->{cut}, undef, "$what: ends cleanly");
    is(money($reply), $cost, "$what: settled as measured");
}

{
    my $reply = streamed($whole[0][1],
        {stream_options => {include_usage => $true}});
    is(scalar(my @events = $reply->events), 4,
        'a client that asks for usage gets its event');
}

{
    # sound: so much text would be more than its tokens can spell
    my $big = event('') =~ s/"content":""/sprintf '"audio":{"data":"%s"}',
        'x' x 10_000_000/er;
    my $reply = streamed({raw => "$head\r\n$big$usage" . "data: [DONE]\n\n"});
    is($reply->status, 200, 'an event of 10 MB is served');
    cmp_ok(length $reply->body, '>', 10_000_000, 'whole');
    is(money($reply), $cost, 'and its usage found');
}

{
    my $events = join '', map { event("w$_") } 1 .. 3;
    my $reply = streamed({raw => "${head}Transfer-Encoding: chunked\r\n\r\n"
        . join '', chunk($events)});
    is($reply->status, 200, 'a stream that is cut was begun');
    ok($reply->{cut}, 'and is no clean end for the client');
    like(money($reply), qr/^e [1-9]\d* cut estimated no_usage$/,
        'it is estimated');

    $reply = streamed({raw => "${head}Content-Length: 9999\r\n\r\n$events"});
    ok($reply->{cut}, 'the same with a length');
    like(money($reply), qr/^e [1-9]\d* cut estimated no_usage$/,
        'it is estimated');

    $reply = streamed({raw => "${head}Transfer-Encoding: chunked\r\n\r\n"
        . join('', chunk($events)) . "nonsense\r\n"});
    ok($reply->{cut}, 'a broken chunk is no clean end');
    like($reply->body, qr/w3/, 'and loses nothing that came before');
}

{
    my $reply = streamed({raw => "${head}Transfer-Encoding: chunked\r\n\r\n"});
    is($reply->status . ' ' . $reply->code, '502 upstream_error',
        'a head and nothing more is a clean error');
    unlike(money($reply, 1), qr/^[vs] /, 'and not void');
}

{
    my $reply = streamed({raw => "$head\r\n" . event('a')
        . 'data: {"error":{"message":"key sk-secret-of-ours"}}' . "\n\n"
        . "data: [DONE]\n\n"});
    unlike($reply->body, qr/sk-secret/, 'an error in a stream is not told');
    like($reply->body, qr/"code":"upstream_error"/, 'but that there was one');
    unlike($reply->body, qr/DONE/, 'and no clean end follows it');
}

for my $bad ('-1', '1e18', '1.5', '"10"', '100000000000', '0') {
    my $reply = streamed({raw => "$head\r\n" . event('hello')
        . $usage =~ s/:10,/:$bad,/r . "data: [DONE]\n\n"});
    is($reply->status, 200, "usage of $bad: served");
    like(money($reply), qr/^e [1-9]\d* bad_usage estimated$/,
        "usage of $bad: estimated");
}

{
    # each within the window of 100,000, both together not, answer or no answer
    my $reply = streamed({raw => "$head\r\n" . event('hello')
        . $usage =~ s/:10,/:90000,/r =~ s/:20,/:90000,/r
        . "data: [DONE]\n\n"});
    like(money($reply), qr/^e [1-9]\d* bad_usage estimated$/,
        'usage above the context window in sum: estimated');
}

{
    $up->script({text => 'word ' x 20, chunks => 20, chunk_delay => 0.03});
    my ($http, $reply) = $s->chat_start($key,
        {model => 'one', stream => $true});
    $http->read_piece($reply);
    my $first = time - $reply->{started};
    cmp_ok($first, '<', 0.4, 'the first event does not wait for the last');
    $http->abort;
    is(money($reply), "$cost client_gone",
        'a client that leaves is billed the true usage');
    is($up->last_request->{outcome}, 'whole', 'the provider was read on');
}

{
    $up->script({text => 'word ' x 60, chunks => 60, chunk_delay => 0.05});
    my ($http, $reply) = $s->chat_start($key,
        {model => 'one', stream => $true});
    $http->read_piece($reply);
    $http->abort;
    like(money($reply, 5),
        qr/^e [1-9]\d* client_gone cut estimated no_usage$/,
        'past the time of the drain it is estimated');
}

{
    my ($http, $reply) = $s->chat_start($key, {stream => $true,
        model => 'echo:tokens=1000000,chunks=100000'});
    like(money($reply, 8),
        qr/^e [1-9]\d* client_gone cut estimated no_usage$/,
        'a client that reads nothing is given up; past the bytes of the '
        . 'drain it is estimated');
    $http->abort;
}

{
    $up->script({text => 'x', chunks => 3, chunk_delay => 3});
    my $reply = $s->chat($key, {model => 'one', stream => $true});
    ok($reply->{cut}, 'a stream that falls silent is cut');
    like(money($reply, 5), qr/ cut /, 'and noted as cut');
}

$s->done;
