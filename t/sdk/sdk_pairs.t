#!/usr/bin/env perl
# Each API of each kind of backend works with the official SDKs of OpenAI and of
# Anthropic, for Python and for Node, as shipped: the table is t/sdk/pairs.json.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use Test::More;

use Asgard::FakeModel;
use Asgard::Files qw(random_hex);
use Asgard::LiteLLM;
use Asgard::Sdk;
use Asgard::Test;

my %program = (Python => [Asgard::Sdk::program('pairs.py')],
    Node => [Asgard::Sdk::program('pairs.cjs')]);
Asgard::Sdk::must_have('litellm/bin/litellm');

my $t = Asgard::Test->new(workers => 1);
my %secret = map { $_ => $t->canary("the key $_", "$_-" . random_hex(16)) }
    qw(OPENAI_MASTER_KEY VLLM_API_KEY AZURE_OPENAI_API_KEY
    ANTHROPIC_MASTER_KEY DATABRICKS_TOKEN INFERENCE_GATEWAY_KEY GEMINI_API_KEY
    AWS_BEARER_TOKEN_BEDROCK);
my $litellm_key = $t->canary('the key of LiteLLM', 'sk-' . random_hex(16));
my %up = map { $_ => Asgard::FakeModel->of($t, $_, calls => {
    weather => "{\"city\": \"Z\x{fc}rich \\\"x\\\"\\n\"}"}) }
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
for my $language (sort keys %program) {
    subtest $language => sub {
        my ($env, @command) = @{$program{$language}};
        $sdk->checks({ASGARD_PAIRS => $table, %$env}, @command);
    };
}

# Where each was called, so that what a backend lacks was not sent to it.
my @three = qw(/v1/chat/completions /v1/completions /v1/embeddings);
my $azure = '/openai/deployments';
my $version = 'api-version=2024-10-21';
my %paths = (openai => [@three[0, 2]], vllm => \@three, ollama => \@three,
    litellm => \@three, igw => [@three[0, 1]], anthropic => ['/v1/messages'],
    azure => ["$azure/gpt-5.1/chat/completions?$version",
        "$azure/text-embedding-3-small/embeddings?$version"],
    databricks => ['/serving-endpoints/databricks-meta-llama-3-3-70b-instruct'
        . '/invocations'],
    gemini => ['/v1beta/openai/chat/completions', '/v1beta/openai/embeddings'],
    bedrock => ['/openai/v1/chat/completions']);
for my $name (sort keys %up) {
    my %seen = map { $_->{path} => 1 } $up{$name}->books;
    is_deeply([sort keys %seen], $paths{$name},
        "$name was called where its API is, and nowhere else");
}

# What arrived at Anthropic, by OpenAI's words and by its own.
my $json = JSON::PP->new->utf8->canonical->allow_nonref;
my @asked = map { $json->decode($_->{body}) } $up{anthropic}->books;
is_deeply([grep { $_->{metadata}{user_id} ne $project } @asked], [],
    "each call of Anthropic is the project's");

# The values of this member in blocks of that type, each once.
sub arrived {
    my ($type, $member) = @_;
    my %seen = map { $json->encode($_->{$member}) => 1 }
        grep { $_->{type} eq $type } map { @{$_->{content}} }
        grep { ref $_->{content} } map { @{$_->{messages}} } @asked;
    return [sort keys %seen];
}
is_deeply(arrived('tool_result', 'content'),
    ['"18 C"', '[{"text":"18 C","type":"text"}]'],
    'what the tool answered arrived there, in both spellings');
is_deeply(arrived('image', 'source'), ['{"data":"iVBORw0KGgo=",'
    . '"media_type":"image/png","type":"base64"}'], '... and the image');

$proxy->stop;
$t->done;
