#!/usr/bin/perl
# A keeper that is killed at any step of a job leaves it to the next one, which
# ends it: nothing is made twice, nothing is left behind.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Time::HiRes qw(time);

use Asgard::FakeCloud;
use Asgard::Files qw(wait_until);
use Asgard::Test;

my $t = Asgard::Test->new;
my $cloud = Asgard::FakeCloud->new(dir => $t->{dir});
$t->{control}->write_service('thing', $cloud->service('thing',
    more => "retry: {max_attempts: 3, base_secs: 0, cap_secs: 0}\n"));
$t->start;
my $project = $t->project(budget_usd => 5);
my $pg = $t->{postgres};

sub ask {
    my ($name, $spec) = @_;
    return $t->api_ok('POST', "/api/projects/$project/resources",
        {resource_type => 'thing', name => $name, spec => $spec // {}})
        ->{provisioned}{id};
}

sub state_of {
    my $reply = $t->api('GET', "/api/projects/$project/resources/$_[0]");
    return $reply->status == 200 ? $reply->json->{state} : $reply->status;
}

sub settled { my ($id, $state) = @_;
    wait_until(sub { state_of($id) eq $state }, 40);
    return state_of($id) }

sub begun { my ($name, $n) = @_;
    wait_until(sub { $n <= grep { $_->[1] eq $name } $cloud->calls }, 20) }

# Four jobs of four workers, each at another place: before it acts; after it
# acted and before that is known; between two steps; at the end of it.  All hold
# still when the keeper dies.
my %id = (before => ask('before', {hold => 'b'}),
    acted => ask('acted', {hold_after => 'a'}),
    between => ask('between', {polls => 1, hold_after => 'p'}),
    ended => ask('ended'));
is(settled($id{ended}, 'provisioned'), 'provisioned', 'one is made before');
$t->api_ok('DELETE', "/api/projects/$project/resources/$id{ended}");
$id{gone} = ask('gone', {mark => 'x', hold => 'g'});
begun($_, 1) for qw(before acted between gone);
is($cloud->made('acted'), 1, 'another is made, and nobody knows yet');
my $dead = $t->{control}->roles->{keeper};
my $fences = $pg->value("SELECT max(fence) FROM jobs");
my $at = time;
kill KILL => $dead;
wait_until(sub { my $now = $t->{control}->roles->{keeper};
    $now && $now != $dead }, 10);
cmp_ok(time - $at, '<', 5, 'a killed keeper is back');
$cloud->release($_) for qw(b a p g);
is(settled($id{$_}, 'provisioned'), 'provisioned', "$_: the job goes on")
    for qw(before acted between gone);
cmp_ok(time - $at, '<', 30, '... within half a minute');
is($cloud->made($_), 1, "$_ was made once") for qw(before acted between gone);
is($pg->value('SELECT count(*) FROM jobs j WHERE NOT EXISTS (SELECT 1 FROM'
    . ' resources r WHERE r.resource_id = j.resource_id) OR (state = '
    . "'running')"), 0, 'no lease is left');
cmp_ok($pg->value('SELECT max(fence) FROM jobs'), '>', $fences,
    '... and each was taken with a fence of its own');
is(settled($id{ended}, 'destroyed'), 'destroyed', 'what ended stays ended');
is($pg->value("SELECT max(attempt) FROM jobs"), 0,
    '... and a death is no failed attempt');
is($pg->value("SELECT count(*) FROM requests WHERE state = 'approved'"), 0,
    'all requests are fulfilled');

# The database goes while steps run: what they came to is written when it is
# back.
my $away = ask('away', {hold => 'w'});
begun('away', 1);
$pg->stop;
$cloud->release('w');
$pg->start;
is(settled($away, 'provisioned'), 'provisioned',
    'what was made while PostgreSQL was away is known when it is back');
is($cloud->made('away'), 1, '... and was made once');

# A keeper that is held still past its lease writes nothing.
my $held = ask('stale', {hold => 's', mark => 'first'});
begun('stale', 1);
my $still = $t->{control}->roles->{keeper};
my $fence = $pg->value("SELECT fence FROM jobs WHERE resource_id = '$held'");
kill STOP => $still;
$pg->value("UPDATE jobs SET lease_until = clock_timestamp() - interval '1 s',"
    . " lease_owner = 'other', fence = nextval('job_fences')"
    . " WHERE resource_id = '$held' AND fence = $fence RETURNING 1");
$cloud->release('s');
kill CONT => $still;
is(settled($held, 'provisioned'), 'provisioned', 'it goes on, by another');
is($pg->value("SELECT state || (fence > $fence + 1)::text FROM jobs WHERE"
    . " resource_id = '$held'"), 'donetrue',
    '... under a new lease, and not by who had lost the old one');
is(scalar(grep { $_->[1] eq 'stale' } $cloud->calls), 2, '... in a new call');
is($cloud->made('stale'), 1, '... that finds what was made');

$t->done;
