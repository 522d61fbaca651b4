# Every role of asgard-ctl killed while jobs hold still at a step.
#
#     my $killed = Asgard::Killed->new($t, $t->{control});
#     $killed->everybody(4);              # with so many that hold still
#     $killed->check;
package Asgard::Killed;

use strict;
use warnings;
use Test::More;
use Time::HiRes qw(time);

use Asgard::Files qw(wait_until);

sub new {
    my ($class, $t, @controls) = @_;
    return bless {t => $t, controls => \@controls, most_s => 0}, $class;
}

# All but the keeper change nothing by their death; that of the keeper leaves
# its leases, the first time until they end, later for a moment.
sub everybody {
    my ($self, $n) = @_;
    my @running;                        # a COMMIT may be just on its way
    wait_until(sub { @running = $self->running; @running == $n }, 5);
    is(scalar @running, $n, 'all hold still');
    $self->roles(qw(api meter notify));
    is_deeply([$self->running], \@running,
        '... also when api, meter and notify are killed');
    $self->roles('keeper');
    $self->{t}{postgres}->rows("UPDATE jobs SET lease_until = now()"
        . " - interval '1 s' WHERE state = 'running'; UPDATE leaders SET until"
        . " = now() WHERE name = 'jobs'") if $self->{rounds}++;
}

# Jobs, and the leases that they are under.
sub running {
    my ($self) = @_;
    return map { "@$_" } $self->{t}{postgres}->rows('SELECT job_id, fence FROM'
        . " jobs WHERE state = 'running' ORDER BY job_id");
}

# In each asgard-ctl; waits until they are there again.
sub roles {
    my ($self, @roles) = @_;
    my @was = map { my $control = $_; map { [$control, $_,
        $control->roles->{$_}] } @roles } @{$self->{controls}};
    my $at = time;
    kill KILL => map { $_->[2] } @was;
    for (@was) {
        my ($control, $role, $was) = @$_;
        wait_until(sub { my $now = $control->roles->{$role};
            $now && $now != $was }, 20, 0.05) or fail("$role is not back");
    }
    $self->{most_s} = time - $at if $self->{most_s} < time - $at;
}

sub check {
    my ($self) = @_;
    cmp_ok($self->{most_s}, '<', 3, 'who is killed is back within 2 s, even'
        . ' when it happens again and again');
}

1;
