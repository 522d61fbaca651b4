#!/usr/bin/perl
# A random secret is made by the keeper, in earnest: of the length and alphabet
# that were asked for, sealed, in versions, read by grant, made anew by a
# rotation.  Whenever the keeper dies, one version is there.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use POSIX ();
use Test::More;

use Asgard::Files qw(wait_until);
use Asgard::People;
use Asgard::Test;

my $t = Asgard::Test->new;
$t->start;
my $people = Asgard::People->new($t);
my %who = map { $_ => $people->person($_) } qw(owner stranger);
my $project = $t->project(owner_email => $who{owner}{email}, budget_usd => 5);
my $at = "/api/projects/$project";
my $pg = $t->{postgres};

sub ask {
    my ($name, %spec) = @_;
    return $t->api('POST', "$at/resources", {resource_type => 'random-secret',
        name => $name, spec => \%spec}, $people->as('owner'));
}

sub settled {
    my ($id, $version) = @_;
    my $r;
    wait_until(sub {
        $r = $t->api_ok('GET', "$at/resources/$id");
        return $r->{state} eq 'provisioned' && ($r->{outputs}{value}
            {secret_ref}{version} // 0) == $version;
    }, 40, 0.1) or diag("$id: $r->{state}, " . $t->encode($r->{outputs}));
    return $r;
}

sub value {
    my ($name) = @_;
    my $value = $t->api_ok('POST', "$at/secrets/$name-value/read", {},
        $people->as('owner'))->{value};
    return $t->canary("the secret $name", $value);
}

sub versions { $pg->value("SELECT string_agg(version || ' ' || state, ', '"
    . " ORDER BY version) FROM secrets WHERE name = '$_[0]-value'") }

# --- made

my $made = ask('db')->json->{provisioned};
is($made->{backend} . ($made->{dry_run} ? ' dry' : ''), 'random',
    'it is made at once, and in earnest');
my $r = settled($made->{id}, 1);
is_deeply($r->{outputs}, {length => 32, alphabet => 'alphanumeric',
    value => {secret_ref => {store => 'asgard', version => 1,
    path => "$project/db-value"}}}, 'its output is a reference');
my $first = value('db');
like($first, qr/\A[A-Za-z0-9]{32}\z/, '... to what the manifest says');
is($t->api('POST', "$at/secrets/db-value/read", {}, $people->as('stranger'))
    ->status, 404, '... which nobody else reads');
my $other = ask('pin', length => 16, alphabet => 'digits')
    ->json->{provisioned};
settled($other->{id}, 1);
like(value('pin'), qr/\A[0-9]{16}\z/, 'a spec says another one');

# --- refused

for my $case ([length => 15], [length => 1025], [length => '20'],
    [alphabet => 'latin'], [lenght => 20]) {
    my ($field, $value) = @$case;
    my $json = ask('no', $field => $value)->json;
    is("$json->{code} $json->{param}", "invalid_value spec.$field",
        "$field $value is refused");
}

# --- changed, and rotated

ask('db', length => 40);
settled($made->{id}, 2);
my $longer = value('db');
like($longer, qr/\A[A-Za-z0-9]{40}\z/, 'another length is another value');
is(versions('db'), '1 retired, 2 active', '... which took the place');
$t->api_ok('POST', "$at/secrets/db-value/rotate", {}, $people->as('owner'));
settled($made->{id}, 3);
isnt(value('db'), $longer, 'a rotation is another one');
is($pg->value("SELECT count(*) FROM secrets WHERE name = 'db-value'"
    . ' AND envelope IS NOT NULL'), 1, '... and the old ones are nowhere');

# --- the keeper dies: in the middle of the commit, and wherever it is

sub keeper_dies {
    my $dead = $t->{control}->roles->{keeper} or return;
    kill KILL => $dead;
    wait_until(sub { my $now = $t->{control}->roles->{keeper};
        $now && $now != $dead }, 20) or diag('no keeper is back');
    $pg->value("UPDATE jobs SET lease_until = now() - interval '1s'"
        . " WHERE state = 'running' RETURNING 1");
}

# Whatever writes a secret waits for as long as this; then dies with its keeper.
sub in_the_commit {
    my ($begin) = @_;
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        eval { $pg->psql($pg->owner_url, 'BEGIN; LOCK TABLE secrets IN'
            . ' EXCLUSIVE MODE; SELECT pg_sleep(600)') };
        POSIX::_exit(0);
    }
    wait_until(sub { $pg->value("SELECT count(*) FROM pg_locks WHERE mode ="
        . " 'ExclusiveLock' AND relation = 'secrets'::regclass AND granted")
    }, 20) or diag('nobody holds the table');
    my $got = $begin->();
    ok(wait_until(sub { $pg->value('SELECT count(*) FROM pg_locks WHERE'
        . " relation = 'secrets'::regclass AND NOT granted") }, 20),
        'the keeper is in the middle of its commit');
    keeper_dies();
    $pg->value('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE'
        . " query LIKE '%pg_sleep(600)%' AND pid <> pg_backend_pid()");
    waitpid $pid, 0;
    return $got;
}

my $cut = in_the_commit(sub { ask('cut')->json->{provisioned}{id} });
settled($cut, 1);
is(versions('cut'), '1 active', '... of which nothing but the next is left');
value('cut');
in_the_commit(sub { $t->api_ok('POST', "$at/secrets/cut-value/rotate", {},
    $people->as('owner')) });
settled($cut, 2);
is(versions('cut'), '1 retired, 2 active', '... nor of a rotation');

my @ids = map { ask("r$_")->json->{provisioned}{id} } 1 .. 6;
for (1 .. 4) {
    keeper_dies();
    select undef, undef, undef, rand 0.3;
}
settled($_, 1) for @ids;
is(join('|', map { versions("r$_") } 1 .. 6), join('|', ('1 active') x 6),
    'wherever it dies, each has one version');
is(scalar(keys %{{map { value("r$_") => 1 } 1 .. 6}}), 6,
    '... and a value of its own');
my ($status, $out) = $t->{control}->run('secrets', 'verify');
is($status, 0, '... that opens') or diag($out);

# --- ended

$t->api_ok('DELETE', "$at/resources/$made->{id}", undef, $people->as('owner'));
ok(wait_until(sub { ($pg->value('SELECT count(*) FROM secrets WHERE name ='
    . " 'db-value' AND envelope IS NOT NULL")) == 0 }, 20),
    'with its resource the value ends');

$t->done;
