# Callers that call on and on while a test does something to the servers.
#
#     my $load = Asgard::Load->new($t, $key, callers => 4, pause => 0.02,
#         change => {model => 'one'});
#     ...
#     my $told = $load->stop;             # {200 => 117, '503 …' => 3}
#
# Each caller is a process with a connection of its own a call, or with
# `kept => 1` one that it keeps; what it met is counted by "status code".  A
# call that got no answer is 'lost'.  One that was written to a kept connection
# and got no byte of an answer is 'again' and sent on a new one, as HTTP clients
# do: every server closes kept connections some time, nginx when it reloads.
# `call` is called with the connection instead of a chat call.
package Asgard::Load;

use strict;
use warnings;
use Carp qw(croak);
use POSIX ();
use Time::HiRes qw(sleep);

use Asgard::Files qw(spill);

sub new {
    my ($class, $t, $key, %arg) = @_;
    my $self = bless {t => $t, key => $key, pause => 0.02, callers => 4,
        change => {}, owner => $$, %arg}, $class;
    $self->{call} //= sub { $t->chat_on($_[0], $key, $self->{change}) };
    $self->{log} = "$t->{dir}/load-" . ++$t->{loads};
    $self->{pids} = [map { $self->caller_start } 1 .. $self->{callers}];
    return $self;
}

sub caller_start {
    my ($self) = @_;
    my $pid = fork // croak "fork: $!";
    return $pid if $pid;
    while (!-e "$self->{log}.end") {
        $self->note(eval { $self->call_once } // "lost: $@");
        sleep $self->{pause};
    }
    POSIX::_exit(0);
}

sub call_once {
    my ($self) = @_;
    my $http = $self->{kept} ? delete $self->{http} : undef;
    my $again = $http && $http->{socket};
    $http //= $self->{t}->http;
    my $reply = $self->{call}->($http);
    $self->{http} = $http if $self->{kept};
    return said($reply) if !$again || $reply->status
        || $reply->{error} ne 'closed' || length $http->{in};
    $self->note('again');
    delete $self->{http};
    return $self->call_once;
}

sub said {
    my ($reply) = @_;
    return "lost: $reply->{error}" if !$reply->status;
    return 'cut' if $reply->{cut};
    return $reply->status == 200 ? 200
        : join ' ', $reply->status, $reply->code // '-';
}

sub note {
    my ($self, $said) = @_;
    open my $out, '>>', $self->{log} or return;
    syswrite $out, $said =~ s/\s+/ /gr . "\n";
    close $out;
}

# What was met so far, by number.
sub told {
    my ($self) = @_;
    my %told;
    open my $in, '<', $self->{log} or return {};
    while (my $line = <$in>) { chomp $line; $told{$line}++ }
    return \%told;
}

# The callers end after the call they are in: a signal would end its wait.
sub stop {
    my ($self) = @_;
    return $self->told if !@{$self->{pids}};
    spill("$self->{log}.end", '');
    waitpid $_, 0 for splice @{$self->{pids}};
    return $self->told;
}

# A test that died does not wait for them.
sub DESTROY {
    my ($self) = @_;
    return if $$ != $self->{owner};
    local ($?, $@, $!);
    kill KILL => @{$self->{pids}} if @{$self->{pids}};
    waitpid $_, 0 for @{$self->{pids}};
}

1;
