# One name in front of three backends, as shipped: a self-hosted model that is
# scaled to zero, then Claude, then OpenAI; the client never learns of it.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Time::HiRes qw(time);

use Asgard::Spool qw(call_of);
use Asgard::Test;

my $t = Asgard::Test->new(workers => 2, routing => <<'YAML');
model_alias_map: {"gpt-4o": "default", "gpt-3.5-turbo": "default"}
models:
  default:
    {candidates: [{model: "model:vllm/llama", weight: 1}], strategy: weighted}
fallbacks: [{"default": ["claude", "openai"]}]
context_window_fallbacks: []
num_retries: 2
timeout: 30
stream_timeout: 60
cooldown_time: 5
allowed_fails: 3
YAML
my %up = map { $_ => $t->upstream($_) } qw(vllm claude openai);
my %model = (vllm => ['model:vllm/llama', 'llama', '0.0001'],
    claude => ['model:anthropic/claude', 'claude', '0.003'],
    openai => ['model:openai/gpt', 'openai', '0.001']);
for my $name (sort keys %up) {
    my ($ref, $route, $price) = @{$model{$name}};
    $t->add_service($name, $up{$name}, $name eq 'claude'
        ? (kind => 'anthropic') : (), models => [{ref => $ref,
        route => $route, cost_in => $price, cost_out => $price}]);
}
$t->start;
my $project = $t->project(budget_usd => '10');
my $key = $t->key(project => $project);

my %mark;
sub mark { %mark = map { $_ => $up{$_}->count } keys %up }
sub since { join ' ', map { $up{$_}->count - $mark{$_} }
    qw(vllm claude openai) }

mark();
my $reply = $t->chat($key, {model => 'gpt-4o'});
is($reply->status, 200, 'a call of an alias is served');
is(since(), '1 0 0', 'by the self-hosted model');

mark();
$up{vllm}->script(map { {status => 503, body => 'no endpoints'} } 1 .. 3);
my $begun = time;
$reply = $t->chat($key, {model => 'gpt-4o'});
is($reply->status, 200, 'scaled to zero: the call is served all the same');
is(since(), '3 1 0', 'by Claude, after two retries');
is($reply->at('model'), 'gpt-4o', 'under the name that was asked for');
is($up{claude}->last_request->{path}, '/v1/messages',
    'in the words of its API');
is($reply->at('object'), 'chat.completion', '... and of the client\'s');
unlike($reply->body, qr/msg_|claude|anthropic/i,
    'nothing in the answer tells who served');
unlike($reply->{head} // '', qr/claude|anthropic|vllm/i,
    'no header tells who served');
cmp_ok(time - $begun, '<', 10, 'within one call\'s time');

mark();
$up{vllm}->script(map { {status => 503} } 1 .. 3);
$up{claude}->script(map { {status => 529} } 1 .. 3);
$reply = $t->chat($key, {model => 'default', stream => \1});
is($reply->status, 200, 'Claude overloaded too: a stream is served');
is(since(), '3 3 1', 'by OpenAI');

mark();
$up{vllm}->script(map { {status => 503} } 1 .. 3);
$reply = $t->chat($key, {model => 'default', stream => \1});
is(since(), '3 1 0', 'a stream falls to Claude, too');
like($reply->body, qr/"content":"w1 ".*data: \[DONE\]/s,
    '... whole, in the words of the client');
unlike($reply->body, qr/msg_|claude|anthropic|event: /i,
    '... and nothing in it tells who served');

mark();
is($t->chat($key, {model => 'gpt-3.5-turbo'})->status, 200,
    'as soon as it answers');
is(since(), '1 0 0', 'calls are back on the self-hosted model');

mark();
$up{$_}->script(map { {status => 503} } 1 .. 3) for keys %up;
$begun = time;
$reply = $t->chat($key, {model => 'default'});
is($reply->status . ' ' . $reply->code, '502 upstream_error',
    'when all fail at once the client is told');
cmp_ok(time - $begun, '<', 20, 'within 20 seconds');
is(since(), '3 3 3', 'after every try that there was');

my @entries = $t->wait_ledger($project, 5);
is(join(' ', sort map { $_->{model} } @entries),
    join(' ', sort 'model:vllm/llama', 'model:vllm/llama',
        ('model:anthropic/claude') x 2, 'model:openai/gpt'),
    'each call is billed once, as the one that served');

my %fell = $t->get('/metrics')->body
    =~ /^asgard_model_fallback_(\w+\{model="\S+"\}) (\d+)$/mg;
is_deeply({map { $_ => $fell{$_} } grep { $fell{$_} } keys %fell}, {
    'calls_total{model="model:anthropic/claude"}' => 2,
    'calls_total{model="model:openai/gpt"}' => 1,
    'cost_nusd_total{model="model:anthropic/claude"}' => 2 * 30 * 3000,
    'cost_nusd_total{model="model:openai/gpt"}' => 30 * 1000},
    'the metrics say how many calls fell to each, and what that cost');

$t->done;
