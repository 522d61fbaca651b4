# One child process of a test: started, waited for, stopped by its own id.
#
# The harness is the parent of every server it starts, so that an exit status
# is seen and nothing is left behind.  Output goes to a file, never to the
# terminal of the test.
package Asgard::Process;

use strict;
use warnings;
use Carp qw(croak);
use POSIX qw(:sys_wait_h);
use Time::HiRes qw(sleep time);

use Asgard::Files qw(slurp);

# new(name => 'redis', command => [...], log => PATH, env => {...}, cwd => DIR,
#     user => NAME: give up root for that user)
sub new {
    my ($class, %arg) = @_;
    my $self = bless {%arg}, $class;
    my @command = @{$arg{command}};
    unshift @command, drop_to($arg{user}) if $arg{user} && $> == 0;

    my $pid = fork() // croak "fork: $!";
    if (!$pid) {
        open STDIN,  '<',  '/dev/null';
        open STDOUT, '>>', $arg{log} or POSIX::_exit(126);
        open STDERR, '>&', \*STDOUT;
        chdir $arg{cwd} if $arg{cwd};
        $SIG{XFSZ} = 'IGNORE';          # Disk.pm: a write fails, nobody dies
        $ENV{$_} = $arg{env}{$_} for keys %{$arg{env} // {}};
        delete $ENV{$_} for grep { !defined $arg{env}{$_} }
            keys %{$arg{env} // {}};
        exec { $command[0] } @command or POSIX::_exit(127);
    }
    $self->{pid} = $pid;
    $self->{owner} = $$;
    return $self;
}

# The words that run a command as an unprivileged user.
sub drop_to {
    my ($user) = @_;
    my (undef, undef, $uid, $gid) = getpwnam($user);
    croak "no user $user" if !defined $uid;
    return ('setpriv', "--reuid=$uid", "--regid=$gid", '--clear-groups', '--');
}

sub pid { $_[0]{pid} }

# undef while it runs, else its wait status.
sub status {
    my ($self) = @_;
    return $self->{status} if defined $self->{status};
    my $got = waitpid($self->{pid}, WNOHANG);
    $self->{status} = $? if $got == $self->{pid};
    return $self->{status};
}

sub is_running { !defined $_[0]->status }

sub signal {
    my ($self, $signal) = @_;
    return 0 if !$self->is_running || !kill $signal, $self->{pid};
    my $looks = $signal eq 'STOP' ? 400 : 0;
    for (1 .. $looks) {
        last if $self->is_stopped;
        sleep 0.005;
    }
    return 1;
}

# A thread that runs stops a moment after the signal was sent.
sub is_stopped {
    my ($self) = @_;
    my @stats = glob "/proc/$self->{pid}/task/*/stat";
    return !grep { !/\) [TtZ] / } map { slurp($_) } @stats;
}

# Wait at most $seconds for the end; true when it has ended.
sub wait_end {
    my ($self, $seconds) = @_;
    my $until = time + $seconds;
    while ($self->is_running) {
        return 0 if time > $until;
        sleep 0.01;
    }
    return 1;
}

# Ask, then insist.  Returns the wait status, 9 when it had to be killed.
sub stop {
    my ($self, $signal, $seconds) = @_;
    return $self->{status} if !$self->is_running;
    $self->signal($signal // 'TERM');
    if (!$self->wait_end($seconds // 15)) {
        $self->signal('KILL');
        $self->wait_end(5);
    }
    return $self->{status};
}

sub log_text {
    my ($self) = @_;
    open my $in, '<', $self->{log} or return '';
    local $/;
    return <$in> // '';
}

sub DESTROY {
    my ($self) = @_;
    return if $$ != $self->{owner} || defined $self->{status};
    local $?;
    $self->stop('TERM', 5);
}

1;
