# A body arrives in any pieces, is never written to a disk, and is refused when
# it is of another kind, coded, empty or too large.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Asgard::Stage;

my $s = Asgard::Stage->new(workers => 1,
    http_conf => 'asgard_body_memory 40m; client_body_in_file_only on;');
$s->model(route => 'echo', context => 900_000_000);
my $key = $s->key($s->project);
$s->start;

my @auth = ('Authorization', "Bearer $key->{key}");
my @json = (@auth, 'Content-Type', 'application/json');
my $path = '/v1/chat/completions';

sub call { my ($headers, $body) = @_;
    return Asgard::Stage::verdict(
        $s->http->request('POST', $path, $headers, $body)) }

is(call([@auth, 'Content-Type', $_], $s->chat_body),
    '415 unsupported_media_type', "Content-Type $_ is refused")
    for 'text/plain', 'multipart/form-data; boundary=x', 'application/jsonx',
        'application/x-www-form-urlencoded';
is(call([@auth], $s->chat_body), '415 unsupported_media_type',
    'no Content-Type is refused');
is(call([@auth, 'Content-Type', 'Application/JSON; charset=utf-8'],
    $s->chat_body), '200 -', 'a Content-Type with parameters is served');
is(call([@json, 'Content-Encoding', $_], $s->chat_body),
    '415 unsupported_encoding', "Content-Encoding $_ is refused")
    for 'gzip', 'identity';
is(call([@json], ''), '400 empty_body', 'an empty body is refused');
is(Asgard::Stage::verdict($s->http->request('POST', $path, [@json])),
    '400 empty_body', 'no body is refused');
is(call([@json], '{'), '400 invalid_json', 'half a document is refused');

# --- pieces -------------------------------------------------------------------

sub send_pieces {
    my ($head, @pieces) = @_;
    my $http = $s->http;
    $http->send_raw($http->request_text('POST', $path, [@json, @$head]));
    for (@pieces) { $http->send_raw($_); select undef, undef, undef, 0.01 }
    my $reply = $http->read_head;
    $reply->{started} = 0;
    $http->plan_body($reply);
    return $http->read_body($reply);
}

my $long = $s->chat_body({messages => [{role => 'user',
    content => $s->{prompt} x 20_000}]});
for my $size (1000, 100_000, length $long) {
    my $reply = send_pieces(['Content-Length', length $long],
        unpack "(a$size)*", $long);
    is($reply->status, 200, "a long body in pieces of $size is served");
    like($reply->at('choices', 0, 'message', 'content'),
        qr/^(?:\Q$s->{prompt}\E)+/, '  … and understood');
}

sub chunk { return sprintf "%x\r\n%s\r\n", length $_[0], $_[0] }
my $short = $s->chat_body;
my $reply = send_pieces(['Transfer-Encoding', 'chunked'],
    map({ chunk($_) } split //, $short), "0\r\n\r\n");
is($reply->status, 200, 'a chunked body, a byte a chunk, is served');
$reply = send_pieces(['Transfer-Encoding', 'chunked'],
    map({ chunk($_) } unpack '(a70000)*', $long), "0\r\n\r\n");
is($reply->status, 200, 'a chunked body of 600 kB is served');
$reply = send_pieces(['Transfer-Encoding', 'chunked'],
    map({ chunk('x' x 100_000) } 1 .. 12), "0\r\n\r\n");
is(Asgard::Stage::verdict($reply), '413 body_too_large',
    'a chunked body above 1 MB is refused');

# --- bounds -------------------------------------------------------------------

my $huge = 33 * 1024 * 1024;
$reply = $s->raw("POST $path HTTP/1.1\r\nHost: x\r\n"
    . "Authorization: Bearer $key->{key}\r\nContent-Type: application/json\r\n"
    . "Content-Length: $huge\r\n\r\n");
is(Asgard::Stage::verdict($reply), '413 body_too_large',
    'a body above 32 MB is refused before it is sent');
ok($reply->trace, '  … with a trace id');

my @open = map { my $http = $s->http;
    $http->send_raw("POST $path HTTP/1.1\r\nHost: x\r\n"
        . "Authorization: Bearer $key->{key}\r\n"
        . "Content-Type: application/json\r\n"
        . "Content-Length: 15000000\r\n\r\n" . ' ' x 14_999_000);
    $http } 1 .. 3;
$reply = $open[2]->read_head;
is($reply->status, 503, 'beyond the memory for bodies a request is refused');
$open[2]->plan_body($reply);
is($open[2]->read_body($reply)->code, 'overloaded', '  … as overload');
is($s->chat($key)->status, 200, 'small ones are still served');
$_->close for @open;
select undef, undef, undef, 0.1;
is(call([@json], $long), '200 -', 'the memory of those who left is free again');

my $first = $s->http;
$first->send_raw("POST $path HTTP/1.1\r\nHost: x\r\nContent-Type: "
    . "application/json\r\nContent-Length: 30000000\r\n\r\n" . 'x' x 300_000);
$reply = $first->read_head;
is($reply->status, 401, 'the key is judged before the body is read');

is_deeply([grep { -f } glob "$s->{dir}/tmp/client_body/*"], [],
    'no body was written to a disk');

$s->done;
