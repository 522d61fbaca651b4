# However an answer is framed, the client gets it whole or a clean error, and
# nothing of the provider's own headers.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Stage;
use Asgard::Spool qw(money_of);

my $s = Asgard::Stage->new(workers => 1,
    http_conf => 'asgard_body_memory 2m;');
my $up = $s->upstream('main');
my $key = $s->key($s->project(limit => '-'));
$s->endpoint(kind => 'openai-compatible', host => '127.0.0.1',
    port => $up->port, host_header => 'provider.test',
    first_byte_timeout_ms => 1500, idle_timeout_ms => 1500);
$s->model(route => 'one');
$s->publish;
$s->start;

sub money { return money_of($s, @_) }

my $object = '{"id":"c1","object":"chat.completion","created":1,'
    . '"model":"secret-backend-model","choices":[{"index":0,"message":{"role":'
    . '"assistant","content":"Hello."},"finish_reason":"stop"}],"usage":'
    . '{"prompt_tokens":10,"completion_tokens":20,"total_tokens":30}}';
my $len = length $object;
my $ok = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
my $cost = 's ' . (10 * 1000 + 20 * 10000);

sub chunked {
    my ($text, $size) = @_;
    my @parts = $text =~ /(.{1,$size})/gs;
    return join '', map { sprintf "%x\r\n%s\r\n", length, $_ } @parts;
}

sub answered {
    my ($raw, $more) = @_;
    $up->script({raw => $raw, %{$more // {}}});
    return $s->chat($key, {model => 'one'});
}

my @whole = (
    ['a length', "${ok}Content-Length: $len\r\n\r\n$object"],
    ['a length, a byte at a time',
        "${ok}Content-Length: $len\r\n\r\n$object", {one_byte => 1}],
    ['chunks', "${ok}Transfer-Encoding: chunked\r\n\r\n"
        . chunked($object, 7) . "0\r\n\r\n"],
    ['chunks with extensions and a trailer, a byte at a time',
        "${ok}Transfer-Encoding: chunked\r\n\r\n"
        . sprintf("%x;a=b\r\n%s\r\n", $len, $object)
        . "0\r\nX-T: 1\r\n\r\n", {one_byte => 1}],
    ['the end of the connection', "${ok}Connection: close\r\n\r\n$object"],
    ['the end of the connection, without a word', "$ok\r\n$object"],
    ['HTTP/1.0', "HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n"
        . $object],
    ['interim answers', "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\n"
        . "Link: x\r\n\r\n${ok}Content-Length: $len\r\n\r\n$object"],
    ['300 headers', $ok . join('', map { "X-H$_: v\r\n" } 1 .. 300)
        . "Content-Length: $len\r\n\r\n$object"],
    ['more than was promised',
        "${ok}Content-Length: $len\r\n\r\n$object and more"],
    ['no content type',
        "HTTP/1.1 200 OK\r\nContent-Length: $len\r\n\r\n$object"],
    ['a type with parameters', "HTTP/1.1 200 OK\r\nContent-Type: "
        . "Application/JSON; charset=utf-8\r\nContent-Length: $len\r\n\r\n"
        . $object],
    ['a large one', do {
        my $big = $object =~ s/"content"/sprintf '"audio":{"data":"%s"},'
            . '"content"', 'x' x 1_000_000/er;
        "${ok}Transfer-Encoding: chunked\r\n\r\n" . chunked($big, 60_000)
            . "0\r\n\r\n" }],
);

for my $case (@whole) {
    my ($what, $raw, $more) = @$case;
    my $reply = answered($raw, $more);
    is($reply->status, 200, "$what: answered");
    is($reply->at('model'), 'one', "$what: the model is the one asked for");
    is(money($reply), $cost, "$what: settled as measured");
}

my @void = (
    ['a redirect', "HTTP/1.1 302 Found\r\nLocation: http://evil/\r\n"
        . "Content-Length: 0\r\n\r\n"],
);
for my $case (@void) {
    my ($what, $raw) = @$case;
    my $reply = answered($raw);
    is($reply->status . ' ' . $reply->code, '502 upstream_error',
        "$what: refused");
    is($reply->header('x-should-retry'), 'false', "$what: not to be retried");
    is($reply->header('location'), undef, "$what: no Location");
    is(money($reply), 'v 0', "$what: void");
}

# A good status was read, so the provider may have worked; nobody knows.
my @unknown = (
    ['HTML', "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
        . "Content-Length: 4\r\n\r\n<p/>"],
    ['an event stream that was not asked for', "HTTP/1.1 200 OK\r\n"
        . "Content-Type: text/event-stream\r\nContent-Length: 0\r\n\r\n"],
    ['two lengths', "${ok}Content-Length: $len\r\nContent-Length: $len\r\n"
        . "\r\n$object"],
    ['a negative length', "${ok}Content-Length: -1\r\n\r\n$object"],
    ['a list of lengths', "${ok}Content-Length: $len, $len\r\n\r\n$object"],
    ['a length and chunks', "${ok}Content-Length: $len\r\n"
        . "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
    ['an unknown coding',
        "${ok}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"],
    ['a NUL in a header', "${ok}X: a\0b\r\nContent-Length: 0\r\n\r\n"],
    ['a folded header', "${ok}X: a\r\n b\r\nContent-Length: 0\r\n\r\n"],
    ['a head of 64 kB', $ok . 'X: ' . ('x' x 65_536) . "\r\n\r\n"],
    ['a switch of protocols', "HTTP/1.1 101 Switching\r\n\r\n"],
    ['endless interim answers', "HTTP/1.1 100 Continue\r\n\r\n" x 20],
    ['no HTTP at all', "SSH-2.0-OpenSSH\r\n"],
    ['nothing', ''],
);
for my $case (@unknown) {
    my ($what, $raw) = @$case;
    my $reply = answered($raw);
    is($reply->status . ' ' . $reply->code, '502 upstream_error',
        "$what: a clean error");
    unlike($reply->body, qr/secret-backend/, "$what: nothing leaks");
    like(money($reply), qr/^x [1-9]/, "$what: unknown");
}

# Content came, and broke: the client gets a clean error, the work is paid.
my @paid = (
    ['cut', "${ok}Content-Length: $len\r\n\r\n" . substr($object, 0, 150),
        'cut estimated no_usage'],
    ['bad chunk', "${ok}Transfer-Encoding: chunked\r\n\r\n"
        . chunked(substr($object, 0, 150), 50) . "zz\r\n",
        'cut estimated no_usage'],
    ['not JSON', "${ok}Content-Length: 5\r\n\r\nhello", 'estimated no_usage'],
    ['gzip', "${ok}Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello",
        'estimated no_usage'],
);
for my $case (@paid) {
    my ($what, $raw, $flags) = @$case;
    my $reply = answered($raw);
    is($reply->status . ' ' . $reply->code, '502 upstream_error',
        "$what: a clean error");
    like(money($reply), qr/^e [1-9]\d* $flags$/, "$what: estimated");
}

{
    my $big = 'x' x 900_000;
    for my $i (1 .. 2) {
        my $reply = answered("${ok}Transfer-Encoding: chunked\r\n\r\n"
            . chunked($object =~ s/Hello\./$big x 4/er, 60_000)
            . "0\r\n\r\n");
        is($reply->status . ' ' . $reply->code, '503 overloaded',
            "$i: an answer above the cap on memory is refused");
        like(money($reply), qr/^e [1-9]\d* cut estimated no_usage$/,
            "$i: and estimated");
    }
    my $reply = answered("${ok}Transfer-Encoding: chunked\r\n\r\n"
        . chunked($object =~ s/Hello\./$big/er, 60_000) . "0\r\n\r\n");
    is($reply->status, 200, 'the memory of the refused ones is given back');
}

{
    $up->script({raw => "${ok}X-Accel-Redirect: /metrics\r\n"
        . "X-Accel-Buffering: yes\r\nX-Accel-Limit-Rate: 1\r\n"
        . "Set-Cookie: a=b\r\nx-litellm-model-id: z\r\n"
        . "openai-organization: org\r\nRefresh: 1; url=/\r\n"
        . "Content-Length: $len\r\n\r\n$object"});
    my $reply = $s->chat($key, {model => 'one'});
    is($reply->status, 200, 'an answer with odd headers is answered');
    is_deeply([sort map { $_->[0] } @{$reply->{headers}}],
        [qw(connection content-length content-type date server
            x-asgard-cost-usd x-asgard-trace-id)],
        'and none of the headers is obeyed or passed on');
    unlike($reply->body, qr/secret-backend-model/, 'nor the model named');
}

$s->done;
