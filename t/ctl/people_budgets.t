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
$people->person($_) for qw(owner manager);
my @owner = $people->as('owner');

sub project_body {
    my ($budget, %more) = @_;
    return '{"name":"n","owner_email":"owner@example.com","manager_email":'
        . '"manager@example.com"'
        . join('', map { qq(,"$_":"$more{$_}") } keys %more)
        . qq(,"budget_usd":$budget});
}

# What is wanted above a ceiling becomes a request, and nothing else changes.
sub is_review {
    my ($reply, $wanted, $what) = @_;
    like($reply->status, qr/^20[01]$/, "$what is not refused")
        or diag($reply->body);
    my $review = $reply->json->{budget_review};
    is($review->{kind} . ' ' . $review->{state}, 'budget requested',
        '... but asked for');
    is($review->{payload}{budget_usd}, $wanted, '... as it was said');
    return $review;
}

sub budget_of { $t->api_ok('GET', "/api/projects/$_[0]")->{budget_usd} }

for my $case (['null', undef], ['500.000000001', '500.000000001']) {
    my ($budget, $wanted) = @$case;
    my $reply = $t->api('POST', '/api/projects', project_body($budget),
        @owner);
    is_review($reply, $wanted, "a registration with $budget");
    is($reply->json->{budget_usd}, 500, '... it begins at the ceiling');
}
my $made = $t->api('POST', '/api/projects', project_body(500), @owner);
is($made->status, 201, 'the ceiling itself is') or diag($made->body);
my $id = $made->json->{project_id};
is($made->json->{budget_review}, undef, '... and is asked of nobody');
is_review($t->api('POST', '/api/projects', project_body(501,
    classification => 'critical-path'), @owner), 501,
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
    is_review($t->api($method, $path, sprintf($form, $_), @owner),
        $_ eq 'null' ? undef : $_, "$method $path to $_") for 501, 'null';
    is(budget_of($id), 500, '... which sets nothing');
    $t->api_ok($method, $path, sprintf($form, 10), @owner);
    is(budget_of($id), 10, '... lowering is immediate');
    $t->api_ok($method, $path, sprintf($form, 500), @owner);
    is(budget_of($id), 500, '... and up to the ceiling again');
}
is($t->api('PUT', "/api/projects/$id/budgets", '{"budgets":[{"window":"1d",'
    . '"limit_usd":null}]}', @owner)->status, 200,
    'another window is bounded by the total');

is($t->api('PATCH', "/api/projects/$id", '{"budget_usd":900}')->status, 200,
    'an administrator gives more');
is($t->api('PATCH', "/api/projects/$id", '{"budget_usd":900}', @owner)
    ->status, 200, '... which the owner may keep');
is_review($t->api('PATCH', "/api/projects/$id",
    '{"budget_usd":901,"description":"d"}', @owner), 901, 'more than that');
is($t->api_ok('GET', "/api/projects/$id")->{description}, 'd',
    '... the rest of the change is made');
is($t->api('PATCH', "/api/projects/$id", '{"budget_usd":600}', @owner)
    ->status, 200, '... and lower');
my $review = is_review($t->api('PATCH', "/api/projects/$id",
    '{"budget_usd":700}', @owner), 700, 'what was lowered');

# --- decided

sub approve { $t->api('POST', "/api/requests/$_[0]{id}/approve", {}, @_[1 ..
    $#_]) }
is($review->{payload}{before_usd} . ' ' . $review->{payload}{ceiling_usd},
    '600 500', 'an approver is shown from where');
is(approve($review, @owner)->json->{code}, 'self_approval',
    'who asked does not decide');
is(approve($review, $people->as('manager'))->json->{state}, 'fulfilled',
    'the manager does');
is(budget_of($id), 700, '... and then it is set');
$review = is_review($t->api('PATCH', "/api/projects/$id",
    '{"budget_usd":null}', @owner), undef, 'no limit');
$t->api_ok('PATCH', "/api/projects/$id", '{"budget_usd":100}', @owner);
is(approve($review)->json->{code}, 'plan_changed',
    'an approval is of what was shown');
is(budget_of($id), 100, '... and sets nothing else');
my $first = is_review($t->api('PATCH', "/api/projects/$id",
    '{"budget_usd":800}', @owner), 800, 'the one');
my $next = is_review($t->api('PATCH', "/api/projects/$id",
    '{"budget_usd":801}', @owner), 801, 'and the other');
is(approve($first)->json->{code}, 'plan_changed',
    'the newer request takes the place of the older');
is(approve($next)->json->{state}, 'fulfilled', '... and is the one decided');
is(budget_of($id), 801, '... and set');

$t->done;
