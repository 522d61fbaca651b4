#!/usr/bin/env perl
# Each API of each kind of backend works with the official SDKs of OpenAI and of
# Anthropic, for Python and for Node, as shipped: the table is t/sdk/pairs.json.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::FakeModel;
use Asgard::Files qw(random_hex);
use Asgard::LiteLLM;
use Asgard::Sdk;
use Asgard::Test;

my $python = Asgard::Sdk::must_have('venv/bin/python');
my $modules = Asgard::Sdk::must_have('node_modules');
Asgard::Sdk::must_have('litellm/bin/litellm');
my ($node) = grep { -x } map { "$_/node" } split /:/, $ENV{PATH};

my $t = Asgard::Test->new(workers => 1);
my %secret = map { $_ => $t->canary("the key $_", "$_-" . random_hex(16)) }
    qw(OPENAI_MASTER_KEY VLLM_API_KEY AZURE_OPENAI_API_KEY
    ANTHROPIC_MASTER_KEY DATABRICKS_TOKEN INFERENCE_GATEWAY_KEY GEMINI_API_KEY
    AWS_BEARER_TOKEN_BEDROCK);
my $litellm_key = $t->canary('the key of LiteLLM', 'sk-' . random_hex(16));
my %up = map { $_ => Asgard::FakeModel->of($t, $_, calls => {
    weather => "{\"city\": \"Z\x{fc}rich\"}"}) }
    qw(openai vllm azure anthropic litellm databricks igw gemini bedrock
    ollama);

# LiteLLM stands between the gateway and a provider of its own.
my $proxy = Asgard::LiteLLM->new(dir => $t->{dir}, key => $litellm_key,
    models => {router => {model => 'openai/router',
        api_base => $up{litellm}->url . '/v1'}});
$t->{control}->write_backends(%secret,
    OPENAI_BASE_URL => $up{openai}->url . '/v1',
    VLLM_BASE_URL => $up{vllm}->url . '/v1',
    AZURE_OPENAI_ENDPOINT => $up{azure}->url,
    ANTHROPIC_BASE_URL => $up{anthropic}->url,
    DATABRICKS_HOST => $up{databricks}->url,
    INFERENCE_GATEWAY_BASE_URL => $up{igw}->url . '/v1',
    GEMINI_BASE_URL => $up{gemini}->url . '/v1beta/openai',
    BEDROCK_BASE_URL => $up{bedrock}->url . '/openai/v1',
    OLLAMA_BASE_URL => $up{ollama}->url . '/v1',
    LITELLM_BASE_URL => $proxy->url, LITELLM_MASTER_KEY => $litellm_key);
$t->start;
my $project = $t->project(budget_usd => '500');
my $sdk = bless {test => $t, keys => {good => $t->key(project => $project)},
    projects => {poor => $project}}, 'Asgard::Sdk';

my $table = "$FindBin::Bin/pairs.json";

my %program = (Python => [$python, "$FindBin::Bin/pairs.py"],
    Node => [$node // 'node', "$FindBin::Bin/pairs.cjs"]);
for my $language (sort keys %program) {
    subtest $language => sub {
        $sdk->checks({ASGARD_PAIRS => $table, NODE_PATH => $modules},
            @{$program{$language}});
    };
}

is(scalar(grep { $_->{path} ne '/v1/messages' } $up{anthropic}->books), 0,
    'what a backend lacks is not sent to it');
my ($path) = map { $_->{path} } grep { $_->{path} =~ /chat/ }
    $up{azure}->books;
is($path, '/openai/deployments/gpt-5.1/chat/completions'
    . '?api-version=2024-10-21', 'Azure was called by its deployment');

$proxy->stop;
$t->done;
