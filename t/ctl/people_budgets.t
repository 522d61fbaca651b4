#!/usr/bin/perl
# A project's own people set its budget up to a ceiling, and lower it freely.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::People;
use Asgard::Test;

my $t = Asgard::Test->new;
$t->start;
my $people = Asgard::People->new($t);
$people->person('owner');
my @owner = $people->as('owner');

sub project_body {
    my ($budget, %more) = @_;
    return '{"name":"n","owner_email":"owner@example.com","manager_email":'
        . '"m@example.com"' . join('', map { qq(,"$_":"$more{$_}") } keys %more)
        . qq(,"budget_usd":$budget});
}

sub is_refused {
    my ($reply, $what) = @_;
    is($reply->status, 403, "$what is not theirs to give")
        or diag($reply->body);
    is($reply->json->{code}, 'approval_needed', '... and is told');
    is($reply->json->{param}, 'budget_usd', '... with the field');
}

is_refused($t->api('POST', '/api/projects', project_body($_), @owner), $_)
    for 'null', '500.000000001';
my $made = $t->api('POST', '/api/projects', project_body(500), @owner);
is($made->status, 201, 'the ceiling itself is') or diag($made->body);
my $id = $made->json->{project_id};
is_refused($t->api('POST', '/api/projects', project_body(501,
    classification => 'critical-path'), @owner),
    'what only a claim would give');
my $light = $t->api_ok('POST', '/api/projects', project_body(1,
    classification => 'light-operational'))->{project_id};
is($t->api('PATCH', "/api/projects/$light", '{"budget_usd":2500}', @owner)
    ->status, 200, 'each classification has its own');

for my $way (['PATCH', "/api/projects/$id", '{"budget_usd":%s}'],
    ['PUT', "/api/projects/$id/budgets",
        '{"budgets":[{"window":"total","limit_usd":%s}]}'],
    ['PUT', '/api/budgets', qq({"scope":"project","scope_id":"$id",)
        . '"budgets":[{"window":"total","limit_usd":%s}]}']) {
    my ($method, $path, $form) = @$way;
    is_refused($t->api($method, $path, sprintf($form, $_), @owner),
        "$method $path to $_") for 501, 'null';
    is($t->api($method, $path, sprintf($form, 10), @owner)->status, 200,
        '... lowering is');
    is($t->api($method, $path, sprintf($form, 500), @owner)->status, 200,
        '... and up to the ceiling again');
}
is($t->api_ok('GET', "/api/projects/$id")->{budget_usd}, 500,
    'what was refused is not set');
is($t->api('PUT', "/api/projects/$id/budgets", '{"budgets":[{"window":"1d",'
    . '"limit_usd":null}]}', @owner)->status, 200,
    'another window is bounded by the total');

is($t->api('PATCH', "/api/projects/$id", '{"budget_usd":900}')->status, 200,
    'an administrator gives more');
is($t->api('PATCH', "/api/projects/$id", '{"budget_usd":900}', @owner)
    ->status, 200, '... which the owner may keep');
is_refused($t->api('PATCH', "/api/projects/$id", '{"budget_usd":901}', @owner),
    'more than that');
is($t->api('PATCH', "/api/projects/$id", '{"budget_usd":600}', @owner)
    ->status, 200, '... and lower');
is_refused($t->api('PATCH', "/api/projects/$id", '{"budget_usd":700}', @owner),
    'what was lowered');

$t->done;
