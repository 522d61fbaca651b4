#!/usr/bin/perl
# Whoever dies at whichever step of a mint, a rotation or an end of a key at
# LiteLLM: afterwards there is one live key, which is the resource's, or none.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(wait_until);
use Asgard::LiteLLMKeys;
use Asgard::People;
use Asgard::Test;

my $t = Asgard::Test->new;
my $keys = Asgard::LiteLLMKeys->new($t, timeout_s => 60, sweep_s => 3600);
my $proxy = $keys->proxy;
$t->start;
my $project = $t->project(budget_usd => 5);
ok(wait_until(sub { $proxy->count('/key/list') >= 2 }, 20),
    'the sweep of the start is over');

# What is begun hangs in a call to $path, done or not yet; then the next may
# begin.
sub hangs {
    my ($path, $how, $begin) = @_;
    my $before = $proxy->count("$path hangs");
    $proxy->next_call($path, $how, 60);
    my $id = $begin->();
    wait_until(sub { $proxy->count("$path hangs") > $before }, 20)
        or diag("nothing hangs in $path");
    return $id;
}

# All roles die.  The leases that they leave end later: here, now.
sub everybody_dies {
    my ($n) = @_;
    is($t->{postgres}->value('SELECT count(*) FROM jobs'
        . " WHERE state = 'running'"), $n, 'jobs run');
    my $roles = $t->{control}->roles;
    kill KILL => @$roles{qw(api meter keeper)};
    wait_until(sub {
        my $now = $t->{control}->roles;
        return 3 == grep { $now->{$_} && $now->{$_} != $roles->{$_} }
            qw(api meter keeper);
    }, 20) or diag('a role is not back');
    $t->{postgres}->value("UPDATE jobs SET lease_until = now() - interval '1s'"
        . " WHERE state = 'running' RETURNING 1");
}

# --- mint

my $n = 0;
sub make { $keys->make($project, 'k' . ++$n, max_budget_usd => 1) }
my @ids = map { hangs(@$_, \&make) } ['/health/readiness', 'late'],
    ['/key/info', 'late'], ['/key/generate', 'slow'],
    ['/key/generate', 'late'];
everybody_dies(4);
my @made = map { $keys->wait_state($project, $_, 'provisioned') } @ids;
is(join(' ', map { $_->{state} } @made), 'provisioned ' x 3 . 'provisioned',
    'wherever a mint was, it goes on');
$keys->check('... to one key each (M12)');
is($proxy->locked(sub { $_[0]{n} }), 0, '... none of another value');
my @old = map { $keys->value($project, $_) } @made;
is(join(' ', map { $keys->chat($_) } @old), '200 200 200 200',
    '... which can be read, and works');

# --- rotation

hangs(@{$_->[0]}, sub { $keys->rotate($project, $_->[1]) })
    for [['/key/update', 'late'], $made[0]], [['/key/generate', 'late'],
    $made[1]], [['/key/block', 'late'], $made[2]], [['/key/delete', 'late'],
    $made[3]];
everybody_dies(4);
my @new = map {
    my $was = $_;
    $keys->wait_state($project, $_->{id}, 'provisioned',
        sub { $_[0]{outputs}{key_hash} ne $was->{outputs}{key_hash} })
} @made;
$keys->check('wherever a rotation was, it goes on to one key each (M12)');
is(join(' ', map { $keys->chat($_) } @old), '401 401 401 401',
    '... the old ones are gone');
is(join(' ', map { $keys->chat($keys->value($project, $_)) } @new),
    '200 200 200 200', '... the new ones work');

# --- end

my $at = "/api/projects/$project/resources";
hangs('/key/delete', $_->[1], sub {
    $t->api_ok('DELETE', "$at/$ids[$_->[0]]") }) for [0, 'slow'], [1, 'late'];
everybody_dies(2);
$t->api_ok('DELETE', "$at/$ids[$_]") for 2, 3;
$keys->wait_state($project, $_, 'destroyed') for @ids;
$keys->check('wherever an end was, it goes on');
is_deeply($proxy->keys, {}, '... to no key at all');

$t->done;
