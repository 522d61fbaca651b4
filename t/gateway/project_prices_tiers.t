# What a project pays for a model leaves its service tiers and longer prompts as
# the model has them, kind by kind, unless it names them too: then a call there
# is held and charged by that, and every other call as before.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use Test::More;

use Asgard::Files qw(wait_until);
use Asgard::Test;

my $t = Asgard::Test->new(redis_deadline => '5s');
my $up = $t->upstream('main');
my %model = (cost_in => '0.001', cost_out => '0.01',
    tier_prices => '{flex: {in: 0.5, out: 5}, '
        . 'priority: {in: 2, out: 20, cached: 1.5}}');
my %long = (long_context =>
    '{above_tokens: 100, cost_in: 0.004, cost_out: 0.04}');
my $by_file = 'proj-2026-0002';
$t->add_service('main', $up, models => [map {
    {%model, ref => "model:main/$_->[0]", route => $_->[0], %{$_->[1]}}
} ['bare', {}], ['named', {project_prices =>
        "{$by_file: {in: 3, priority: {out: 7}}}"}],
    ['length', {}], ['long', {%long}], ['longer', {%long}]]);
$t->start;
my ($own, $other) = map { $t->project(budget_usd => '1000') } 1, 2;
is($other, $by_file, 'the module\'s file prices the second project');
my %key = map { $_ => $t->key(project => $_) } $own, $other;
my %calls;

# What it held, was charged (nano-USD), and by which card; 20 tokens out.
sub call {
    my ($project, $model, $tier, %more) = @_;
    my $prompt = $more{prompt} // 10;
    $up->script({service_tier => $tier // 'default', usage => {
        prompt_tokens => $prompt, completion_tokens => 20,
        total_tokens => $prompt + 20,
        prompt_tokens_details => {cached_tokens => $more{cached} // 0}}});
    my $reply = $t->chat($key{$project}, {model => $model, max_tokens => 20,
        messages => [{role => 'user', content => 'x' x $prompt}],
        defined $tier ? (service_tier => $tier) : ()});
    is($reply->status, 200, 'a call') or diag($reply->body);
    $t->wait_ledger($project, ++$calls{$project});
    my $told = JSON::PP::decode_json((split /\n/, $t->{gateway}->spool)[-1]);
    return @$told{qw(held amount card)};
}

my ($plain, $amount, $card) = call($own, 'bare', 'priority');
is("$amount $card", 10 * 2000 + 20 * 20_000 . ' model:main/bare#priority',
    'without prices of its own a project pays the tier\'s');
my ($short) = call($own, 'longer');

my $reply = $t->api('PATCH', "/api/projects/$own", <<'JSON');
{"prices": {"model:main/bare": {"in": 100, "out": 3},
 "model:main/named": {"in": 4, "priority": {"in": 50},
  "flex": {"cost_out": 0.001, "cached": 0.25}},
 "model:main/long": {"in": 6},
 "model:main/longer": {"long_context": {"in": 9, "out": 90}},
 "model:main/length": {"in": 2,
  "long_context": {"above_tokens": 50, "in": 8}}}}
JSON
is($reply->status, 200, 'a project may have prices of tiers and lengths')
    or diag($reply->body);
my $said = $reply->json->{prices};
is_deeply([@$said{'model:main/named', 'model:main/length'}],
    [{cost_in => 0.004, priority => {cost_in => 0.05},
        flex => {cost_out => 0.001, cost_cached => 0.00025}},
     {cost_in => 0.002,
        long_context => {above_tokens => 50, cost_in => 0.008}}],
    '... and they are answered as they were said');
ok(wait_until(sub { (call($own, 'bare'))[1] == 10 * 100_000 + 20 * 3000 }, 20),
    'standard is the project\'s');

# --- a price that names no tier

(my $held, $amount, $card) = call($own, 'bare', 'priority');
is("$amount $card", 10 * 2000 + 20 * 20_000 . ' model:main/bare#priority',
    'priority stays the model\'s own, though standard is another');
cmp_ok($held, '>', $plain,
    '... and the dearer of both is held: it may be served at either');
is((call($own, 'bare', 'flex'))[1], 10 * 500 + 20 * 5000, 'flex as well');

# --- a price that names them

($held, $amount, $card) = call($own, 'named', 'priority');
is("$amount $card", 10 * 50_000 + 20 * 20_000
    . " model:main/named#priority\@$own",
    'a kind of a tier is over the model\'s there, which keeps the others');
cmp_ok($held, '>', 2 * $plain, '... and holds by that');
is(join(' ', (call($own, 'named', 'flex', cached => 4))[1, 2]),
    6 * 500 + 4 * 250 + 20 * 1000 . " model:main/named#flex\@$own",
    'of flex too, with its price of cached tokens');
is((call($own, 'named', 'priority', cached => 4))[1],
    6 * 50_000 + 4 * 1500 + 20 * 20_000,
    '... and with the model\'s where the project says none');
is((call($own, 'named'))[1], 10 * 4000 + 20 * 10_000,
    'standard takes nothing of that');
my $shown = $t->{control}->run_ok('prices', 'show', 'model:main/named');
my %shown = map { /^(\S+?), as (?:the|its) (\w+) says[^\n]*\n(.*)/s
    ? ($1 => "$2 " . join ' ', map { (split)[1] } (split /\n/, $3)[0 .. 2])
    : () } split /^(?=model:)/m, $shown;
is_deeply(\%shown, {
    'model:main/named#flex' => 'module 0.5 5 0.5',
    'model:main/named#priority' => 'module 2 20 1.5',
    "model:main/named\@$own" => 'API 4 10 4',
    "model:main/named#flex\@$own" => 'API 0.5 1 0.25',
    "model:main/named#priority\@$own" => 'API 50 20 1.5',
    "model:main/named\@$other" => 'module 3 10 3',
    "model:main/named#priority\@$other" => 'module 2 7 1.5'},
    '`prices show` tells which project pays what, and who says it');

# --- longer prompts

is((call($own, 'long', undef, prompt => 200))[1], 200 * 6000 + 20 * 40_000,
    'a longer prompt is never cheaper than a shorter, and else the model\'s');
is((call($own, 'longer', undef, prompt => 200))[1], 200 * 9000 + 20 * 90_000,
    'the project may have a price of its own there');
cmp_ok((call($own, 'longer'))[0], '>', $short,
    '... for which a prompt is held that may be so long');
is((call($own, 'longer', 'flex', prompt => 200))[1], 200 * 500 + 20 * 5000,
    'a tier keeps its own');
is((call($own, 'length', undef, prompt => 60))[1], 60 * 8000 + 20 * 10_000,
    'and a length that its model does not have');

# --- the same in the module's file

is(join(' ', (call($other, 'named', 'priority'))[1, 2]),
    10 * 2000 + 20 * 7000 . " model:main/named#priority\@$other",
    'a file may name a tier too');
is((call($other, 'named', 'flex'))[1], 10 * 500 + 20 * 5000,
    '... and leaves the other as it is');

$t->done;
