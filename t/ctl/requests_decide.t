#!/usr/bin/perl
# Who asks does not decide, nor does their agent: a request is decided by the
# project's manager or an administrator, once, and for what was shown.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::XS ();
use Test::More;

use Asgard::People;
use Asgard::Test;

my $t = Asgard::Test->new;
$t->start;
my $people = Asgard::People->new($t);
my %who = map { $_ => $people->person($_, role => /^admin/ ? 'admin'
    : 'member') } qw(owner manager admin admin2);
my $project = $t->project(owner_email => $who{owner}{email},
    manager_email => $who{manager}{email}, budget_usd => 5);
my $agent = $t->api_ok('POST', '/api/agent-principals', {name => 'helper'},
    $people->as('owner'));
my @agent = (Authorization => 'Bearer '
    . $t->canary('the token of an agent', $agent->{token}));

sub ask {
    my (@as) = @_;
    return $t->api_ok('POST', '/api/requests', {project_id => $project,
        title => 'More room', details => {size => '1.50'},
        reason => "it is full\n\e[31m"}, @as ? @as : $people->as('owner'));
}

sub say {
    my ($request, $verb, $who, $body) = @_;
    return $t->api('POST', "/api/requests/$request->{id}/$verb",
        $body // {reason => "said by $who"}, $who eq 'agent' ? @agent
        : $who eq 'operator' ? () : $people->as($who));
}

sub look {
    my ($request, @as) = @_;
    return $t->api_ok('GET', "/api/requests/$request->{id}", undef,
        @as ? @as : $people->as('owner'));
}

sub is_refused {
    my ($reply, $status, $code, $what) = @_;
    is($reply->status . ' ' . $reply->json->{code}, "$status $code", $what);
}

# --- one look

my $request = ask();
is($request->{state}, 'requested', 'what is asked waits');
my $seen = look($request);
is($seen->{waits}{for}, "the project's manager or an administrator",
    'one look tells what it waits for');
is($seen->{waits}{approvals}, 1, '... how many');
is_deeply([map { "$_->{username} $_->{as}" } @{$seen->{may_decide}}],
    ['manager manager', 'admin admin', 'admin2 admin'], '... of whom');
is_deeply([map { $_->{event} } @{$seen->{history}}], ['submit'],
    '... and what happened');
is_deeply($seen->{payload}, {title => 'More room', details => {size => '1.50'}},
    '... and what is asked');
is_deeply($seen->{you_may}, ['cancel'], 'who asked may take it back');
is_deeply(look($request, $people->as('manager'))->{you_may},
    [qw(approve reject escalate cancel)], 'the manager decides');
is($t->{postgres}->value("SELECT '$seen->{sla_due_at}'::timestamptz"
    . " - '$seen->{created_at}'::timestamptz"), '7 days',
    'a decision is due within seven days');
is($seen->{overdue}, JSON::XS::false(), '... which are not over');
my $late = ask();
$t->{postgres}->value("UPDATE requests SET sla_due_at = now() - interval"
    . " '1 s' WHERE request_id = '$late->{id}' RETURNING 1");
is(look($late)->{overdue}, JSON::XS::true(), '... and then it says so');
is_deeply([map { $_->{id} } grep { $_->{overdue} } @{$t->api_ok('GET',
    '/api/requests')->{requests}}], [$late->{id}], '... in a list, too');
is(say($late, 'cancel', 'owner')->json->{overdue}, JSON::XS::false(),
    '... until nobody has to decide it any more');

# --- nobody decides over what they asked

is_refused(say($request, 'approve', 'owner'), 403, 'self_approval',
    'who asked does not approve');
is_refused(say($request, 'approve', 'agent'), 403, 'forbidden',
    'an agent approves nothing');
my $agents = ask(@agent);
is($agents->{requester}, "agent:$agent->{id}", 'an agent asks by its own id');
is($agents->{on_behalf_of}, 'owner', '... for its human');
is_refused(say($agents, 'approve', 'owner'), 403, 'self_approval',
    '... who does not approve it either');
my $managers = ask($people->as('manager'));
is_refused(say($managers, 'approve', 'manager'), 403, 'self_approval',
    'nor the manager what the manager asked');
is_refused(say($managers, 'approve', 'owner'), 403, 'forbidden',
    'an owner decides nothing as owner');
is_refused(say($managers, 'reject', 'owner'), 403, 'forbidden',
    '... no to it neither');
my $operators = $t->api_ok('POST', '/api/requests', {project_id => $project,
    title => 'n'});
is_refused(say($operators, 'approve', 'operator'), 403, 'self_approval',
    'nor the operator');
is(say($operators, 'approve', 'admin')->status, 200, 'an administrator does');
my $key = $t->key(project => $project);
is($t->api('POST', "/api/requests/$request->{id}/approve", {}, Authorization =>
    "Bearer $key->{key}")->status, 401, 'the key of a project opens nothing');

# --- decided once

my $stale = say($request, 'approve', 'manager', {plan_hash => '0' x 64});
is_refused($stale, 409, 'plan_changed', 'another plan than the one shown');
is_refused(say($request, 'approve', 'manager', {actor => 'admin'}), 400,
    'unknown_field', 'who decides is no field');
my @both = $t->in_parallel(4, sub {
    my $reply = say($request, 'approve', $_[0] % 2 ? 'manager' : 'admin',
        {plan_hash => $seen->{plan_hash}});
    return $reply->status . ' ' . ($reply->json->{code} // '');
});
is(scalar(grep { /^200 / } @both), 2, 'of several at once one person approves');
is(scalar(grep { /^409 already_decided/ } @both), 2, '... the other is late')
    or diag("@both");
my ($approver) = look($request)->{approver};
is(say($request, 'approve', $approver)->status, 200,
    'once more by the same person is the same answer');
$seen = look($request);
is($seen->{state}, 'approved', 'it is approved');
is_deeply([map { $_->{event} } @{$seen->{history}}], [qw(submit approve)],
    '... once');
is(scalar(@{$seen->{approvals}}), 1, '... by one');
is(say($agents, 'reject', 'manager')->json->{state}, 'rejected', 'a no');
is_refused(say($agents, 'approve', 'manager'), 400, 'illegal_transition',
    '... is no yes any more');
is_refused(say($agents, 'cancel', 'owner'), 400, 'illegal_transition',
    '... and cannot be taken back');

# --- handed up, taken back

is(say($managers, 'escalate', 'admin')->json->{state}, 'reviewing',
    'a request is handed up');
my $up = ask();
is(say($up, 'escalate', 'manager')->json->{waits}{for}, 'an administrator',
    '... by the manager, to administrators');
is_refused(say($up, 'approve', 'manager'), 403, 'forbidden',
    '... then the manager decides no longer');
is(say($up, 'approve', 'operator')->json->{state}, 'approved',
    '... but the operator');
my $back = ask();
is(say($back, 'cancel', 'agent')->json->{state}, 'cancelled',
    'an agent takes back what its human asked');

# --- found again

my $list = sub {
    my ($query, @as) = @_;
    return [map { $_->{id} } @{$t->api_ok('GET', "/api/requests$query", undef,
        @as ? @as : $people->as('owner'))->{requests}}];
};
is_deeply($list->('?state=approved'), [map { $_->{id} } $up, $operators,
    $request], 'requests are found by state, the newest first');
is_deeply($list->('?requester=manager'), [$managers->{id}], '... by who asked');
is_deeply($list->('?requester=owner@example.com'), [map { $_->{id} } $back, $up,
    $agents, $late, $request], '... or for whom');
is_deeply($list->("?subject=$project&state=reviewing"), [$managers->{id}],
    '... by subject');
is_deeply($list->("?subject=x'%20OR%201=1--"), [], 'a filter is only a value');
my $page = $t->api_ok('GET', '/api/requests?limit=2', undef,
    $people->as('owner'));
is_deeply($list->("?limit=1&cursor=$page->{next_cursor}"), [$operators->{id}],
    'a page begins where the last one ended');
is($t->api('GET', "/api/requests?$_")->status, 400, "$_ is refused")
    for 'state=open', 'cursor=1', 'sort=number';
my $log = $t->api_ok('GET', "/api/audit?entity=$request->{id}");
is_deeply([map { $_->{action} } @{$log->{events}}], ['workflow.submitted',
    'workflow.approved'], 'the audit log has both');
is($t->{postgres}->value("SELECT count(*) FROM audit_events WHERE reason LIKE"
    . " E'%\\n\\x1b[31m'") > 0 ? 1 : 0, 1, '... the reason as it was given');

# --- the database itself

# What PostgreSQL says to asgard-ctl's own role.
sub says {
    my ($sql) = @_;
    my $pg = $t->{postgres};
    return eval { $pg->psql($pg->url, $sql); 1 } ? 'done' : $@;
}
my $open = ask();
my %id = (admin => $who{admin}{id}, owner => $who{owner}{id},
    manager => $who{manager}{id}, agent => $agent->{id});
sub forced {
    my ($approver, $power, $plan) = @_;
    return says("INSERT INTO request_approvals (request_id, person,"
        . " plan_sha256, approver, user_id, power) SELECT request_id, person, "
        . ($plan // 'plan_sha256') . ", 'user:$id{$approver}',"
        . " '$id{$approver}', '$power' FROM requests WHERE request_id ="
        . " '$open->{id}'");
}
like(forced('owner', 'manager'), qr/not_own|may not approve/,
    'the database refuses the approval of who asked');
like(forced('manager', 'admin'), qr/may not approve/,
    '... a role that is none');
like(forced('agent', 'manager'), qr/may not approve/, '... an agent');
like(forced('admin', 'admin', "sha256('x')"), qr/foreign key/,
    '... of another plan');
like(says("UPDATE requests SET state = 'approved' WHERE request_id ="
    . " '$open->{id}'"), qr/has not the approvals/, '... approved by none');
like(says("UPDATE requests SET state = 'fulfilled' WHERE request_id ="
    . " '$open->{id}'"), qr/only what is approved/, '... done before');
like(says("UPDATE requests SET $_ WHERE request_id = '$open->{id}'"),
    qr/does not change/, "... $_") for 'approvals_needed = 0, tier = $$none$$',
    q(payload = '{"a":1}'), q(person = 'system');

# --- an approval is of who may still give one

for my $case (['no administrator any more', "role = 'member'",
    "role = 'admin'"], ['not active any more', 'active = false',
    'active = true']) {
    my ($what, $lost, $back) = @$case;
    my $secret = $t->project(owner_email => $who{owner}{email}, budget_usd => 5,
        manager_email => $who{manager}{email}, data_class => 'restricted');
    my $two = $t->api_ok('POST', "/api/projects/$secret/resources",
        {resource_type => 's3-bucket', name => 'n'}, $people->as('owner'))
        ->{request};
    my $set = sub { $t->{postgres}->value("UPDATE users SET $_[0] WHERE"
        . " user_id = '$id{admin}' RETURNING 1") };
    say($two, 'approve', 'admin');
    $set->($lost);
    is(look($two)->{approvals_given}, 0, "$what: the approval is none");
    is(say($two, 'approve', 'manager')->json->{state}, 'requested',
        '... with that of another neither');
    like(says("UPDATE requests SET state = 'approved' WHERE request_id ="
        . " '$two->{id}'"), qr/has not the approvals/, '... nor by force');
    $set->($back);
    is(say($two, 'approve', 'admin2')->json->{state}, 'fulfilled',
        '... until one more says yes');
}

# --- nobody both owns a project and decides over it

my $both_mine = $t->project(owner_email => $who{owner}{email}, budget_usd => 5,
    manager_email => $who{owner}{email}, data_class => 'confidential');
my $theirs = $t->api_ok('POST', '/api/requests', {project_id => $both_mine,
    title => 'for it'});
$seen = look($theirs);
is($seen->{waits}{for}, 'an administrator', 'where the owner is the manager an'
    . ' administrator decides');
like($seen->{waits}{note}, qr/nobody but an administrator is left/,
    '... which it says, and why');
is(look($up)->{waits}{note}, undef, '... of no other');
is_deeply([map { $_->{as} } @{$seen->{may_decide}}], [qw(admin admin)],
    '... nobody else');
is_deeply($seen->{you_may}, ['cancel'], '... the owner may not');
for my $verb (qw(approve reject escalate)) {
    my $reply = say($theirs, $verb, 'owner');
    is_refused($reply, 403, 'forbidden', "... $verb");
}
like(say($theirs, 'approve', 'owner')->json->{error},
    qr/rule approve\.owner/, '... by a rule');
$open = $theirs;
like(forced('owner', 'manager'), qr/may not approve/, '... nor by force');
is($t->api('PATCH', "/api/projects/$both_mine", {data_class => 'internal'},
    $people->as('owner'))->json->{code}, 'approval_needed',
    '... nor says that its data is less strict');
is(say($theirs, 'approve', 'admin')->json->{state}, 'approved',
    '... an administrator does');

my $turned = $t->project(owner_email => $who{owner}{email}, budget_usd => 5,
    manager_email => $who{manager}{email}, data_class => 'restricted');
my $half = $t->api_ok('POST', "/api/projects/$turned/resources",
    {resource_type => 's3-bucket', name => 'n'}, $people->as('owner'))
    ->{request};
is(say($half, 'approve', 'manager')->json->{approvals_given}, 1,
    'a manager approves');
$t->api_ok('PATCH', "/api/projects/$turned",
    {owner_email => $who{manager}{email}}, $people->as('owner'));
is($t->api_ok('GET', "/api/requests/$half->{id}")->{approvals_given}, 0,
    '... which counts no longer when they become the owner');

# --- an answer again is for who may still see it

my $once = ask();
my @again = ('POST', "/api/requests/$once->{id}/reject", {reason => 'no'},
    $people->as('manager'), 'Idempotency-Key' => 'once-more');
is($t->api(@again)->status, 200, 'a manager says no');
is($t->api(@again)->status, 200, '... and hears it again');
$t->api_ok('PATCH', "/api/projects/$project",
    {manager_email => 'next@example.com'});
is_refused($t->api(@again), 404, 'request_not_found',
    '... but not when they manage it no longer');

$t->done;
