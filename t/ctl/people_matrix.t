#!/usr/bin/perl
# Two tenants, every role, every route: who gets what.  A route without its row
# fails; what may not be seen is answered as what is not there; and whatever is
# refused changes nothing.
#
# A row says by letter what each caller gets of the first tenant's project (or,
# of a route without one, at all):
#   + served   f 403 forbidden   s 403 insufficient_scope   - 404 as if absent
#   0 401
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(slurp top);
use Asgard::People;
use Asgard::Secrets;
use Asgard::Test;

my @callers = qw(nobody key operator admin finance owner manager other agent
    reader asker stranger);
# nobody     no credential               key      the project's own key
# operator   a bootstrap token           other    owner in the other tenant
# agent      of the owner                stranger a member without a project
# reader     the owner's token to read   asker    ... to ask
# admin, finance, owner, manager: the person, with a token of all scopes

my %row = (
    'POST /api/auth/login'      => '++ ++++ + ++++ +',
    'POST /api/auth/logout'     => '00 ffff f ffff f',
    'POST /api/auth/password'   => '00 f+++ + +fs+ +',
    'GET /api/auth/me'          => '00 ++++ + ++++ +',
    'GET /api/auth/tokens'      => '00 ++++ + +f+s +',
    'POST /api/auth/tokens'     => '00 ++++ + +fs+ +',
    'DELETE /api/auth/tokens/{token_id}' => '00 ++-+ - -fs+ -',
    'GET /api/agent-principals' => '00 f+++ + +f+s +',
    'POST /api/agent-principals' => '00 f+++ + +fss +',
    'DELETE /api/agent-principals/{agent_id}' => '00 ++-+ - -fs+ -',
    'POST /api/users'           => '00 ++ff f ffff f',
    'GET /api/users'            => '00 ++ff f ffff f',
    'POST /api/users/{user_id}/role'   => '00 ++ff f ffff f',
    'POST /api/users/{user_id}/active' => '00 ++ff f ffff f',
    'POST /api/groups'          => '00 ++ff f ffff f',
    'GET /api/groups'           => '00 ++++ + +++s +',
    'GET /api/approver-groups'  => '00 ++ff f ffff f',
    'POST /api/approver-groups/{group}/members' => '00 ++ff f ffff f',
    'DELETE /api/approver-groups/{group}/members/{member}' =>
        '00 ++ff f ffff f',
    'POST /api/users/{user_id}/password' => '00 ++ff f ffff f',
    'POST /api/projects'        => '00 ++++ + ++s+ +',
    'GET /api/projects'         => '00 ++++ + +++s +',
    'GET /api/budgets'          => '00 ++++ + -++s -',
    'PUT /api/budgets'          => '00 ++f+ + -+s+ -',
    'GET /api/services'         => '00 ++++ + +++s +',
    'GET /api/services/{service_id}' => '00 ++++ + +++s +',
    'POST /api/requests'        => '00 ++f+ + -+s+ -',
    'GET /api/requests'         => '00 ++++ + +++s +',
    'GET /api/requests/{request_id}'           => '00 ++++ + -++s -',
    'GET /api/requests/{request_id}/events'    => '00 ++++ + -++s -',
    'POST /api/requests/{request_id}/approve'  => '00 ++ff + -fss -',
    'POST /api/requests/{request_id}/reject'   => '00 ++ff + -fss -',
    'POST /api/requests/{request_id}/fulfill'  => '00 ++ff + -fss -',
    'POST /api/requests/{request_id}/escalate' => '00 ++ff + -fsf -',
    'POST /api/requests/{request_id}/cancel'   => '00 ++f+ + -+s+ -',
    'GET /api/decide'           => '++ ++++ + ++++ +',
    # nobody but who has the token of a link, which says who they are
    'POST /api/decide/look'     => '++ ++++ + ++++ +',
    'POST /api/decide/act'      => '++ ++++ + ++++ +',
    'GET /api/ledger'           => '00 ++++ + -++s -',
    'GET /api/audit'            => '00 ++++ + -++s -',
    'GET /api/openapi.json'     => '++ ++++ + ++++ +',
    'GET /internal/ready'       => 'not through nginx',
    'GET /metrics/ctl'          => '++ ++++ + ++++ +');
my $project = '/api/projects/{project_id}';
$row{"GET $project$_"} = '00 ++++ + -++s -' for '', qw(/keys /budgets /usage
    /promotion /resources /resources/{resource_id} /secrets);
$row{"$_"} = '00 ++f+ + -+s+ -' for "PATCH $project", "POST $project/kill",
    "POST $project/unkill", "POST $project/keys",
    "PATCH $project/keys/{key_id}", "DELETE $project/keys/{key_id}",
    "PUT $project/budgets", "DELETE $project/resources/{resource_id}",
    "POST $project/resources/{resource_id}/retry",
    map { "POST $project/$_" } qw(secrets/{name}/acknowledge
    secrets/{name}/rotate promotion demote extend decommission archive
    resources resources/link);

$row{"POST $project/secrets/{name}/read"} = '00 ++f+ + -+s+ -';
$row{"POST $project/demote"} = '00 ++f+ + -fs+ -';

# --- the route table has a row each

my $table = slurp(top() . '/asgard-ctl/http/routes.c');
my ($prefix) = $table =~ /#define PROJECT "([^"]+)"/;
my @routes;
while ($table =~ /\{"([A-Z]+)",\s(PROJECT(?:\s"[^"]*")?|"[^"]+"),/g) {
    my ($method, $path) = ($1, $2);
    push @routes, "$method " . $path =~ s/^PROJECT/$prefix/r =~ s/[" ]//gr;
}
cmp_ok(scalar(@routes), '>', 20, 'the routes were found');
is_deeply([sort @routes], [sort keys %row], 'every route has its row');

# --- two tenants

my $t = Asgard::Test->new(conf => 'bad_tokens 0');
$t->start;
my $people = Asgard::People->new($t);
my %who = map { $_ => $people->person($_, role => /admin|finance/ ? $_
    : 'member') } qw(admin finance owner manager other stranger);
my @token = (reader => 'read', asker => 'request');
while (my ($name, $scope) = splice @token, 0, 2) {
    $who{$name} = {token => $people->token($who{owner}{id}, $scope)};
}
my $agent = $t->api_ok('POST', '/api/agent-principals', {name => 'a'},
    $people->as('owner'));
$who{agent} = {token => $t->canary('the token of an agent', $agent->{token})};
my $here = $t->project(owner_email => $who{owner}{email},
    manager_email => $who{manager}{email}, budget_usd => 5);
my $there = $t->project(owner_email => $who{other}{email}, budget_usd => 5);
my $key = $t->key(project => $here);
$who{key} = {token => $key->{key}};
$who{operator} = {token => $t->admin_token};

# What is revoked again stays revoked, so one of each is enough.
my $count = 0;
my %present = (project_id => $here,
    service_id => 's3-bucket', name => 'm-value', group => 'platform',
    member => 'stranger',
    key_id => $t->key(project => $here)->{id},
    user_id => $who{stranger}{id}, agent_id => $t->{postgres}->value(
        "INSERT INTO agents (owner_id, name) VALUES ('$who{owner}{id}', 'v')"
        . ' RETURNING agent_id'), token_id => $t->{postgres}->value(
        'INSERT INTO tokens (name, sha256, suffix, user_id) SELECT'
        . " 'v', sha256('v'), '', '$who{owner}{id}' RETURNING token_id"));

my $secrets = Asgard::Secrets->new($t);
$secrets->put($secrets->resource($here, 'm', $people->as('owner')), 'value');
# each has read it, so that each may acknowledge it
$t->{postgres}->value('INSERT INTO secret_grants (project_id, name, version,'
    . " principal, first_read_at) SELECT '$here', 'm-value', 1, p, now() FROM"
    . " unnest(ARRAY[" . join(', ', map { "'$_'" } (map { "user:$who{$_}{id}" }
    qw(admin owner manager)), "agent:$agent->{id}", 'token:' .
    $t->{postgres}->value("SELECT token_id FROM tokens WHERE role = 'admin'"
    . ' LIMIT 1')) . ']) p RETURNING 1');

my %absent = (project_id => 'proj-2020-0001', name => 'none',
    map { $_ => '00000000-0000-4000-8000-000000000000' }
    qw(key_id token_id agent_id user_id request_id resource_id));

# A request is decided once, so each call has its own, that nobody here asked.
sub path_of {
    my ($route) = @_;
    $present{request_id} = $t->{postgres}->value('INSERT INTO requests (kind,'
        . ' project_id, subject, requester, person, payload, plan_sha256, rule,'
        . " state, tier, approvals_needed) VALUES ('generic', '$here', '$here',"
        . " 'system:test', 'system', '{}', '', 'test', "
        . ($route =~ /events/ ? "'rejected', 'platform', 1"
        : $route =~ /fulfill/ ? "'approved', 'none', 0"
        : "'requested', 'platform', 1") . ') RETURNING request_id')
        if $route =~ /request_id/;
    $t->{postgres}->value("INSERT INTO approvers VALUES ('platform',"
        . " '$who{stranger}{id}', 'test') ON CONFLICT (group_name, user_id)"
        . " DO UPDATE SET added_by = 'test' RETURNING 1")
        if $route =~ /member\}/;
    $present{resource_id} = $t->{postgres}->value('INSERT INTO resources'
        . ' (project_id, rtype, name, spec, tags, state, backend, dry_run,'
        . " request_id) SELECT '$here', 's3-bucket', 'm' || $$ || '-"
        . ++$count . "', '{}', '{}', 'provisioned', 'stub', true, request_id"
        . ' FROM requests LIMIT 1 RETURNING resource_id')
        if $route =~ /resource_id/;
    $t->{postgres}->value("WITH l AS (INSERT INTO job_lanes (resource_id)"
        . " VALUES ('$present{resource_id}') RETURNING resource_id)"
        . ' INSERT INTO jobs (kind, resource_id, state, actor, ended_at)'
        . " SELECT 'rotate', resource_id, 'dead', 'system:test', now() FROM l"
        . ' RETURNING 1') if $route =~ /retry/;
    return $route =~ s/\{(\w+)\}/$present{$1}/gr;
}

sub body_of {
    my ($route, $id) = @_;
    return {
        'POST /api/auth/tokens' => {name => 't', scopes => ['request']},
        'POST /api/agent-principals' => {name => 'a'},
        'POST /api/users' => {username => 'u' . ++$count,
            email => "u$count\@example.com"},
        'POST /api/users/{user_id}/role' => {role => 'member'},
        'POST /api/users/{user_id}/active' => '{"active":true}',
        'POST /api/groups' => {key => 'g' . ++$count,
            display_name => 'n'},
        'POST /api/approver-groups/{group}/members' =>
            {username => 'stranger'},
        'POST /api/projects' => {name => 'n', owner_email => 'x@example.com',
            manager_email => 'x@example.com'},
        'PUT /api/budgets' => {scope => 'project', scope_id => $id,
            budgets => []},
        "POST $project/resources" => {resource_type => 's3-bucket',
            name => 'n' . ++$count},
        "POST $project/resources/link" => {resource_type => 'bucket',
            name => 'l' . ++$count, reference => 'there'},
        'POST /api/requests' => {project_id => $id, title => 't'},
        "PATCH $project" => {description => 'd'},
        "POST $project/keys" => {name => 'k'},
        "PATCH $project/keys/{key_id}" => {aliases => {}},
        "PUT $project/budgets" => {budgets => []},
        'POST /api/auth/login' => {},
    }->{$route} // ($route =~ /^POST/ ? '{}' : undef);
}

sub call {
    my ($route, $path, $id, $caller) = @_;
    my ($method) = $route =~ /^(\S+)/;
    $path =~ s/^\S+ //;
    $path .= "?scope=project&scope_id=$id" if $route eq 'GET /api/budgets';
    $path .= "?project=$id" if $route eq 'GET /api/ledger';
    $path .= "?entity=$id" if $route eq 'GET /api/audit';
    my @headers = ('Content-Type', 'application/json',
        $who{$caller} ? (Authorization => "Bearer $who{$caller}{token}") : ());
    my $body = body_of($route, $id);
    return $t->http->request($method, $path, \@headers,
        ref $body ? $t->encode($body) : $body);
}

sub letter {
    my ($reply, $route) = @_;
    my $code = $reply->json ? $reply->json->{code} // '' : '';
    # let in, and refused for what the body says, or for what it is about
    return '+' if $reply->status =~ /^2/
        || $code =~ /^(?:missing_field|conflict|secret_gone)$/;
    return {'401 missing_token' => '0', '401 invalid_token' => '0',
        '403 forbidden' => 'f', '403 insufficient_scope' => 's'}->{
        $reply->status . " $code"} // ($code =~ /_not_found$/ ? '-'
        : $reply->status . " $code");
}

sub plain { $_[0]->body =~ s/"trace_id":"[^"]*"//r }
# What a job that was tried again comes to is no caller's.
sub events { $t->{postgres}->value('SELECT count(*) FROM audit_events'
    . " WHERE actor <> 'system:keeper'") }

# Those who are refused come first: the audit log must not grow by them.
for my $route (@routes) {
    next if $route =~ /internal/;
    my %want;
    @want{@callers} = split //, $row{$route} =~ s/ //gr;
    my (%got, @differs);
    my $before = events();
    for my $caller (sort { ($want{$a} eq '+') <=> ($want{$b} eq '+') }
        @callers) {
        if ($want{$caller} eq '+' && defined $before) {
            is(events(), $before, "$route: what is refused leaves nothing");
            undef $before;
        }
        my $reply = call($route, path_of($route), $here, $caller);
        $got{$caller} = letter($reply, $route);
        $t->canary("from $route " . ++$count, $1)
            if $reply->body =~ /"(?:token|key)":"(asg_[^"]+)"/;
        next if $got{$caller} ne '-';
        my $none = call($route, $route =~ s/\{(\w+)\}/$absent{$1}/gr,
            $absent{project_id}, $caller);
        push @differs, $caller if $none->status != 404
            || plain($none) ne plain($reply);
    }
    is(join(' ', map { "$_$got{$_}" } @callers),
        join(' ', map { "$_$want{$_}" } @callers), $route);
    is("@differs", '', '... forbidden looks like absent');
}
my $role = 'POST /api/users/{user_id}/role';
is(call($role, $role =~ s/\{\w+\}/$who{owner}{id}/r, $here, 'owner')->status,
    403, 'nobody gives themselves a role');

# --- the other tenant reaches no key, whichever way it is named

for my $way (['GET', '/api/budgets?scope=key&scope_id=%s'],
    ['PUT', '/api/budgets', '{"scope":"key","scope_id":"%s","budgets":[]}'],
    ['PATCH', "/api/projects/$there/keys/%s", '{"aliases":{}}'],
    ['DELETE', "/api/projects/$there/keys/%s"]) {
    my ($method, $path, $body) = @$way;
    my ($theirs, $none) = map { my $id = $_; $t->api($method,
        $path =~ s/%s/$id/r, defined $body ? $body =~ s/%s/$id/r : undef,
        $people->as('other')) } $key->{id}, $absent{key_id};
    is($theirs->status, 404, "$method $path: another's key");
    is(plain($theirs), plain($none), '... is as one that does not exist');
}
is($t->api('PUT', '/api/budgets', {scope => 'key', scope_id => $key->{id},
    budgets => []}, $people->as('finance'))->status, 403,
    'who sees a key may still not change it');
is($t->api('GET', "/api/budgets?scope=key&scope_id=$key->{id}", undef,
    $people->as('owner'))->status, 200, 'its owner does');

# --- lists show what the caller sees

my %sees = (operator => 2, admin => 2, finance => 2, owner => 1, manager => 1,
    other => 1, agent => 1, reader => 1, stranger => 0);
for my $caller (sort keys %sees) {
    my $list = $t->api_ok('GET', '/api/projects', undef,
        Authorization => "Bearer $who{$caller}{token}");
    my %ids = map { $_->{project_id} => 1 } @{$list->{projects}};
    is(scalar(grep { $ids{$_} } $here, $there), $sees{$caller},
        "$caller sees their projects");
}
is($t->chat($key)->status, 200, 'a call');
$t->wait_ledger($here, 1);
for my $caller (sort keys %sees) {
    my $list = $t->api_ok('GET', '/api/ledger', undef,
        Authorization => "Bearer $who{$caller}{token}");
    is(scalar(@{$list->{entries}}), $caller =~ /other|stranger/ ? 0 : 1,
        "$caller sees what their projects cost");
}

# --- authority begins with the account, and ends with the address

is($t->api('GET', "/api/projects/$there", undef, $people->as('stranger'))
    ->status, 404, 'a stranger');
my $late = $t->project(owner_email => 'Late@Example.com');
$people->person('late');
is($t->api('GET', "/api/projects/$late", undef, $people->as('late'))->status,
    200, 'an address may be named before its account exists');
$t->{postgres}->value("UPDATE users SET email_verified = false WHERE username"
    . " = 'late' RETURNING 1");
is($t->api('GET', "/api/projects/$late", undef, $people->as('late'))->status,
    404, 'one that nobody has verified gives nothing');
is_deeply($t->api_ok('GET', '/api/projects', undef, $people->as('late'))
    ->{projects}, [], '... in a list neither');
for my $case ([owner => 403], [agent => 403], [manager => 200]) {
    my ($caller, $status) = @$case;
    is($t->api('PATCH', "/api/projects/$here",
        {manager_email => 'manager@example.com'},
        Authorization => "Bearer $who{$caller}{token}")->status, $status,
        "$caller and who the manager is");
}
for my $case ([owner => 'public', 403], [agent => 'public', 403],
    [asker => 'public', 403], [agent => 'confidential', 200],
    [owner => 'restricted', 200], [owner => 'confidential', 403],
    [manager => 'public', 200], [owner => 'internal', 200],
    [admin => 'public', 200]) {
    my ($caller, $class, $status) = @$case;
    my $reply = $t->api('PATCH', "/api/projects/$here",
        {data_class => $class},
        Authorization => "Bearer $who{$caller}{token}");
    is($reply->status, $status, "$caller says that the data is $class");
    is(join(' ', @{$reply->json}{qw(code param)}), 'approval_needed data_class',
        '... or is told whom it is for') if $status == 403;
}
is($t->api_ok('GET', "/api/projects/$here")->{data_class}, 'public',
    '... and it is what the last said who may');
is($t->api('PATCH', "/api/projects/$here",
    {owner_email => 'stranger@example.com'}, $people->as('owner'))->status,
    200, 'an owner hands the project over');
is($t->api('GET', "/api/projects/$here", undef, $people->as('owner'))->status,
    404, '... and sees it no longer');
is($t->api('GET', "/api/projects/$here", undef, $people->as('stranger'))
    ->status, 200, '... but the new one does');

$t->done;
