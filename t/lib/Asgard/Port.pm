# Free TCP ports for tests that run side by side.
#
# Outside the kernel's range for outgoing connections, so that no connection
# takes a port between our look and the server's bind.  Each process starts at
# a place of its own and, as long as it lives, keeps what it was given from
# other tests by a socket of that name: no file, and gone with the process.
package Asgard::Port;

use strict;
use warnings;
use Carp qw(croak);
use Exporter qw(import);
use IO::Socket::INET;
use Socket qw(PF_UNIX SOCK_STREAM pack_sockaddr_un);

our @EXPORT_OK = qw(free_port);

my ($low, $high) = (10_000, 20_000);    # above, scripts/run takes its own
my $next;
my @taken;

sub is_ours {
    my ($port) = @_;
    socket my $claim, PF_UNIX, SOCK_STREAM, 0 or croak "socket: $!";
    return if !bind $claim, pack_sockaddr_un("\0asgard-test-port-$port");
    push @taken, $claim;
    return 1;
}

sub free_port {
    $next //= $low + int(rand($high - $low));
    for (1 .. 2000) {
        $next = $low if ++$next >= $high;
        my $probe = IO::Socket::INET->new(
            LocalAddr => '127.0.0.1', LocalPort => $next,
            Proto => 'tcp', Listen => 1, ReuseAddr => 1) or next;
        close $probe;
        return $next if is_ours($next);
    }
    croak 'no free port';
}

1;
