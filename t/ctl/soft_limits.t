#!/usr/bin/env perl
# A window that has spent most of its limit is told of once; budgets of a
# project and of a key are read and set by their scope.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(wait_until);
use Asgard::OneModel qw(one_model $COST);

my ($t, undef, $project, $key) = one_model(budget_usd => '10');

sub call { return $t->chat($_[0], {model => 'one'})->status }
sub warnings_of { my ($entity) = @_;
    return grep { $_->{action} eq 'gateway.budget_warn' }
        @{$t->api_ok('GET', "/api/audit?entity=$entity&limit=1000")->{events}} }
sub warned { my ($entity, $n) = @_;
    wait_until(sub { warnings_of($entity) >= $n }, 5, 0.1);
    return scalar warnings_of($entity) }
sub put { my ($scope, $id, $budgets) = @_;
    return $t->api('PUT', '/api/budgets', qq({"scope":"$scope",)
        . qq("scope_id":"$id","budgets":$budgets})) }
sub get { return $t->api('GET', '/api/budgets?' . $_[0]) }
sub limit { return 0 + sprintf '%.9f', $_[0] * $COST / 1e9 }

# The eighth of twenty reaches 40 %.
my $room = limit(20);
my $set = put('project', $project,
    '[{"window":"1d","limit_usd":10},'
    . qq({"window":"total","limit_usd":$room,"soft_pct":40}]));
is($set->status, 200, 'the budgets of a project are put by its scope');
is_deeply($set->json, {scope => 'project', scope_id => $project, budgets => [
    {window => 'total', zone => undef, limit_usd => $room, soft_pct => 40},
    {window => '1d', zone => 'UTC', limit_usd => 10, soft_pct => 80}]},
    'the answer has them, with the threshold that was not said')
    or diag($set->body);
is_deeply(get("scope=project&scope_id=$project")->json, $set->json,
    'they are read the same way');
is(call($key), 200, "call $_") for 1 .. 7;
is(scalar $t->wait_ledger($project, 7), 7, 'seven calls are in the ledger');
is(scalar warnings_of($project), 0, 'below the threshold nothing is told');
is(call($key), 200, 'the eighth call');
is(warned($project, 1), 1, 'at it one event is told, within 5 s');
my ($told) = warnings_of($project);
is($told->{entity_ref}, "project:$project", '... of the project');
is($told->{data}{window}, 'total', '... with the window');
is($told->{data}{limit_usd}, $room, '... its limit');
is($told->{data}{spent_usd}, limit(8), '... and what was spent');
is($told->{data}{soft_pct}, 40, '... and the threshold');
is(call($key), 200, 'a call above the threshold passes');
is(scalar $t->wait_ledger($project, 9), 9, '... and is in the ledger');
is(warned($project, 2), 1, '... and tells nothing more');

# Another limit is another threshold.
my $wide = limit(100);
is(put('project', $project, qq([{"window":"total","limit_usd":$wide,)
    . '"soft_pct":9}]')->status, 200, 'the limit is raised');
is(call($key), 200, '... and most of it spent');
is(warned($project, 2), 2, '... which is told, too');

# A key: no budget, then one of its own, which refuses.
my $second = $t->key(project => $project);
is_deeply(get("scope=key&scope_id=$second->{id}")->json->{budgets}, [],
    'a key without a budget has an empty list');
is(put('key', $second->{id}, '[{"window":"1h","limit_usd":0}]')->status, 200,
    'it gets one');
is(call($second), 429, '... and its next call is held against it');
my $one = limit(8);
$set = put('key', $second->{id},
    qq([{"window":"1h","limit_usd":$one,"soft_pct":12}]));
is_deeply([map { "$_->{window} $_->{soft_pct}" } @{$set->json->{budgets}}],
    ['total 80', '1h 12'], 'another threshold is kept');
is(put('project', $project, '[{"window":"total","limit_usd":null}]')->status,
    200, 'the project has no limit any more');
is(call($second), 200, 'a call of the key');
is(warned($second->{id}, 1), 1, 'the key\'s threshold is told');
my ($of_key) = warnings_of($second->{id});
is($of_key->{data}{window}, '1h', '... with its window');
is(warned($project, 3), 3, '... and found by the project\'s id');

# Never, when it is said so; a key of a project that is fine.
is(put('key', $second->{id}, qq([{"window":"1d","limit_usd":$one,)
    . '"soft_pct":0}]')->status, 200, 'a window that never warns');
is(call($second), 200, '... is spent') for 1 .. 2;
is(scalar $t->wait_ledger($project, 13), 13, '... by calls in the ledger');
is(scalar warnings_of($second->{id}), 1, '... and nothing is told');

# However much was spent, the ledger goes on.
is(put('key', $second->{id}, '[{"window":"1d","limit_usd":9000000}]')->status,
    200, 'a window with a large limit');
$t->{postgres}->rows("UPDATE balances SET spent_nano = 200000000000000000"
    . " WHERE budget_id = 'k.$second->{id}' AND window_name = '1d'");
is(call($second), 200, 'a call where a window is overspent by far');
is(scalar $t->wait_ledger($project, 14), 14, '... comes into the ledger');
$t->{postgres}->rows("UPDATE balances SET spent_nano = 3 * $COST"
    . " WHERE budget_id = 'k.$second->{id}' AND window_name = '1d'");

# What is refused.
for my $case (
    ['an unknown scope', 'scope=team&scope_id=x', 400, 'invalid_value',
        'scope'],
    ['no scope', "scope_id=$project", 400, 'missing_field', 'scope'],
    ['no id', 'scope=key', 400, 'missing_field', 'scope_id'],
    ['an unknown project', 'scope=project&scope_id=proj-1999-0001', 404,
        'project_not_found', undef],
    ['an unknown key', 'scope=key&scope_id=nobody', 404, 'key_not_found',
        undef]) {
    my ($what, $query, $status, $code, $param) = @$case;
    my $reply = get($query);
    is($reply->status, $status, "$what is $status");
    is($reply->json->{code}, $code, '... with its code');
    is($reply->json->{param}, $param, '... and the field');
}
for my $bad ('101', '-1', '"80"', '1.5', 'null') {
    my $reply = put('project', $project,
        qq([{"window":"total","limit_usd":1,"soft_pct":$bad}]));
    is($reply->status, 400, "soft_pct $bad is refused");
    is($reply->json->{param}, 'soft_pct', '... by name');
}
$t->done;
