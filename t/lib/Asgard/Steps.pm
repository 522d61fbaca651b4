# Jobs that hold still at a step of their flow: in a call of what they work on,
# before it acts or after, or in the COMMIT of what came of it, which the
# database has executed or not.
#
#     my $steps = Asgard::Steps->new($t, at => CALLS);
#     my @places = $steps->of(sub { begin(…) });
#     $steps->hold($places[0], sub { begin(…) });
#     $steps->release;                # or restart_database, which does so too
#
# Which steps a flow has is watched: a flow with one step more has more places.
# CALLS is who is called: `calls` says how often so far, `hold_call(WHEN, SKIP)`
# holds a later one, `held` says how many are, `release` lets all of them go on.
# All asgard-ctl reach PostgreSQL by the proxy ctl_postgres; `by` is whose
# COMMITs are steps, where these are not those of jobs.
package Asgard::Steps;

use strict;
use warnings;
use Carp qw(croak);

use Asgard::Files qw(wait_until);

my %rule = (before => 'drop_request', after => 'drop_reply');

sub new {
    my ($class, $t, %arg) = @_;
    return bless {t => $t, pg => $t->proxy('ctl_postgres'),
        by => 'asgard jobs', %arg}, $class;
}

sub commit { my ($self) = @_; return (match => 'COMMIT', by => $self->{by}) }

# One run without a fault: [what, when, how many of them come before]; of the
# last one that it has ended, when it is executed.
sub of {
    my ($self, $begin) = @_;
    my $watched = $self->{pg}->watch($self->commit);
    my $before = $self->calls;
    $begin->();
    $self->wait_idle(20) or croak 'a flow has no end';
    my %n = (call => $self->calls - $before,
        commit => $self->{pg}->hits($watched));
    $self->{pg}->heal;
    my @places = map { my $what = $_; map { my $i = $_;
        map { [$what, $_, $i] } qw(before after) } 0 .. $n{$what} - 1 }
        qw(call commit);
    push @{$places[-1]}, 'ended';
    return @places;
}
sub calls { my ($self) = @_; return $self->{at} ? $self->{at}->calls : 0 }
sub has_ended { my (undef, $place) = @_; return defined $place->[3] }

# Until no job waits or runs; the database waits, for asking it again and again
# takes a process each time.
sub wait_idle {
    my ($self, $seconds) = @_;
    my $busy = "SELECT FROM jobs WHERE state IN ('ready', 'running')";
    $self->{t}{postgres}->rows('DO $$ DECLARE late timestamptz :='
        . " clock_timestamp() + interval '$seconds s'; BEGIN"
        . " WHILE clock_timestamp() < late AND EXISTS ($busy) LOOP"
        . ' PERFORM pg_sleep(0.05); END LOOP; END $$');
    return !$self->{t}{postgres}->rows($busy);
}

sub name { my (undef, $place) = @_;
    return "$place->[1] $place->[0] " . ($place->[2] + 1) }

# `then`: what becomes of the connection of a COMMIT.
sub hold {
    my ($self, $place, $begin, $then) = @_;
    my ($what, $when, $skip) = @$place;
    my ($id, $rule);
    if ($what eq 'call') {
        my $held = $self->{at}->held;
        $self->{at}->hold_call($when, $skip);
        $id = $begin->();
        return $id if wait_until(sub { $self->{at}->held > $held }, 20, 0.05);
    } else {
        my $how = $rule{$when};
        $rule = $self->{pg}->$how($self->commit, skip => $skip,
            then => $then // 'hang');
        $id = $begin->();
        return $id if $self->{pg}->wait_hits(id => $rule, seconds => 20);
    }
    croak 'nothing is held ' . $self->name($place);
}

# PostgreSQL goes and comes; no connection of the API is an old one.
sub restart_database {
    my ($self) = @_;
    my $t = $self->{t};
    $t->{postgres}->stop;
    $t->{postgres}->start;
    $self->release;
    wait_until(sub { !grep { $_ ne '200' } $t->in_parallel(16,
        sub { $t->api('GET', '/api/auth/me')->status }) }, 20)
        or croak 'the API has no database';
}

sub release {
    my ($self) = @_;
    $self->{pg}->heal;
    $self->{at}->release if $self->{at};
}

1;
