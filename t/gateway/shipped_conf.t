# The shipped includes: probes without asgard-ctl, JSON for what nginx refuses
# itself, the control plane's shape when it is down.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Asgard::Test;

my $t = Asgard::Test->new(control => 0, without_money => 1,
    http_conf => 'large_client_header_buffers 4 4k;');
$t->start;

my ($status, $text) = $t->{gateway}->test_conf;
is($status, 0, 'nginx -t accepts the shipped includes') or diag($text);
unlike($text, qr/\[(?:warn|error|crit|alert|emerg)\]/, 'and warns of nothing');

is($t->get('/healthz')->status, 503, 'not alive before a catalog is there');
my $ready = $t->get('/readyz');
is($ready->status, 503, 'not ready without asgard-ctl');
like($ready->at('ctl'), qr/./, 'and it names the part');
my $metrics = $t->get('/metrics');
is($metrics->status, 200, 'metrics need nobody');
like($metrics->body, qr/^# TYPE asgard_\w+_total counter$/m,
    'in the text format');

my $down = $t->get('/api/projects');
is($down->status, 503, 'the control plane is down: 503');
is_deeply([sort keys %{$down->json}], [qw(code error trace_id)],
    'in its own shape');
is($down->at('trace_id'), $down->trace, 'with the trace of its header');
unlike($down->body, qr/provider/, 'and blames no provider');

for my $case (
    ['no such path', "GET /nope HTTP/1.1\r\nHost: x\r\n\r\n", 404],
    ['a bad header', "GET / HTTP/1.1\r\nHost: x\r\nA\0B: c\r\n\r\n", 400],
    ['no host', "GET / HTTP/1.1\r\n\r\n", 400],
    ['a long line', 'GET /' . 'x' x 9000 . " HTTP/1.1\r\nHost: x\r\n\r\n", 414],
    ['a long header', "GET / HTTP/1.1\r\nHost: x\r\nA: " . 'x' x 9000
        . "\r\n\r\n", 400],
    ['a coding that is not there', "POST /v1/models HTTP/1.1\r\nHost: x\r\n"
        . "Transfer-Encoding: gzip\r\n\r\n", 501],
    ['two lengths', "POST /v1/models HTTP/1.1\r\nHost: x\r\n"
        . "Content-Length: 1\r\nContent-Length: 1\r\n\r\nx", 400]) {
    my ($name, $bytes, $wanted) = @$case;
    my $http = $t->http;
    $http->send_raw($bytes);
    my $reply = $http->read_head;
    $http->plan_body($reply);
    $http->read_body($reply);
    is($reply->status, $wanted, "$name: $wanted");
    ok($reply->at('error', 'code'), "$name: JSON with a code");
    like($reply->trace, qr/^[A-Za-z0-9._-]{1,64}$/, "$name: a trace id");
}

$t->done;
