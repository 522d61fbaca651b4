# Every shipped service sends what its backend takes: path and query, key in its
# header, the served name, the project as the user, and no header of a client's.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::XS ();
use Test::More;

use Asgard::Files qw(slurp wait_until random_hex);
use Asgard::Test;

my $log = 'pods.log';
my $t = Asgard::Test->new(workers => 1,
    http_conf => q{log_format pods '$asgard_trace_id $asgard_pod';});
my $pods = "$t->{dir}/log/$log";
$t->{gateway}->write_conf(location_conf => "access_log $pods pods;");

# Per service: base => [variable, path of the base URL], key => [variable,
# header, what stands before it], limit => its field in chat, where that is not
# max_tokens, and calls: [API, model, path, served name].
my %services = (
    openai => {base => ['OPENAI_BASE_URL', '/v1'],
        key => ['OPENAI_MASTER_KEY', 'authorization', 'Bearer '],
        limit => 'max_completion_tokens',
        lacks => ['completions', 'gpt-5.1'],
        calls => [['chat', 'gpt-5.1', '/v1/chat/completions'],
            ['embeddings', 'text-embedding-3-small', '/v1/embeddings']]},
    litellm => {base => ['LITELLM_BASE_URL', ''],
        key => ['LITELLM_INFERENCE_KEY', 'authorization', 'Bearer '],
        more => {LITELLM_MASTER_KEY => 'sk-master-' . random_hex(12)},
        calls => [['chat', 'model:litellm/router', '/v1/chat/completions',
            'router']]},
    databricks => {base => ['DATABRICKS_HOST', ''],
        key => ['DATABRICKS_TOKEN', 'authorization', 'Bearer '],
        calls => [['chat', 'llama-3-3-70b',
            '/serving-endpoints/databricks-meta-llama-3-3-70b-instruct'
            . '/invocations', 'databricks-meta-llama-3-3-70b-instruct']]},
    'azure-openai' => {base => ['AZURE_OPENAI_ENDPOINT', '/'],
        key => ['AZURE_OPENAI_API_KEY', 'api-key', ''],
        limit => 'max_completion_tokens',
        calls => [['chat', 'azure-gpt-5.1', '/openai/deployments/gpt-5.1'
            . '/chat/completions?api-version=2024-10-21', 'gpt-5.1'],
            ['embeddings', 'azure-text-embedding-3-small',
            '/openai/deployments/text-embedding-3-small/embeddings'
            . '?api-version=2024-10-21', 'text-embedding-3-small']]},
    anthropic => {base => ['ANTHROPIC_BASE_URL', ''],
        key => ['ANTHROPIC_MASTER_KEY', 'x-api-key', ''],
        lacks => ['embeddings', 'claude-sonnet'],
        calls => [['chat', 'claude-sonnet', '/v1/messages',
            'claude-sonnet-4-5'], ['messages', 'claude-sonnet',
            '/v1/messages', 'claude-sonnet-4-5']]},
    vllm => {base => ['VLLM_BASE_URL', '/v1'],
        key => ['VLLM_API_KEY', 'authorization', 'Bearer '],
        calls => [['chat', 'llama', '/v1/chat/completions'],
            ['completions', 'llama', '/v1/completions']]},
    'inference-gateway' => {base => ['INFERENCE_GATEWAY_BASE_URL', '/v1'],
        key => ['INFERENCE_GATEWAY_KEY', 'authorization', 'Bearer '],
        lacks => ['embeddings', 'gateway-llama'],
        calls => [['chat', 'gateway-llama', '/v1/chat/completions', 'llama']]},
    gemini => {base => ['GEMINI_BASE_URL', '/v1beta/openai'],
        key => ['GEMINI_API_KEY', 'authorization', 'Bearer '],
        lacks => ['completions', 'gemini-2.5-pro'],
        calls => [['chat', 'gemini-2.5-pro',
            '/v1beta/openai/chat/completions'],
            ['embeddings', 'gemini-embedding-001',
            '/v1beta/openai/embeddings']]},
    bedrock => {base => ['BEDROCK_BASE_URL', '/openai/v1'],
        key => ['AWS_BEARER_TOKEN_BEDROCK', 'authorization', 'Bearer '],
        limit => 'max_completion_tokens',
        lacks => ['embeddings', 'bedrock-gpt-oss-120b'],
        calls => [['chat', 'bedrock-gpt-oss-120b',
            '/openai/v1/chat/completions', 'openai.gpt-oss-120b-1:0']]},
    ollama => {base => ['OLLAMA_BASE_URL', ''],
        calls => [['chat', 'llama3.2', '/v1/chat/completions']]},
);
my %secret;
for my $id (sort keys %services) {
    my $s = $services{$id};
    my $up = $s->{up} = $t->upstream($id);
    my %values = ($s->{base}[0] => $up->url . $s->{base}[1],
        %{$s->{more} // {}});
    if ($s->{key}) {
        $secret{$id} = $values{$s->{key}[0]} = "key-$id-" . random_hex(12);
        $t->canary("the key of $id", $secret{$id});
    }
    $t->{control}->write_backends(%values);
}
$t->start;
my $project = $t->project(budget_usd => '100');
my $key = $t->key(project => $project);
my @forged = ('x-gateway-inference-objective', 'urgent',
    'x-gateway-inference-fairness-id', 'mine', 'x-inference-pod', 'mine');

sub call {
    my ($api, $model) = @_;
    my %path = (chat => 'chat/completions');
    my %body = (embeddings => {input => 'x'}, completions => {prompt => 'x'},
        chat => {messages => [{role => 'user', content => 'x'}]},
        messages => {messages => [{role => 'user', content => 'x'}],
            max_tokens => 9});
    return $t->post($key, '/v1/' . ($path{$api} // $api),
        {model => $model, %{$body{$api}}}, @forged);
}

for my $id (sort keys %services) {
    my $s = $services{$id};
    my $up = $s->{up};
    for my $call (@{$s->{calls}}) {
        my ($api, $model, $path, $served) = @$call;
        my $reply = call($api, $model);
        is($reply->status, 200, "$id: $api is served") or diag($reply->body);
        my $seen = $up->last_request;
        is($seen->{path}, $path, '... at its path');
        my $body = JSON::XS::decode_json($seen->{body});
        is($body->{model}, $served // $model, '... by its name there');
        my ($header, $before) = @{$s->{key} // []}[1, 2];
        my %keys = map { $_ => $up->header_of($seen, $_) } grep {
            defined $up->header_of($seen, $_) } qw(authorization api-key
            x-api-key);
        is_deeply(\%keys, $header ? {$header => "$before$secret{$id}"} : {},
            '... with that key and no other');
        is($body->{user} // $body->{metadata}{user_id}, $project,
            '... for its project') if $api =~ /chat|messages/;
        my ($chat_limit) = grep { defined } $s->{limit}, 'max_tokens';
        is(join(' ', grep { /^max_/ } sort keys %$body),
            $api eq 'chat' ? $chat_limit : $api eq 'embeddings' ? ''
                : 'max_tokens', '... with the limit in the field of that API');
        is($up->header_of($seen, 'x-inference-pod'), undef,
            '... and no header of the client');
        my %own = map { $_ => $up->header_of($seen,
            "x-gateway-inference-$_") } qw(objective fairness-id);
        is_deeply(\%own, $id eq 'inference-gateway'
            ? {objective => 'standard', 'fairness-id' => $project}
            : {objective => undef, 'fairness-id' => undef},
            '... objective and fairness only as the service says');
    }
    my ($api, $model) = @{$s->{lacks} // next};
    my $before = $up->count;
    my $reply = call($api, $model);
    is($reply->status, 404, "$id: $model has no $api");
    is($reply->code, 'api_not_supported', '... and says so');
    is($up->count, $before, '... without a call to it');
}

# --- a model that takes max_completion_tokens, but in chat alone

{
    my $up = $services{vllm}{up};
    $t->add_service('newer', $up, models => [{ref => 'model:newer/newer',
        route => 'newer', max_tokens_field => 'max_completion_tokens'}]);
    ok($t->reload_catalog, 'a service is added');
    is(call('completions', 'newer')->status, 200, 'its completions are served');
    my $body = JSON::XS::decode_json($up->last_request->{body});
    is(join(' ', grep { /^max_/ } sort keys %$body), 'max_tokens',
        '... within a limit that this API has');
}

# --- the pod

my $gateway = $services{'inference-gateway'}{up};
for my $pod ('vllm-7c9f', 'two words', 'x' x 200) {
    $gateway->script({headers => {'x-inference-pod' => $pod}});
    my $reply = call('chat', 'gateway-llama');
    is($reply->header('x-inference-pod'), undef,
        'the client does not see which pod answered');
    my $trace = $reply->trace;
    wait_until(sub { slurp($pods) =~ /^\Q$trace\E /m }, 5);
    my $want = length $pod < 100 && $pod !~ / / ? $pod : '-';
    is((slurp($pods) =~ /^\Q$trace\E (.*)$/m)[0], $want,
        'the operator does, where it is a word');
}

$t->done;
