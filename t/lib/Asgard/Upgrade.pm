# Masters of one gateway that replace each other, as `kill -USR2` does it.
#
#     my $masters = Asgard::Upgrade->new($t->{gateway});   # before it starts
#     my $old = $masters->now;
#     my $new = $masters->replace;            # both serve
#     $masters->workers_leave($old, 'WINCH');
#     $masters->ends($old, 'QUIT');
#
# A master heeds USR2 only when it is not the child that it was at its start, so
# the gateway becomes a daemon here.  It stands in for Asgard::Process: what
# Gateway.pm and the checks ask of a process is asked of the newest master.
package Asgard::Upgrade;

use strict;
use warnings;
use Carp qw(croak);

use Asgard::Files qw(slurp wait_until);

sub new {
    my ($class, $gateway) = @_;
    my $self = bless {gateway => $gateway, all => [], owner => $$}, $class;
    $self->{file} = "$gateway->{dir}/nginx.pid";
    $gateway->{start} = sub { $self->start };
    $gateway->{daemon} = 1;
    $gateway->write_conf;
    return $self;
}

sub start {
    my ($self) = @_;
    my $gateway = $self->{gateway};
    local %ENV = (%ENV, %{$gateway->environment});
    my ($binary, @words) = $gateway->command;
    # A master executes what it was called, and does not look in the PATH.
    ($binary) = grep { -x } $binary, map { "$_/$binary" } split /:/,
        "$ENV{PATH}:/usr/sbin";
    system($binary, @words) == 0 or croak 'nginx: ' . $gateway->error_log;
    push @{$self->{all}}, $self->now;
    $gateway->{process} = $self;
    return $gateway;
}

sub now { my ($self) = @_; return slurp($self->{file}) =~ /(\d+)/ ? $1 : 0 }

# The id of the new master, when it has its workers.
sub replace {
    my ($self) = @_;
    my $old = $self->now;
    kill USR2 => $old;
    wait_until(sub { -e $self->{file} && $self->now
        && $self->now != $old
        && $self->workers($self->now) == $self->{gateway}{workers} }, 30)
        or return 0;
    push @{$self->{all}}, $self->now;
    return $self->now;
}

sub children {
    my ($master) = @_;
    return split ' ', eval { slurp("/proc/$master/task/$master/children") }
        // '';
}

sub workers {
    my ($self, $master) = @_;
    return grep { (eval { slurp("/proc/$_/cmdline") } // '')
        =~ /worker process/ } children($master);
}

sub workers_leave {
    my ($self, $master, $signal) = @_;
    croak 'no master to be told' if !$master;
    kill $signal => $master;
    return wait_until(sub { !$self->workers($master) }, 60);
}

sub ends {
    my ($self, $master, $signal) = @_;
    croak 'no master to be told' if !$master;
    kill $signal => $master;
    return wait_until(sub { !runs($master) }, 60);
}

# One that nobody waited for is a zombie, and has ended.
sub runs {
    my ($pid) = @_;
    my $stat = eval { slurp("/proc/$pid/stat") } // '';
    return $stat =~ /\) [^ZX]/ ? 1 : 0;
}

# --- as Asgard::Process -------------------------------------------------------

sub pid        { $_[0]->now }
sub signal     { kill $_[1], $_[0]->now }
sub is_running { scalar grep { runs($_) } @{$_[0]{all}} }
sub status     { $_[0]->is_running ? undef : 0 }

sub stop {
    my ($self, $signal, $seconds) = @_;
    kill $signal // 'TERM', $_ for grep { runs($_) } @{$self->{all}};
    return 0 if wait_until(sub { !$self->is_running }, $seconds // 15);
    kill KILL => $_ for map { ($_, children($_)) } grep { runs($_) }
        @{$self->{all}};
    return 9;
}

sub DESTROY {
    my ($self) = @_;
    return if $$ != $self->{owner};
    local ($?, $@, $!);
    $self->stop('TERM', 5) if $self->is_running;
}

1;
