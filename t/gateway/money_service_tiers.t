# A call is held for the dearest service tier that it may be served at, and
# charged at the one that the answer says served it; an answer that says none of
# them, or nothing, is charged at the dearest.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use Test::More;

use Asgard::Test;

my $t = Asgard::Test->new(workers => 2, redis_deadline => '5s');
my $up = $t->upstream('main');
my $tiers = 'tier_prices: {flex: {in: 0.5, out: 5}, '
    . 'priority: {in: 2, out: 20, cached: 1.5}}';
my $project = 'proj-2026-0001';
$t->add_service('main', $up, models => [
    {ref => 'model:main/tiers', route => 'tiers', tier_prices =>
        $tiers =~ s/^tier_prices: //r},
    {ref => 'model:main/any', route => 'any', auto_tier => 'any',
        tier_prices => $tiers =~ s/^tier_prices: //r},
    {ref => 'model:main/plain', route => 'plain'},
    {ref => 'model:main/own', route => 'own', tier_prices =>
        $tiers =~ s/^tier_prices: //r,
        project_prices => "{$project: {in: 3, out: 3}}"}]);
# a table's entry has tiers of its own: in 2.5, out 15; half of it for flex,
# twice for priority
$t->{control}->write_service('table', "id: table\ninference:\n"
    . "  kind: openai-compatible\n  base_url: @{[$up->url]}/v1\n  models:\n"
    . "    - ref: model:table/gpt\n      route: gpt\n"
    . "      price: {table: gpt-5.4}\n");
$t->start;
is($t->project(budget_usd => '1000'), $project, 'a project');
my $key = $t->key(project => $project);

my $calls = 0;

# "held charged card" of a call, prices in nano-USD a token; 10 in, 20 out.
sub call {
    my ($model, $asked, $said, %more) = @_;
    $up->script({defined $said ? (service_tier => $said) : ()});
    my $reply = $t->chat($key, {model => $model, max_tokens => 20, %more,
        defined $asked ? (service_tier => $asked) : ()});
    return $reply->status . ' ' . $reply->code if $reply->status != 200;
    $t->wait_ledger($project, ++$calls);
    my $told = JSON::PP::decode_json((split /\n/, $t->{gateway}->spool)[-1]);
    my ($body) = $up->last_request->{body} =~ /"service_tier":"(\w+)"/;
    is($body, $asked, 'the provider is told the tier that was asked for');
    # what was held at one price of a prompt's token and one of an answer's
    my $held = $told->{held};
    return sprintf '%s %d %s', $held, $told->{amount}, $told->{card};
}

my ($standard) = split / /, call('tiers');
sub held { my ($said) = @_; return (split / /, $said)[0] / $standard }

my %cost = (standard => 10 * 1000 + 20 * 10_000,
    flex => 10 * 500 + 20 * 5_000, priority => 10 * 2000 + 20 * 20_000);
my @cases = (
    # model, asked, said, held (of standard), charged
    ['tiers', undef, undef, 1, 'standard'],
    ['tiers', undef, 'default', 1, 'standard'],
    ['tiers', 'auto', 'default', 1, 'standard'],
    ['tiers', undef, 'flex', 1, 'standard'],
    ['tiers', undef, 'priority', 1, 'standard'],
    ['tiers', 'default', 'priority', 1, 'standard'],
    ['tiers', 'flex', 'flex', 1, 'flex'],
    ['tiers', 'flex', 'default', 1, 'standard'],
    ['tiers', 'flex', undef, 1, 'standard'],
    ['tiers', 'flex', 'scale', 1, 'standard'],
    ['tiers', 'flex', 'priority', 1, 'standard'],
    ['tiers', 'priority', 'priority', 2, 'priority'],
    ['tiers', 'priority', 'default', 2, 'standard'],
    ['tiers', 'priority', undef, 2, 'priority'],
    ['tiers', 'priority', 'scale', 2, 'priority'],
    ['tiers', 'priority', 'flex', 2, 'priority'],
    ['any', undef, 'priority', 2, 'priority'],
    ['any', 'auto', 'flex', 2, 'flex'],
    ['any', undef, 'default', 2, 'standard'],
    ['any', undef, undef, 2, 'priority'],
    ['any', 'default', 'default', 1, 'standard'],
    ['plain', 'flex', 'flex', 1, 'standard'],
);
for my $case (@cases) {
    my ($model, $asked, $said, $held, $charged) = @$case;
    my $what = join ' ', $model, $asked // '-', $said // '-';
    for my $stream (0, 1) {
        my $got = call($model, $asked, $said,
            $stream ? (stream => JSON::PP::true) : ());
        my (undef, $amount, $card) = split / /, $got;
        is($amount, $cost{$charged}, "$what: charged at $charged");
        is($card, "model:main/$model" . ($charged eq 'standard' ? ''
            : "#$charged"), "$what: by a card of its own");
        cmp_ok(abs(held($got) - $held), '<', 0.3, "$what: held $held times")
            if !$stream;
    }
}

is((split / /, call('gpt'))[1], 10 * 2500 + 20 * 15_000,
    'a model of the table, at its standard price');
is((split / /, call('gpt', 'flex', 'flex'))[1], 10 * 1250 + 20 * 7500,
    'at its price for flex');
is((split / /, call('gpt', 'priority', 'priority'))[1],
    10 * 5000 + 20 * 30_000, 'at its price for priority');
is((split / /, call('own', $_, $_))[1], $cost{$_},
    "a project's own price leaves the tier's: $_") for qw(flex priority);

is(call('plain', 'priority', undef), '400 invalid_value',
    'a tier that has no price is refused');
is($t->chat($key, {model => 'plain', service_tier => 'priority'})
    ->at('error', 'param'), 'service_tier', 'by its field');
is(call('tiers', 'scale', undef), '400 invalid_value', 'and an unknown one');

my @wrong = (['{slow: {in: 1, out: 1}}', 'expects flex or priority'],
    ['{flex: {in: 1}}', 'expects a price of a prompt']);
for my $case (@wrong) {
    my ($prices, $expect) = @$case;
    my $file = "$t->{dir}/bad.yaml";
    Asgard::Files::spill($file, "id: bad\ninference:\n  kind: openai\n"
        . "  models:\n    - ref: model:bad/x\n      cost_in: 1\n"
        . "      cost_out: 1\n      tier_prices: $prices\n");
    my ($status, $out, $err) = $t->{control}->run('validate', $file);
    like("$out$err", qr/bad\.yaml:8: "tier_prices" \Q$expect\E/,
        "$prices is refused with its line");
}

$t->done;
