# Every refusal, ours or nginx's own, is JSON that tells what to do, with a
# trace id; a client that should not retry is told so.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Asgard::Stage;

my $s = Asgard::Stage->new(workers => 1,
    server_conf => 'location = /closed { deny all; }');
$s->model(route => 'echo', max_output_tokens => 4000,
    allow_fields => ['verbosity']);
my $key = $s->key($s->project);
my $poor = $s->key($s->project(limit => 1000));
my $broke = $s->key($s->project(limit => 0));
$s->start;

sub shape {
    my ($reply, $status, $code, $sentence) = @_;
    subtest $sentence => sub {
        is($reply->status, $status, "status $status");
        is($reply->at('error', 'code'), $code, "code $code");
        is_deeply([sort keys %{$reply->at('error') // {}}],
            [qw(code message param type)], 'the four members');
        like($reply->at('error', 'message') // '', qr/\w.*\.$/, 'a sentence');
        like($reply->trace // '', qr/^tr_[0-9a-f]{32}$/, 'a trace id');
        is(scalar $reply->header('content-type'), 'application/json', 'JSON');
    };
}

shape($s->chat(undef), 401, 'missing_api_key', 'no key');
shape($s->get('/v1/nothing'), 404, 'not_found', 'no path');
shape($s->get('/elsewhere'), 404, 'not_found', 'no location');
shape($s->get('/closed'), 403, 'forbidden', 'denied by nginx');
shape($s->raw("GET /v1/models HTTP/1.1\r\n\r\n"), 400, 'bad_request',
    'no Host');
shape($s->raw("GET /v1/" . 'x' x 9000 . " HTTP/1.1\r\nHost: x\r\n\r\n"), 414,
    'uri_too_long', 'a long path');
shape($s->raw("GET /v1/models HTTP/1.1\r\nHost: x\r\nx: " . 'x' x 9000
    . "\r\n\r\n"), 400, 'headers_too_large', 'a long header');
is($s->raw("GET /v1/models HTTP/1.1\r\nHost: x\r\n"
    . join('', map { "x-$_: " . 'y' x 20 . "\r\n" } 1 .. 2000) . "\r\n")
    ->at('error', 'type'), 'invalid_request_error',
    'two thousand headers are refused');
shape($s->raw("POST /v1/completions HTTP/1.1\r\nHost: x\r\n"
    . "Transfer-Encoding: gzip\r\n\r\n"), 501, 'not_implemented',
    'a transfer encoding that is not chunked');
shape($s->raw("POST /v1/completions HTTP/1.1\r\nHost: x\r\n"
    . "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"), 400,
    'bad_request', 'two lengths');
shape($s->raw("\x16\x03\x01\x02\x00\x01\r\n\r\n"), 400, 'bad_request',
    'TLS on the plain port');
shape($s->raw("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 400, 'bad_request',
    'HTTP/2 on the plain port');

my $reply = $s->chat($key, {nonsense => 1});
shape($reply, 400, 'unknown_field', 'an unknown field');
is($reply->at('error', 'param'), 'nonsense', '  … is named');
is($s->chat($key, {verbosity => 'low'})->status, 200,
    'a field that the model allows is served');
shape($s->chat($key, {max_tokens => 10, max_completion_tokens => 10}), 400,
    'conflicting_fields', 'two limits at once');
is($s->chat($key, {max_tokens => 900_000})->status, 200,
    'a limit above the model\'s is lowered');

# --- trace ids ----------------------------------------------------------------

is($s->chat($key, {}, 'x-asgard-trace-id', 'my.trace_1-2')->trace,
    'my.trace_1-2', 'the client\'s trace id is kept');
like($s->chat($key, {}, 'x-asgard-trace-id', $_)->trace, qr/^tr_/,
    'one of another grammar is not') for 'a b', 'x' x 65, '<x>';
is($s->chat(undef, {}, 'x-asgard-trace-id', 'mine')->trace, 'mine',
    'a refusal keeps it too');

# --- money --------------------------------------------------------------------

for ([$poor, '0.000001'], [$broke, '0']) {
    my ($who, $limit) = @$_;
    my $over = $s->chat($who);
    is(Asgard::Stage::verdict($over), '429 budget_exceeded',
        "a budget of $limit USD has no room");
    is($over->at('error', 'type'), 'budget_exceeded', '  … says the type');
    is(scalar $over->header('x-should-retry'), 'false', '  … no retry');
    is(scalar $over->header('retry-after'), undef, '  … no time');
    is($over->raw_number('limit_usd'), $limit, '  … the limit, exactly');
    is($over->raw_number('spent_usd'), '0', '  … what is spent');
    is($over->raw_number('held_usd'), '0', '  … what is held');
    is_deeply([map { $over->at('error', $_) } qw(scope window resets_at)],
        ['project', 'total', undef], '  … scope, window, reset');
    like($over->at('error', 'scope_id'), qr/^proj-/, '  … and whose it is');
}

my $http = $s->http;
my @json = ('Content-Type', 'application/json');
is($http->request('POST', '/v1/chat/completions', [@json], '{"a":1}')->status,
    401, 'a refused connection stays');
is($http->request('POST', '/v1/chat/completions', [@json, 'Authorization',
    "Bearer $key->{key}"], $s->chat_body)->status, 200,
    '  … and serves the next call');

my $control = $s->get('/api/projects');
is($control->status, 503, 'a control plane that is down is said to be');
is_deeply([sort keys %{$control->json}], [qw(code error trace_id)],
    '  … in the control plane\'s own shape');
$s->allow_alert(qr/ctl\.sock/);

$s->done;
