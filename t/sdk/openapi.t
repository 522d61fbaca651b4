#!/usr/bin/env perl
# Schemathesis, which makes requests of its own from the API's description,
# finds no 5xx, no status that is not described and no answer of another shape:
# of every route, whoever calls it.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::XS ();
use Test::More;

use Asgard::Files qw(slurp);
use Asgard::People;
use Asgard::Sdk;
use Asgard::Secrets;
use Asgard::Test;

my $st = Asgard::Sdk::must_have('openapi/bin/st');
my $t = Asgard::Test->new(conf => 'bad_tokens 0');
$t->start;
my $pg = $t->{postgres};
my $people = Asgard::People->new($t);
my %who = map { $_ => $people->person($_) } qw(owner spare);
my $agent = $t->api_ok('POST', '/api/agent-principals', {name => 'a'},
    $people->as('owner'));
$t->canary('the token of an agent', $agent->{token});
my $sdk = bless {test => $t}, 'Asgard::Sdk';

# --- what there is, so that requests are about that

sub project {
    return $t->project(owner_email => $who{owner}{email}, budget_usd => 5);
}

# That nobody here asked: each may decide over it.
sub request {
    my ($state, $tier, $project) = @_;
    return $pg->value('INSERT INTO requests (kind, project_id, subject,'
        . ' requester, person, payload, plan_sha256, rule, state, tier,'
        . " approvals_needed) VALUES ('generic', '$project', '$project',"
        . " 'system:test', 'system', '{}', '', 'test', '$state', '$tier', "
        . ($tier eq 'none' ? 0 : 1) . ') RETURNING request_id');
}

# What an action takes from others is of a project, or an account, of its own.
sub parameters {
    my ($here, $ended, $killed) = map { project() } 1 .. 3;
    my $made = Asgard::Secrets->new($t);
    my $resource = $made->resource($here, 'm', $people->as('owner'));
    $made->put($resource, 'value');
    my %spare = (key_id => $t->key(project => $here)->{id},
        agent_id => $pg->value('INSERT INTO agents (owner_id, name) VALUES ('
            . "'$who{owner}{id}', 'v') RETURNING agent_id"),
        token_id => $pg->value('INSERT INTO tokens (name, sha256, suffix,'
            . " user_id) VALUES ('v', sha256(gen_random_uuid()::text::bytea),"
            . " '', '$who{owner}{id}')"
            . ' RETURNING token_id'));
    my $ask = 'POST /api/requests/{request_id}';
    my $of = '/api/projects/{project_id}';
    my $scope = {'query.scope' => 'project', 'query.scope_id' => $here};
    return ({project_id => $here, resource_id => $resource, %spare,
        name => 'm-value', service_id => 's3-bucket', group => 'platform',
        member => 'spare', user_id => $who{spare}{id},
        request_id => request('requested', 'platform', $here)},
        (map { +"$ask/$_" => {request_id =>
            request('requested', 'platform', $here)} }
            qw(approve reject escalate cancel)),
        "$ask/fulfill" => {request_id => request('approved', 'none', $here)},
        # of one that is over: its events end
        "GET /api/requests/{request_id}/events" => {request_id =>
            request('rejected', 'platform', $here)},
        'GET /api/budgets' => $scope,
        (map { +"POST $of/$_" => {project_id => $killed} } qw(kill unkill)),
        (map { +"POST $of/$_" => {project_id => $ended} }
            qw(decommission archive)));
}

sub write_config {
    my ($file, $credential) = @_;
    my ($all, %own) = parameters();
    my $table = sub { my ($of) = @_; join ', ',
        map { '"' . (/\./ ? $_ : "path.$_") . "\" = \"$of->{$_}\"" }
        sort keys %$of };
    open my $config, '>', $file or die "$file: $!";
    print $config "parameters = {", $table->($all), "}\n",
        "phases.stateful.generation.max-examples = 6\n";
    print $config "headers = {Authorization = \"$credential\"}\n"
        if $credential;
    print $config "[[operations]]\ninclude-name = \"$_\"\nparameters = {",
        $table->($own{$_}), "}\n" for sort keys %own;
    close $config;
}

# --- who calls

my %token = (administrator => $t->admin_token, agent => $agent->{token},
    owner => $who{owner}{token});
# How many requests of each route; the first makes chains of them, too.
my @runs = ([administrator => 4], [owner => 4], [agent => 2], [nobody => 1]);
my $config = "$t->{dir}/schemathesis.toml";
my $report = "$t->{dir}/report";

# It keeps a folder of its own where it runs.
sub run {
    my ($who, $examples) = @_;
    write_config($config, $token{$who} && "Bearer $token{$who}");
    return $sdk->run({PYTHONDONTWRITEBYTECODE => 1, NO_COLOR => 1}, 'sh', '-c',
        'cd "$0" && exec "$@"', $t->{dir}, $st, '--config-file', $config,
        'run', $t->url . '/api/openapi.json', '--phases',
        $who eq 'administrator' ? 'fuzzing,stateful' : 'fuzzing',
        '--checks', 'not_a_server_error,status_code_conformance,'
        . 'content_type_conformance,response_schema_conformance',
        '--max-examples', $examples, '--workers', 2, '--continue-on-failure',
        '--report', 'ndjson', '--report-ndjson-path', $report,
        '--generation-database', 'none', '--request-timeout', 20,
        '--suppress-health-check', 'all', '--seed', 7);
}

# By route, how many requests were made for it.
sub made {
    my %made;
    for my $line (split /\n/, slurp($report)) {
        my $end = JSON::XS::decode_json($line)->{ScenarioFinished} or next;
        $made{$end->{recorder}{label}} += keys %{$end->{recorder}{cases}}
            if $end->{phase} eq 'fuzzing';
    }
    return \%made;
}

# Of each route, in how many ways it can be called; the document itself is what
# every run begins with.
my $paths = $t->get('/api/openapi.json')->json->{paths};
delete $paths->{'/api/openapi.json'};
my %varies;
for my $path (keys %$paths) {
    while (my ($method, $of) = each %{$paths->{$path}}) {
        $varies{uc($method) . " $path"} = !$of->{security}
            || $of->{requestBody} || @{$of->{parameters}};
    }
}
cmp_ok(scalar(keys %varies), '>', 60, 'the routes are told');
for my $run (@runs) {
    my ($who, $examples) = @$run;
    my ($status, $out, $err) = run(@$run);
    is($status, 0, "what is made up as $who is answered as described")
        or diag(substr("$out\n$err", 0, 20_000));
    my $made = made();
    is_deeply([grep { ($made->{$_} // 0) < ($varies{$_} ? $examples : 1) }
        sort keys %varies], [], "... of each route, so many times: $examples");
}
is($pg->value('SELECT count(DISTINCT action) FROM audit_events WHERE action IN'
    . " ('project.kill', 'project.unkill', 'project.decommissioned')"), 3,
    'also projects were killed and decommissioned');

$t->done;
