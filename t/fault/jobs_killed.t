#!/usr/bin/perl
# Whoever is killed, or PostgreSQL restarted, in whichever step of a job of the
# connectors exec and http: it comes to its end by itself, and does its work
# once.
#
# Fault row 26.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::FakeCloud;
use Asgard::Killed;
use Asgard::Steps;
use Asgard::Test;

my $t = Asgard::Test->new(proxies => ['ctl_postgres']);
my $cloud = Asgard::FakeCloud->new(dir => $t->{dir});
my $retry = "retry: {max_attempts: 3, base_secs: 0, cap_secs: 0}\n";
$t->{control}->write_service('run', $cloud->service('run', more => $retry));
$t->{control}->write_service('post', $cloud->service('post', more => $retry)
    =~ s/connector: exec/connector: http/r
    =~ s/command: .*/url: "@{[$cloud->serve]}"\n    internal: true/r);
$t->start;
my $steps = Asgard::Steps->new($t, at => $cloud);
my $killed = Asgard::Killed->new($t, $t->{control});
my ($pg, $n) = ($t->{postgres}, 0);

# A project each, for jobs of one wait for each other at its row.
sub make {
    my ($type) = @_;
    my %r = (name => 'r' . ++$n, at => '/api/projects/'
        . $t->project(budget_usd => 5) . '/resources');
    $r{id} = $t->api_ok('POST', $r{at}, {resource_type => $type,
        name => $r{name}, spec => {polls => 1}})->{provisioned}{id};
    return \%r;
}
sub destroy { my ($r) = @_; $t->api_ok('DELETE', "$r->{at}/$r->{id}"); $r }
sub state_of { my ($r) = @_;
    return $t->api_ok('GET', "$r->{at}/$r->{id}")->{state} }

# A flow with something at each of its steps, four at a time.
sub walk {
    my ($what, $places, $fault, $begin) = @_;
    my (@places, @all) = @$places;
    while (my @now = splice @places, 0, 4) {
        push @all, map { $steps->hold($_, $begin) } @now;
        $fault->(scalar grep { !$steps->has_ended($_) } @now);
        $steps->release;
        ok($steps->wait_idle(40), "$what: "
            . join(', ', map { $steps->name($_) } @now) . ': all end');
    }
    return @all;
}

sub life {
    my ($type, $how, $fault) = @_;
    my @make = $steps->of(sub { make($type) });
    my @made = walk("$type, $how, make", \@make, $fault,
        sub { make($type) });
    is(join(' ', map { state_of($_) } @made),
        join(' ', ('provisioned') x @made), '... as what is made');
    is(join('', map { $cloud->made($_->{name}) } @made), 1 x @made,
        '... once');
    my $first = make($type);
    $steps->wait_idle(20);
    my @rest = @made;
    my @end = $steps->of(sub { destroy($first) });
    walk("$type, $how, destroy", \@end, $fault,
        sub { destroy(shift @rest) });
    is(join(' ', map { state_of($_) } @made[0 .. $#end]),
        join(' ', ('destroyed') x @end), '... as what is gone');
    is(join('', map { $cloud->ended($_->{name}) } @made[0 .. $#end]),
        1 x @end, '... once');
}

for my $type (qw(run post)) {
    life($type, 'everybody is killed', sub { $killed->everybody(@_) });
    life($type, 'PostgreSQL is restarted', sub { $steps->restart_database });
}
is($pg->value("SELECT count(*) FROM jobs WHERE state <> 'done'"), 0,
    'no job has failed');
is($pg->value('SELECT max(attempt) FROM jobs'), 0, '... nor tried twice');
$killed->check;
$t->done;
