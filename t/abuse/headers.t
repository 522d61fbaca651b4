# Rows 18-25 and 58: a body that is coded, missing, of another kind or too
# large, and headers that would steer a proxy or the books.  A provider gets our
# headers and no others.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Abuse qw(header_seen);
use Asgard::Files qw(wait_until);
use Asgard::Spool qw(calls);

my $t = Asgard::Abuse->new;
$t->start;

my @auth = ('Authorization', "Bearer $t->{key}{key}");
my $path = '/v1/chat/completions';

sub post {
    my ($headers, $body) = @_;
    return $t->http->request('POST', $path, [@auth, @$headers], $body);
}

# The whole list of what a provider ever gets, and nothing of the client's.
sub ours_alone {
    my ($seen) = @_;
    is_deeply([sort map { $_->[0] } @{$seen->{headers}}],
        [qw(accept accept-encoding authorization content-length content-type
            host user-agent x-request-id)], 'the provider got our headers');
    is(header_seen($seen, 'authorization'),
        "Bearer $t->{canaries}{'the key of main'}", 'with our key');
    is($seen->{path}, $path, 'at our path');
    return $seen;
}

for my $coding (qw(gzip deflate br identity), 'gzip, gzip', '') {
    $t->row(18, "Content-Encoding: '$coding'", sub {
        $t->refused(post(['Content-Type', 'application/json',
            'Content-Encoding', $coding], $t->chat_body({model => 'one'})),
            415, 'unsupported_encoding');
    });
}

for (['no length', []], ['a length of 0', ['Content-Length', 0]],
    ['no chunk', ['Transfer-Encoding', 'chunked'], "0\r\n\r\n"])
{
    my ($what, $headers, $body) = @$_;
    $t->row(19, "a POST without a body: $what", sub {
        $t->refused(post(['Content-Type', 'application/json', @$headers],
            $body), 400, 'empty_body');
    });
}

# Everything that comes back, 100 Continue too, until the connection ends.
sub all_bytes {
    my ($bytes) = @_;
    my $http = $t->http(timeout => 5);
    $http->send_raw($bytes);
    1 while $http->fill;
    return $http->{in};
}

my $huge = 33 << 20;
for (['', []], [' and Expect', ['Expect: 100-continue']],
    [' and Expect in capitals', ['EXPECT: 100-Continue']])
{
    my ($what, $more) = @$_;
    $t->row(20, "a length over 32 MB$what", sub {
        my $text = all_bytes($t->call_text(without => ['content-length'],
            head => ["Content-Length: $huge", 'Connection: close', @$more],
            body => '{'));
        unlike($text, qr{HTTP/1.1 100}, 'the body is not asked for');
        my ($head, $body) = split /\r\n\r\n/, $text, 2;
        my $reply = Asgard::Reply->parse_head($head);
        $reply->{body} = $body;
        $t->refused($reply, 413, 'body_too_large');
    });
}
$t->row(20, 'a good body and Expect', sub {
    $t->served($t->call(undef, 'Expect', '100-continue'));
});
$t->row(20, 'an Expect that nobody knows', sub {
    $t->served($t->call(undef, 'Expect', '200-ok'));
});

for (['websocket', 'Upgrade', 'websocket', 'Connection', 'Upgrade',
        'Sec-WebSocket-Key', 'AAAA', 'Sec-WebSocket-Version', '13'],
    ['h2c', 'Upgrade', 'h2c', 'Connection', 'Upgrade, HTTP2-Settings',
        'HTTP2-Settings', 'AAMAAABkAARAAAAAAAIAAAAA'])
{
    my ($what, @headers) = @$_;
    $t->row(21, "Upgrade: $what", sub {
        my $reply = $t->call(undef, @headers);
        ours_alone($t->served($reply));
        is(scalar $reply->header('upgrade'), undef, 'nothing is upgraded');
    });
}

$t->row(22, 'pipelined requests with different keys', sub {
    my @who = map { my $project = $t->project(budget_usd => '1');
        {project => $project, key => $t->key(project => $project)} } 1 .. 2;
    my $http = $t->http;
    my @sent = map { my $key = $_; $http->request_text('POST', $path,
        [$key ? ('Authorization', "Bearer $key") : (),
            'Content-Type', 'application/json'],
        $t->chat_body({model => 'one'})) }
        $who[0]{key}{key}, $who[1]{key}{key}, undef, $who[1]{key}{key},
        'asg_' . '0' x 64;
    $http->send_raw(join '', @sent);
    my @replies = map { my $reply = $http->read_head;
        $http->plan_body($reply); $http->read_body($reply) } @sent;
    $t->served($_) for @replies[0, 1, 3];
    $t->refused($replies[2], 401, 'missing_api_key');
    $t->refused($replies[4], 401, 'invalid_api_key');
    is(scalar($t->wait_ledger($who[$_]{project}, $_ + 1)), $_ + 1,
        'each project pays for its own calls') for 0, 1;
});

# What might steer a proxy, a cache or another gateway behind us.
my @steering = (Range => 'bytes=0-1', 'If-None-Match' => '*',
    'X-Accel-Redirect' => '/etc/passwd', 'X-Accel-Buffering' => 'yes',
    'X-Accel-Limit-Rate' => '1', 'X-Forwarded-For' => '203.0.113.9',
    'X-Forwarded-Host' => 'evil.example', 'X-Forwarded-Proto' => 'https',
    'X-Forwarded-Prefix' => '/key', Forwarded => 'for=203.0.113.9',
    'X-Real-IP' => '203.0.113.9', 'X-Original-URL' => '/key/generate',
    'X-Rewrite-URL' => '/key/generate', 'X-HTTP-Method-Override' => 'DELETE',
    'X-Host' => 'evil.example', 'True-Client-IP' => '203.0.113.9',
    Via => '1.1 evil', 'Max-Forwards' => '0', TE => 'trailers',
    'Proxy-Authorization' => 'Basic eDp5', 'Proxy-Connection' => 'close',
    'OpenAI-Organization' => 'org-x', 'OpenAI-Project' => 'proj_x',
    'x-litellm-api-key' => 'sk-0123456789abcdef0', 'x-litellm-tags' => 'a',
    'x-portkey-provider' => 'openai', 'x-portkey-custom-host' => 'evil.example',
    'x-stainless-retry-count' => '0', 'x-request-id' => 'req-theirs',
    traceparent => 'evil', tracestate => 'a=b', baggage => 'a=b',
    Cookie => 'session=1', Referer => 'http://evil.example',
    'User-Agent' => 'evil', 'Accept-Encoding' => 'gzip', Accept => '*/*',
    'helicone-target-url' => 'http://evil.example', Origin => 'null');

$t->row(23, 'headers that steer a proxy', sub {
    my $reply = $t->call(undef, @steering);
    my $seen = ours_alone($t->served($reply));
    isnt(header_seen($seen, 'x-request-id'), 'req-theirs', 'our request id');
    is(header_seen($seen, 'accept-encoding'), 'identity', 'our coding');
    is(scalar $reply->header('content-range'), undef, 'the answer is whole');
    # its line is written when the answer has left
    ok(wait_until(sub { $t->{gateway}->access_log
        =~ /^127\.0\.0\.1 .*evil"\n\z/m }, 5),
        'the client is who is at the socket')
        or diag($t->{gateway}->access_log);
});
$t->row(23, 'the same for a stream', sub {
    my $reply = $t->call({stream => \1}, @steering);
    $t->served($reply);
    like($reply->body, qr/\[DONE\]/, 'it is whole');
});

for my $type ('text/plain', 'multipart/form-data; boundary=x',
    'application/x-www-form-urlencoded', 'application/jsonx',
    'text/json', 'application/json/x', '')
{
    $t->row(24, "Content-Type: '$type'", sub {
        $t->refused(post(['Content-Type', $type],
            $t->chat_body({model => 'one'})), 415, 'unsupported_media_type');
    });
}
$t->row(24, 'no Content-Type', sub {
    $t->refused(post([], $t->chat_body({model => 'one'})), 415,
        'unsupported_media_type');
});
$t->row(24, 'two of them, the first is another', sub {
    $t->refused(post(['Content-Type', 'text/plain', 'Content-Type',
        'application/json'], $t->chat_body({model => 'one'})), 415,
        'unsupported_media_type');
});

for my $names ('close, Authorization', 'keep-alive, Host, Content-Length',
    'x-request-id, Content-Type, Authorization')
{
    $t->row(25, "Connection: $names", sub {
        ours_alone($t->served($t->call(undef, 'Connection', $names)));
    });
}

$t->row(58, 'the same trace id on two calls', sub {
    for (1, 2) {
        my $reply = $t->call(undef, 'x-asgard-trace-id', 'the.same');
        $t->served($reply);
        is($reply->trace, 'the.same', 'it is the client\'s');
    }
    my @twins;
    wait_until(sub {
        @twins = grep { $_->{trace} eq 'the.same' } calls($t);
        return @twins == 2;
    }, 5);
    is(scalar @twins, 2, 'each has its line');
    isnt($twins[0]{hold}, $twins[1]{hold}, 'and its hold');
    is(join('', map { $_->{verb} } @twins), 'ss', 'both are charged');
});

$t->done;
