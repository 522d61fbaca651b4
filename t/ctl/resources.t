#!/usr/bin/perl
# What a project asks for is made at once where policy says so, waits for a
# human where it does not, and is refused by a rule that is named.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::People;
use Asgard::Test;

my $t = Asgard::Test->new(conf => "targets aws:1111,aws:2222,databricks:w");
$t->start;
my $people = Asgard::People->new($t);
my %who = map { $_ => $people->person($_, role => /^admin/ ? 'admin'
    : 'member') } qw(owner manager admin);

sub project {
    my (%arg) = @_;
    return $t->project(owner_email => $who{owner}{email},
        manager_email => $who{manager}{email}, budget_usd => 5, %arg);
}
my $project = project();

sub ask {
    my ($type, $name, $spec, %arg) = @_;
    return $t->api('POST', '/api/projects/' . ($arg{project} // $project)
        . '/resources', {resource_type => $type, name => $name,
        spec => $spec // {}}, $people->as($arg{as} // 'owner'));
}

sub is_refused {
    my ($reply, $status, $code, $param, $what) = @_;
    my $json = $reply->json;
    is(join(' ', $reply->status, $json->{code}, $json->{param} // ''),
        "$status $code $param", $what);
}

sub say {
    my ($request, $verb, $who, $body) = @_;
    return $t->api('POST', "/api/requests/$request->{id}/$verb", $body // {},
        $people->as($who));
}

# --- at once

my $made = ask('s3-bucket', 'logs', {region => 'eu-central-1'});
is($made->status, 201, 'what is self-service is made at once');
my $json = $made->json;
is($json->{pending_approval}, JSON::PP::false(), '... without approval');
is($json->{request}{state}, 'fulfilled', '... its request is fulfilled');
is($json->{request}{rule}, 'deploy.auto', '... by a rule');
my $bucket = $json->{provisioned};
is("$bucket->{rtype} $bucket->{name} $bucket->{state}",
    's3-bucket logs provisioned', '... as a resource');
is($bucket->{dry_run}, JSON::PP::true(), '... that says it is only a stub');
is($bucket->{est_monthly_usd}, 5, '... with the estimate of the manifest');
is($bucket->{actual_usd}, undef, '... and a cost that nobody measured');
is($bucket->{tags}{project}, $project, '... which bears its project');
is($bucket->{tags}{account}, '1111', '... and the account that it is in');
my $again = ask('s3-bucket', 'logs', {region => 'eu-central-1'});
is($again->status, 200, 'the same once more');
is($again->json->{provisioned}{id}, $bucket->{id}, '... is the same resource');
is($again->json->{request}{id}, $json->{request}{id}, '... and request');
$again = ask('s3-bucket', 'logs', {region => 'eu-west-1'});
is($again->json->{provisioned}{id}, $bucket->{id},
    'another spec is applied to the same resource');
is($again->json->{provisioned}{spec}{region}, 'eu-west-1', '... and kept');
my @ids = $t->in_parallel(6, sub { ask('dynamodb-table', 'one')
    ->json->{provisioned}{id} });
is(scalar(keys %{{map { $_ => 1 } @ids}}), 1, 'six at once make one');

# --- a human

for my $case (['databricks-sql-warehouse', {cluster_size => 'Small'}],
    ['databricks-job', {notebook_path => '/n'}],
    ['databricks-model-serving', {entity_name => 'm'}],
    ['litellm-key', {max_budget_usd => 3}],
    ['ec2-instance', {instance_type => 'x9.huge'}]) {
    my ($type, $spec) = @$case;
    my $reply = ask($type, 'parked', $spec);
    is($reply->status . ' ' . $reply->json->{request}{state}, '202 requested',
        "$type waits for a human");
    is($reply->json->{provisioned}, undef, '... and nothing is made');
}
is(ask('databricks-uc-volume', 'v', {catalog_name => 'c'})->status, 201,
    'a volume does not');
my ($parked) = @{$t->api_ok('GET', "/api/requests?subject=$project/"
    . 'databricks-sql-warehouse/parked', undef,
    $people->as('manager'))->{requests}};
is($parked->{payload}{estimated_monthly_usd}, 200,
    'the approver sees the cost');
my $now = $t->api_ok('GET', "/api/requests/$parked->{id}", undef,
    $people->as('manager'))->{project_now};
is(join(' ', @$now{qw(budget_usd spent_usd est_monthly_usd)}), '5 0 13',
    '... beside what the project has and spends');
is_refused(say($parked, 'approve', 'owner'), 403, 'self_approval', '',
    'the owner who asked does not approve');
my @yes = $t->in_parallel(4, sub { say($parked, 'approve', $_[0] % 2 ? 'manager'
    : 'admin')->status });
is(scalar(grep { $_ == 200 } @yes), 2, 'of four at once one person approves');
my @list = @{$t->api_ok('GET', "/api/projects/$project/resources", undef,
    $people->as('owner'))->{resources}};
my ($warehouse) = grep { $_->{rtype} eq 'databricks-sql-warehouse' } @list;
is($warehouse->{state}, 'provisioned', 'the approval starts the work');
is($warehouse->{request_id}, $parked->{id}, '... of that request');
is($t->{postgres}->value('SELECT count(*) FROM audit_events WHERE action ='
    . " 'resource.provisioned' AND data->>'request' = '$parked->{id}'"), 1,
    '... once');
is(scalar(grep { $_->{id} eq $warehouse->{id} } @list), 1, '... as one row');

# --- what was shown

my $first = ask('databricks-job', 'plan', {notebook_path => '/a'})
    ->json->{request};
is(ask('databricks-job', 'plan', {notebook_path => '/a'})->json->{request}{id},
    $first->{id}, 'the same is asked once');
my $other = ask('databricks-job', 'plan', {notebook_path => '/b'})
    ->json->{request};
isnt($other->{id}, $first->{id}, 'another plan is another request');
is_refused(say($first, 'approve', 'manager'), 409, 'plan_changed', '',
    '... and the first is void');
is(say($other, 'approve', 'manager')->json->{state}, 'fulfilled',
    '... the other is approved');
my $third = ask('databricks-job', 'plan', {notebook_path => '/c'})
    ->json->{request};
my ($job) = grep { $_->{name} eq 'plan' } @{$t->api_ok('GET',
    "/api/projects/$project/resources", undef, $people->as('owner'))
    ->{resources}};
is($job->{spec}{notebook_path}, '/b',
    'a plan that nobody approved changes nothing');
$t->api('DELETE', "/api/projects/$project/resources/$job->{id}", undef,
    $people->as('owner'));
is_refused(say($third, 'approve', 'manager'), 409, 'plan_changed', '',
    'nor does one whose resource is gone since');
is($t->api_ok('GET', "/api/requests/$third->{id}")->{state}, 'cancelled',
    '... which is over');

my $turned = project();
my $late = ask('databricks-sql-warehouse', 'w', {cluster_size => 'Small'},
    project => $turned)->json->{request};
$t->api_ok('PATCH', "/api/projects/$turned", {data_class => 'restricted'},
    $people->as('owner'));
is_refused(say($late, 'approve', 'manager'), 409, 'plan_changed', '',
    'nor does one that takes more people by now');
is_deeply($t->api_ok('GET', "/api/projects/$turned/resources")->{resources},
    [], '... of which nothing is made');
is(ask('databricks-sql-warehouse', 'w', {cluster_size => 'Small'},
    project => $turned)->json->{request}{approvals_needed}, 2,
    '... and who asks again asks them all');

# A project of its own: how many are made is not known, and each counts.
my @track = (project => project());
my @race = map { ask('databricks-job', 'race', {notebook_path => "/$_"},
    @track)->json->{request} } 1;
for my $turn (2 .. 4) {
    my @said = $t->in_parallel(2, sub { $_[0]
        ? say($race[-1], 'approve', 'manager')->status
        : ask('databricks-job', 'race', {notebook_path => "/$turn"}, @track)
            ->status });
    like("@said", qr/^20[012] (?:200|409)$/,
        'who asks anew and who approves do not stop each other');
    push @race, ask('databricks-job', 'race', {notebook_path => "/$turn+"},
        @track)->json->{request};
}

# --- refused by a rule

my $url = "/api/projects/$project/resources";
is_refused(ask('no-such', 'x'), 404, 'service_not_found', 'resource_type',
    'an unknown service');
is_refused(ask('openai', 'x'), 404, 'service_not_found', 'resource_type',
    'a backend is nothing to provision');
is_refused(ask('databricks-sql-warehouse', 'x', {cluster_size => ''}), 400,
    'missing_field', 'spec.cluster_size', 'a field that is empty is missing');
is_refused(ask('litellm-key', 'x'), 400, 'missing_field',
    'spec.max_budget_usd', 'a key without a budget');
is_refused(ask('litellm-key', 'x', {max_budget_usd => '5'}), 400,
    'invalid_value', 'spec.max_budget_usd', '... with a text for it');
for my $case (['models', []], ['models', 'gpt'], ['models', [1]],
    ['models', ['']], ['rpm_limit', 0], ['tpm_limit', '9'],
    ['rpm_limit', 1.5], ['budget_duration', '1w'], ['budget_duration', 30],
    ['max_budget', 5]) {
    my ($field, $value) = @$case;
    is_refused(ask('litellm-key', 'x', {max_budget_usd => 5,
        $field => $value}), 400, 'invalid_value', "spec.$field",
        "... with $field " . $t->encode([$value]));
}
is_refused(ask('s3-bucket', $_), 400, 'invalid_value', 'name', 'the name '
    . substr($_, 0, 20) =~ s/[^a-zA-Z.\/-]/?/gr) for '../../x', '/x', '-x',
    "x\n", 'X', 'x' x 41, "\x{430}bc", 'a_b';
for my $name (qw("" null 5 {}), '"' . 'x' x 4000 . '"') {
    my $reply = $t->api('POST', $url,
        qq({"resource_type":"s3-bucket","name":$name}), $people->as('owner'));
    is_refused($reply, 400, 'invalid_value', 'name', 'the name '
        . substr($name, 0, 9));
    like($reply->json->{error}, qr/^name must be a-z, 0-9 .* 1 to 40 /,
        '... is told what a name is');
}
is_refused($t->api('POST', $url, qq({"resource_type":"s3-bucket","name":"n",)
    . qq("spec":$_}), $people->as('owner')), 400, 'invalid_value', 'spec',
    "the spec $_") for '[]', '{"a":1e9999}', '{"a":"\u0000"}', 'null',
    '{"a":"' . 'x' x 70000 . '"}';
is_refused($t->api('POST', $url, {resource_type => 's3-bucket', name => 'n',
    requester => 'x'}, $people->as('owner')), 400, 'unknown_field',
    'requester', 'who asks is no field');
my $gpu = ask('ec2-instance', 'gpu', {instance_type => 'g5.xlarge'});
is_refused($gpu, 403, 'policy_denied', '',
    'a variant above the classification');
like($gpu->json->{error}, qr/deploy\.classification-min/, '... names its rule');
is($t->api_ok('GET', "/api/requests?state=rejected")->{requests}[0]{rule},
    'deploy.classification-min', '... and is kept as refused');
like(ask('s3-bucket', 'there', {account => '3333'})->json->{error},
    qr/deploy\.target/, 'an account that is not allowed');
is(ask('s3-bucket', 'there', {account => '2222'})->status, 201,
    '... one that is');

# --- the ceiling, other classes, other states

my $small = project();
is(ask('s3-bucket', 'first', {}, project => $small)->status, 201, 'a bucket');
my @sum = map { ask('ec2-instance', "m$_", {instance_type => 'm6i.large'},
    project => $small)->status } 1 .. 8;
is("@sum", '201 ' x 7 . '202', 'self-service ends at the ceiling of the class');
is(ask('ec2-instance', 'm8', {instance_type => 't3.micro'},
    project => $small)->status, 202, '... with what waits counted for others');
my $changing = project();
say(ask('databricks-sql-warehouse', 'w', {cluster_size => $_},
    project => $changing)->json->{request}, 'approve', 'manager') for 'Small';
is(ask('databricks-sql-warehouse', 'w', {cluster_size => 'Large'},
    project => $changing)->status, 202, 'a change of what is there waits');
@sum = map { ask('ec2-instance', "m$_", {instance_type => 'm6i.large'},
    project => $changing)->status } 1 .. 5;
is("@sum", '201 201 201 201 202',
    '... and does not count a second time beside what it changes');
my $secret = project(data_class => 'restricted');
my $two = ask('s3-bucket', 'x', {}, project => $secret)->json->{request};
is($two->{approvals_needed}, 2, 'restricted data takes two people');
is(say($two, 'approve', 'manager')->json->{state}, 'requested', '... not one');
is(say($two, 'approve', 'manager')->json->{approvals_given}, 1,
    '... nor one twice');
is(say($two, 'approve', 'admin')->json->{state}, 'fulfilled', '... but two');
$t->api_ok('POST', "/api/projects/$small/kill", {});
is_refused(ask('s3-bucket', 'x', {}, project => $small), 403, 'project_killed',
    '', 'a killed project gets nothing');
is_refused(ask('s3-bucket', 'x', {}, project => 'proj-2020-0001'), 404,
    'project_not_found', '', 'nor one that is not there');

# --- the end

my $end = $t->api('DELETE', "$url/$bucket->{id}", undef, $people->as('owner'));
is($end->status, 200, 'a resource is ended');
is($end->json->{resource}{state}, 'destroyed', '... and stays as history');
is_refused($t->api('DELETE', "$url/$bucket->{id}", undef,
    $people->as('owner')), 400, 'illegal_transition', '', '... once');
isnt(ask('s3-bucket', 'logs')->json->{provisioned}{id}, $bucket->{id},
    'its name is free again');
my ($kept) = @{$t->api_ok('GET', "/api/projects/$secret/resources")
    ->{resources}};
my $asked = $t->api('DELETE', "/api/projects/$secret/resources/$kept->{id}",
    undef, $people->as('owner'));
is($asked->status, 202, 'where data is restricted the end is approved, too');
is(say($asked->json->{request}, 'approve', 'manager')->json->{state},
    'fulfilled', '... by the manager');
is($t->api_ok('GET', "/api/projects/$secret/resources/$kept->{id}")->{state},
    'destroyed', '... then it is over');

$t->api_ok('POST', "/api/projects/$project/decommission",
    {reason => 'over'}, $people->as('owner'));
is(join(' ', sort keys %{{map { $_->{state} => 1 } @{$t->api_ok('GET',
    "/api/projects/$project/resources")->{resources}}}}), 'destroyed',
    'with its project all of a project ends');

# --- the database itself

my $pg = $t->{postgres};
ok(!eval { $pg->psql($pg->url, 'INSERT INTO resources (project_id, rtype, name,'
    . ' spec, tags, state, backend, dry_run, request_id) SELECT project_id,'
    . " 's3-bucket', 'forged', '{}', '{}', 'provisioning', 'stub', true,"
    . " request_id FROM requests WHERE state = 'requested' LIMIT 1"); 1 },
    'no resource without an approved request');

$t->done;
