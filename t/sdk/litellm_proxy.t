#!/usr/bin/env perl
# A real LiteLLM proxy behind the shipped service `litellm`: what it answers is
# served and billed by the usage that it told; the lesser of two keys is sent.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(random_hex slurp top);
use Asgard::LiteLLM;
use Asgard::Sdk;
use Asgard::Test;

Asgard::Sdk::must_have('litellm/bin/litellm');
my $good = 'sk-' . random_hex(16);
my $other = 'sk-' . random_hex(16);

# The shipped service, and more groups of the proxy as an operator adds them.
my @groups = qw(tired down long vectors);
my $manifest = slurp(top() . '/services/litellm/service.yaml') . join '',
    map { <<"YAML" } @groups;
    - ref: model:litellm/$_
      route: $_
      data_classes: [public, internal, confidential]
      cost_in: 0.003
      cost_out: 0.015
YAML
my $t = Asgard::Test->new(workers => 1, services => {litellm => $manifest});
$t->{uncounted_calls} = 1;
$t->canary('the good key of LiteLLM', $good);
$t->canary('another key', $other);
my $proxy = Asgard::LiteLLM->new(dir => $t->{dir}, key => $good,
    models => {
        router => {model => 'openai/mock',
            mock_response => 'Hello from LiteLLM.'},
        vectors => {model => 'openai/mock-embedding',
            mock_response => [0.25, -0.5]},
        tired => {model => 'openai/mock',
            mock_response => 'litellm.RateLimitError'},
        down => {model => 'openai/mock',
            mock_response => 'litellm.InternalServerError'},
        long => {model => 'openai/mock',
            mock_response => 'litellm.ContextWindowExceededError'}});
$t->{control}->write_backends(LITELLM_BASE_URL => $proxy->url,
    LITELLM_MASTER_KEY => $good);
$t->start;
my $project = $t->project(budget_usd => '5');
my $key = $t->key(project => $project);

# What tokens cost at 0.003 and 0.015 USD per thousand, in nano-USD.
sub nano { my ($in, $out) = @_; return $in * 3_000 + $out * 15_000 }

my ($calls, %seen) = (0);

# The new entry of the ledger, in nano-USD, and its tokens.
sub billed {
    my @entries = $t->wait_ledger($project, ++$calls, 20);
    my ($entry) = grep { !$seen{$_->{id}}++ } @entries;
    return $entry;
}

sub usd_of_nano { return sprintf '%.9f', $_[0] / 1e9 }

sub is_billed {
    my ($usage, $sentence) = @_;
    my $entry = billed();
    is(sprintf('%.9f', $entry->{cost_usd}), usd_of_nano(
        nano(@$usage{qw(prompt_tokens completion_tokens)})), $sentence);
    is_deeply([@$entry{qw(prompt_tokens completion_tokens)}],
        [@$usage{qw(prompt_tokens completion_tokens)}], '... by these tokens');
}

# --- answers

my $reply = $t->chat($key, {model => 'router'});
is($reply->status, 200, 'a call is answered') or diag($reply->body);
is($reply->at('choices', 0, 'message', 'content'), 'Hello from LiteLLM.',
    'with what LiteLLM said');
is($reply->at('model'), 'router', 'under the name that was asked for');
unlike($reply->{head}, qr/litellm/i, 'no header tells who served it');
is_billed($reply->at('usage'), 'it is billed by the usage in the answer');

sub stream {
    my (%more) = @_;
    my $reply = $t->chat($key, {model => 'router', stream => \1, %more});
    my @events = $reply->events;
    is(pop @events, '[DONE]', 'a stream comes to its end');
    my @chunks = map { JSON::PP::decode_json($_) } @events;
    is(join('', map { $_->{choices}[0]{delta}{content} // '' } @chunks),
        'Hello from LiteLLM.', '... with the whole text');
    return @chunks;
}

my @chunks = stream(stream_options => {include_usage => \1});
my ($usage, @more) = map { $_->{usage} // () } @chunks;
is(scalar(@more), 0, '... and its usage once, where it was asked for');
cmp_ok($usage->{completion_tokens}, '>', 0, '... which counts something');
is_billed($usage, '... and is what is billed');

is(scalar(grep { $_->{usage} } stream()), 0,
    'usage is not shown to a client that did not ask');
is_billed($usage, '... and billed all the same');

$reply = $t->post($key, '/v1/completions', {model => 'router',
    prompt => $t->{prompt}, max_tokens => 20});
is($reply->at('choices', 0, 'text'), 'Hello from LiteLLM.',
    'completions are answered') or diag($reply->body);
is_billed($reply->at('usage'), '... and billed');

$reply = $t->post($key, '/v1/embeddings', {model => 'vectors',
    input => $t->{prompt}});
is_deeply($reply->at('data', 0, 'embedding'), [0.25, -0.5],
    'embeddings are answered') or diag($reply->body);
is_billed({%{$reply->at('usage')}, completion_tokens => 0}, '... and billed');

# --- errors

for (['tired', 429, 'upstream_rate_limited'], ['down', 502, 'upstream_error'],
    ['long', 400, 'upstream_rejected']) {
    my ($model, $status, $code) = @$_;
    $reply = $t->chat($key, {model => $model});
    is($reply->status, $status, "the group '$model' is $status");
    is($reply->code, $code, "... $code");
    unlike($reply->body, qr/mock|litellm/i, "... without LiteLLM's words");
    is($reply->header('x-asgard-cost-usd') // '0', '0', '... and free');
}

# --- keys

# LiteLLM itself says which key it was shown: it takes only the good one.
sub with_keys {
    my (%keys) = @_;
    $t->{control}->write_backends(%keys);
    ok($t->reload_catalog, 'the keys are changed');
    return $t->chat($key, {model => 'router'});
}

$reply = with_keys(LITELLM_MASTER_KEY => $other,
    LITELLM_INFERENCE_KEY => $good);
is($reply->status, 200, 'LITELLM_INFERENCE_KEY is sent when it is set');
$reply = with_keys(LITELLM_MASTER_KEY => $good,
    LITELLM_INFERENCE_KEY => $other);
is($reply->code, 'upstream_rejected',
    'and the master key is not, though LiteLLM would take it');
$reply = with_keys(LITELLM_MASTER_KEY => $good, LITELLM_INFERENCE_KEY => '');
is($reply->status, 200, 'an empty one counts as unset: the master key is sent');

$proxy->stop;
$t->done;
