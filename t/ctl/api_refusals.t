#!/usr/bin/perl
# What is wrong with a request is said in one shape, and never as our failure.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use Test::More;

use Asgard::Test;

my $t = Asgard::Test->new;
$t->start;
my $project = $t->project;
my $keys = "/api/projects/$project/keys";

sub refused {
    my ($what, $reply, $status, $code, $param) = @_;
    my $json = eval { JSON::PP::decode_json($reply->body) } // {};
    is($reply->status, $status, "$what is $status") or diag($reply->body);
    is($json->{code}, $code, "... $code");
    is($json->{param}, $param, '... naming the field') if defined $param;
    ok($json->{trace_id}, '... with a trace id');
    is($json->{trace_id}, $reply->header('x-asgard-trace-id'),
        '... that of the header');
}

# --- bytes that are no text, times that are none

for my $case (['/api/ledger?project=%ff', 'project'],
    ['/api/audit?entity=%c0%80', 'entity'], ['/api/audit?actor=%ed%a0%80',
    'actor'], ['/api/audit?trace=a%fe', 'trace'],
    ['/api/ledger?cursor=%ff', 'cursor'], ['/api/projects?cursor=%ff',
    'cursor'], ["$keys?cursor=%ff", 'cursor'],
    ['/api/projects?cursor=nonsense', 'cursor'],
    ['/api/projects?cursor=proj-2026-00011', 'cursor'],
    ["$keys?cursor=1", 'cursor'],
    ['/api/ledger?since=0000-01-01T00:00:00Z', 'since'],
    ['/api/ledger?until=0000-12-31T00:00:00Z', 'until'],
    ['/api/ledger?since=2026-02-30T00:00:00Z', 'since'],
    ['/api/audit?since=yesterday', 'since'], ['/api/audit?action=%ff',
    'action'], ['/api/audit?until=0000-12-31T00:00:00Z', 'until']) {
    refused($case->[0], $t->api('GET', $case->[0]), 400, 'invalid_value',
        $case->[1]);
}
is($t->api('GET', '/api/ledger?since=0001-01-01T00:00:00-23:59')->status =~
    /^(?:200|400)$/, 1, 'an extreme time is no failure of ours');
is($t->api('GET', '/api/projects?cursor=proj-2026-0001')->status, 200,
    'a cursor in the form of an id is taken');
refused('a path that is no text', $t->api('GET', '/api/projects/%ff'), 404,
    'not_found');
refused('a key id that is no text', $t->api('DELETE', "$keys/%fe"), 404,
    'not_found');
refused('a name that is no text', $t->api('POST', $keys,
    qq({"name":"a\xff"})), 400, 'invalid_json');

for my $at ('0000-06-01T00:00:00Z', '2020-01-01T00:00:00Z') {
    refused("a key that ends $at", $t->api('POST', $keys,
        {name => 'k', expires_at => $at}), 400, 'invalid_value',
        'expires_at');
}

# --- shapes and headers

refused('two Idempotency-Key', $t->api('POST', '/api/projects', {name => 'a'},
    'Idempotency-Key' => 'one', 'Idempotency-Key' => 'two'), 400,
    'bad_request');
refused('/api', $t->api('GET', '/api'), 404, 'not_found');
my $method = $t->api('DELETE', '/api/projects');
refused('another method', $method, 405, 'method_not_allowed');
is($method->header('allow'), 'POST, GET', '... with Allow');

my $holder = 'hashtextextended(\'idempotency \' || (SELECT \'token:\' ||'
    . ' token_id FROM tokens LIMIT 1) || \' busy\', 0)';
my $pid = fork() // die;
if (!$pid) {
    eval { $t->{postgres}->value("SELECT pg_advisory_lock($holder),"
        . ' pg_sleep(4)') };
    require POSIX;
    POSIX::_exit(0);
}
Asgard::Files::wait_until(sub { $t->{postgres}->value(
    "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
    . ' AND granted') }, 5);
sleep 1;
my $busy = $t->api('POST', '/api/projects', {name => 'b',
    owner_email => 'o@example.com', manager_email => 'm@example.com'},
    'Idempotency-Key' => 'busy');
refused('a POST whose first is under way', $busy, 409,
    'idempotency_in_flight');
is($busy->header('retry-after'), 1, '... with Retry-After');
waitpid $pid, 0;

$t->kill_project($project);
refused('a key for a killed project', $t->api('POST', $keys, {name => 'k'}),
    403, 'project_killed');
$t->unkill_project($project);
is($t->api('POST', $keys, {name => 'k'})->status, 201,
    'after the kill was taken back it gets one');

$t->done;
