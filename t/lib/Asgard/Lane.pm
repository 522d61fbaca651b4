# A part of a test run in a process group of its own: lanes run at the same
# time, each tells its result when it ends, and none leaves a process behind.
#
#     my $lane = Asgard::Lane->start(name => 'fuzz', dir => DIR, quiet => 1,
#         work => sub { …; return {passed => 3} });
#     my $result = $lane->result;         # waits; undef when it died
#     Asgard::Lane->end_all;              # also what its children started
#
# A quiet lane yields to all others and writes to a file, which `show` copies to
# the output, and follows until the lane has ended.
package Asgard::Lane;

use strict;
use warnings;
use JSON::PP ();
use POSIX qw(:sys_wait_h);
use Time::HiRes qw(sleep time);

use Asgard::Files qw(spill slurp wait_until);

my @started;

sub start {
    my ($class, %arg) = @_;
    my $self = bless {owner => $$, %arg}, $class;
    $self->{$_} = "$self->{dir}/$self->{name}.$_" for qw(log told);
    local $| = 1;
    my $pid = fork // die "fork: $!\n";
    $self->run if !$pid;
    setpgrp $pid, $pid;                 # whoever of the two is first
    $self->{pid} = $pid;
    push @started, $self;
    return $self;
}

sub run {
    my ($self) = @_;
    @started = ();
    $SIG{$_} = 'DEFAULT' for qw(INT TERM HUP);
    open STDIN, '<', '/dev/null';
    if ($self->{quiet}) {
        yield();
        open STDOUT, '>', $self->{log} or die "$self->{log}: $!\n";
        open STDERR, '>&', \*STDOUT or die "stderr: $!\n";
    }
    else { setpgrp 0, 0 }
    $| = 1;
    my $result = eval { $self->{work}->() };
    print STDERR $@ if !$result;
    spill($self->{told}, JSON::PP->new->encode($result)) if $result;
    POSIX::_exit($result ? 0 : 1);
}

# Not to the last: what never gets a turn looks like something that hangs.  A
# session of its own, since Linux may share out time by sessions first.
sub yield {
    my $nice = $ENV{TEST_NICE} // 10;
    POSIX::setsid();
    POSIX::nice($nice);
    open my $out, '>', '/proc/self/autogroup' or return;
    syswrite $out, $nice;
    return;
}

sub is_running {
    my ($self) = @_;
    return 0 if $self->{ended};
    return 1 if waitpid($self->{pid}, WNOHANG) == 0;
    return !($self->{ended} = 1);
}

sub show {
    my ($self) = @_;
    open my $in, '<', $self->{log} or return;
    my $running = 1;
    while ($running) {
        $running = $self->is_running;
        print while <$in>;
        sleep 0.1 if $running;
        seek $in, 0, 1;
    }
    return;
}

# What the work returned.  What its group still runs is ended.
sub result {
    my ($self) = @_;
    sleep 0.05 while $self->is_running;
    $self->end;
    my $text = slurp($self->{told});
    return length $text ? JSON::PP->new->decode($text) : undef;
}

# Live processes of its group.
sub members {
    my ($self) = @_;
    my @found;
    for my $file (glob '/proc/[0-9]*/stat') {
        my ($pid, $state, $group) =
            slurp($file) =~ /^(\d+) \(.*\) (\S) \d+ (\d+)/s or next;
        push @found, $pid if $group == $self->{pid} && $state ne 'Z';
    }
    return @found;
}

# Ask, then insist.
sub end {
    my ($self) = @_;
    for my $signal (qw(TERM KILL)) {
        return if !$self->members;
        kill $signal, -$self->{pid};
        wait_until(sub { $self->is_running; !$self->members }, 20, 0.05);
    }
    return;
}

sub end_all {
    kill 'TERM', -$_->{pid} for grep { $_->members } @started;
    $_->end for @started;
    return;
}

1;
