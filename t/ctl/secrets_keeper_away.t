#!/usr/bin/perl
# While the keeper is away a secret is not to be had, and nothing of it is
# lost: the ten minutes begin when it is read.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(wait_until);
use Asgard::People;
use Asgard::Secrets;
use Asgard::Test;

my $t = Asgard::Test->new;
$t->start;
my $people = Asgard::People->new($t);
my $owner = $people->person('owner');
my $project = $t->project(owner_email => $owner->{email}, budget_usd => 5);
my $secrets = Asgard::Secrets->new($t);
my $resource = $secrets->resource($project, 'db', $people->as('owner'));
my $value = $secrets->put($resource, 'password');

sub reads { return $t->api('POST',
    "/api/projects/$project/secrets/db-password/read", {},
    $people->as('owner')) }

my $keeper = $t->{control}->roles->{keeper};
wait_until(sub { -S "$t->{control}{dir}/keeper.sock" }, 10);
kill STOP => $keeper;
my $reply = reads();
is($reply->status . ' ' . $reply->json->{code}, '503 keeper_unavailable',
    'a keeper that hangs is 503');
ok($reply->header('Retry-After'), '... to be tried again');
is($t->api('GET', "/api/projects/$project", undef, $people->as('owner'))
    ->status, 200, '... and all else is served');
is($t->{postgres}->value('SELECT count(first_read_at) FROM secret_grants'), 0,
    'nothing counts as read');
kill CONT => $keeper;
ok(wait_until(sub { $t->api('GET', '/api/projects', undef,
    $people->as('owner'))->status == 200 }, 5), 'it goes on');
is($t->{postgres}->value('SELECT sum(opened) FROM secret_grants'), 0,
    '... and opens nothing for who has gone');
is(reads()->json->{value}, $value, 'when it goes on the secret is read');

# kill -9 in the midst of many readings: each is answered or can be repeated
$t->{postgres}->value('UPDATE secret_grants SET first_read_at = NULL'
    . ' RETURNING 1');
$keeper = $t->{control}->roles->{keeper};
my $killer = fork // die;
if (!$killer) {
    select undef, undef, undef, 0.1;
    kill KILL => $keeper;
    require POSIX;
    POSIX::_exit(0);
}
my @got = $t->in_parallel(6, sub {
    return join ' ', map { my $r = reads(); $r->status == 200
        && $r->json->{value} eq $value ? 'value' : $r->status } 1 .. 4;
});
waitpid $killer, 0;
my %seen = map { $_ => 1 } map { split / / } @got;
ok($seen{value}, 'readings while the keeper is killed succeed');
is(join(' ', grep { !/^(?:value|503)$/ } sort keys %seen), '',
    '... or are 503');
ok(wait_until(sub { my $r = reads(); $r->status == 200
    && $r->json->{value} eq $value }, 15), '... and it reads again after it');

$t->done;
