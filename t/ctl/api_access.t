#!/usr/bin/perl
# Who may enter the control API, and how requests are read.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Test;

my $t = Asgard::Test->new(conf => 'bad_tokens 0');
$t->start;
my $key = $t->key;

for my $path ('/api/projects', "/api/projects/$key->{project_id}",
    "/api/projects/$key->{project_id}/keys",
    "/api/projects/$key->{project_id}/budgets",
    "/api/projects/$key->{project_id}/usage", '/api/ledger', '/api/audit') {
    my $bare = $t->get($path);
    is($bare->status, 401, "$path needs a token");
    is($bare->json->{code}, 'missing_token', '... and says so');
    ok($bare->header('www-authenticate'), '... with WWW-Authenticate');
    for my $wrong ($key->{key}, 'asg_pat_' . '0' x 64, 'nonsense') {
        is($t->get($path, Authorization => "Bearer $wrong")->status, 401,
            "$path refuses a wrong token");
    }
}

my $nothing = $t->api('GET', '/api/nothing');
is($nothing->status, 404, 'an unknown path is 404');
my $method = $t->api('DELETE', '/api/projects');
is($method->status, 405, 'a known path with another method is 405');
is($t->api('POST', '/api/projects', '{"name":"a"')->json->{code},
    'invalid_json', 'a broken body is invalid_json');
is($t->api('POST', '/api/projects', '{"name":"a","name":"b"}')->json->{code},
    'duplicate_key', 'a field that stands twice is refused');
is($t->api('POST', '/api/projects', ('[' x 200) . (']' x 200))->status, 400,
    'a deep body is refused');
is($t->http->request('POST', '/api/projects', ['Authorization',
    'Bearer ' . $t->admin_token, 'Content-Type', 'text/plain'], '{}')
    ->status, 415, 'another content type is 415');
is($t->api('POST', '/api/projects', '{"name":"' . 'x' x 1_100_000 . '"}')
    ->status, 413, 'a body above 1 MiB is 413');

my $traced = $t->api('GET', '/api/projects', undef,
    'x-asgard-trace-id' => 'mine-1');
is($traced->header('x-asgard-trace-id'), 'mine-1',
    'the client\'s trace id is kept');

# Idempotency-Key
my %body = (name => 'once', owner_email => 'o@example.com',
    manager_email => 'm@example.com');
my @same = map { $t->api('POST', '/api/projects', {%body},
    'Idempotency-Key' => 'k-1') } 1 .. 2;
is($same[0]->status, 201, 'a POST with an Idempotency-Key acts');
is($same[1]->body, $same[0]->body, '... and its repetition gives the same');
my $other = $t->api('POST', '/api/projects', {%body, name => 'twice'},
    'Idempotency-Key' => 'k-1');
is($other->status, 409, 'the same key with another body is 409');
my $mint = "/api/projects/$key->{project_id}/keys";
my @minted = map { $t->api('POST', $mint, {name => 'i'},
    'Idempotency-Key' => 'k-2') } 1 .. 2;
$t->canary('an idempotent key', $minted[0]->json->{key});
is($minted[1]->status, 201, 'a replayed mint answers');
is($minted[1]->json->{id}, $minted[0]->json->{id}, '... with its record');
ok(!exists $minted[1]->json->{key}, '... and without the key');
my @replies = $t->in_parallel(8, sub { $t->api('POST', '/api/projects',
    {%body, name => 'parallel'}, 'Idempotency-Key' => 'k-3')->body });
my %ids = map { $_ => 1 } map { /"project_id":"([^"]+)"/ ? $1 : () } @replies;
is(scalar keys %ids, 1, 'parallel repetitions make one project');

$t->done;
