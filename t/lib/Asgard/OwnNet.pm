# A test that has a network of its own: a loopback with any address on it.
#
#     use Asgard::OwnNet;
#     Asgard::OwnNet::enter(addresses => ['203.0.113.9'],
#         files => {'/etc/resolv.conf' => "nameserver 127.0.0.1\n"});
#
# The test begins again inside; servers that it starts are in there with it,
# and nothing of it is seen outside.  `files` are laid over those of the
# machine, for the test alone.  Without root it is skipped.
package Asgard::OwnNet;

use strict;
use warnings;
use Carp qw(croak);
use File::Temp ();
use Socket qw(AF_INET SOCK_DGRAM inet_aton pack_sockaddr_in);
use Test::More;

use Asgard::Files qw(spill);

my ($GET_FLAGS, $SET_FLAGS, $SET_ADDRESS) = (0x8913, 0x8914, 0x8916);
my $UP = 1;

sub enter {
    my (%arg) = @_;
    if (!$ENV{ASGARD_OWN_NET}) {
        plan(skip_all => 'no network of its own without root')
            if $> != 0 || system('unshare -n -m true 2> /dev/null') != 0;
        $ENV{ASGARD_OWN_NET} = 1;
        exec 'unshare', '-n', '-m', $^X, (map { "-I$_" } @INC), $0
            or croak "unshare: $!";
    }
    loopback(@{$arg{addresses} // []});
    lay_over($_, $arg{files}{$_}) for sort keys %{$arg{files} // {}};
    return;
}

sub loopback {
    my (@addresses) = @_;
    socket my $any, AF_INET, SOCK_DGRAM, 0 or croak "socket: $!";
    my $request = pack 'a16 s x22', 'lo', 0;
    ioctl $any, $GET_FLAGS, $request or croak "lo: $!";
    my ($flags) = unpack 'x16 s', $request;
    ioctl $any, $SET_FLAGS, pack 'a16 s x22', 'lo', $flags | $UP
        or croak "lo: $!";
    for my $i (0 .. $#addresses) {
        ioctl $any, $SET_ADDRESS, pack 'a16 a16 x8', "lo:$i",
            pack_sockaddr_in(0, inet_aton($addresses[$i]))
            or croak "$addresses[$i]: $!";
    }
    return;
}

my @laid;

sub lay_over {
    my ($path, $text) = @_;
    my $file = File::Temp->new;
    push @laid, $file;
    spill($file->filename, $text);
    chmod 0644, $file->filename;
    system('mount', '--bind', $file->filename, $path) == 0
        or croak "mount over $path";
    return;
}

1;
