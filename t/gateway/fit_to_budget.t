# A project may have its calls ask for fewer tokens when the budget has no room
# for all that they ask for: max_tokens is lowered to what is left, the provider
# gets no more, and a header says so.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use Test::More;

use Asgard::Files qw(wait_until);
use Asgard::OneModel qw(one_model);
use Asgard::Spool qw(call_of);

my ($t, $up, $project, $key) = one_model(budget_usd => '10');

sub ask { return $t->chat($key, {model => 'one', @_}) }
sub limit { my ($nano, @more) = @_;
    $t->set_budgets($project, ['total', sprintf('%d.%09d', $nano / 1e9,
        $nano % 1_000_000_000)], @more);
    return }
sub sent { return JSON::PP::decode_json($up->last_request->{body}) }
sub quiet { ok(wait_until(sub { !$t->usage($project)->{held_usd} }, 5),
    '... and ends'); return }

my $all = ask(max_tokens => 1000);
is($all->status, 200, 'a call with room for all');
is($all->header('x-asgard-max-tokens'), undef, '... is not lowered');
# What a token of an answer costs; what is held for the prompt alone.
my $token = 10_000;
my $prompt = call_of($t, $all)->{held} - 1000 * $token;
cmp_ok($prompt, '>', 0, 'a token more holds more');
quiet();
my $spent = sprintf '%.0f', $t->usage($project)->{spent_usd} * 1e9;

# Room for 100 tokens and a half.
limit($spent + $prompt + 100.5 * $token);
my $no = ask(max_tokens => 1000);
is($no->status, 429, 'without the setting it is refused');
my $patched = $t->api_ok('PATCH', "/api/projects/$project",
    '{"fit_to_budget":true}');
ok($patched->{fit_to_budget}, 'the project wants its calls to fit');
my $fits = ask(max_tokens => 1000);
is($fits->status, 200, 'now it is served') or diag($fits->body);
is($fits->header('x-asgard-max-tokens'), 100, '... with what is left');
is(sent()->{max_tokens} // sent()->{max_completion_tokens}, 100,
    '... and the provider was asked for no more');
is(call_of($t, $fits)->{held}, $prompt + 100 * $token,
    '... and held no more');
quiet();

# Without a limit of its own; in a window that is not the first.
$spent = sprintf '%.0f', $t->usage($project)->{spent_usd} * 1e9;
limit($spent + $prompt + 200 * $token, ['1h', sprintf('%.9f',
    ($spent + $prompt + 50.5 * $token) / 1e9)]);
my $plain = ask(max_tokens => undef);
is($plain->header('x-asgard-max-tokens'), 50,
    'a call that names no limit gets the least that all windows have left');
quiet();
my $small = ask(max_tokens => 5);
is($small->status, 200, 'what asks for less');
is($small->header('x-asgard-max-tokens'), undef, '... is left as it is');
quiet();

# Of a minute's tokens a call that named no limit counts with its sixteenth,
# also when it was made to fit.
my $minute = $t->key(project => $project, tpm_limit => 480);
sub counted { my ($reply) = @_;
    is($reply->status, 200, 'a call that is made to fit, with tpm_limit')
        or diag($reply->body);
    ok($reply->header('x-asgard-max-tokens'), '... is lowered');
    return 480 - $reply->header('x-ratelimit-remaining-tokens') }
sub ask_of_minute { return $t->chat($minute, {model => 'one', @_}) }
$spent = sprintf '%.0f', $t->usage($project)->{spent_usd} * 1e9;
limit($spent + $prompt + 200.5 * $token);
cmp_ok(counted(ask_of_minute(max_tokens => undef)), '<', 150,
    '... and counts as one that says nothing of its length');
quiet();

# Not even one token.
$spent = sprintf '%.0f', $t->usage($project)->{spent_usd} * 1e9;
limit($spent + $prompt + $token / 2);
my $none = ask(max_tokens => 1000);
is($none->status, 429, 'where not one token fits it is refused');
is($none->json->{error}{code}, 'budget_exceeded', '... as ever');
is($none->header('x-asgard-max-tokens'), undef, '... and not lowered');
is($t->api('PATCH', "/api/projects/$project", '{"fit_to_budget":1}')
    ->json->{param}, 'fit_to_budget', 'the setting is a boolean');
$t->done;
