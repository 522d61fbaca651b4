# Rows 63 to 68 with a provider of kind anthropic: its answers are written anew,
# and none of its lies, leaks and broken ends comes to anything else for that.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Hostile;

my $t = Asgard::Hostile->new;
my $key = $t->add_service('claude', $t->upstream('claude'), kind => 'anthropic',
    inference => {first_byte_timeout => '1s', idle_timeout => '1s'},
    models => [{ref => 'model:test/claude', route => 'claude'}]);
$t->start;

my $ok = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
my $sse = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
my $good = '{"input_tokens":10,"output_tokens":20}';
my %final = (headers => {'x-should-retry' => 'false', 'retry-after' => undef});

sub with_length { 'Content-Length: ' . length($_[0]) . "\r\n\r\n$_[0]" }
sub message {
    my ($usage, $text, $id) = @_;
    $text //= 'Hello.';
    $id //= 'msg_1';
    return qq({"id":"$id","type":"message","role":"assistant","model":"hidden",)
        . qq("content":[{"type":"text","text":"$text"}],)
        . qq("stop_reason":"end_turn","usage":$usage});
}
sub event {
    my ($data) = @_;
    my ($type) = $data =~ /"type":"(\w+)"/;
    return "event: $type\ndata: $data\n\n";
}
sub begun {
    my ($usage) = @_;
    return event('{"type":"message_start","message":{"id":"msg_1","type":'
        . qq("message","role":"assistant","content":[],"usage":$usage}}))
        . event('{"type":"content_block_start","index":0,"content_block":'
            . '{"type":"text","text":""}}');
}
sub delta {
    return event('{"type":"content_block_delta","index":0,"delta":'
        . qq({"type":"text_delta","text":"$_[0]"}}));
}
sub ended {
    my ($usage) = @_;
    return event('{"type":"content_block_stop","index":0}')
        . event('{"type":"message_delta","delta":{"stop_reason":"end_turn"},'
            . qq("usage":$usage})) . event('{"type":"message_stop"}');
}
sub stream { begun($_[0]) . delta($_[1] // 'Hello.') . ended($_[0]) }

# What the provider answers to one call.
sub said {
    my ($raw, $change, %script) = @_;
    $t->upstream('claude')->script({raw => $raw, %script});
    return $t->judged($t->call({model => 'claude', max_tokens => 2000,
        %{$change // {}}}));
}
sub streamed {
    my ($body, $change, %script) = @_;
    return said($sse . $body, {stream => \1, %{$change // {}}}, %script);
}

# --- 63 -----------------------------------------------------------------------

$t->row(63, 'control headers', sub {
    my $control = join '', map { "$_\r\n" } 'X-Accel-Redirect: /metrics',
        'Set-Cookie: a=b', 'anthropic-organization-id: hidden',
        'request-id: hidden', 'x-asgard-cost-usd: 0', 'Retry-After: 0';
    my $reply = said($ok . $control . with_length(message($good)));
    is($reply->status, 200, 'served');
    is($reply->header('x-asgard-cost-usd'), '0.00021', 'the cost is ours');
    unlike($reply->{head} . $reply->body, qr/hidden|msg_1|accel|cookie/i,
        'none is passed on');
    $t->cost($reply, 's');
});

# --- 64 -----------------------------------------------------------------------

my %bad = (
    'negative'  => '{"input_tokens":-5,"output_tokens":20}',
    'a float'   => '{"input_tokens":10,"output_tokens":20.5}',
    'an exponent' => '{"input_tokens":1e1,"output_tokens":20}',
    'a string'  => '{"input_tokens":"10","output_tokens":20}',
    '10^18'     => '{"input_tokens":10,"output_tokens":1' . '0' x 18 . '}',
    'all zero'  => '{"input_tokens":0,"output_tokens":0}',
    'zero output of a text' => '{"input_tokens":10,"output_tokens":0}',
    'no output' => '{"input_tokens":10}',
    'a list'    => '[1,2]',
    'a count twice' => '{"input_tokens":10,"output_tokens":20,'
        . '"output_tokens":1}',
    'a count twice, null last' => '{"input_tokens":10,"output_tokens":20,'
        . '"output_tokens":null}',
    'a count twice, escaped' => '{"input_tokens":10,"output_tokens":20,'
        . '"outp\u0075t_tokens":1}',
    'usage twice' => "$good,\"usage\":{\"input_tokens\":1,\"output_tokens\":1}",
    'usage twice, null last' => "$good,\"usage\":null",
    'a negative cache' => '{"input_tokens":10,"output_tokens":20,'
        . '"cache_creation":{"ephemeral_1h_input_tokens":-5}}',
);
for my $what (sort keys %bad) {
    $t->row(64, "usage: $what", sub {
        my $before = $t->metric('asgard_bad_usage_total');
        for my $reply (said($ok . with_length(message($bad{$what}))),
            streamed(stream($bad{$what})))
        {
            is($reply->status, 200, 'served');
            is($reply->{cut}, undef, 'whole');
            $t->cost($reply, 'e', 'bad_usage estimated');
        }
        is($t->metric('asgard_bad_usage_total') - $before, 2,
            'the metric says so');
    });
}
for (['of answer', '{"input_tokens":10,"output_tokens":900000000}'],
    ['of cache', '{"input_tokens":10,"output_tokens":20,'
        . '"cache_read_input_tokens":999999990}'])
{
    my ($what, $usage) = @$_;
    $t->row(64, "usage above all that it can have used, $what", sub {
        for my $reply (said($ok . with_length(message($usage))),
            streamed(stream($usage)))
        {
            is($reply->status, 200, 'served');
            my $call = $t->cost($reply, 'e', 'bad_usage estimated');
            is($call->{amount}, $call->{held}, 'costs its hold');
        }
    });
}
$t->row(64, 'usage without a count', sub {
    for my $reply (said($ok . with_length(message('{}'))),
        streamed(stream('{}')))
    {
        is($reply->status, 200, 'served');
        $t->cost($reply, 'e', 'estimated no_usage');
    }
});
$t->row(64, 'too little for the text', sub {
    my $little = '{"input_tokens":10,"output_tokens":1}';
    for my $reply (said($ok . with_length(message($little, 'x' x 6000))),
        streamed(stream($little, 'x' x 6000)))
    {
        is($reply->status, 200, 'served');
        $t->cost($reply, 'e', 'bad_usage estimated', least => 1500 * 10_000);
    }
});
$t->row(64, 'good usage', sub {
    $t->cost(said($ok . with_length(message($good))), 's');
    $t->cost(streamed(stream($good)), 's');
});

# --- 65 -----------------------------------------------------------------------

$t->row(65, 'a byte at a time, and CRLF', sub {
    $t->cost(streamed(stream($good), undef, one_byte => 1), 's');
    $t->cost(streamed(stream($good) =~ s/\n/\r\n/gr), 's');
});
$t->row(65, 'an event of 10 MB', sub {
    my $reply = streamed(begun($good) . delta('x' x 10_000_000)
        . ended($good));
    is($reply->status, 200, 'begun');
    like($reply->body, qr/"code":"upstream_error"/, 'our error');
    $t->cost($reply, 'e', 'estimated', least => 210_000);
});

# --- 66 -----------------------------------------------------------------------

$t->row(66, 'our key in an answer', sub {
    my $reply = said($ok . with_length(message($good, "Bearer $key")));
    $t->refused($reply, 502, 'upstream_error', %final);
    $t->cost($reply, 's');
    $reply = streamed(stream($good, "Bearer $key"));
    like($reply->body, qr/"code":"upstream_error"/, 'our words');
    unlike($reply->body, qr/\[DONE\]/, 'no clean end');
    $t->cost($reply, 's');
    $reply = said($ok . with_length(message($good, undef, $key)));
    unlike($t->cost($reply, 's')->{rid}, qr/\Q$key/, 'not as an id');
});
$t->row(66, 'our key in an error', sub {
    my $error = '{"type":"error","error":{"type":"overloaded_error",'
        . "\"message\":\"$key\"}}";
    my $reply = said("HTTP/1.1 400 Bad\r\nContent-Type: application/json\r\n"
        . with_length($error), undef, worked => 0);
    $t->refused($reply, 502, 'upstream_error', %final);
    $t->cost($reply, 'v');
    $reply = streamed(event($error), undef, worked => 0);
    like($reply->body, qr/"error":/, 'our error');
    $t->cost($reply, 'v');
});

# --- 67 -----------------------------------------------------------------------

$t->row(67, 'a redirect', sub {
    my $reply = said("HTTP/1.1 302 R\r\nLocation: http://evil.test/\r\n"
        . "Content-Length: 0\r\n\r\n", undef, worked => 0);
    $t->refused($reply, 502, 'upstream_error', %final);
    $t->cost($reply, 'v');
});
$t->row(67, '200 with HTML', sub {
    my $html = '<html><h1>Welcome</h1></html>';
    my $reply = said("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
        . with_length($html));
    $t->refused($reply, 502, 'upstream_error', %final);
    $t->cost($reply, 'x');
    $reply = said($ok . with_length($html));
    $t->refused($reply, 502, 'upstream_error', %final);
    $t->cost($reply, 'e', 'estimated no_usage');
});
for my $body ('<html>', "data: <html>\n\n", "data: {\"type\":\"x\"\n\n",
    "data: {\"type\":\"message_stop\"}\n\n", "data: []\n\n",
    delta('no begin'), event('{"type":"message_start"}'))
{
    $t->row(67, 'a stream of 200 that is none: '
        . substr($body =~ s/\n/ /gr, 0, 30), sub {
        my $reply = streamed($body);
        like($reply->body, qr/"code":"upstream_error"/, 'our error')
            if $body ne '<html>';
        $t->cost($reply, 'x');
    });
}

# --- 68 -----------------------------------------------------------------------

my @long = (messages => [{role => 'user', content => 'y' x 4000}]);
my $prompt = '{"input_tokens":1000,"output_tokens":1}';
my %broken = (
    'an event that is no JSON' => "data: {\"type\"\n\n",
    'an error' => event('{"type":"error","error":{"type":"overloaded_error"}}'),
    'an event out of order' => event('{"type":"content_block_stop",'
        . '"index":7}'),
    'nothing' => '',
);
for my $what (sort keys %broken) {
    $t->row(68, "a stream that told its prompt, and then $what", sub {
        for my $text ('', delta('z' x 400)) {
            my $reply = streamed(begun($prompt) . $text . $broken{$what},
                {@long});
            is($reply->status, 200, 'begun');
            unlike($reply->body, qr/\[DONE\]/, 'no clean end');
            my $call = $t->cost($reply, 'e', 'estimated',
                least => 1000 * 1000 + ($text ? 100 : 1) * 10_000);
        }
    });
}
$t->row(68, 'a good head, then nothing', sub {
    my $reply = said($sse, {stream => \1}, stay => 3);
    $t->refused($reply, 504, 'upstream_timeout', %final);
    $t->cost($reply, 'x', 'cut');
});

$t->done;
