# Rows 65 and 68: answers that are whole but come in odd pieces, and answers
# whose framing breaks after a good head.  The parser's memory does not grow
# with what is sent; the usage is found, or the call is estimated.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(is_sanitized);
use Asgard::Hostile;
use Asgard::Work qw(cpu_ms grows_less memory_kb);

my $t = Asgard::Hostile->new;
$t->add_service('main', $t->upstream('main'),
    inference => {first_byte_timeout => '2s', idle_timeout => '2s'},
    models => [{ref => 'model:test/one', route => 'one'}]);
$t->upstream('early', early => 1);
$t->add_model($t->upstream('early'), ref => 'model:test/early',
    route => 'early');
$t->start;

my ($worker) = $t->{gateway}->workers;
my $head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n";
my $json = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
my $chunked = "Transfer-Encoding: chunked\r\n\r\n";
my $usage = '"usage":{"prompt_tokens":10,"completion_tokens":20,'
    . '"total_tokens":30}';
my $object = '{"id":"c1","object":"chat.completion","choices":[{"index":0,'
    . '"message":{"role":"assistant","content":"Hello."}}],' . "$usage}";
my $last = "data: {\"choices\":[],$usage}\n\ndata: [DONE]\n\n";
sub event {
    my ($text) = @_;
    return qq(data: {"id":"c1","model":"hidden","choices":[{"index":0,"delta":)
        . qq({"content":"$text"}}]}\n\n);
}
# As long as one likes and no words, of which each would be a token or more.
sub sound {
    my ($data) = @_;
    return event('x') =~ s/"content":"x"/"audio":{"data":"$data"}/r;
}
sub chunk { return join '', map { sprintf "%x\r\n%s\r\n", length, $_ } @_ }
my $body = event('Hello') . event(' there') . $last;

# Served whole and measured; its reply.
sub measured {
    my ($reply) = @_;
    $t->judged($reply);
    is($reply->status, 200, 'served');
    is($reply->{cut}, undef, 'whole');
    $t->cost($reply, 's');
    return $reply;
}

# --- 65 -----------------------------------------------------------------------

# A first call of each kind makes what is kept for the next.
my %ways = (
    'a line of 10 MB' => {raw => "$head\r\n" . sound('x' x 10_000_000)
        . $last},
    'a line of 10 MB, in chunks' => {raw => $head . $chunked . chunk(
        unpack('(a60000)*', sound('x' x 10_000_000)), $last) . "0\r\n\r\n"},
    'a comment of 10 MB' => {raw => "$head\r\n: " . 'x' x 10_000_000
        . "\n\n$body"},
    'a field of 10 MB' => {raw => "$head\r\n" . 'x' x 10_000_000
        . ": y\n\n$body"},
    '100,000 blank lines' => {raw => "$head\r\n" . "\n" x 100_000 . $body},
    '20,000 events' => {raw => "$head\r\n" . sound('x') x 20_000 . $last},
    '10,000 lines of data in one event' => {raw => "$head\r\n"
        . "data:\n" x 10_000 . $body},
);
for my $what (sort keys %ways) {
    $t->row(65, $what, sub {
        measured($t->streamed($ways{$what}));
        my ($memory, $cpu) = (memory_kb($worker), cpu_ms($worker));
        my $reply = measured($t->streamed($ways{$what}));
        grows_less($worker, $memory, 1 << 10,
            'the worker has not grown by 1 MB');
        cmp_ok(cpu_ms($worker) - $cpu, '<', is_sanitized() ? 5000 : 500,
            'nor worked for half a second');
        unlike($reply->body, qr/hidden/, 'the model is renamed');
    });
}
$t->row(65, 'while a line of 10 MB passes', sub {
    $t->upstream('main')->script($ways{'a line of 10 MB'});
    my $memory = memory_kb($worker);
    my ($http, $reply) = $t->chat_start($t->{key},
        {model => 'one', stream => \1});
    my $n = 0;
    while (defined $http->read_piece($reply)) {
        grows_less($worker, $memory, 1 << 10, 'the worker has not grown')
            if ++$n % 50 == 0;
    }
    cmp_ok($n, '>', 100, 'in many pieces');
    measured($reply);
});

my $expected = $t->streamed({raw => "$head\r\n$body"})->stream_text;
for (['1-byte chunks', $chunked . chunk(split //, $body) . "0\r\n\r\n", 1],
    ['1-byte writes', "\r\n$body", 1],
    ['chunks that cut every token', $chunked
        . chunk(unpack '(a7)*', $body) . "0\r\n\r\n"],
    ['CRLF lines', "\r\n" . $body =~ s/\n/\r\n/gr],
    ['CRLF lines, a byte a write', "\r\n" . $body =~ s/\n/\r\n/gr, 1],
    ['CR lines', "\r\n" . $body =~ s/\n/\r/gr],
    ['LF and CRLF by turns', "\r\n" . $body =~ s/\n\n/\r\n\n/gr],
    ['CRLF and LF by turns', "\r\n" . $body =~ s/\n\n/\n\r\n/gr],
    ['no space after data:', "\r\n" . $body =~ s/data: /data:/gr],
    ['comments between', "\r\n" . $body =~ s/^data/: ping\n\ndata/gmr],
    ['ids, names and retries', "\r\n"
        . $body =~ s/^data/id: 1\nretry: 0\nevent: message\ndata/gmr],
    ['one JSON over many lines', "\r\n"
        . $body =~ s/,"/,\ndata: "/gr],
    ['chunk extensions', $chunked . sprintf("%x;a=%s\r\n%s\r\n", length $body,
        'x' x 5000, $body) . "0\r\n\r\n"],
    ['leading zeros in a chunk size', $chunked . sprintf("%012x\r\n%s\r\n",
        length $body, $body) . "000\r\n\r\n"],
    ['a trailer', $chunked . chunk($body) . "0\r\nX-Usage: 1\r\n\r\n"],
    ['no blank line at the end', "\r\n" . $body =~ s/\n\n\z//r])
{
    my ($what, $raw, $one_byte) = @$_;
    $t->row(65, $what, sub {
        my $reply = measured($t->streamed({raw => $head . $raw,
            one_byte => $one_byte}));
        my $text = join '', map { $_->{choices}[0]{delta}{content} // () }
            map { eval { Asgard::Reply->new(body => $_)->json } // () }
            map { s/^data: ?//gmr }
            split /\n\n+/, $reply->body =~ s/\r\n|\r/\n/gr
                =~ s/^(?:id|retry|event|:).*\n//gmr;
        is($text, $expected, 'with the same text');
    });
}

# --- 68: a good head, and then --------------------------------------------

# By the whole body and its first part.
my %fault = (
    'a Content-Length above the body' => sub {
        "Content-Length: 9999\r\n\r\n$_[0]" },
    'a chunk size that overflows' => sub {
        $chunked . chunk($_[1]) . 'f' x 17 . "\r\n" },
    'a chunk size that just overflows' => sub {
        $chunked . chunk($_[1]) . '8' . '0' x 15 . "\r\nx" },
    'a negative chunk size' => sub { $chunked . chunk($_[1]) . "-1\r\n" },
    'a chunk size that is none' => sub { $chunked . chunk($_[1]) . "zz\r\n" },
    'a chunk that is longer than it says' => sub {
        $chunked . chunk($_[1]) =~ s/\r\n\z/xx\r\n/r },
    'no last chunk' => sub { $chunked . chunk($_[1]) },
    'half a trailer' => sub { $chunked . chunk($_[1]) . "0\r\nX-A: b" },
);
for my $what (sort keys %fault) {
    $t->row(68, "$what, of an answer", sub {
        my $reply = $t->answered({raw => $json
            . $fault{$what}->($object, substr $object, 0, 120)});
        $t->refused($reply, 502, 'upstream_error',
            headers => {'x-should-retry' => 'false'});
        $t->cost($reply, 'e', 'cut estimated no_usage');
    });
    $t->row(68, "$what, of a stream", sub {
        my $event = event('Hello');
        my $reply = $t->judged($t->streamed({raw => $head
            . $fault{$what}->($event, $event)}));
        is($reply->status, 200, 'begun');
        ok($reply->{cut}, 'and no clean end');
        $t->cost($reply, 'e', 'cut estimated no_usage');
    });
}

$t->row(68, 'a Content-Length below the body', sub {
    my $reply = measured($t->answered({raw => $json . 'Content-Length: '
        . length($object) . "\r\n\r\n${object}HTTP/1.1 200 OK\r\n\r\n"}));
    is($reply->at('model'), undef, 'the rest is nobody\'s answer');
    $reply = measured($t->answered({}));
    is($reply->at('choices', 0, 'message', 'content'),
        'Hello from the fake provider.', 'nor that of the next call');
});
$t->row(68, 'an answer after the answer, on a connection that is kept', sub {
    $t->upstream('main')->script({raw => $json . 'Content-Length: '
        . length($object) . "\r\n\r\n$object", stay => 1,
        drip => [$json . "Content-Length: 2\r\n\r\n{}", 0.2]});
    measured($t->call);
    select undef, undef, undef, 0.5;
    my $reply = measured($t->answered({}));
    is($reply->at('choices', 0, 'message', 'content'),
        'Hello from the fake provider.', 'is not taken for the next one');
});
for my $coding (qw(gzip br deflate zstd), 'gzip, identity') {
    $t->row(68, "an answer in $coding, that was not asked for", sub {
        my $raw = "Content-Encoding: $coding\r\nContent-Length: "
            . length($object) . "\r\n\r\n$object";
        for my $reply ($t->answered({raw => $json . $raw}),
            $t->streamed({raw => $head . $raw}))
        {
            $t->refused($reply, 502, 'upstream_error',
                headers => {'content-encoding' => undef});
            $t->cost($reply, 'e', 'estimated no_usage');
        }
    });
}

# --- 68: answers that come before the request was read ------------------------

sub early {
    my ($raw, $change) = @_;
    $t->upstream('early')->script({raw => $raw, stay => 1,
        $raw =~ m{^HTTP/1.1 2} ? () : (worked => 0)});
    return $t->call({model => 'early', messages => [{role => 'user',
        content => $t->{prompt} . 'x' x 20_000_000}], %{$change // {}}});
}
$t->row(68, 'an answer before the request of 20 MB was read', sub {
    measured(early($json . 'Content-Length: ' . length($object)
        . "\r\n\r\n$object"));
});
$t->row(68, 'a stream before it was read', sub {
    measured(early($head . $chunked . chunk($body) . "0\r\n\r\n",
        {stream => \1}));
});
$t->row(68, 'an error before it was read', sub {
    for my $case ([413, 400, 'upstream_rejected'],
        [429, 429, 'upstream_rate_limited'], [503, 502, 'upstream_error'])
    {
        my ($status, $told, $code) = @$case;
        my $reply = early("HTTP/1.1 $status No\r\nContent-Length: 0\r\n\r\n");
        $t->refused($reply, $told, $code);
        $t->cost($reply, 'v');
    }
});

$t->done;
