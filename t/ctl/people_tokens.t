#!/usr/bin/perl
# A person mints tokens that can do no more than they, and owns agents that can
# do less.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::People;
use Asgard::Test;

my $t = Asgard::Test->new(conf => 'bad_tokens 0');
$t->start;
my $people = Asgard::People->new($t);
my $ada = $people->person('ada');
my $own = $t->project(owner_email => 'ada@example.com');
my $other = $t->project;

sub as { my ($token) = @_; return (Authorization => "Bearer $token") }
sub call { my ($token, @call) = @_; return $t->api(@call[0 .. 1], $call[2],
    as($token)) }

sub mint {
    my ($by, %body) = @_;
    my $reply = call($by, 'POST', '/api/auth/tokens', {name => 'n', %body});
    $t->canary('token ' . $reply->json->{suffix}, $reply->json->{token})
        if $reply->status == 201;
    return $reply;
}

# --- tokens

my $made = mint($ada->{token}, name => 'laptop', ttl_days => 7);
is($made->status, 201, 'a person mints a token') or diag($made->body);
my $pat = $made->json;
like($pat->{token}, qr/^asg_pat_[0-9a-f]{64}$/, '... asg_pat_');
is($pat->{suffix}, substr($pat->{token}, -8), '... whose end is shown');
is_deeply($pat->{scopes}, ['read', 'request'], '... that reads and asks');
ok($pat->{expires_at}, '... for a time');
my ($listed) = grep { $_->{id} eq $pat->{id} } @{call($ada->{token}, 'GET',
    '/api/auth/tokens')->json->{tokens}};
is($listed->{name}, 'laptop', 'a list shows it');
ok(!exists $listed->{token}, '... and not the token itself');
is($t->{postgres}->value("SELECT count(*) FROM tokens WHERE encode(sha256,"
    . " 'hex') = encode(sha256('$pat->{token}'), 'hex')"), 1,
    'only its digest is stored');
is(call($pat->{token}, 'GET', "/api/projects/$own")->status, 200,
    'it reads what its person may');
is(call($pat->{token}, 'GET', "/api/projects/$other")->status, 404,
    '... and nothing else');
is(call($pat->{token}, 'POST', "/api/projects/$own/kill")->status, 200,
    'it acts on what its person owns');
is(call($pat->{token}, 'POST', "/api/projects/$own/unkill")->status, 200,
    '... both ways');
is($t->chat({key => $pat->{token}})->status, 401, 'it never calls a model');

my $read = mint($ada->{token}, scopes => ['read'])->json;
is(call($read->{token}, 'GET', '/api/projects')->status, 200,
    'a token to read reads');
my $narrow = call($read->{token}, 'POST', "/api/projects/$own/kill");
is($narrow->status, 403, '... and changes nothing');
is($narrow->json->{code}, 'insufficient_scope', '... and says why');
is(call($read->{token}, 'POST', "/api/projects/$other/kill")->body =~
    s/"trace_id":"[^"]*"//r, $narrow->body =~ s/"trace_id":"[^"]*"//r,
    '... the same of what it cannot see');
for my $bad ([scopes => []], [scopes => ['root']], [scopes => ['read', 'x']],
    [ttl_days => 0], [ttl_days => -1], [ttl_days => 3651], [name => '']) {
    my $reply = mint($ada->{token}, @$bad);
    is($reply->status, 400, "no such $bad->[0]");
    is($reply->json->{param}, $bad->[0], '... is named');
}

# what a token mints
is(mint($pat->{token}, scopes => ['admin'])->json->{code},
    'insufficient_scope', 'a token gives no scope that it has not');
my $child = mint($pat->{token}, ttl_days => 3650)->json;
is($child->{expires_at}, $pat->{expires_at}, '... nor a longer life');
is(call($ada->{token}, 'DELETE', "/api/auth/tokens/$pat->{id}")->status, 200,
    'a token is revoked');
is(call($_, 'GET', '/api/auth/me')->status, 401,
    '... it and what it minted open nothing') for $pat->{token},
    $child->{token};
my $bob = $people->person('bob');
is(call($bob->{token}, 'DELETE', "/api/auth/tokens/$read->{id}")->body =~
    s/"trace_id":"[^"]*"//r, call($bob->{token}, 'DELETE',
    '/api/auth/tokens/none')->body =~ s/"trace_id":"[^"]*"//r,
    "another's token is as one that does not exist");
is(call($read->{token}, 'GET', '/api/auth/me')->status, 200, '... and stays');
is($t->api('DELETE', "/api/auth/tokens/$read->{id}")->status, 200,
    'an administrator revokes any');
is(call($read->{token}, 'GET', '/api/auth/me')->status, 401, '... at once');
my $short = mint($ada->{token}, ttl_days => 1)->json;
$t->{postgres}->value("UPDATE tokens SET expires_at = now() WHERE token_id ="
    . " '$short->{id}' RETURNING 1");
is(call($short->{token}, 'GET', '/api/auth/me')->status, 401,
    'a token that has expired opens nothing');

# a repeated mint
my @twice = map { $t->api('POST', '/api/auth/tokens', {name => 'once'},
    as($ada->{token}), 'Idempotency-Key' => 'k') } 1 .. 2;
$t->canary('a repeated mint', $twice[0]->json->{token});
is($twice[1]->json->{id}, $twice[0]->json->{id},
    'a repeated Idempotency-Key gives the same record');
ok(!exists $twice[1]->json->{token}, '... without the token');

# the operator's
my $operator = $t->api('POST', '/api/auth/tokens', {name => 'ci',
    scopes => ['admin']});
is($operator->status, 201, "the operator's token mints another of its kind");
$t->canary('an operator token', $operator->json->{token});
is(call($operator->json->{token}, 'GET', '/api/users')->status, 200,
    '... that administers');
is($t->api('POST', '/api/agent-principals', {name => 'a'})->status, 403,
    '... but owns no agent, for it is no human');

# --- agents

my $reply = call($ada->{token}, 'POST', '/api/agent-principals',
    {name => 'builder', ttl_days => 30});
is($reply->status, 201, 'a person makes an agent') or diag($reply->body);
my $agent = $reply->json;
my $key = $t->canary('the token of an agent', $agent->{token});
is($agent->{owner_id}, $ada->{id}, '... and owns it');
is_deeply($agent->{scopes}, ['read', 'request'], '... to read and to ask');
my $me = call($key, 'GET', '/api/auth/me')->json;
is($me->{kind}, 'agent', 'it is known as an agent');
is($me->{id}, $agent->{id}, '... by its own id');
is($me->{user}{id}, $ada->{id}, '... and its human');
is(call($key, 'GET', "/api/projects/$own")->status, 200,
    "it sees its human's projects");
is(call($key, 'GET', "/api/projects/$other")->status, 404, '... and no other');
my $asked = call($key, 'PATCH', "/api/projects/$own", {description => 'x'});
is($asked->status, 200, 'it asks');
my ($event) = grep { $_->{actor} eq "agent:$agent->{id}" }
    @{$t->api_ok('GET', "/api/audit?entity=$ada->{id}")->{events}};
is($event->{action}, 'project.updated',
    '... which is found by the agent and by its human');
is(call($key, 'PATCH', "/api/projects/$own",
    {owner_email => 'bob@example.com'})->status, 403,
    'it hands no project over');
is(call($key, 'POST', $_, {name => 'x'})->status, 403, "it has no $_")
    for '/api/auth/tokens', '/api/agent-principals';
$t->api_ok('POST', "/api/users/$ada->{id}/role", {role => 'admin'});
is(call($key, 'GET', '/api/users')->status, 403,
    'the role of its human is not its own');
is(call($key, 'GET', "/api/projects/$other")->status, 404,
    '... nor what they see by it');
is(eval { $t->{postgres}->value('UPDATE tokens SET scopes ='
    . " '{request,read,admin}' WHERE agent_id IS NOT NULL RETURNING 1") },
    undef, 'not even the database lets an agent decide');
is(call($bob->{token}, 'DELETE', "/api/agent-principals/$agent->{id}")
    ->status, 404, "another's agent is as one that does not exist");
is(call($ada->{token}, 'DELETE', "/api/agent-principals/$agent->{id}")
    ->status, 200, 'its human retires it');
is(call($key, 'GET', '/api/auth/me')->status, 401,
    '... and its token opens nothing');
my $last = call($bob->{token}, 'POST', '/api/agent-principals',
    {name => 'b'})->json;
$t->canary("bob's agent", $last->{token});
$t->api_ok('POST', "/api/users/$bob->{id}/active", '{"active":false}');
is(call($_, 'GET', '/api/auth/me')->status, 401,
    'with a person end their tokens and agents') for $last->{token},
    $bob->{token};

$t->done;
