# Rows 1-11: framing, line ends, bytes in headers, names and sizes.  What nginx
# itself refuses has our shape; what it lets pass leaves as clean bytes.
#
# The server answers for one name, as docs/operations.md advises; every other
# name comes to a default server that answers nothing.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Abuse qw(header_seen);

my $t = Asgard::Abuse->new;
my $port = $t->port;
$t->{gateway}->write_conf(server_conf => 'server_name 127.0.0.1;', http_conf =>
    "server { listen 127.0.0.1:$port default_server;"
    . ' include asgard-errors.conf; location / { return 421; } }');
$t->start;

my $body = $t->chat_body({model => 'one'});
my $length = length $body;
my $chunks = sprintf "%x\r\n%s\r\n0\r\n\r\n", $length, $body;

# Bytes, and the one reply to them.  What follows a request of which nobody
# knows where it ends is not read as a second one.
sub only_reply {
    my ($bytes) = @_;
    my $http = $t->http(timeout => 5);
    $http->send_raw($bytes . $t->call_text);
    my $reply = $http->read_head;
    $http->plan_body($reply);
    $http->read_body($reply);
    my $more = $http->{socket} ? $http->read_head : undef;
    ok(!$more || !$more->status, 'one reply, then the connection is closed')
        or diag($more->{head});
    return $reply;
}

# A call whose length is said by these lines instead.
sub framed {
    my ($lines, $sent, $line) = @_;
    return $t->call_text(without => ['content-length'],
        head => $lines, body => $sent // $body,
        line => $line // 'POST /v1/chat/completions HTTP/1.1');
}

for (['first the length', "Content-Length: $length",
        'Transfer-Encoding: chunked'],
    ['first the coding', 'Transfer-Encoding: chunked',
        "Content-Length: $length"],
    ['a length of 0', 'Content-Length: 0', 'Transfer-Encoding: chunked'])
{
    my ($what, @lines) = @$_;
    $t->row(1, "Content-Length with Transfer-Encoding, $what", sub {
        $t->refused(only_reply(framed(\@lines, $chunks)), 400, 'bad_request');
    });
}

for (['twice, equal', "Content-Length: $length", "Content-Length: $length"],
    ['twice, different', "Content-Length: $length", 'Content-Length: 1'],
    ['a list', "Content-Length: $length, $length"],
    ['a sign', "Content-Length: +$length"],
    ['negative', "Content-Length: -$length"],
    ['hexadecimal', sprintf 'Content-Length: 0x%x', $length],
    ['20 digits', 'Content-Length: ' . '9' x 20],
    ['empty', 'Content-Length: '])
{
    my ($what, @lines) = @$_;
    $t->row(2, "Content-Length: $what", sub {
        $t->refused(only_reply(framed(\@lines)), 400, 'bad_request');
    });
}

for (['gzip'], ['chunked, chunked'], ['xchunked'], ["\x0bchunked"]) {
    my ($coding) = @$_;
    my $shown = $coding =~ s/\x0b/\\v/r;
    $t->row(3, "Transfer-Encoding: $shown", sub {
        $t->refused(only_reply(framed(["Transfer-Encoding: $coding"],
            $chunks)), 501, 'not_implemented');
    });
}
for (['twice', 'Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'],
    ['a space before the colon', 'Transfer-Encoding : chunked'])
{
    my ($what, @lines) = @$_;
    $t->row(3, "Transfer-Encoding, $what", sub {
        $t->refused(only_reply(framed(\@lines, $chunks)), 400, 'bad_request');
    });
}
$t->row(3, 'Transfer-Encoding in HTTP/1.0', sub {
    $t->refused(only_reply(framed(['Transfer-Encoding: chunked'], $chunks,
        'POST /v1/chat/completions HTTP/1.0')), 400, 'bad_request');
});

for (['no hexadecimal', "zz\r\n$body\r\n0\r\n\r\n"],
    ['negative', "-1\r\n$body\r\n0\r\n\r\n"],
    ['overflowing', 'f' x 17 . "\r\n$body\r\n0\r\n\r\n"],
    ['just overflowing', '8' . '0' x 15 . "\r\n$body\r\n0\r\n\r\n"],
    ['longer than it says', "1\r\n$body\r\n0\r\n\r\n"])
{
    my ($what, $sent) = @$_;
    $t->row(4, "chunk size: $what", sub {
        $t->refused(only_reply(framed(['Transfer-Encoding: chunked'],
            $sent)), 400, 'bad_request');
    });
}
$t->row(4, 'chunks over the limit of 1 MB', sub {
    my $chunk = sprintf "%x\r\n%s\r\n", 100_000, 'x' x 100_000;
    $t->refused(only_reply(framed(['Transfer-Encoding: chunked'],
        $chunk x 12 . "0\r\n\r\n")), 413, 'body_too_large');
});
$t->row(4, 'one chunk that says that it is over the limit', sub {
    $t->refused(only_reply(framed(['Transfer-Encoding: chunked'],
        sprintf "%x\r\n%s", 40 << 20, 'x' x 1000)), 413, 'body_too_large');
});

# All that a provider got: well-formed lines, and one length that is true.
sub clean {
    my ($seen) = @_;
    my %n;
    $n{$_->[0]}++ for @{$seen->{headers}};
    is_deeply([grep { $n{$_} > 1 } keys %n], [], 'no header comes twice');
    is(header_seen($seen, 'content-length'), length $seen->{body},
        'one Content-Length, the true one');
    is(header_seen($seen, 'transfer-encoding'), undef, 'no chunks');
    is_deeply([grep { /[\x00-\x1f]/ } map { @$_ } @{$seen->{headers}}], [],
        'no control byte in a header');
    return $seen;
}

$t->row(5, 'bare LF in the head', sub {
    my $head = $t->call_text(body => '', without => ['content-length'],
        head => ["Content-Length: $length"]);
    clean($t->served($t->raw(($head =~ s/\r\n/\n/gr) . $body)));
});
$t->row(5, 'bare LF between chunks', sub {
    clean($t->served($t->raw(framed(['Transfer-Encoding: chunked'],
        $chunks =~ s/\r\n/\n/gr))));
});

for (['a folded header', "X-One: a\r\n b"], ['a tab-folded header',
        "X-One: a\r\n\tb"], ['NUL in a value', "X-One: a\0b"],
    ['NUL in a name', "X-\0One: a"], ['bare CR in a value', "X-One: a\rb"],
    ['bare CR in the key', "Authorization: Bearer $t->{key}{key}\rX-One: a"])
{
    my ($what, $line) = @$_;
    $t->row(6, $what, sub {
        my $is_key = $line =~ /^Auth/;
        $t->refused(only_reply($t->call_text(head => [$line],
            without => [$is_key ? 'authorization' : ()])), 400,
            'bad_request');
    });
}

for my $byte ("\x01", "\x07", "\x1b", "\x7f") {
    my $name = sprintf '0x%02x', ord $byte;
    $t->row(7, "byte $name in a value", sub {
        my $seen = $t->served($t->call(undef, 'X-One', "a${byte}b",
            'User-Agent', "a${byte}b"));
        is(header_seen($seen, 'x-one'), undef, 'the header does not pass');
        is(header_seen($seen, 'user-agent'), 'asgard', 'nor any value');
        clean($seen);
    });
}

for (['missing'], ['twice', 'Host: 127.0.0.1', 'Host: 127.0.0.1'],
    ['twice, different', 'Host: 127.0.0.1', 'Host: example.com'],
    ['with a slash', 'Host: 127.0.0.1/x'], ['with NUL', "Host: a\0b"],
    ['with a space', 'Host: a b'], ['empty', 'Host: '],
    ['dots', 'Host: a..b'])
{
    my ($what, @lines) = @$_;
    $t->row(8, "Host: $what", sub {
        $t->refused(only_reply($t->call_text(without => ['host'],
            head => \@lines)), 400, 'bad_request');
    });
}

$t->row(8, 'Host: unknown', sub {
    $t->refused($t->raw($t->call_text(without => ['host'],
        head => ['Host: metadata.example'])), 421, 'misdirected_request');
});

# The Host that the provider sees is its own, whatever the client said.
sub own_host {
    my ($seen) = @_;
    is(header_seen($seen, 'host'), '127.0.0.1:' . $t->upstream('main')->port,
        'the provider is called by its own name');
}

for my $case (['our name', 'http://127.0.0.1', 'Host: evil.example'],
    ['our name and port', "http://127.0.0.1:$port", 'Host: evil.example'],
    ['our name, https', 'https://127.0.0.1', 'Host: 127.0.0.1'])
{
    my ($what, $base, $host) = @$case;
    $t->row(9, "absolute URI with $what", sub {
        own_host($t->served($t->raw($t->call_text(without => ['host'],
            line => "POST $base/v1/chat/completions HTTP/1.1",
            head => [$host]))));
    });
}
$t->row(9, 'absolute URI with another name, our Host', sub {
    $t->refused($t->raw($t->call_text(
        line => 'POST http://evil.example/v1/chat/completions HTTP/1.1')),
        421, 'misdirected_request');
});
$t->row(9, 'absolute URI with a user and a password', sub {
    $t->refused($t->raw($t->call_text(
        line => 'POST http://a:b@127.0.0.1/v1/chat/completions HTTP/1.1')),
        400, 'bad_request');
});

$t->row(10, 'a URI of 9 kB', sub {
    $t->refused($t->raw($t->call_text(line => 'POST /v1/' . 'x' x 9000
        . ' HTTP/1.1')), 414, 'uri_too_long');
});
$t->row(10, 'a header of 9 kB', sub {
    $t->refused($t->raw($t->call_text(head => ['X-One: ' . 'x' x 9000])), 400,
        'headers_too_large');
});
$t->row(10, 'two thousand headers', sub {
    $t->refused($t->raw($t->call_text(head => [map { "X-$_: " . 'y' x 20 }
        1 .. 2000])), 400, 'headers_too_large');
});

$t->row(11, 'TLS on the plain port', sub {
    $t->refused($t->raw("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"),
        400, 'bad_request');
});
$t->row(11, 'HTTP/2 on the plain port', sub {
    $t->refused($t->raw("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"),
        400, 'bad_request');
});
$t->row(11, 'HTTP/0.9, which names no host', sub {
    my $http = $t->http;
    $http->send_raw("GET /v1/models\r\n");
    my $reply = Asgard::Reply->new(status => 0, to_end => 1);
    $http->read_body($t->judged($reply));
    is($reply->code, 'misdirected_request', 'comes to the server that answers '
        . 'nothing');
});

$t->done;
