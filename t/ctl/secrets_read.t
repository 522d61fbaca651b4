#!/usr/bin/perl
# Who may have a secret reads it for ten minutes or until they say that they
# have it, each for themselves; then it is gone until it is rotated.  Who may
# not, not even by an agent, sees nothing.  Every reading is in the audit log.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::People;
use Asgard::Secrets;
use Asgard::Test;

my $t = Asgard::Test->new;
$t->start;
my $people = Asgard::People->new($t);
my %who = map { $_ => $people->person($_, role => $_ eq 'finance' ? $_
    : 'member') } qw(owner manager finance stranger);
$people->{people}{reader} = {token => $people->token($who{owner}{id}, 'read')};
for my $human (qw(owner stranger)) {
    my $made = $t->api_ok('POST', '/api/agent-principals', {name => 'a'},
        $people->as($human));
    $people->{people}{"agent of $human"} = {id => $made->{id},
        token => $t->canary("agent of $human", $made->{token})};
}
my $project = $t->project(owner_email => $who{owner}{email},
    manager_email => $who{manager}{email}, budget_usd => 5);
my $secrets = Asgard::Secrets->new($t);
my $resource = $secrets->resource($project, 'db', $people->as('owner'));
my $value = $secrets->put($resource, 'password');
my $at = "/api/projects/$project/secrets";

sub of { my ($as, $verb, $body, @more) = @_;
    return $t->api('POST', "$at/db-password/$verb", $body // {},
        $people->as($as), @more) }

sub is_refused {
    my ($reply, $status, $code, $what) = @_;
    is($reply->status . ' ' . ($reply->json->{code} // ''), "$status $code",
        $what);
}

# --- what there is

my $list = $t->api_ok('GET', $at, undef, $people->as('finance'));
is_deeply([map { "$_->{name} $_->{version} $_->{state}" }
    @{$list->{secrets}}], ['db-password 1 active'], 'a secret is listed');
ok(!exists $list->{secrets}[0]{value}, '... without its value');
my $made = $t->api_ok('GET', "/api/projects/$project/resources/$resource",
    undef, $people->as('owner'));
is_deeply($made->{outputs}, {password => {secret_ref => {store => 'asgard',
    path => "$project/db-password", version => 1}}},
    'the output of its resource is a reference');

# --- read, again, until it is acknowledged

is_refused(of(owner => 'acknowledge'), 409, 'secret_unread',
    'what was not read is not acknowledged');
my $first = of(owner => 'read');
is($first->json->{value}, $value, 'the owner reads it');
is($first->header('Cache-Control'), 'no-store', '... and nobody keeps it');
my $again = of(owner => 'read', {}, 'Idempotency-Key' => 'once');
is($again->json->{value}, $value, '... and reads it again');
is($again->json->{readable_until}, $first->json->{readable_until},
    '... within the same ten minutes');
is(of(manager => 'read')->json->{value}, $value, 'the manager reads it, too');
is(of(owner => 'acknowledge')->status, 200, 'the owner acknowledges it');
is(of(owner => 'acknowledge', {version => 1})->status, 200, '... once more');
is_refused(of(owner => 'read'), 410, 'secret_gone', '... and it is gone');
is(of(manager => 'read')->json->{value}, $value,
    '... for the owner, not for the manager');
is(of('agent of owner' => 'read')->json->{value}, $value,
    'an agent of the owner reads it in its own name');

# --- ten minutes

$t->{postgres}->value('UPDATE secret_grants SET first_read_at = now()'
    . " - interval '11 minutes' WHERE principal = 'user:$who{manager}{id}'"
    . ' RETURNING 1');
is_refused(of(manager => 'read'), 410, 'secret_gone',
    'after ten minutes it is gone without a word');

# --- who may not

my $absent = $t->api('POST', '/api/projects/proj-2000-9999/secrets/x/read',
    {}, $people->as('stranger'));
for my $as ('stranger', 'agent of stranger') {
    is_refused(of($as => 'read'), 404, $absent->json->{code},
        "the $as does not see it");
    is_refused(of($as => 'acknowledge'), 404, $absent->json->{code},
        '... nor says a word of it');
}
is_refused(of(finance => 'read'), 403, 'forbidden',
    'who sees the project only reads no secret');
is_refused(of(reader => 'read'), 403, 'insufficient_scope',
    'nor does a token to read');
is_refused($t->api('POST', "$at/other/read", {}, $people->as('owner')), 404,
    'secret_not_found', 'what is not there is not there');
is_refused(of(owner => 'read', {name => 'x'}), 400, 'unknown_field',
    'an unknown field is refused');

# --- the audit log

my $events = $t->api_ok('GET', "/api/audit?entity=$project/db-password"
    . '&action=secret.accessed')->{events};
is(scalar(@$events), 5, 'every reading is in the audit log');
is_deeply([sort keys %{{map { $_->{actor} => 1 } @$events}}],
    [sort "user:$who{owner}{id}", "user:$who{manager}{id}",
    "agent:$people->{people}{'agent of owner'}{id}"], '... with who read');

# --- another version, and the end

my $new = $secrets->put($resource, 'password');
is(of(owner => 'read')->json->{value}, $new, 'a new version can be read');
is($t->{postgres}->value('SELECT count(envelope) FROM secrets'), 1,
    '... and the old value is nowhere');
$t->api_ok('DELETE', "/api/projects/$project/resources/$resource", undef,
    $people->as('owner'));
is_refused(of(owner => 'read'), 404, 'secret_not_found',
    'with its resource it ends');
is($t->{postgres}->value('SELECT count(envelope) FROM secrets'), 0,
    '... and its value, too');

$t->done;
