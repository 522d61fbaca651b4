# Rows 2-33 once more for a client that speaks HTTP/2: another parser of nginx,
# the same outcome.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Abuse qw(header_seen);
use Asgard::Files qw(spill);
use Asgard::Port qw(free_port);

die "curl here speaks no HTTP/2: run 'make deps'\n"
    if `curl --version` !~ /^Features:.*HTTP2/m;

my $port = free_port();
my $t = Asgard::Abuse->new;
my $plain = $t->port;
$t->{gateway}->write_conf(server_conf =>
    "listen 127.0.0.1:$port http2; server_name 127.0.0.1;", http_conf =>
    'server { listen 127.0.0.1:' . $port . ' http2 default_server;'
    . " listen 127.0.0.1:$plain default_server; include asgard-errors.conf;"
    . ' location / { return 421; } }');
$t->start;

my $body = spill("$t->{dir}/body", $t->chat_body({model => 'one'}), 0600);
my $good = "Authorization: Bearer $t->{key}{key}";
my @json = ('-H', 'Content-Type: application/json');
my @post = (@json, '--data-binary', "\@$body");

# A path, what curl is told beside it; the headers come from a file, for they
# hold keys.  Often curl takes an answer that comes before it sent its body for
# a broken stream, also from bare nginx (nine of ten were, on a busy machine):
# then it is asked again.
sub curl {
    my ($path, $headers, @more) = @_;
    my $file = spill("$t->{dir}/headers", join('', map { "$_\n" } @$headers),
        0600);
    my @command = ('curl', '-s', '-m', 10, '--http2-prior-knowledge', '-i',
        '--path-as-is', '-H', "\@$file", @more, "http://127.0.0.1:$port$path");
    my $text = '';
    for (1 .. 100) {
        open my $out, '-|', @command or die "curl: $!";
        $text = do { local $/; <$out> } // '';
        close $out;
        last if length $text;
    }
    my ($head, $said) = split /\r\n\r\n/, $text, 2;
    my $reply = Asgard::Reply->parse_head(($head // '-')
        =~ s{^HTTP/2 }{HTTP/1.1 }r);
    $reply->{body} = $said // '';
    return $reply;
}

my $path = '/v1/chat/completions';

$t->row(8, 'HTTP/2: another authority', sub {
    $t->refused(curl($path, [$good, 'Host: evil.example'], @post), 421,
        'misdirected_request');
});
$t->row(10, 'HTTP/2: a URI of 9 kB', sub {
    $t->refused(curl('/v1/' . 'x' x 9000, [$good], @post), 404, 'not_found');
});
$t->row(10, 'HTTP/2: headers of 40 kB', sub {
    is(curl($path, [$good, map { "X-$_: " . 'y' x 4000 } 1 .. 10],
        @post)->status, 0, 'end the connection');
});
$t->row(13, "HTTP/2: $_", sub {
    $t->refused(curl($_, [$good], @post), 404, 'not_found');
}) for '/v1//chat/completions', '/v1/x/../chat/completions',
    '/v1/chat%2fcompletions', '/v1/chat/%63ompletions';
$t->row(14, 'HTTP/2: a way out of the location', sub {
    $t->refused(curl('/v1/..%2f..%2fkey', [$good], @post), 400,
        'bad_request');
});
$t->row(16, 'HTTP/2: a query with a key', sub {
    $t->refused(curl("$path?key=$t->{key}{key}", [$good], @post), 400,
        'unexpected_query');
});
for my $method (qw(GET PUT PATCH DELETE OPTIONS TRACE)) {
    $t->row(17, "HTTP/2: $method", sub {
        $t->refused(curl($path, [$good], '-X', $method), 405,
            'method_not_allowed', headers => {allow => 'POST'});
    });
}
$t->row(18, 'HTTP/2: Content-Encoding', sub {
    $t->refused(curl($path, [$good, 'Content-Encoding: gzip'], @post), 415,
        'unsupported_encoding');
});
$t->row(19, 'HTTP/2: no body', sub {
    $t->refused(curl($path, [$good], @json, '-X', 'POST'), 400,
        'empty_body');
});
$t->row(20, 'HTTP/2: a length over the limit', sub {
    $t->refused(curl($path, [$good, 'Content-Length: ' . (33 << 20)], @post),
        413, 'body_too_large');
});
$t->row(2, "HTTP/2: a length of $_, which is not the body's", sub {
    $t->refused(curl($path, [$good, "Content-Length: $_"], @post), 400,
        'bad_request');
}) for 1, 100_000;
$t->row(23, 'HTTP/2: headers that steer a proxy', sub {
    my $seen = $t->served(curl($path, [$good, 'X-Accel-Redirect: /x',
        'X-Forwarded-For: 203.0.113.9', 'X-Original-URL: /key', 'TE: trailers',
        'Range: bytes=0-1', 'Cookie: a=b', 'X-One: y'], @post));
    is_deeply([sort map { $_->[0] } @{$seen->{headers}}],
        [qw(accept accept-encoding authorization content-length content-type
            host user-agent x-request-id)], 'the provider got our headers');
});
$t->row(26, 'HTTP/2: no key', sub {
    $t->refused(curl($path, [], @post), 401, 'missing_api_key',
        headers => {'www-authenticate' => 'Bearer'});
});
$t->row(27, 'HTTP/2: two Authorization headers', sub {
    $t->refused(curl($path, [$good, 'Authorization: Bearer x'], @post), 400,
        'bad_request');
});
$t->row(28, 'HTTP/2: no Bearer', sub {
    $t->refused(curl($path, ["Authorization: $t->{key}{key}"], @post), 401,
        'invalid_api_key');
});
$t->row(33, 'HTTP/2: a key elsewhere', sub {
    $t->refused(curl($path, ["x-api-key: $t->{key}{key}",
        "Cookie: key=$t->{key}{key}"], @post), 401, 'missing_api_key');
});
$t->done;
