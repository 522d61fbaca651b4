# The part of a systemd unit's sandbox that needs no systemd: its system calls
# and capabilities, put upon a process and all that it starts.
#
#     Asgard::Sandbox->wrapper("$dir/bin/nginx", $unit, '/usr/sbin/nginx');
#
# A call outside the unit's list kills the process here (systemd returns
# EPERM), so that a test sees every one.  x86-64 only.
package Asgard::Sandbox;

use strict;
use warnings;
use Carp qw(croak);
use POSIX ();

use Asgard::Files qw(slurp);

my $NUMBERS = '/usr/include/x86_64-linux-gnu/asm/unistd_64.h';
my ($PR_SET_SECCOMP, $PR_SET_NO_NEW_PRIVS, $MODE_FILTER) = (22, 38, 2);
my ($RET_KILL, $RET_ALLOW) = (0x80000000, 0x7fff0000);
my ($LOAD, $JUMP_EQUAL, $RETURN) = (0x20, 0x15, 0x06);

# True where it works.
sub is_possible {
    return (POSIX::uname())[4] eq 'x86_64' && -e $NUMBERS
        && $> == 0 && !system('command -v systemd-analyze > /dev/null');
}

# Values of a setting, in the order in which they stand.
sub values_of {
    my ($unit, $name) = @_;
    return slurp($unit) =~ /^\Q$name\E=(.*)$/mg;
}

my %known;

# A name, or a @set with the sets in it.
sub names_of {
    my ($word) = @_;
    return $word if $word !~ /^@/;
    return @{$known{$word} //= [map { names_of($_) }
        map { /^\s+([@\w]\S*)/ ? $1 : () }
        `systemd-analyze syscall-filter --no-pager '$word'`]};
}

# The names that a unit allows: lists add, lists after a ~ take away.
sub allowed {
    my ($unit) = @_;
    my %may;
    for my $line (values_of($unit, 'SystemCallFilter')) {
        my $less = $line =~ s/^~//;
        for my $name (map { names_of($_) } split ' ', $line) {
            if ($less) { delete $may{$name} } else { $may{$name} = 1 }
        }
    }
    return sort keys %may;
}

sub filter {
    my ($unit) = @_;
    my %number = slurp($NUMBERS) =~ /^#define __NR_(\w+) (\d+)$/mg;
    my @program = pack 'SCCL', $LOAD, 0, 0, 0;
    for my $name (grep { defined $number{$_} } allowed($unit)) {
        push @program, pack('SCCL', $JUMP_EQUAL, 0, 1, $number{$name}),
            pack('SCCL', $RETURN, 0, 0, $RET_ALLOW);
    }
    croak "$unit allows no system call" if @program < 100;
    return (@program, pack('SCCL', $RETURN, 0, 0, $RET_KILL));
}

# The bounding set as setpriv wants it.
sub capabilities {
    my ($unit) = @_;
    my ($line) = values_of($unit, 'CapabilityBoundingSet');
    return join ',', '-all', map { s/^CAP_/+/r } split ' ', lc($line // '')
        =~ s/cap_/CAP_/gr;
}

sub enter {
    my ($unit) = @_;
    my @program = filter($unit);
    my $text = join '', @program;
    my $prog = pack 'Sx6P', scalar(@program), $text;
    my %number = slurp($NUMBERS) =~ /^#define __NR_(prctl) (\d+)$/mg;
    syscall($number{prctl}, $PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
        or croak "no_new_privs: $!";
    syscall($number{prctl}, $PR_SET_SECCOMP, $MODE_FILTER, $prog, 0, 0) == 0
        or croak "seccomp: $!";
}

# A program of that name which starts the real one in the unit's sandbox.
sub wrapper {
    my ($class, $path, $unit, $real) = @_;
    my $lib = Asgard::Files::top() . '/t/lib';
    my $caps = capabilities($unit);
    my $drop = $caps eq '-all' ? '' : "setpriv --bounding-set=$caps -- ";
    return Asgard::Files::spill($path, "#!/bin/sh\nexec $drop"
        . "perl -I$lib -MAsgard::Sandbox -e 'Asgard::Sandbox::run(\@ARGV)'"
        . " '$unit' '$real' \"\$@\"\n", 0755);
}

# In place of this process.
sub run {
    my ($unit, @command) = @_;
    enter($unit);
    exec { $command[0] } @command or POSIX::_exit(127);
}

1;
