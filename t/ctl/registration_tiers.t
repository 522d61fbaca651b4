#!/usr/bin/perl
# How high a project begins, and how it climbs, is by what it shows, not by what
# it says of itself.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use Test::More;

use Asgard::People;
use Asgard::Files qw(wait_until);
use Asgard::Test;

my $t = Asgard::Test->new;
$t->start;
my $people = Asgard::People->new($t);
$people->person($_) for qw(owner manager other);
my @owner = $people->as('owner');

my $url = 'https://example.com/x';
my %light = (repo_or_source_url => $url, business_owner => 'B',
    technical_owner => 'T', team_or_org_of_record => 'Team',
    support_contact => 's@example.com', runbook_url => $url,
    monitoring_or_logs_url => $url, ci_status_url => $url,
    primary_data_flows => ['in', 'out'],
    critical_flow_test_or_eval_url => $url, state_loss_posture => 'stateless',
    requested_classification => 'light-operational');
my %wide = (%light, security_review_status => 'approved',
    architecture_summary_url => $url, critical_dependencies => ['redis'],
    incident_path => 'pager', slo_or_service_target => '99.9',
    rpo_rto => '1 h', decommission_path => 'delete');
my %critical = (%wide, executive_accountable_owner => 'E',
    risk_acceptance_url => $url, dr_exercise_evidence_url => $url,
    audit_retention_requirement => '7 years',
    recurring_review_date => '2030-02-28');

sub register {
    my ($who, %more) = @_;
    return $t->api('POST', '/api/projects', {name => 'n',
        owner_email => 'owner@example.com',
        manager_email => 'manager@example.com', %more}, @$who);
}

sub on {
    my ($id, $verb, $body, @who) = @_;
    return $t->api('POST', "/api/projects/$id/$verb", $body, @who);
}

# --- registration

my $claim = register(\@owner, classification => 'critical-path')->json;
is($claim->{classification}, 'poc', 'a claim without evidence begins at poc');
is($claim->{budget_usd}, 250, '... with the budget of a poc');
is($claim->{promotion}{target}, 'light-operational',
    '... and is told the next step');
is($claim->{promotion}{verdict}, 'flagged', '... that it is not ready');
is_deeply([sort @{$claim->{promotion}{missing}}], [sort keys %light],
    '... and for what');
is_deeply($claim->{promotion}{exceptions}, ['missing_evidence',
    'no_accountability'], '... in words of the rules');
is(register(\@owner)->json->{promotion}, undef,
    'who asks for nothing is told nothing');
my $shown = register(\@owner, classification => 'wide-operational',
    evidence => \%wide)->json;
is($shown->{classification}, 'light-operational',
    'evidence gives what nobody has to decide');
is($shown->{budget_usd}, 1250, '... with its budget');
is($shown->{promotion}{rule}, 'promotion-wide', '... and the next is decided');
is($shown->{promotion}{decided_by}, 'platform', '... by whom');
is_deeply($shown->{evidence}, \%wide, '... the evidence is kept');
is(register(\@owner, classification => 'light-operational',
    evidence => {%light, stack_exception => 'Fortran'})->json
    ->{classification}, 'poc', 'an exception is for others to look at');
is(register(\@owner, classification => 'light-operational',
    data_class => 'restricted', evidence => \%light)->json->{classification},
    'poc', 'restricted data without a review too');
is(register([], classification => 'critical-path')->json->{classification},
    'critical-path', 'an administrator decides by registering');

for my $bad ([runbook_url => 'ftp://x'], [state_loss_posture => 'none'],
    [primary_data_flows => 'x'], [primary_data_flows => ['']],
    [primary_data_flows => [' ']],
    [recurring_review_date => '2031-02-29'], [business_owner => "a\nb"],
    [business_owner => 'x' x 2001], [primary_data_flows => [('x') x 51]]) {
    my ($name, $value) = @$bad;
    my $reply = register(\@owner, evidence => {$name => $value});
    is($reply->status . ' ' . $reply->json->{param}, "400 evidence.$name",
        "a bad $name is refused by its name");
}
for my $name ('', '   ', "\x{a0}\x{3000}", '{{name}}', '${name}', '<name>',
    '[[name]]', 'TO' . 'DO', ' tbd ', 'ChangeMe') {
    is(register(\@owner, name => $name)->json->{param}, 'name',
        "a project is not named " . $t->encode([$name]));
    is($t->api('PATCH', "/api/projects/$claim->{project_id}",
        {name => $name}, @owner)->json->{param}, 'name', '... nor renamed so');
}
is(register(\@owner, name => $_)->status, 201, "$_ is a name")
    for 'TBD list', 'a <b> c';
is(register(\@owner, evidence => {spent_usd => 1})->json->{code},
    'unknown_field', 'evidence has no other field');
is(register(\@owner, evidence => [])->status, 400, 'evidence is an object');

# --- evidence is replaced as a whole

my $id = $claim->{project_id};
my @patch = ('PATCH', "/api/projects/$id");
$t->api_ok(@patch, {evidence => \%light}, @owner);
my $part = $t->api_ok(@patch, {evidence => {business_owner => 'C',
    runbook_url => '  ', support_contact => "\x{a0}",
    primary_data_flows => [], rpo_rto => undef}}, @owner);
is($part->{evidence}{technical_owner}, undef,
    'what is left out of the evidence is gone');
my $next = $t->api_ok('GET', "/api/projects/$id/promotion", undef, @owner);
is(scalar(@{$next->{missing}}), keys(%light) - 1,
    'an empty text or list is nothing');
$t->api_ok(@patch, {description => 'd'}, @owner);
is($t->api_ok('GET', "/api/projects/$id")->{evidence}{business_owner}, 'C',
    'a patch without evidence leaves it');

# --- up

my $early = on($id, 'promotion', {target => 'light-operational'}, @owner);
is($early->status, 202, 'no step without its evidence');
is($early->json->{classification}, 'poc', '... it stays where it is');
is($early->json->{request}{state}, 'flagged', '... and its request is flagged');
is($early->json->{request}{rule}, 'promotion-evidence', '... by which rule');
is(scalar(@{$early->json->{request}{payload}{missing}}), keys(%light) - 1,
    '... for what');
$t->api_ok(@patch, {evidence => \%wide}, @owner);
is(on($id, 'promotion', {target => $_}, @owner)->json->{param}, 'target',
    "from poc to $_ is no step") for qw(poc wide-operational critical-path x);
my $up = on($id, 'promotion', {target => 'light-operational',
    reason => 'grown'}, @owner);
is($up->json->{classification}, 'light-operational',
    'a light step that shows all is made at once') or diag($up->body);
is($up->json->{review_date}, undef, '... and has no review window');
is($t->api('PATCH', "/api/projects/$id", '{"budget_usd":2500}', @owner)
    ->status, 200, '... but the ceiling of its class');
sub decide {
    my ($reply, $verb, @who) = @_;
    return $t->api('POST', '/api/requests/' . $reply->json->{request}{id}
        . "/$verb", {}, @who);
}
is(decide($early, 'approve')->json->{code}, 'plan_changed',
    '... the request of before is void');
my $wide = on($id, 'promotion', {target => 'wide-operational'}, @owner);
is($wide->status . ' ' . $wide->json->{request}{tier}, '202 platform',
    'a wide step is for others to decide');
is_deeply($wide->json->{request}{payload}{evidence}, \%wide,
    '... who are shown the evidence');
is(decide($wide, 'approve', @owner)->json->{code}, 'self_approval',
    '... not for who asked');
is(decide($wide, 'approve', $people->as('manager'))->json->{state},
    'fulfilled', '... but for the manager');
is($t->api_ok('GET', "/api/projects/$id")->{classification},
    'wide-operational', '... and then it is made');
is(on($id, 'demote', {reason => 'back'}, @owner)->json->{classification},
    'light-operational', '(one step down again)');
my $void = on($id, 'promotion', {target => 'wide-operational'}, @owner);
$t->api_ok(@patch, {evidence => {%wide, rpo_rto => '2 h'}}, @owner);
is(decide($void, 'approve', $people->as('manager'))->json->{code},
    'plan_changed', 'an approval is of the evidence that was shown');
my $top = register([], classification => 'wide-operational',
    evidence => \%wide)->json->{project_id};
my $risk = on($top, 'promotion', {target => 'critical-path'}, @owner);
is($risk->status . ' ' . $risk->json->{code}, '403 risk_not_accepted',
    'no critical path without an accepted risk');
$t->api_ok('PATCH', "/api/projects/$top", {evidence => \%critical}, @owner);
is($t->api_ok('GET', "/api/projects/$top/promotion")->{decided_by},
    'security', '... and then security decides');
my $peak = on($top, 'promotion', {target => 'critical-path'}, @owner);
is(decide($peak, 'approve', $people->as('manager'))->json->{state},
    'requested', '... two of them');
is(decide($peak, 'approve')->json->{state}, 'fulfilled',
    '... one an administrator');
is($t->api_ok('GET', "/api/projects/$top")->{review_date},
    '2030-02-28T00:00:00.000Z', '... and it is reviewed when it says');
is($t->api('GET', "/api/projects/$id/promotion", undef,
    $people->as('other'))->status, 404, 'a stranger sees none of it');

# --- provisional

my $new = register(\@owner, provisional => JSON::PP::true(),
    evidence => \%light)->json;
is($new->{lifecycle}, 'provisional', 'a project may begin provisionally');
is(on($new->{project_id}, 'promotion', {target => 'light-operational'}, @owner)
    ->json->{lifecycle}, 'active', '... and its first step makes it active');

# --- down

is(on($id, 'demote', $_, @owner)->json->{param}, 'reason',
    'a demotion says why') for {}, {reason => ''}, {reason => '  '};
is(on($id, 'decommission', {reason => " \t"}, @owner)->json->{param}, 'reason',
    '... an end too');
my $down = on($id, 'demote', {reason => 'fewer users'}, @owner)->json;
is($down->{classification}, 'poc', 'a step down');
ok($down->{review_date}, '... opens a review window');
is(on($id, 'demote', {reason => 'again'}, @owner)->status, 400,
    '... and there is none below');
is(on($top, 'demote', {reason => 'r', target => 'poc'}, @owner)->json
    ->{classification}, 'poc', 'or several at once');

# --- review

is($claim->{review_state}, 'ok', 'a poc is to be reviewed');
$t->{postgres}->value("UPDATE projects SET review_date = now()"
    . " - interval '1 day' WHERE project_id = '$id' RETURNING 1");
is($t->api_ok('GET', "/api/projects/$id")->{review_state}, 'expired',
    '... some day that is over');
my $told = sub { scalar(@{$t->api_ok('GET', "/api/audit?entity=$id"
    . '&action=project.review_expired')->{events}}) };
ok(wait_until(sub { $told->() == 1 }, 30), '... which the audit log is told');
my $more = on($id, 'extend', {reason => 'still trying'}, @owner)->json;
is($more->{review_state}, 'ok', 'the window is extended');
is($more->{review_extensions}, 1, '... once');
my $again = on($id, 'extend', {reason => 'once more'}, @owner);
is($told->(), 1, '... once');
is($again->status . ' ' . $again->json->{review_extensions}, '202 1',
    '... a second time is for others to decide');
is(decide($again, 'approve')->json->{state}, 'fulfilled', '... who may');
is($t->api_ok('GET', "/api/projects/$id")->{review_extensions}, 2,
    '... and then it is');
is(on($shown->{project_id}, 'extend', {}, @owner)->status, 409,
    'what is no poc has no window');

$t->{postgres}->value("UPDATE projects SET review_date = now()"
    . " - interval '1 hour' WHERE project_id = '$id' RETURNING 1");
ok(wait_until(sub { $told->() == 2 }, 30),
    'a review that was moved on is told again');

$t->api_ok('POST', "/api/projects/$id/kill", {reason => 'r'});
for my $case ([promotion => {target => 'light-operational'}], [extend => {}]) {
    my $reply = on($id, @$case, @owner);
    is($reply->status . ' ' . $reply->json->{code}, '403 project_killed',
        "a killed project gets no $case->[0]");
}
$t->api_ok('POST', "/api/projects/$id/unkill", {});

my @events = map { $_->{action} } @{$t->api_ok('GET',
    "/api/audit?entity=$id")->{events}};
for my $action (qw(registered updated promoted demoted review_extended)) {
    ok((grep { $_ eq "project.$action" } @events), "the audit has $action");
}

$t->done;
