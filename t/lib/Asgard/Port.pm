# Free TCP ports for tests that run side by side.
#
# Outside the kernel's range for outgoing connections, so that no connection
# takes a port between our look and the server's bind; each process starts
# at a place of its own.
package Asgard::Port;

use strict;
use warnings;
use Carp qw(croak);
use Exporter qw(import);
use IO::Socket::INET;

our @EXPORT_OK = qw(free_port);

my ($low, $high) = (10_000, 31_000);
my $next;

sub free_port {
    $next //= $low + int(rand($high - $low));
    for (1 .. 2000) {
        $next = $low if ++$next >= $high;
        my $probe = IO::Socket::INET->new(
            LocalAddr => '127.0.0.1', LocalPort => $next,
            Proto => 'tcp', Listen => 1, ReuseAddr => 1) or next;
        close $probe;
        return $next;
    }
    croak 'no free port';
}

1;
