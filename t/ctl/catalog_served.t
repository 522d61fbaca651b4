#!/usr/bin/perl
# What the operator's files say is what the gateway does.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Test;

my $t = Asgard::Test->new(routing => <<'YAML');
model_alias_map:
  gpt-4o: default
num_retries: 0
models:
  default:
    candidates:
      - model: one
fallbacks:
  - default: [model:second/two]
YAML
my $first  = $t->upstream('first');
my $second = $t->upstream('second');
my $proxy  = $t->upstream('proxy');
$t->add_model($first, ref => 'model:first/one', route => 'one');
$t->add_service('second', $second, inference => {
    chat_path => '/serving-endpoints/{model}/invocations',
    auth_header => 'api-key'}, models => [{ref => 'model:second/two',
        route => 'two', served => 'served-two'}]);
$t->{control}->write_backends(LITELLM_BASE_URL => $proxy->url . '/v1/');
$t->start;
my $key = $t->key(project => $t->project(budget_usd => '1'));

my $reply = $t->chat($key, {model => 'gpt-4o'});
is($reply->status, 200, 'an alias is served');
is($reply->json->{model}, 'gpt-4o', '... under the name that was asked for');
is($first->last_request->{path}, '/v1/chat/completions',
    '... base and path joined without doubling /v1');

$first->script({status => 503});
$reply = $t->chat($key, {model => 'default'});
is($reply->status, 200, 'a fallback takes over');
my $seen = $second->last_request;
like($seen->{path}, qr{/serving-endpoints/served-two/invocations$},
    '... with the served name in its path');
is($second->header_of($seen, 'authorization'), undef,
    '... no Authorization where another header carries the key');
ok($second->header_of($seen, 'api-key'), '... but that header');

$reply = $t->chat($key, {model => 'model:litellm/router'});
is($reply->status, 200, 'litellm is active on its address alone');
is($proxy->header_of($proxy->last_request, 'authorization'), undef,
    '... and without a key no Authorization is sent');

is($t->chat($key, {model => 'late'})->status, 404, 'an unknown model');
$t->{control}->write_service('late', <<"YAML");
id: late
inference:
  kind: openai-compatible
  base_url: @{[$proxy->url]}
  models:
    - ref: model:late/late
      cost_in: 0.001
      cost_out: 0.01
YAML
# where a reload asks which version the workers serve
$ENV{ASGARD_CTL_PUBLIC_URL} = $t->url;
ok($t->reload_catalog, 'a reload with a new module succeeds');
is($t->chat($key, {model => 'late'})->status, 200,
    '... and its model is served when it has returned');
$t->{control}->write_service('late', undef);
ok($t->reload_catalog, 'a reload without it succeeds');
is($t->chat($key, {model => 'late'})->status, 404,
    '... and its model is gone');

$t->done;
