# Only the exact bytes of our own paths are served; every other way to write
# them, every other path, query and method is refused before any store.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Asgard::Stage;

my $s = Asgard::Stage->new(workers => 1);
$s->model(route => 'echo');
my $key = $s->key($s->project);
$s->start;

sub call {
    my ($method, $path, $body) = @_;
    return $s->http->request($method, $path, ['Authorization',
        "Bearer $key->{key}", 'Content-Type', 'application/json'], $body);
}

sub refused {
    my ($reply, $verdict, $sentence) = @_;
    is(Asgard::Stage::verdict($reply), $verdict, $sentence);
    ok($reply->trace, "  … with a trace id");
}

for my $path ('/v1/chat/completions', '/v1/completions', '/v1/embeddings',
    '/api/gateway/chat') {
    my %input = $path =~ /embeddings/ ? (input => 'x')
        : $path =~ /chat/ ? (messages => [{role => 'user', content => 'x'}])
        : (prompt => 'x');
    is(call('POST', $path, $s->encode({model => 'echo', %input}))->status, 200,
        "$path is served");
}

my $body = $s->chat_body;
refused(call('POST', $_, $body), '404 not_found', "$_ is not found")
    for '/v1//chat/completions', '/v1/x/../chat/completions',
        '/v1/chat%2fcompletions', '/v1/chat/%63ompletions',
        '/v1/chat/completions/', '/v1/chat/completions;x',
        '/v1/Chat/completions',
        '/v1/chat%252fcompletions', '/v1/chat\\completions', '/v1/responses/x',
        '/v1/files', '/v1/moderations', '/v1/models%2f', '/v1/audio/speech';
refused(call('GET', $_), '404 not_found', "$_ of LiteLLM is not found")
    for '/key/info', '/model/info', '/spend/logs', '/v1/model/info',
        '/config/update', '/health/readiness';

refused(call('POST', '/v1/..%2f..%2fkey', $body), '400 bad_request',
    'an escape out of the location is refused');
refused($s->raw("POST /v1/%00 HTTP/1.1\r\nHost: x\r\n\r\n"),
    '400 bad_request', 'a NUL in the path is refused');

for my $query ('key=sekrit-canary', 'api_key=sekrit-canary', 'a=%0d%0a', '') {
    refused(call('POST', "/v1/chat/completions?$query", $body),
        '400 unexpected_query', "the query '$query' is refused");
}
unlike($s->{gateway}->access_log . $s->{gateway}->error_log, qr/sekrit-canary/,
    'a refused query is in no log');

for my $method (qw(GET PUT PATCH DELETE OPTIONS HEAD)) {
    my $reply = call($method, '/v1/chat/completions');
    is($reply->status, 405, "$method is not allowed");
    is(scalar $reply->header('allow'), 'POST', '  … and says what is');
}
is(scalar call('POST', '/v1/models', '{}')->header('allow'), 'GET',
    'the list of models allows GET');
like(call('TRACE', '/v1/chat/completions')->status, qr/^405$/,
    'TRACE is not allowed');
is($s->raw("CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n")->status, 400,
    'CONNECT is no request');

my $abs = $s->raw(join "\r\n", "POST http://other/v1/chat/completions HTTP/1.1",
    'Host: 127.0.0.1', "Authorization: Bearer $key->{key}",
    'Content-Type: application/json', 'Content-Length: ' . length $body,
    'Connection: close', '', $body);
is($abs->status, 200, 'an absolute URI is judged by its path');

$s->done;
