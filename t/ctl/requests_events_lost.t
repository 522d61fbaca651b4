#!/usr/bin/perl
# Who follows a request is looked at again while they do: with the right to see
# it, or the token or session by which they came, the stream ends, and what
# happens after that is not told to them.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(random_hex);
use Asgard::People;
use Asgard::Test;

my $t = Asgard::Test->new;
$t->start;
my $people = Asgard::People->new($t);
my %who = map { $_ => $people->person($_, role => $_ eq 'finance' ? 'finance'
    : 'member') } qw(owner heir manager finance member);
$t->api_ok('POST', '/api/approver-groups/platform/members',
    {username => 'member'});
my $project = $t->project(owner_email => $who{owner}{email},
    manager_email => $who{manager}{email}, budget_usd => 5);
my $request = $t->api_ok('POST', "/api/projects/$project/resources",
    {resource_type => 'databricks-job', name => 'j',
    spec => {notebook_path => '/n'}}, $people->as('manager'))->{request};
my $path = "/api/requests/$request->{id}";

sub bearer { my ($token) = @_; return (Authorization => "Bearer $token") }

sub follow {
    my (@as) = @_;
    my $http = $t->http;
    return [$http, $http->start('GET', "$path/events", [@as])];
}

# All that came, and whether it ended by itself.
sub rest {
    my ($stream) = @_;
    my ($http, $reply) = @$stream;
    my $end = time + 30;
    1 while time < $end && defined $http->read_piece($reply, 10);
    return (join(' ', ($reply->body // '') =~ /^event: (\w+)$/mg),
        $reply->{done} && !$reply->{cut} ? 'ended' : 'goes on');
}

# --- each way to lose it

my $password = $t->canary('a password', 'horse ' . random_hex(8));
$t->api_ok('POST', "/api/users/$who{owner}{id}/password",
    {password => $password});
my $session = $t->canary('a session', $t->api_ok('POST', '/api/auth/login',
    {username => 'owner', password => $password})->{token});
my $agent = $t->api_ok('POST', '/api/agent-principals', {name => 'helper'},
    $people->as('owner'));
my @agent = bearer($t->canary('the token of an agent', $agent->{token}));
my $script = $t->api_ok('POST', '/api/auth/tokens', {name => 'script',
    scopes => ['read']}, $people->as('owner'));
my @script = bearer($t->canary('a token', $script->{token}));

my %lost = (
    'a session that was ended' => follow(bearer($session)),
    'a token that was revoked' => follow(@script),
    'an agent that was retired' => follow(@agent),
    'a role that was taken' => follow($people->as('finance')),
    'a group that was left' => follow($people->as('member')),
);
my $owner = follow($people->as('owner'));
my $kept = follow($people->as('manager'));
is(scalar(grep { $_->[1]->status == 200 } values %lost, $owner, $kept), 7,
    'all of them follow');
$t->api_ok('POST', '/api/auth/logout', {}, bearer($session));
$t->api_ok('DELETE', "/api/auth/tokens/$script->{id}", undef,
    $people->as('owner'));
$t->api_ok('DELETE', "/api/agent-principals/$agent->{id}", undef,
    $people->as('owner'));
$t->api_ok('POST', "/api/users/$who{finance}{id}/role", {role => 'member'});
$t->api_ok('DELETE', '/api/approver-groups/platform/members/member');
$t->api_ok('POST', "$path/escalate", {reason => 'later'});
for my $how (sort keys %lost) {
    is_deeply([rest($lost{$how})], ['submit', 'ended'],
        "$how ends the stream, and what came later was not told");
}

# --- while nothing happens to the request, too

$t->api_ok('PATCH', "/api/projects/$project",
    {owner_email => $who{heir}{email}});
is_deeply([rest($owner)], ['submit escalate', 'ended'],
    'ownership that moved ends the stream of who had it');
my $heir = follow($people->as('heir'));
is($heir->[1]->status, 200, '... and who has it follows');
$t->api_ok('POST', "/api/users/$who{heir}{id}/active", '{"active":false}');
is_deeply([rest($heir)], ['submit escalate', 'ended'],
    'who is made inactive follows no more');

$t->api_ok('POST', "$path/approve", {});
is_deeply([rest($kept)], ['submit escalate approve fulfil end', 'ended'],
    'whose right stayed was told all of it');

$t->done;
