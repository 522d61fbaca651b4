#!/usr/bin/perl
# Who tends jobs, keys at LiteLLM or reviews and is held still past its lease,
# in front of what it would write: another one does it, and when the first one
# goes on it writes nothing.
#
# Fault row 11.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Time::HiRes qw(sleep);

use Asgard::FakeCloud;
use Asgard::FaultProxy;
use Asgard::Files qw(wait_until);
use Asgard::LiteLLMKeys;
use Asgard::People;
use Asgard::Secrets;
use Asgard::Test;

my $t = Asgard::Test->new(proxies => ['ctl_postgres']);
my $pg = $t->{postgres};
my $cloud = Asgard::FakeCloud->new(dir => $t->{dir});
$t->{control}->write_service('thing', $cloud->service('thing',
    config => ['actions: [make, destroy, suspend, resume, rotate]'],
    more => "secret_outputs: [token]\nsecret_rotation_days: 2\n"));
my $keys = Asgard::LiteLLMKeys->new($t);
$t->start;
my @side = ({control => $t->{control}, proxy => $t->proxy('ctl_postgres')});
my $mine = Asgard::FaultProxy->new(dir => $t->{dir}, name => 'second',
    server => $pg, protocol => 'raw');
push @side, {control => $t->another_control(postgres => $mine),
    proxy => $mine};
$side[1]{control}{migrated} = 1;
$side[1]{control}->start;

my $project = $t->project(budget_usd => 5);
my $at = "/api/projects/$project/resources";
my $id = $t->api_ok('POST', $at, {resource_type => 'thing', name => 'one',
    spec => {says => '{"token":"secret-canary-of-a-token"}'}})
    ->{provisioned}{id};
sub state_of { $t->api_ok('GET', "$at/$_[0]")->{state} }
ok(wait_until(sub { state_of($id) eq 'provisioned' }, 20), 'a resource');
my $key = $keys->make($project, 'k', max_budget_usd => 1);
my $made = $keys->wait_state($project, $key, 'provisioned');

# All that a leader may write, and what comes of it.  A keeper that has just
# begun also publishes its catalog, which is no leader's work.
sub written {
    return join "\n", map { join ' ', map { $_ // '-' } @$_ }
        $pg->rows('SELECT job_id, kind, state, fence, lost, attempt, updated_at'
            . ' FROM jobs ORDER BY number'),
        $pg->rows('SELECT resource_id, state, updated_at FROM resources'
            . ' ORDER BY number'),
        $pg->rows('SELECT project_id, name, version, state, active_at FROM'
            . ' secrets ORDER BY 1, 2, 3'),
        $pg->rows("SELECT project_id, review_told FROM projects ORDER BY 1"),
        $pg->rows("SELECT action, count(*) FROM audit_events WHERE actor IN"
            . " ('system:keeper', 'system:meter') AND action <>"
            . " 'catalog.published' GROUP BY 1 ORDER BY 1"),
        [map { $keys->proxy->count($_) } qw(/key/block /key/delete
            /key/update /key/generate)];
}

sub written_at_last {
    my ($before, $same) = ('', 0);
    wait_until(sub {
        my $now = written();
        $same = $now eq $before ? $same + 1 : 0;
        $before = $now;
        return $same >= 3;
    }, 20, 0.3);
    return $before;
}

sub held_side {
    my (@rules) = @_;
    my ($n) = grep { $side[$_]{proxy}->hits($rules[$_]) } 0, 1;
    return $n;
}

# $provoke makes work for whoever leads as `lead`; a role that has just begun
# looks for it at once.
sub stale {
    my ($what, $role, $lead, $rule, $provoke, $done) = @_;
    $provoke->();
    my @rules = map { $_->{proxy}->hold_request(count => 0, %$rule) } @side;
    $_->{control}->kill_role($role) for @side;
    $pg->rows("UPDATE leaders SET until = now() WHERE name = '$lead'")
        if $lead;
    ok(wait_until(sub { defined held_side(@rules) }, 20),
        "$what: somebody is about to") or return;
    my ($held, $other) = @side[held_side(@rules) ? (1, 0) : (0, 1)];
    my $pid = $held->{control}->roles->{$role};
    kill STOP => $pid;
    $other->{proxy}->heal;
    $pg->rows("UPDATE leaders SET until = now() WHERE name = '$lead'")
        if $lead;
    ok(wait_until($done, 30, 0.1), '... is held still, and another does it');
    my $before = written_at_last();
    $held->{proxy}->heal;
    kill CONT => $pid;
    sleep 1;
    is(written(), $before, '... and what it wrote later is nothing');
}

my %tending = (by => 'asgard job tending', match => 'SELECT 1 FROM leaders');
my %litellm = (by => 'asgard litellm', match => 'SELECT 1 FROM leaders');
sub jobs_of { $pg->value("SELECT count(*) FROM jobs WHERE resource_id = '$_[0]'"
    . " AND kind = '$_[1]' AND state = 'done'") }

my $lost = 'SELECT sum(lost) FROM jobs';
stale('a lease that has ended', 'keeper', 'jobs', \%tending, sub {
    my $two = $t->api_ok('POST', $at, {resource_type => 'thing',
        name => 'two', spec => {hold => 'h', says => '{}'}})->{provisioned}{id};
    wait_until(sub { grep { $_->[1] eq 'two' } $cloud->calls }, 20);
    $pg->rows("UPDATE jobs SET lease_until = now() - interval '1 s',"
        . " lease_owner = 'nobody' WHERE resource_id = '$two'");
    $cloud->release('h');
}, sub { $pg->value($lost) == 1
    && !$pg->value("SELECT count(*) FROM jobs WHERE state <> 'done'") });
stale('work that nobody does', 'keeper', 'jobs', \%tending, sub {
    $pg->rows("UPDATE resources SET state = 'resuming'"
        . " WHERE resource_id = '$id'");
}, sub { jobs_of($id, 'resume') == 1 });
stale('an old secret', 'keeper', 'jobs', \%tending, sub {
    $pg->rows("UPDATE secrets SET active_at = now() - interval '3 days'"
        . " WHERE resource_id = '$id' AND state = 'active'");
}, sub { jobs_of($id, 'rotate') == 1 });
stale('jobs of long ago', 'keeper', 'jobs', \%tending, sub {
    $pg->rows("UPDATE jobs SET ended_at = now() - interval '1 year'"
        . " WHERE resource_id = '$id' AND kind = 'make'");
}, sub { jobs_of($id, 'make') == 0 });

my $orphan;
stale('a key that no resource has', 'keeper', 'litellm', \%litellm, sub {
    $orphan = $keys->proxy->add_key(key_alias => 'asgard-x-y-1',
        metadata => {managed_by => 'asgard'});
}, sub { !$keys->proxy->keys->{$orphan} });
is($pg->value("SELECT string_agg(action, ' ' ORDER BY id) FROM audit_events"
    . " WHERE data->>'key_alias' = 'asgard-x-y-1'"),
    'litellm.key_blocked litellm.key_deleted', '... once each');
stale('a key with another budget', 'keeper', 'litellm', \%litellm, sub {
    $keys->proxy->locked(sub { $_[0]{keys}{$made->{outputs}{key_hash}}
        {max_budget} = 77 });
}, sub { $keys->proxy->keys->{$made->{outputs}{key_hash}}{max_budget} == 1 });

stale('a review that is over', 'meter', undef, {by => 'asgard meter sealer',
    match => 'UPDATE projects SET review_told'}, sub {
    $pg->rows("UPDATE projects SET review_date = now() - interval '1 s'"
        . " WHERE project_id = '$project'");
}, sub { $pg->value("SELECT count(*) FROM audit_events WHERE action ="
    . " 'project.review_expired'") == 1 });

$t->done;
