# Rows 1-8: framing, line ends, bytes in headers and the Host.  What nginx
# itself refuses has our shape; what it lets pass leaves as clean bytes.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Abuse qw(header_seen);

my $t = Asgard::Abuse->new;
$t->start;

my $body = $t->chat_body({model => 'one'});
my $length = length $body;
my $chunks = sprintf "%x\r\n%s\r\n0\r\n\r\n", $length, $body;

# A call whose length is said by these lines instead.
sub framed {
    my ($lines, $sent, $line) = @_;
    return $t->raw($t->call_text(without => ['content-length'],
        head => $lines, body => $sent // $body,
        line => $line // 'POST /v1/chat/completions HTTP/1.1'));
}

for (['first the length', "Content-Length: $length",
        'Transfer-Encoding: chunked'],
    ['first the coding', 'Transfer-Encoding: chunked',
        "Content-Length: $length"],
    ['a length of 0', 'Content-Length: 0', 'Transfer-Encoding: chunked'])
{
    my ($what, @lines) = @$_;
    $t->row(1, "Content-Length with Transfer-Encoding, $what", sub {
        $t->refused(framed(\@lines, $chunks), 400, 'bad_request');
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
        $t->refused(framed(\@lines), 400, 'bad_request');
    });
}

for (['gzip'], ['chunked, chunked'], ['xchunked'], ["\x0bchunked"]) {
    my ($coding) = @$_;
    my $shown = $coding =~ s/\x0b/\\v/r;
    $t->row(3, "Transfer-Encoding: $shown", sub {
        $t->refused(framed(["Transfer-Encoding: $coding"], $chunks), 501,
            'not_implemented');
    });
}
for (['twice', 'Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'],
    ['a space before the colon', 'Transfer-Encoding : chunked'])
{
    my ($what, @lines) = @$_;
    $t->row(3, "Transfer-Encoding, $what", sub {
        $t->refused(framed(\@lines, $chunks), 400, 'bad_request');
    });
}
$t->row(3, 'Transfer-Encoding in HTTP/1.0', sub {
    $t->refused(framed(['Transfer-Encoding: chunked'], $chunks,
        'POST /v1/chat/completions HTTP/1.0'), 400, 'bad_request');
});

for (['no hexadecimal', "zz\r\n$body\r\n0\r\n\r\n"],
    ['negative', "-1\r\n$body\r\n0\r\n\r\n"],
    ['overflowing', 'f' x 17 . "\r\n$body\r\n0\r\n\r\n"],
    ['just overflowing', '8' . '0' x 15 . "\r\n$body\r\n0\r\n\r\n"],
    ['longer than it says', "1\r\n$body\r\n0\r\n\r\n"])
{
    my ($what, $sent) = @$_;
    $t->row(4, "chunk size: $what", sub {
        $t->refused(framed(['Transfer-Encoding: chunked'], $sent), 400,
            'bad_request');
    });
}
$t->row(4, 'chunks over the limit of 1 MB', sub {
    my $chunk = sprintf "%x\r\n%s\r\n", 100_000, 'x' x 100_000;
    $t->refused(framed(['Transfer-Encoding: chunked'],
        $chunk x 12 . "0\r\n\r\n"), 413, 'body_too_large');
});
$t->row(4, 'one chunk that says that it is over the limit', sub {
    $t->refused(framed(['Transfer-Encoding: chunked'],
        sprintf "%x\r\n%s", 40 << 20, 'x' x 1000), 413, 'body_too_large');
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
    clean($t->served(framed(['Transfer-Encoding: chunked'],
        $chunks =~ s/\r\n/\n/gr)));
});

for (['a folded header', "X-One: a\r\n b"], ['a tab-folded header',
        "X-One: a\r\n\tb"], ['NUL in a value', "X-One: a\0b"],
    ['NUL in a name', "X-\0One: a"], ['bare CR in a value', "X-One: a\rb"],
    ['bare CR in the key', "Authorization: Bearer $t->{key}{key}\rX-One: a"])
{
    my ($what, $line) = @$_;
    $t->row(6, $what, sub {
        my $is_key = $line =~ /^Auth/;
        $t->refused($t->raw($t->call_text(head => [$line],
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
        $t->refused($t->raw($t->call_text(without => ['host'],
            head => \@lines)), 400, 'bad_request');
    });
}

$t->done;
