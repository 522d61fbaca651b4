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

sub limit { return {scope => $_[0], scope_id => $_[1],
    budgets => [{window => '1d', limit_usd => 1}]} }
sub post { my ($verb, $body, @who) = @_; return $t->api('POST',
    "/api/projects/$project/$verb", $body, @who) }

is(post('archive', {}, @owner)->status, 409, 'what lives is not archived');
is(post('decommission', {}, @owner)->json->{param}, 'reason',
    'an end has a reason');
my $agent = $t->api_ok('POST', '/api/agent-principals', {name => 'a'}, @owner);
$t->canary('the token of an agent', $agent->{token});
my $asked = post('decommission', {reason => 'tidy up'},
    Authorization => "Bearer $agent->{token}");
is($asked->status, 202, 'an agent only asks for it');
is($asked->json->{request}{kind}, 'decommission', '... by a request');
is($asked->json->{lifecycle}, 'active', '... and nothing ends');
is($t->chat($key, {model => 'one'})->status, 200, '... for its keys neither');
$t->wait_ledger($project, 2);
my %older = map { $_ => $t->api_ok('POST', '/api/requests', {project_id =>
    $project, title => $_}, @owner) } qw(waits handed);
$t->api_ok('POST', "/api/requests/$older{handed}{id}/escalate", {});
my $kid = $t->api_ok('GET', "/api/projects/$project/keys", undef, @owner)
    ->{keys}[0]{id};
my $end = post('decommission', {reason => 'nobody uses it'}, @owner);
is($end->json->{lifecycle}, 'decommissioned', 'its owner ends it')
    or diag($end->body);
my $call = $t->chat($key, {model => 'one'});
is($call->status . ' ' . $call->json->{error}{code}, '403 project_inactive',
    'when the answer is sent its keys are refused');
for my $change (['POST', 'keys', {name => 'k'}], ['PATCH', '',
    {description => 'd'}], ['PUT', 'budgets', {budgets => []}],
    ['POST', 'promotion', {target => 'light-operational'}],
    ['POST', 'demote', {reason => 'r'}], ['POST', 'extend', {}],
    ['PATCH', "keys/$kid", {rpm_limit => 7}], ['POST', 'unkill', {}],
    ['PUT', '/api/budgets', limit(key => $kid)],
    ['PUT', '/api/budgets', limit(model => "$kid/one")],
    ['PUT', '/api/budgets', limit(project => $project)],
    ['POST', '/api/requests', {project_id => $project, title => 't'}]) {
    my ($method, $path, $body) = @$change;
    my $reply = $t->api($method, $path =~ m{^/} ? $path
        : "/api/projects/$project" . ($path ? "/$path" : ''), $body, @owner);
    is($reply->status . ' ' . $reply->json->{code}, '403 project_inactive',
        "$method $path changes it no longer");
}
is(post('decommission', {reason => 'again'}, @owner)->status, 200,
    'to end it again is no change');
is(scalar(my @spent = $t->ledger($project)), 2, 'what it cost stays');
for my $request (values %older) {
    my $path = "/api/requests/$request->{id}";
    my $now = $t->api_ok('GET', $path, undef, @owner);
    is($now->{state}, 'cancelled', "what $request->{payload}{title} ends too");
    is($now->{history}[-1]{reason}, 'nobody uses it', '... and is told why');
    is($t->api('POST', "$path/approve", {})->json->{code}, 'project_inactive',
        '... and is not approved');
}
is(post('kill', {}, @owner)->json->{killed}, JSON::PP::true(),
    'to stop it once more is always safe');
my @events = @{$t->api_ok('GET', "/api/audit?entity=$project", undef, @owner)
    ->{events}};
my @ends = grep { $_->{action} eq 'project.decommissioned' } @events;
is(scalar(@ends), 1, '... and what was done to it');
is($ends[0]{reason}, 'nobody uses it', '... and why');
is($t->api('POST', '/api/requests/' . $asked->json->{request}{id}
    . '/approve', {})->json->{code}, 'project_inactive',
    '... and what was asked before is void');
is(post('archive', {reason => 'old'}, @owner)->json->{lifecycle}, 'archived',
    'then it is put away');
is($t->chat($key, {model => 'one'})->status, 403, '... and stays ended');
is($t->api('DELETE', "/api/projects/$project/keys/$kid", undef, @owner)
    ->status, 200, 'its keys may be revoked still');

# --- what an agent asked for, approved

my $second = $t->project(owner_email => $owner->{email}, budget_usd => 1);
my $other = $t->key(project => $second);
my $ask = $t->api_ok('POST', "/api/projects/$second/decommission",
    {reason => 'done'}, Authorization => "Bearer $agent->{token}")->{request};
is($t->api('POST', "/api/requests/$ask->{id}/approve", {}, @owner)->json
    ->{code}, 'self_approval', 'its human does not approve it');
is($t->api_ok('POST', "/api/requests/$ask->{id}/approve", {})->{state},
    'fulfilled', 'an administrator does');
is($t->chat($other, {model => 'one'})->status, 403, '... which ends it');

$t->done;
