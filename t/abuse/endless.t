# Row 68: answers that never end.  A byte now and then is no silence, so the
# pauses between them bound nothing: the whole call has a bound of its own.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Time::HiRes qw(sleep time);

use Asgard::Files qw(wait_until);
use Asgard::Hostile;
use Asgard::Spool qw(call_of);

my $cap = 3;
my $t = Asgard::Hostile->new(http_conf => "asgard_call_timeout ${cap}s;"
    . ' asgard_hold_ttl 3s; asgard_drain_timeout 1s;', routing => <<'YAML');
num_retries: 0
strategy: ordered
models:
  one-then-next:
    candidates: [{model: one}, {model: next}]
YAML
$t->add_service('next', $t->upstream('next'),
    models => [{ref => 'model:next/next', route => 'next'}]);
$t->start;

my $ok = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
my $sse = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
my $event = qq(data: {"choices":[{"index":0,"delta":{"content":"word "}}]}\n\n);
my $object = '{"choices":[{"message":{"content":"Hello."}}]}';
my $whole = sprintf "%x\r\n%s\r\n0\r\n", length $object, $object;

# Requests that the server is done with, and has logged.
sub logged {
    my $n = () = $t->{gateway}->access_log =~ /"POST /g;
    return $n;
}

# Ended by the bound, which is looked at once a second.
sub in_time {
    my ($begun) = @_;
    my $took = time - $begun;
    cmp_ok($took, '>', $cap - 0.5, 'not before the bound');
    cmp_ok($took, '<', $cap + 5, 'and soon after it');
}

for (['an answer, byte by byte', "${ok}Content-Length: 100000\r\n\r\n{", 'x',
        'e', 'cut estimated no_usage'],
    ['chunks of an answer', "${ok}Transfer-Encoding: chunked\r\n\r\n",
        "1\r\nx\r\n", 'e', 'cut estimated no_usage'],
    ['a chunk extension', "${ok}Transfer-Encoding: chunked\r\n\r\n1;a=", 'x',
        'x', 'cut'],
    ['trailers', "${ok}Transfer-Encoding: chunked\r\n\r\n$whole",
        "X-Trailer: x\r\n", 'e', 'cut estimated no_usage'],
    ['an answer until the end of the connection', "$ok\r\n{", 'x', 'e',
        'cut estimated no_usage'],
    ['a head', "HTTP/1.1 200 OK\r\nX-Head: ", 'x', 'x', undef],
    ['headers', "HTTP/1.1 200 OK\r\n", "X-Head: x\r\n", 'x', undef])
{
    my ($what, $raw, $drip, $verb, $flags) = @$_;
    $t->row(68, "$what without end", sub {
        my $begun = time;
        my $reply = $t->answered({raw => $raw, drip => [$drip, 0.3]},
            {model => 'one-then-next'});
        in_time($begun);
        $t->refused($reply, 504, 'upstream_timeout',
            headers => {'x-should-retry' => 'false'});
        is($t->upstream('next')->count, 0, 'nobody else is asked');
        $t->cost($reply, $verb, $flags);
    });
}

for (['events', $event, 'e', 'cut estimated no_usage'],
    ['an event', 'data: x', 'e', 'cut estimated no_usage'],
    ['comments', ": ping\n\n", 'x', 'cut'])
{
    my ($what, $drip, $verb, $flags) = @$_;
    $t->row(68, "a stream of $what without end", sub {
        my $begun = time;
        my $reply = $t->judged($t->streamed({raw => "$sse: hello\n\n"
            . ($verb eq 'e' ? $event : ''), drip => [$drip, 0.3]}));
        in_time($begun);
        is($reply->status, 200, 'begun');
        ok($reply->{cut}, 'and cut');
        my $call = $t->cost($reply, $verb, $flags);
        is($call->{verdict}, 'upstream_timeout', 'the witness says why');
    });
}
$t->row(68, 'interim answers without end', sub {
    my $reply = $t->answered({raw => '',
        drip => ["HTTP/1.1 102 Processing\r\n\r\n", 0.05]});
    $t->refused($reply, 502, 'upstream_error');
    $t->cost($reply, 'x');
});

$t->row(68, 'a stream without end, to a client that does not read', sub {
    $t->upstream('main')->script({raw => $sse,
        drip => [$event x 10_000, 0.01]});
    my $http = $t->http(rcvbuf => 4096);
    my $begun = time;
    my $reply = $http->start('POST', '/v1/chat/completions',
        [Asgard::Test::bearer($t->{key}), 'Content-Type', 'application/json'],
        $t->chat_body({model => 'one', stream => \1}));
    my $call = call_of($t, $reply, $cap + 6);
    in_time($begun);
    is($call->{verdict}, 'upstream_timeout', 'the witness says why');
    $t->cost($reply, 'e', 'cut estimated no_usage');
    $http->close;
});
$t->row(68, 'a large answer, to a client that does not read', sub {
    $t->upstream('main')->script({text => 'x' x 20_000_000});
    my $http = $t->http(rcvbuf => 4096);
    my $before = logged();
    my $begun = time;
    my $reply = $http->start('POST', '/v1/chat/completions',
        [Asgard::Test::bearer($t->{key}), 'Content-Type', 'application/json'],
        $t->chat_body({model => 'one'}));
    # 20 tokens cannot spell that
    $t->cost($reply, 'e', 'bad_usage estimated');
    ok(wait_until(sub { logged() > $before }, $cap + 6),
        'the request is given up');
    in_time($begun);
    $http->close;
});
$t->row(68, 'a stream without end, to a client that left', sub {
    $t->upstream('main')->script({raw => $sse . $event,
        drip => [$event, 0.3]});
    my ($http, $reply) = $t->chat_start($t->{key},
        {model => 'one', stream => \1});
    $http->read_piece($reply);
    $http->abort;
    $t->cost($reply, 'e', 'client_gone cut estimated no_usage');
});

# The bound is of the whole call: what ends before it is not touched.
$t->row(68, 'an answer that is slow, but ends', sub {
    my $reply = $t->judged($t->answered({delay => $cap - 2}));
    is($reply->status, 200, 'served');
    $t->cost($reply, 's');
});

$t->done;
