#!/usr/bin/perl
# Of a project that is killed nothing is asked and nothing approved but what
# ends something; no and never mind stay possible, and after the unkill so is
# all else.
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
my %who = map { $_ => $people->person($_, role => $_ eq 'admin' ? 'admin'
    : 'member') } qw(owner manager admin);
my $agent = $t->api_ok('POST', '/api/agent-principals', {name => 'helper'},
    $people->as('owner'));
my @agent = (Authorization => 'Bearer '
    . $t->canary('the token of an agent', $agent->{token}));

my $project = $t->project(owner_email => $who{owner}{email},
    manager_email => $who{manager}{email}, budget_usd => 5);

sub say {
    my ($id, $verb, $who) = @_;
    my $reply = $t->api('POST', "/api/requests/$id/$verb", {},
        $people->as($who));
    return join ' ', $reply->status, $reply->json->{code}
        // $reply->json->{state};
}

sub promotion {
    my ($target) = @_;
    return $t->api_ok('POST', "/api/projects/$project/promotion",
        {target => $target}, $people->as('owner'))->{request}{id};
}

sub generic {
    return $t->api_ok('POST', '/api/requests', {project_id => $project,
        title => 'More room'}, $people->as('owner'))->{id};
}

my $bucket = $t->api_ok('POST', "/api/projects/$project/resources",
    {resource_type => 's3-bucket', name => 'b'}, $people->as('owner'))
    ->{provisioned}{id};
my %open = (
    budget => $t->api_ok('PATCH', "/api/projects/$project",
        {budget_usd => 9000}, $people->as('owner'))->{budget_review}{id},
    promotion => promotion('light-operational'),
    generic => generic(),
    provision => $t->api_ok('POST', "/api/projects/$project/resources",
        {resource_type => 'databricks-job', name => 'j',
        spec => {notebook_path => '/n'}}, $people->as('owner'))->{request}{id});
$t->api_ok('POST', "/api/requests/$open{promotion}/escalate", {},
    $people->as('owner'));
$t->api_ok('POST', "/api/projects/$project/extend", {}, $people->as('owner'));
$open{extension} = $t->api_ok('POST', "/api/projects/$project/extend", {},
    $people->as('owner'))->{request}{id};
my ($no, $never) = (generic(), generic());

$t->api_ok('POST', "/api/projects/$project/kill", {reason => 'r'});
for my $kind (sort keys %open) {
    is(say($open{$kind}, 'approve', 'manager'), '403 project_killed',
        "the manager approves no $kind of a killed project");
    is(say($open{$kind}, 'approve', 'admin'), '403 project_killed',
        '... nor does an administrator');
}
is($t->{postgres}->value('SELECT count(*) FROM request_approvals'), 0,
    '... and no approval is kept');

my $asked = $t->{postgres}->value('SELECT count(*) FROM requests');
my %ask = (
    'a budget above the ceiling' => ['PATCH', "/api/projects/$project",
        {name => 'Renamed', budget_usd => 9500}],
    'the same budget once more' => ['PATCH', "/api/projects/$project",
        {budget_usd => 9000}],
    'a budget by its windows' => ['PUT', "/api/projects/$project/budgets",
        {budgets => [{window => 'total', limit_usd => 9500}]}],
    'a generic request' => ['POST', '/api/requests',
        {project_id => $project, title => 'Room'}],
    'a promotion' => ['POST', "/api/projects/$project/promotion",
        {target => 'light-operational'}],
    'more time' => ['POST', "/api/projects/$project/extend", {}]);
for my $what (sort keys %ask) {
    my $reply = $t->api(@{$ask{$what}}, $people->as('owner'));
    is($reply->status . ' ' . ($reply->json->{code} // ''),
        '403 project_killed', "$what is not asked for either");
}
is($t->{postgres}->value('SELECT count(*) FROM requests'), $asked,
    '... and nothing waits that nobody could approve');
my $denied = $t->api('POST', "/api/projects/$project/resources",
    {resource_type => 'databricks-job', name => 'k',
    spec => {notebook_path => '/n'}}, $people->as('owner'));
is($denied->status . ' ' . $denied->json->{code}, '403 project_killed',
    'nor is a resource');
is($t->api_ok('GET', "/api/projects/$project")->{name}, 'test 1',
    'what came with it is not done');
is(say($no, 'reject', 'manager'), '200 rejected', 'a no is possible');
is(say($never, 'cancel', 'owner'), '200 cancelled', '... and never mind');

$t->{postgres}->value("UPDATE projects SET data_class = 'restricted'"
    . " WHERE project_id = '$project' RETURNING 1");
my $end = $t->api('DELETE', "/api/projects/$project/resources/$bucket", undef,
    $people->as('owner'));
is($end->status, 202, 'the end of a resource is asked for');
is(say($end->json->{request}{id}, 'approve', 'manager'), '200 fulfilled',
    '... and approved: what costs may always be ended');
$t->{postgres}->value("UPDATE projects SET data_class = 'internal'"
    . " WHERE project_id = '$project' RETURNING 1");

$t->api_ok('POST', "/api/projects/$project/unkill", {});
is(say($open{generic}, 'approve', 'admin'), '200 approved',
    'after the unkill they are approved');
is(say($open{$_}, 'approve', 'admin'), '200 fulfilled', "... the $_")
    for qw(budget extension);

$t->api_ok('POST', "/api/projects/$project/kill", {reason => 'r'});
my $over = $t->api_ok('POST', "/api/projects/$project/decommission",
    {reason => 'over'}, @agent)->{request}{id};
is(say($over, 'approve', 'manager'), '200 fulfilled',
    'the end of a killed project is approved');

$t->done;
