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
fallbacks: [{"default": ["claude", "gpt"]}]
num_retries: 2
timeout: 30
stream_timeout: 60
cooldown_time: 5
allowed_fails: 3
YAML
my %up = map { $_ => $t->upstream($_) } qw(vllm claude openai);
my %model = (vllm => ['model:vllm/llama', 'llama', 0],
    claude => ['model:anthropic/claude', 'claude', '0.003'],
    openai => ['model:openai/gpt', 'gpt', '0.001']);
for my $name (sort keys %up) {
    my ($ref, $route, $price) = @{$model{$name}};
    $t->add_service($name, $up{$name}, models => [{ref => $ref,
        route => $route, cost_in => $price || '0.0001',
        cost_out => $price || '0.0001'}]);
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

my @entries = $t->wait_ledger($project, 4);
is(join(' ', sort map { $_->{model} } @entries),
    join(' ', sort 'model:vllm/llama', 'model:vllm/llama',
        'model:anthropic/claude', 'model:openai/gpt'),
    'each call is billed once, as the one that served');

my $metrics = $t->get('/metrics')->body;
like($metrics, qr/^asgard_model_fallback_calls_total\{model="\Q$_\E"\} 1$/m,
    "the metrics say that a call fell to $_")
    for 'model:anthropic/claude', 'model:openai/gpt';

$t->done;
