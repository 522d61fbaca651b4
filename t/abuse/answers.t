# Rows 63, 66, 67 and 68: heads, errors and framing by which a provider would
# steer the gateway, leak a key, send it elsewhere or leave open how much of an
# answer there is.  The client gets our words or a whole answer, and each call
# has the one end that was seen.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Hostile;

my $t = Asgard::Hostile->new;
my $key = $t->add_service('main', $t->upstream('main'),
    inference => {first_byte_timeout => '1s', idle_timeout => '1s'},
    models => [{ref => 'model:test/one', route => 'one'}]);
$t->start;

my $object = '{"id":"c1","object":"chat.completion","created":1,"model":'
    . '"hidden-backend","choices":[{"index":0,"message":{"role":"assistant",'
    . '"content":"Hello."},"finish_reason":"stop"}],"usage":{"prompt_tokens":'
    . '10,"completion_tokens":20,"total_tokens":30}}';
my $length = length $object;
my $stream = 'data: {"choices":[{"index":0,"delta":{"content":"Hello."}}]}'
    . "\n\ndata: {\"choices\":[],\"usage\":{\"prompt_tokens\":10,"
    . "\"completion_tokens\":20,\"total_tokens\":30}}\n\ndata: [DONE]\n\n";
my $ok = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
my $sse = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n";
my $counted = "Content-Length: $length\r\n\r\n$object";

# Not to be tried again by the SDK, and nothing of the provider's.
my %final = (headers => {'x-should-retry' => 'false', 'retry-after' => undef,
    location => undef, 'set-cookie' => undef});

# --- 63 -----------------------------------------------------------------------

my $control = join '', map { "$_\r\n" } 'X-Accel-Redirect: /metrics',
    'X-Accel-Buffering: yes', 'X-Accel-Limit-Rate: 1', 'X-Accel-Expires: 600',
    'X-Accel-Charset: utf-7', 'Set-Cookie: a=b; Domain=.test',
    'x-litellm-model-id: hidden-backend', 'x-litellm-response-cost: 1',
    'x-litellm-key-spend: 2', 'x-litellm-model-api-base: http://10.0.0.1',
    'openai-organization: hidden-backend', 'Server: hidden-backend',
    'Via: hidden-backend', 'X-Powered-By: hidden-backend',
    'Refresh: 0; url=http://evil.test/', 'Location: http://evil.test/',
    'Link: <http://evil.test>; rel=preload', 'Alt-Svc: h2="evil.test:443"',
    'Strict-Transport-Security: max-age=1', 'Access-Control-Allow-Origin: *',
    'WWW-Authenticate: Basic realm=x', 'Clear-Site-Data: "*"',
    'Content-Disposition: attachment', 'Cache-Control: public, max-age=600',
    'x-asgard-cost-usd: 0', 'x-asgard-trace-id: forged', 'Status: 500',
    'x-should-retry: true', 'Retry-After: 0';
my @ours = qw(connection content-type date server x-asgard-trace-id);

sub names_of {
    my ($reply) = @_;
    return [sort map { $_->[0] } @{$reply->{headers}}];
}
$t->row(63, 'control headers with an answer', sub {
    my $reply = $t->judged($t->answered({raw => "$ok$control$counted"}));
    is($reply->status, 200, 'served');
    is_deeply(names_of($reply), [sort @ours,
        qw(content-length x-asgard-cost-usd)], 'none is obeyed or passed on');
    is($reply->header('x-asgard-cost-usd'), '0.00021', 'the cost is ours');
    unlike($reply->{head} . $reply->body, qr/hidden-backend|evil|forged/,
        'nobody is named');
    is($reply->at('model'), 'one', 'but the model that was asked for');
    $t->cost($reply, 's');
});
$t->row(63, 'control headers with a stream', sub {
    my $reply = $t->judged($t->streamed({raw => "$sse$control\r\n$stream"}));
    is($reply->status, 200, 'served');
    is_deeply(names_of($reply), [sort @ours, 'transfer-encoding'],
        'none is obeyed or passed on');
    is(($reply->events)[-1], '[DONE]', 'it ends');
    $t->cost($reply, 's');
});
$t->row(63, 'control headers with an error', sub {
    my $reply = $t->answered({raw => "HTTP/1.1 400 Bad\r\n$control"
        . "Content-Length: 2\r\n\r\n{}", worked => 0});
    $t->refused($reply, 400, 'upstream_rejected', %final);
    is_deeply(names_of($reply), [sort @ours,
        qw(content-length x-should-retry)], 'none is obeyed or passed on');
    $t->cost($reply, 'v');
});
$t->row(63, 'control headers in a trailer', sub {
    my $reply = $t->judged($t->answered({raw => $ok
        . "Transfer-Encoding: chunked\r\nTrailer: X-Accel-Redirect\r\n\r\n"
        . sprintf("%x\r\n%s\r\n0\r\n", $length, $object)
        . "$control\r\n"}));
    is($reply->status, 200, 'served');
    is_deeply(names_of($reply), [sort @ours,
        qw(content-length x-asgard-cost-usd)], 'none is obeyed or passed on');
    $t->cost($reply, 's');
});

# --- 66 -----------------------------------------------------------------------

my $leak = qq({"error":{"message":"bad request, Authorization: Bearer $key"}});
for my $status (400, 401, 403, 404, 418, 422, 429, 500, 503) {
    $t->row(66, "an error $status whose body has our Authorization", sub {
        for my $change ({}, {stream => \1}) {
            my $reply = $t->answered({status => $status, body => $leak,
                headers => {'X-Echo' => "Bearer $key",
                    'WWW-Authenticate' => "Bearer $key"}}, $change);
            $t->refused($reply, 502, 'upstream_error',
                headers => {'retry-after' => undef});
            $t->cost($reply, 'v');
        }
    });
}
# What a client would be told of it, if it were not for the key.
my %told = (400 => [400, 'upstream_rejected'], 422 => [400,
    'upstream_rejected'], 429 => [429, 'upstream_rate_limited']);
for my $status (sort keys %told) {
    $t->row(66, "an error $status with a piece of our key, then without", sub {
        my $leaks = $t->metric('asgard_key_leaks_total');
        for my $body ($leak =~ s/.(?=")//r, substr($key, 0, -1),
            'x' x 9_000 . $key, $key . 'x' x 100_000)
        {
            my $reply = $t->answered({status => $status, body => $body});
            $t->refused($reply, 502, 'upstream_error', %final);
            $t->cost($reply, 'v');
        }
        is($t->metric('asgard_key_leaks_total') - $leaks, 4,
            'an operator is told');
        for my $body ('{"error":{"message":"no"}}', '', 'x' x 100_000) {
            my $reply = $t->answered({status => $status, body => $body});
            $t->refused($reply, @{$told{$status}});
            $t->cost($reply, 'v');
        }
        is($t->metric('asgard_key_leaks_total') - $leaks, 4, 'once for each');
    });
}
$t->row(66, 'an error 400 whose body does not come', sub {
    my $reply = $t->answered({raw => "HTTP/1.1 400 Bad\r\n"
        . "Content-Length: 9\r\n\r\n{", stay => 5, worked => 0});
    $t->refused($reply, 400, 'upstream_rejected');
    $t->cost($reply, 'v');
});
$t->row(66, 'an error with the status 200', sub {
    my $reply = $t->answered({body => $leak, worked => 0});
    $t->refused($reply, 502, 'upstream_error', %final);
    $t->cost($reply, 'v');
});
$t->row(66, 'an error inside a stream', sub {
    for my $event ("data: $leak\n\n", "event: error\ndata: $leak\n\n",
        "data: {\"x\":\"$key\"\n\n", "data: $key\n\n",
        "data: {\"error\":\"" . 'x' x 100_000 . "$key\"}\n\n",
        'data: ' . 'x' x 100_000 . "$key\n\n")
    {
        my $reply = $t->judged($t->streamed({raw => "$sse\r\n"
            . $stream =~ s/data: \[DONE\]/$event$&/r}));
        is($reply->status, 200, 'begun');
        like($reply->body, qr/"code":"upstream_error"/, 'our words');
        $t->cost($reply, 's');
    }
});
my %kept = ('req-7' => 'req-7', $key => undef, "Bearer-$key-1" => undef,
    "Bearer-\U$key" => undef);
$t->row(66, 'our key as the id of a request', sub {
    for my $id (sort keys %kept) {
        my $reply = $t->judged($t->answered({raw =>
            "${ok}X-Request-Id: $id\r\n$counted"}));
        is($reply->status, 200, 'served');
        is($t->cost($reply, 's')->{rid}, $kept{$id},
            $kept{$id} ? 'an id is kept' : 'one with our key is not');
    }
});

# --- 67 -----------------------------------------------------------------------

my $elsewhere = $t->upstream('elsewhere');
for my $status (300 .. 308) {
    $t->row(67, "a redirect $status", sub {
        for my $change ({}, {stream => \1}) {
            my $reply = $t->answered({raw => "HTTP/1.1 $status R\r\nLocation: "
                . $elsewhere->url . "/v1\r\nContent-Length: 0\r\n\r\n",
                worked => 0}, $change);
            $t->refused($reply, 502, 'upstream_error', %final);
            $t->cost($reply, 'v');
        }
        is($elsewhere->count, 0, 'is not followed');
    });
}
for my $status (401, 403, 404) {
    $t->row(67, "$status", sub {
        my $before = $t->metric('asgard_upstream_auth_failures_total');
        my $reply = $t->answered({status => $status, body => '{}'});
        $t->refused($reply, 502, 'upstream_error', %final);
        is($t->metric('asgard_upstream_auth_failures_total') - $before, 1,
            'raises the alarm');
        like($t->{gateway}->error_log, qr/answered $status: is its key right/,
            'and the error log says which endpoint');
        $t->cost($reply, 'v');
    });
}
for (['HTML', 'text/html; charset=utf-8', '<html><h1>Welcome</h1></html>'],
    ['plain text', 'text/plain', 'OK'], ['XML', 'application/xml', '<a/>'],
    ['a form', 'multipart/form-data; boundary=x', '--x--'],
    ['JSON by another name', 'text/json-seq', $object],
    ['a stream that was not asked for', 'text/event-stream', $stream])
{
    my ($what, $type, $body) = @$_;
    $t->row(67, "200 with $what", sub {
        my $reply = $t->answered({headers => {'Content-Type' => $type},
            body => $body});
        $t->refused($reply, 502, 'upstream_error', %final);
        $t->cost($reply, 'x');
    });
}
$t->row(67, '200 with HTML that says that it is JSON', sub {
    my $reply = $t->answered({body => '<html><h1>Welcome</h1></html>'});
    $t->refused($reply, 502, 'upstream_error', %final);
    $t->cost($reply, 'e', 'estimated no_usage');
});

# --- 68 -----------------------------------------------------------------------

my $turn = 0;
sub unknown_row {
    my ($what, $script, $status, $code) = @_;
    $t->row(68, $what, sub {
        # by turns: the head is read before it is known what follows
        my $reply = $t->answered($script, $turn++ % 2 ? {} : {stream => \1});
        $t->refused($reply, $status // 502, $code // 'upstream_error', %final);
        $t->cost($reply, 'x');
    });
}
unknown_row('a header of 64 kB',
    {raw => $ok . 'X-H: ' . 'x' x 65_536 . "\r\n$counted"});
unknown_row('3,000 headers',
    {raw => $ok . "X-H: v\r\n" x 3000 . $counted});
unknown_row('a status line of 64 kB',
    {raw => 'HTTP/1.1 200 ' . 'O' x 65_536 . "\r\n$counted"});
unknown_row('a flood of 1xx',
    {raw => "HTTP/1.1 100 Continue\r\n\r\n" x 9 . "$ok$counted"});
unknown_row('a flood of 103 with headers',
    {raw => "HTTP/1.1 103 E\r\nLink: <http://evil.test>\r\n\r\n" x 10_000});
unknown_row('101', {raw => "HTTP/1.1 101 Switching Protocols\r\n"
    . "Upgrade: websocket\r\nConnection: upgrade\r\n\r\n"});
unknown_row('two Content-Lengths, equal',
    {raw => "${ok}Content-Length: $length\r\n$counted"});
unknown_row('two Content-Lengths, different',
    {raw => "${ok}Content-Length: 1\r\n$counted"});
unknown_row('a Content-Length that is ' . ($_ || 'empty'),
    {raw => "${ok}Content-Length: $_\r\n\r\n$object"})
    for '-1', '+5', '0x10', "$length, $length", '9' x 30, '5 5', '';
unknown_row('Content-Length and chunks', {raw =>
    "${ok}Content-Length: $length\r\nTransfer-Encoding: chunked\r\n\r\n"
    . "0\r\n\r\n"});
unknown_row("Transfer-Encoding: $_", {raw =>
    "${ok}Transfer-Encoding: $_\r\n\r\n0\r\n\r\n"})
    for 'gzip, chunked', 'chunked, chunked', 'xchunked', 'identity',
        "chunked\r\nTransfer-Encoding: chunked";
unknown_row('chunks in HTTP/1.0', {raw => "HTTP/1.0 200 OK\r\n"
    . "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"});
unknown_row('NUL in a header', {raw => "${ok}X: a\0b\r\n$counted"});
unknown_row('a folded header', {raw => "${ok}X: a\r\n b\r\n$counted"});
unknown_row('a status that is none', {raw => "HTTP/1.1 999 X\r\n\r\n"});
unknown_row('HTTP/2', {raw => "HTTP/2 200\r\n\r\n"});
unknown_row('no HTTP', {raw => "SSH-2.0-OpenSSH_9\r\n"});
unknown_row('TLS on a plain port',
    {raw => "\x16\x03\x03\x00\x7a\x02\x00\x00"});
unknown_row('nothing', {raw => ''});
unknown_row('half a head', {raw => "HTTP/1.1 200 OK\r\nContent-Ty"});
unknown_row('silence', {raw => '', stay => 3}, 504, 'upstream_timeout');
unknown_row('half a head, then silence',
    {raw => "HTTP/1.1 200 OK\r\nContent-Ty", stay => 3}, 504,
    'upstream_timeout');
$t->row(68, 'a good head, then nothing', sub {
    for (['application/json', "Content-Length: $length\r\n", {}],
        ['text/event-stream', "Transfer-Encoding: chunked\r\n", {stream => \1}],
        ['text/event-stream', '', {stream => \1}])
    {
        my ($type, $framing, $change) = @$_;
        my $reply = $t->answered({raw => "HTTP/1.1 200 OK\r\nContent-Type: "
            . "$type\r\n$framing\r\n", stay => 3}, $change);
        $t->refused($reply, 504, 'upstream_timeout', %final);
        $t->cost($reply, 'x', 'cut');
    }
});

$t->done;
