#!/usr/bin/perl
# A project that is ended serves no call and takes no change; what it cost and
# what was done to it stays.  One that is provisional is as live as any.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use Test::More;

use Asgard::OneModel qw(one_model);
use Asgard::People;

my ($t, $up, $project, $key) = one_model();
my $people = Asgard::People->new($t);
my $owner = $people->person('owner');
my @owner = $people->as('owner');
$t->api_ok('PATCH', "/api/projects/$project",
    {owner_email => $owner->{email}});

my $early = $t->project(provisional => JSON::PP::true(), budget_usd => 1);
is($t->chat($t->key(project => $early), {model => 'one'})->status, 200,
    'a provisional project is live');

is($t->chat($key, {model => 'one'})->status, 200, 'a call');
$t->wait_ledger($project, 1);

sub post { my ($verb, $body, @who) = @_; return $t->api('POST',
    "/api/projects/$project/$verb", $body, @who) }

is(post('archive', {}, @owner)->status, 409, 'what lives is not archived');
is(post('decommission', {}, @owner)->json->{param}, 'reason',
    'an end has a reason');
my $agent = $t->api_ok('POST', '/api/agent-principals', {name => 'a'}, @owner);
$t->canary('the token of an agent', $agent->{token});
is(post('decommission', {reason => 'r'},
    Authorization => "Bearer $agent->{token}")->status, 403,
    'and is not an agent\'s to make');
my $end = post('decommission', {reason => 'nobody uses it'}, @owner);
is($end->json->{lifecycle}, 'decommissioned', 'its owner ends it')
    or diag($end->body);
my $call = $t->chat($key, {model => 'one'});
is($call->status . ' ' . $call->json->{error}{code}, '403 project_inactive',
    'when the answer is sent its keys are refused');
for my $change (['POST', 'keys', {name => 'k'}], ['PATCH', '',
    {description => 'd'}], ['PUT', 'budgets', {budgets => []}],
    ['POST', 'promotion', {target => 'light-operational'}],
    ['POST', 'demote', {reason => 'r'}], ['POST', 'extend', {}]) {
    my ($method, $path, $body) = @$change;
    my $reply = $t->api($method, "/api/projects/$project"
        . ($path ? "/$path" : ''), $body, @owner);
    is($reply->status . ' ' . $reply->json->{code}, '403 project_inactive',
        "$method $path changes it no longer");
}
is(post('decommission', {reason => 'again'}, @owner)->status, 200,
    'to end it again is no change');
is(scalar($t->ledger($project)), 1, 'what it cost stays');
my @events = @{$t->api_ok('GET', "/api/audit?entity=$project", undef, @owner)
    ->{events}};
my @ends = grep { $_->{action} eq 'project.decommissioned' } @events;
is(scalar(@ends), 1, '... and what was done to it');
is($ends[0]{reason}, 'nobody uses it', '... and why');
is(post('archive', {reason => 'old'}, @owner)->json->{lifecycle}, 'archived',
    'then it is put away');
is($t->chat($key, {model => 'one'})->status, 403, '... and stays ended');

$t->done;
