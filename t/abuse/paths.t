# Rows 13-17: only the exact bytes of our own paths, without a query, with the
# one method.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Abuse qw(header_seen);

my $t = Asgard::Abuse->new;
$t->start;

my $body = $t->chat_body({model => 'one'});
my @json = ('Authorization', "Bearer $t->{key}{key}",
    'Content-Type', 'application/json');

sub ask {
    my ($method, $path) = @_;
    return $t->http->request($method, $path, [@json],
        $method =~ /^(?:GET|HEAD|OPTIONS)$/ ? undef : $body);
}

sub row {
    my ($number, $path, $status, $code, $method) = @_;
    $t->row($number, ($method // 'POST') . " $path",
        sub { $t->refused(ask($method // 'POST', $path), $status, $code) });
}

row(13, $_, 404, 'not_found') for '/v1//chat/completions',
    '//v1/chat/completions', '/v1/chat//completions', '/v1/./chat/completions',
    '/v1/x/../chat/completions', '/x/../v1/chat/completions',
    '/v1/chat%2fcompletions', '/v1%2Fchat/completions',
    '/v1/chat/%63ompletions', '/%76%31/chat/completions',
    '/v1/chat/completions%20', '/v1/chat/completions/../completions';

row(14, $_, 400, 'bad_request') for '/v1/..%2f..%2fkey', '/v1/../../key',
    '/v1/chat/completions%00', '/v1/%00chat/completions', '/v1/%zz',
    '/v1/chat/comple tions', '/v1/%2e%2e/%2e%2e/key';
row(14, $_, 404, 'not_found') for '/v1/chat/completions/',
    '/v1/chat/completions;x=1', '/v1/chat;/completions', '/V1/chat/completions',
    '/v1/Chat/Completions', '/v1\\chat\\completions', '/v1/chat\\completions',
    '/v1/chat%252fcompletions', '/v1/chat%5ccompletions',
    '/v1/chat/completions%3f', '/v1/chat/completions%23',
    '/v1/chat/completions#x', '/v1', '/v1/', '/';
$t->row(14, 'an escape in what follows the path of a model', sub {
    $t->refused(ask('GET', "/v1/models/$_"), 404, 'not_found')
        for '%2e%2e', 'a%20', 'x' x 300, '%252f';
});

# Every other path that a LiteLLM proxy answers, as its administrators' and
# pass-through routes are known.
my @others = map { "/$_" } split ' ', <<'PATHS';
key/generate key/info key/list key/update key/delete key/block key/unblock
key/x/regenerate key/health key/aliases user/new user/info user/list
user/update user/delete team/new team/info team/list team/update team/delete
team/block team/member_add organization/new organization/list customer/new
customer/info end_user/new budget/new budget/info budget/settings model/new
model/info model/delete model/update model_group/info v1/model/info
v2/model/info models models/one engines/one/chat/completions chat/completions
completions embeddings moderations responses rerank v1/moderations v1/responses
v1/responses/x v1/responses/x/input_items v1/rerank v2/rerank v1/messages/x
v1/messages/batches v1/images/generations v1/images/edits v1/audio/speech
v1/audio/transcriptions v1/audio/translations v1/files v1/files/x
v1/files/x/content v1/batches v1/batches/x/cancel v1/fine_tuning/jobs
v1/assistants v1/threads v1/threads/x/runs v1/vector_stores
v1/vector_stores/x/search v1/realtime v1/realtime/sessions v1/engines/one
v1/engines/one/embeddings v1/chat v1/key/info v1/config v1/proxy/x v1/mcp/tools
v1/search v1/containers v1/videos v1/skills v1/a2a/x v1/interactions
openai/deployments/one/chat/completions openai/v1/chat/completions
anthropic/v1/messages bedrock/model/x/invoke gemini/v1beta/models vertex_ai/x
cohere/v1/chat azure/chat/completions langfuse/x vllm/x mistral/x spend/logs
spend/tags spend/keys spend/users spend/calculate global/spend
global/spend/logs global/spend/report global/spend/reset global/activity
global/predict/spend/logs user/daily/activity config/update config/yaml
config/field/update config/list config/pass_through_endpoint
get/config/callbacks update/router_settings router/settings cache/ping
cache/delete cache/flushall health health/liveness health/liveliness
health/readiness health/services health/test_connection health/history
active/callbacks prompts/test prompts/list prompts v1/prompts guardrails/list
guardrails/apply_guardrail guardrails/test_custom_code apply_guardrail mcp mcp/
mcp/tools/list mcp-rest/tools/call mcp-rest/test/connection v1/mcp/server sse
login sso/key/generate sso/callback sso/get/ui_settings fallback/login v2/login
ui ui/ ui/login onboarding/get_token invitation/new credentials credentials/x
tag/new tag/list test routes openapi.json docs redoc debug/memory/summary
debug/asyncio-tasks memory-usage-in-mem-cache otel-spans utils/token_counter
utils/transform_request utils/supported_openai_params add/allowed_ip
delete/allowed_ip get/allowed_ips callbacks/list policies/list
queue/chat/completions access_group/list scim/v2/Users provider/budgets
public/model_hub robots.txt favicon.ico .well-known/oauth-authorization-server
api/key/generate api/config/update api/v1/chat/completions api/gateway
api/gateway/chat/x api/gateway/models
PATHS

# One row for each method: the checks after it are those of all paths.
for my $method (qw(GET POST PUT PATCH DELETE OPTIONS)) {
    $t->row(15, "$method of every other path of a LiteLLM proxy", sub {
        my $http = $t->http;
        my @bad;
        for my $path (@others) {
            my $reply = $t->judged($http->request($method, $path, [@json],
                $method =~ /^(?:GET|OPTIONS)$/ ? undef : $body));
            my $code = $reply->code // '-';
            push @bad, "$path: $reply->{status} $code"
                if $reply->status != 404 || $code ne 'not_found'
                || !$reply->trace;
        }
        is_deeply(\@bad, [], scalar(@others) . ' paths are not found');
    });
}

for my $query ("key=$t->{key}{key}", "api_key=$t->{key}{key}", 'a=%0d%0aX:y',
    '%0d%0a', '', "x=$t->{prompt}", 'api-version=2024-10-21')
{
    my $shown = $query =~ s/\Q$t->{key}{key}\E/KEY/r
        =~ s/\Q$t->{prompt}\E/PROMPT/r;
    $t->row(16, "the query '$shown'", sub {
        $t->refused(ask('POST', "/v1/chat/completions?$query"), 400,
            'unexpected_query');
        $t->refused(ask('GET', "/v1/models?$query"), 400, 'unexpected_query');
        like($t->{gateway}->access_log, qr{"GET /v1/models" 400 },
            'the log has the path alone') if length $query;
    });
}

$t->row(16, 'a query that nginx refuses before it has a location', sub {
    my $query = "key=$t->{key}{key}";
    $t->refused($t->raw($t->call_text(line => "$_ HTTP/1.1")), 405,
        'method_not_allowed') for "TRACE /v1/models?$query",
        "TRACE /elsewhere?$query";
    $t->refused($t->raw($t->call_text(head => ['X-One: ' . 'x' x 9000],
        line => "POST /v1/models?$query HTTP/1.1")), 400, 'headers_too_large');
    $t->refused($t->raw($t->call_text(without => ['host'],
        line => "POST /v1/models?$query HTTP/1.1")), 400, 'bad_request');
    $t->refused($t->raw($t->call_text(line => "POST /v1/models?$query&x="
        . 'x' x 9000 . ' HTTP/1.1')), 414, 'uri_too_long');
});

for my $method (qw(GET PUT PATCH DELETE OPTIONS TRACE)) {
    $t->row(17, $method, sub {
        for my $path (qw(/v1/chat/completions /v1/completions /v1/embeddings
            /api/gateway/chat))
        {
            $t->refused(ask($method, $path), 405, 'method_not_allowed',
                headers => {allow => 'POST'});
        }
    });
}
$t->row(17, 'HEAD', sub {
    my $reply = $t->judged(ask('HEAD', '/v1/chat/completions'));
    is($reply->status, 405, 'not allowed');
    is(scalar $reply->header('allow'), 'POST', 'and says what is');
    is($reply->body, '', 'without a body');
});
for my $method (qw(POST PUT PATCH DELETE OPTIONS TRACE)) {
    $t->row(17, "$method of the list of models", sub {
        $t->refused(ask($method, $_), 405, 'method_not_allowed',
            headers => {allow => 'GET'}) for '/v1/models', '/v1/models/one';
    });
}
for my $line ('CONNECT 127.0.0.1:80 HTTP/1.1',
    'post /v1/chat/completions HTTP/1.1', 'P0ST /v1/chat/completions HTTP/1.1',
    'POST /v1/chat/completions HTTP/1.x',
    'POST  HTTP/1.1')
{
    $t->row(17, $line, sub {
        $t->refused($t->raw($t->call_text(line => $line)), 400,
            'bad_request');
    });
}
$t->row(17, 'CONNECT of a path', sub {
    $t->refused($t->raw($t->call_text(line => 'CONNECT /v1/models HTTP/1.1')),
        405, 'method_not_allowed', headers => {allow => 'GET'});
});
$t->row(17, 'HTTP/2.0 by name', sub {
    $t->refused($t->raw($t->call_text(
        line => 'POST /v1/chat/completions HTTP/2.0')), 505, 'bad_request');
});
$t->row(17, 'a method that nobody knows', sub {
    $t->refused(ask('BREW', '/v1/chat/completions'), 405,
        'method_not_allowed', headers => {allow => 'POST'});
});

$t->done;
