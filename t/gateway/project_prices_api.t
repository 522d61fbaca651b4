# What a project pays for a model can be said by the API: in the spellings of a
# module's file, exact, audited; it acts within seconds, over what the file says
# for that project, and no longer than it is said.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(wait_until);
use Asgard::People;
use Asgard::Test;

my $t = Asgard::Test->new;
my $up = $t->upstream('main', prompt_tokens => 10, completion_tokens => 20);
$t->add_service('main', $up, models => [
    {ref => 'model:main/one', route => 'one', cost_in => '0.001',
        cost_out => '0.01', project_prices => '{proj-2026-0002: {out: 7}}'},
    {ref => 'model:main/two', route => 'two', cost_in => '0.001',
        cost_out => '0.01', cost_audio_in => '0.002',
        token_bounds => '{audio: 100}',
        long_context => '{above_tokens: 100, cost_in: 0.002}'}]);
$t->start;
my ($own, $other) = map { $t->project(budget_usd => '1') } 1, 2;
my %key = map { $_ => $t->key(project => $_) } $own, $other;

# The body is text: a number stays as it is written.
sub patch {
    my ($project, $prices) = @_;
    return $t->api('PATCH', "/api/projects/$project", qq({"prices": $prices}));
}

sub costs {
    my ($project, $cost, $model) = @_;
    return wait_until(sub {
        my $said = $t->chat($key{$project}, {model => $model // 'one'})
            ->header('x-asgard-cost-usd') // '';
        return $said eq $cost;
    }, 20);
}

is_deeply($t->api('GET', "/api/projects/$own")->json->{prices}, {},
    'a project has no prices of its own');
my $reply = patch($own, '{"model:main/one": {"cost_in": 0.003,'
    . ' "output_cost_per_token": 4e-06, "cached": 0.0000015}}');
is($reply->status, 200, 'a price is said by 1,000 tokens, by one, by a million')
    or diag($reply->body);
my $said = '"prices":{"model:main/one": {"cost_in": 0.003,'
    . ' "cost_out": 0.004, "cost_cached": 0.000000002}}';
for ($reply, $t->api('GET', "/api/projects/$own")) {
    is(index($_->body, $said) >= 0, 1, '... and is answered exactly')
        or diag($_->body);
}
ok(costs($own, '0.00011'), 'the project pays that: 10 at 3 and 20 at 4 USD');
is($t->chat($key{$own}, {model => 'two'})->header('x-asgard-cost-usd'),
    '0.00021', '... for that model alone');
is($t->chat($key{$other}, {model => 'one'})->header('x-asgard-cost-usd'),
    $other eq 'proj-2026-0002' ? '0.00015' : '0.00021',
    '... and that project alone');
ok(wait_until(sub {
    ($t->{postgres}->value("SELECT count(*) FROM holds WHERE project_id ="
        . " '$own' AND detail->>'card' = 'model:main/one\@$own'") // 0) > 0
}, 10), 'the ledger names a card of the project');
is($t->{postgres}->value("SELECT count(*) FROM audit_events WHERE action ="
    . " 'project.updated' AND entity_ref = 'project:$own' AND"
    . " data->>'prices' LIKE '%output_cost_per_token%'"), 1,
    'the change is audited');

is(patch($other, '{"model:main/one": {"in": 1, "out": 2.5}}')->status, 200,
    'another project');
ok(costs($other, '0.00006'), '... pays what the API says, not the file');
is(patch($own, '{"model:main/one": {"cost_out": 100}}')->status, 200,
    'prices replace those of before');
ok(wait_until(sub {
    $t->chat($key{$own}, {model => 'one', max_tokens => 20})->status == 429
}, 20), 'the hold is at the dearer price');
my $before = $up->count;
$t->chat($key{$own}, {model => 'one', max_tokens => 20});
is($up->count, $before, '... and nothing is sent that does not fit');
is(patch($_, 'null')->status, 200, 'null takes them away') for $own, $other;
ok(costs($own, '0.00021'), '... and the model\'s price holds again');

for my $case (
    ['[]', 'prices'], ['7', 'prices'], ['{"": {"in": 1}}', 'prices'],
    ['{"model:main/none": {"in": 1}}', 'prices.model:main/none'],
    ['{"one": {"in": 1}}', 'prices.one'],
    ['{"model:main/one": 3}', 'prices.model:main/one'],
    ['{"model:main/one": {}}', 'prices.model:main/one'],
    ['{"model:main/one": {"in": 0, "out": 0}}', 'prices.model:main/one'],
    ['{"model:main/two": {"in": 100, "audio_in": 0}}', 'prices.model:main/two'],
    ['{"model:main/one": {"price": 1}}', 'prices.model:main/one.price'],
    ['{"model:main/one": {"in": -1}}', 'prices.model:main/one.in'],
    ['{"model:main/one": {"in": "1"}}', 'prices.model:main/one.in'],
    ['{"model:main/one": {"in": 1e12}}', 'prices.model:main/one.in'],
    ['{"model:main/one": {"in": 1, "cost_in": 1}}',
        'prices.model:main/one.cost_in'],
    ['{"model:main/one": {"flex": 1}}', 'prices.model:main/one.flex'],
    ['{"model:main/one": {"flex": {}}}', 'prices.model:main/one.flex'],
    ['{"model:main/one": {"flex": {"in": 1}}}', 'prices.model:main/one.flex'],
    ['{"model:main/one": {"flex": {"in": 0, "out": 0}}}',
        'prices.model:main/one.flex'],
    ['{"model:main/one": {"priority": {"in": 1, "out": 1, "x": 1}}}',
        'prices.model:main/one.priority.x'],
    ['{"model:main/one": {"flex": {"in": 1, "cost_in": 1, "out": 1}}}',
        'prices.model:main/one.flex.cost_in'],
    ['{"model:main/one": {"flex": {"above_tokens": 7, "in": 1, "out": 1}}}',
        'prices.model:main/one.flex.above_tokens'],
    ['{"model:main/two": {"flex": {"in": 1, "out": 1, "audio_in": 0}}}',
        'prices.model:main/two.flex'],
    ['{"model:main/one": {"long_context": {"in": 7}}}',
        'prices.model:main/one.long_context'],
    ['{"model:main/one": {"long_context": {"in": 7, "above_tokens": 0}}}',
        'prices.model:main/one.long_context.above_tokens'],
    ['{"model:main/two": {"in": 3, "long_context": {"in": 2.5}}}',
        'prices.model:main/two.long_context'],
    ['{"model:main/two": {"long_context": {"in": 0.5}}}',
        'prices.model:main/two.long_context'],
    ['{' . join(',', map { qq("model:main/m$_": {"in": 1}) } 1 .. 65) . '}',
        'prices'],
) {
    my $refused = patch($own, $case->[0]);
    is(join(' ', $refused->status, $refused->code, $refused->json->{param}),
        "400 invalid_value $case->[1]", 'refused: ' . substr $case->[0], 0, 50);
}
my $people = Asgard::People->new($t);
$people->person('ada');
my $hers = $t->api_ok('POST', '/api/projects', {name => 'hers',
    owner_email => 'ada@example.com', manager_email => 'ada@example.com'});
my $path = "/api/projects/$hers->{project_id}";
is($t->api('PATCH', $path, {name => 'mine'}, $people->as('ada'))->status, 200,
    'who owns a project may change it');
my $dear = $t->api('PATCH', $path,
    {prices => {'model:main/one' => {in => 0.1}}}, $people->as('ada'));
is(join(' ', $dear->status, $dear->code), '403 forbidden',
    '... but not what it pays');
is_deeply($t->api('GET', $_)->json->{prices}, {}, '... and nothing of it stays')
    for $path, "/api/projects/$own";

$t->done;
