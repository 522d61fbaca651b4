# A key may have a budget for a model within its own: by any of its names or by
# its ref, whichever other name of it the call uses.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(wait_until);
use Asgard::OneModel qw(one_model $COST);

my ($t, $up, $project, $key) = one_model(budget_usd => '10',
    aliases => '[one-alias]', routing => routing('pub'));
my $other = $t->key(project => $project);

sub routing { return "model_alias_map: {uno: one, nick: $_[0]}\n"
    . "models: {pub: {candidates: [one]}}\n" }
sub put { my ($model, $json, $id) = @_;
    return $t->api('PUT', '/api/budgets', '{"scope":"model","scope_id":"'
        . ($id // $key->{id}) . qq(/$model","budgets":$json}))
}
sub usd { return sprintf '%.9f', $_[0] * $COST / 1e9 }
sub ask { my ($model, $who) = @_;
    my $r = $t->chat($who // $key, {model => $model});
    my $error = ($r->json // {})->{error};
    return $error ? join ' ', $r->status, map { $_ // '-' }
        @$error{qw(code scope scope_id window)} : $r->status }
sub over { my ($model, $window, $who) = @_;
    $who //= $key;
    return "429 budget_exceeded model $who->{id}/$model $window" }

is(ask('one'), 200, 'a call before there is such a budget');
my $set = put('model:test/one', '[{"window":"1d","limit_usd":0}]');
is($set->status, 200, 'a key gets a budget for a model by its ref')
    or diag($set->body);
is($set->json->{scope_id}, "$key->{id}/model:test/one", '... by its name');
is(ask($_), over('model:test/one', '1d'), "no call of $_ passes it")
    for qw(one uno model:test/one);
is(ask('one', $other), 200, 'another key is not concerned');
is(ask('echo'), 200, 'nor another model');
is(put('model:test/one', '[{"window":"1d","limit_usd":1}]')->status, 200,
    'it is raised');
is(ask('one'), 200, '... and a call passes');
my ($day) = grep { $_->{scope} eq 'model' && $_->{window} eq '1d' }
    @{$t->usage($project)->{windows}};
ok(wait_until(sub { ($day) = grep { $_->{scope} eq 'model'
    && $_->{window} eq '1d' } @{$t->usage($project)->{windows}};
    !$day->{held_usd} }, 5), 'its window is shown');
is(sprintf('%.9f', $day->{spent_usd}), usd(1),
    '... with what was spent from then on');

# Two of them at once: the stricter refuses.
is(put('uno', '[{"window":"1h","limit_usd":0}]')->status, 200,
    'another one by an alias');
is(ask($_), over('uno', '1h'), "... which holds calls of $_")
    for qw(uno one);
is(ask('echo'), 200, '... and of no other model');
is_deeply($t->api_ok('GET', "/api/budgets?scope=model&scope_id=$key->{id}/uno")
    ->{budgets}[1]{window}, '1h', 'it is read by its name');

# A reseed has them, and replaying the witness is no harm.
$t->wait_ledger($project, 4);
$t->{redis}->cmd('FLUSHALL');
my $again;
wait_until(sub { $again = ask('uno'); $again !~ /^503/ }, 30);
is($again, over('uno', '1h'), 'a Redis that lost all has them again');
is(ask('echo'), 200, '... for what they are for');
my ($status, $out, $err) = $t->{control}->run('replay',
    "$t->{dir}/log/calls.log");
like($out, qr/ 0 refused/, 'the witness names them rightly') or diag($err);

# No other name of the model passes by a budget, whichever name that has: of
# the routing, of the manifest, of the project.
my @names = qw(one one-alias uno pub nick mine model:test/one);
$t->api_ok('PATCH', "/api/projects/$project", '{"aliases":{"mine":"nick"}}');
ok(wait_until(sub { ask('mine', $other) eq '200' }, 5),
    'the project has a name of its own for it');
for my $name (@names) {
    my $who = $t->key(project => $project);
    is(put($name, '[{"window":"1d","limit_usd":0}]', $who->{id})->status, 200,
        "a key gets a budget by $name");
    is(ask($_, $who), over($name, '1d', $who), "... which $_ does not pass")
        for @names;
    is(ask('echo', $who), 200, '... and another model does');
    next if $name ne 'nick';

    # What a name stands for is what it stands for now.
    $t->{control}->write_routing(routing('echo'));
    ok($t->reload_catalog, '... once nick is another model');
    is(ask('one', $who), 200, '... the old one passes');
    is(ask($_, $who), over($name, '1d', $who), "... and not $_")
        for qw(nick echo);
    $t->{control}->write_routing(routing('pub'));
    ok($t->reload_catalog, '... until it is back');
}

# What is refused.
my $windows = join ',', map { qq({"window":"$_","limit_usd":1}) }
    qw(1h 2h 3h 1d 1mo);
for my $case (
    ['no model', put('', '[]'), 400, 'invalid_value', 'scope_id'],
    ['no such key', put('one', '[]', '00000000-0000-4000-8000-000000000000'),
        404, 'key_not_found', undef],
    ['five windows', put('one', "[$windows]"), 400, 'invalid_value',
        'budgets']) {
    my ($what, $reply, $code, $name, $param) = @$case;
    is($reply->status, $code, "$what is $code") or diag($reply->body);
    is($reply->json->{code}, $name, '... with its code');
    is($reply->json->{param}, $param, '... and the field');
}
put("m$_", '[]') for 1 .. 14;
my $more = put('m15', '[]');
is($more->status, 409, 'a key has budgets for sixteen models')
    or diag($more->body);
$t->done;
