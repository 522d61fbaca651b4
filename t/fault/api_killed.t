#!/usr/bin/perl
# The api is killed in any COMMIT of a request for a key at LiteLLM, its
# approval, rotation or end: who asks again gets what was asked for, once.  Of
# an end that was executed it is told that it was.
#
# Fault row 26.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use POSIX ();
use Time::HiRes qw(time);

use Asgard::Files qw(wait_until);
use Asgard::LiteLLMKeys;
use Asgard::People;
use Asgard::Steps;
use Asgard::Test;

my $t = Asgard::Test->new(proxies => ['ctl_postgres']);
my $keys = Asgard::LiteLLMKeys->new($t);
$t->start;
$t->allow_no_control;
my $steps = Asgard::Steps->new($t, by => 'asgard-ctl api');
my $people = Asgard::People->new($t);
$people->person('judge', role => 'admin');
my $pg = $t->{postgres};


# The requests of a life, each by its name of this life.
my %ask = (
    ask => sub { my ($k) = @_; ('POST', $k->{at}, {resource_type =>
        'litellm-key', name => 'k', spec => {max_budget_usd => 1}}) },
    approve => sub { my ($k) = @_; ('POST', '/api/requests/'
        . $pg->value('SELECT request_id FROM requests WHERE project_id ='
        . " '$k->{project}'") . '/approve', {}, $people->as('judge')) },
    rotate => sub { my ($k) = @_; ('POST', "/api/projects/$k->{project}"
        . '/secrets/' . $keys->name_of($k->{resource}) . '/rotate', {},
        'Idempotency-Key', "rotate-$k->{project}") },
    end => sub { my ($k) = @_; ('DELETE', "$k->{at}/$k->{resource}{id}") });

sub begin {
    my $project = $t->project(budget_usd => 5);
    return {project => $project, at => "/api/projects/$project/resources"};
}

# What the key is when all that was asked for is done.
sub look {
    my ($k) = @_;
    $steps->wait_idle(20);
    my ($id) = $pg->value('SELECT resource_id FROM resources WHERE'
        . " project_id = '$k->{project}'");
    $k->{resource} = $keys->get($k->{project}, $id) if $id;
}

# Where one life stops is a place of the next ones.
my %places;
my $first = begin();
for my $what (qw(ask approve rotate end)) {
    my @request = $ask{$what}->($first);
    $places{$what} = [$steps->of(sub { $t->api_ok(@request) })];
    look($first);
}

# Asked while the COMMIT hangs, the api killed, asked again.
sub killed {
    my ($k, $what, $place) = @_;
    my @request = $ask{$what}->($k);
    my $pid;
    $steps->hold($place, sub {
        $pid = fork() // die "fork: $!";
        return $pid if $pid;
        eval { $t->api(@request) };
        POSIX::_exit(0);
    });
    my $at = time;
    $t->{control}->kill_role('api');
    cmp_ok(time - $at, '<', 3, "$what, " . $steps->name($place)
        . ': the api is back');
    $steps->release;
    waitpid $pid, 0;
    my $reply;
    wait_until(sub { ($reply = $t->api(@request))->status < 500 }, 10, 0.1);
    like($reply->status . ' ' . ($reply->json->{code} // ''), $what eq 'end'
        ? qr/^(?:2|400 illegal_transition)/ : qr/^2/,
        '... and does what it is asked again') or diag($reply->body);
    look($k);
}

my $lives = 0;
for my $what (qw(ask approve rotate end)) {
    cmp_ok(scalar @{$places{$what}}, '>=', 2, "$what is committed");
    for my $place (@{$places{$what}}) {
        my $k = begin();
        $lives++;
        for my $next (qw(ask approve rotate end)) {
            last if $next eq $what;
            $t->api_ok($ask{$next}->($k));
            look($k);
        }
        killed($k, $what, $place);
        $keys->check('... one key or none (M12)');
    }
}
is($pg->value('SELECT count(*) FROM resources'),
    1 + $lives - @{$places{ask}}, 'what was approved is one resource each');
is($pg->value("SELECT string_agg(DISTINCT n::text, ' ') FROM (SELECT count(*)"
    . ' AS n FROM jobs GROUP BY resource_id, kind) j'), 1,
    '... whose jobs are one each');
$t->done;
