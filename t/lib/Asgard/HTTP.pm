# A raw HTTP/1.1 client that shows what was really sent and when.
#
# Not a general client: it keeps a connection, reads chunked and counted
# bodies piece by piece with the time of each piece, and can send anything,
# also what no library would send.
package Asgard::HTTP;

use strict;
use warnings;
use Carp qw(croak);
use IO::Select;
use IO::Socket::INET;
use Time::HiRes qw(time);

use Asgard::Reply;

# new(port => N, host => '127.0.0.1', timeout => 20, rcvbuf => BYTES, from =>
#     ADDRESS of ours)
sub new {
    my ($class, %arg) = @_;
    my $self = bless {host => '127.0.0.1', timeout => 20, %arg}, $class;
    $self->connect;
    return $self;
}

sub connect {
    my ($self) = @_;
    $self->close;
    $self->{socket} = IO::Socket::INET->new(PeerAddr => $self->{host},
        PeerPort => $self->{port}, Proto => 'tcp', Timeout => 5,
        defined $self->{from} ? (LocalAddr => $self->{from}) : ())
        or croak "connect to $self->{host}:$self->{port}: $!";
    $self->{socket}->sockopt(IO::Socket::SO_RCVBUF(), $self->{rcvbuf})
        if $self->{rcvbuf};
    binmode $self->{socket};
    $self->{in} = '';
    return $self;
}

sub close { my ($self) = @_; close delete $self->{socket} if $self->{socket} }

# Leave as a crashed client does: with a reset.
sub abort {
    my ($self) = @_;
    setsockopt $self->{socket}, IO::Socket::SOL_SOCKET(),
        IO::Socket::SO_LINGER(), pack('ii', 1, 0);
    $self->close;
}

sub send_raw {
    my ($self, $bytes) = @_;
    local $SIG{PIPE} = 'IGNORE';
    my $sent = 0;
    while ($sent < length $bytes) {
        my $n = syswrite $self->{socket}, $bytes, length($bytes) - $sent, $sent;
        return $sent if !defined $n;
        $sent += $n;
    }
    return $sent;
}

# The bytes of one request.  headers is a list of pairs, so that a name may
# come twice; body undef sends none.
sub request_text {
    my ($self, $method, $path, $headers, $body) = @_;
    my @pairs = @{$headers // []};
    my %has;
    for (my $i = 0; $i < @pairs; $i += 2) { $has{lc $pairs[$i]} = 1 }
    my $text = "$method $path HTTP/1.1\r\n";
    $text .= "Host: $self->{host}:$self->{port}\r\n" if !$has{host};
    for (my $i = 0; $i < @pairs; $i += 2) {
        $text .= "$pairs[$i]: $pairs[$i + 1]\r\n";
    }
    $text .= 'Content-Length: ' . length($body) . "\r\n"
        if defined $body && !$has{'content-length'}
        && !$has{'transfer-encoding'};
    return $text . "\r\n" . ($body // '');
}

# One exchange on the kept connection: an Asgard::Reply with its whole body.
sub request {
    my ($self, $method, $path, $headers, $body) = @_;
    my $reply = $self->start($method, $path, $headers, $body);
    $self->read_body($reply);
    return $reply;
}

# Send and read up to the end of the header; the body is read by
# read_piece() or read_body().
sub start {
    my ($self, $method, $path, $headers, $body) = @_;
    $self->connect if !$self->{socket};
    my $begun = time;
    $self->send_raw($self->request_text($method, $path, $headers, $body));
    my $reply = $self->read_head;
    $reply->{started} = $begun;
    $reply->{is_head} = $method eq 'HEAD';
    $self->plan_body($reply);
    return $reply;
}

sub fill {
    my ($self, $seconds) = @_;
    my $wait = IO::Select->new($self->{socket});
    return if !$wait->can_read($seconds // $self->{timeout});
    my $n = sysread $self->{socket}, $self->{in}, 65_536, length $self->{in};
    return $n // 0;                         # a reset is an end, too
}

sub read_head {
    my ($self) = @_;
    while ($self->{in} !~ /\r\n\r\n/) {
        my $n = $self->fill;
        next if $n;
        return Asgard::Reply->new(status => 0,
            error => defined $n ? 'closed' : 'timeout');
    }
    $self->{in} =~ s/\A(.*?)\r\n\r\n//s;
    my $reply = Asgard::Reply->parse_head($1);
    return $reply->{status} == 100 ? $self->read_head : $reply;
}

sub plan_body {
    my ($self, $reply) = @_;
    my $coding = lc($reply->header('transfer-encoding') // '');
    if (!$reply->{status} || $reply->{is_head}
        || $reply->{status} =~ /^(?:204|304)$/) { $reply->{left} = 0 }
    elsif ($coding =~ /chunked/) { $reply->{chunked} = 1 }
    elsif (defined $reply->header('content-length')) {
        $reply->{left} = $reply->header('content-length');
    }
    else { $reply->{to_end} = 1 }
}

# The next piece of the body as it came; undef at its end.  A body that was
# cut sets $reply->{cut}.
sub read_piece {
    my ($self, $reply, $seconds) = @_;
    return if $reply->{done};
    my $piece = $reply->{chunked} ? $self->read_chunk($reply, $seconds)
        : $self->read_counted($reply, $seconds);
    if (defined $piece) {
        $reply->{body} .= $piece;
        push @{$reply->{pieces}}, [time - ($reply->{started} //= time), $piece];
        return $piece;
    }
    $reply->{done} = 1;
    my $says = lc($reply->header('connection') // '');
    $self->close if $reply->{cut} || $reply->{to_end} || $says eq 'close';
    return;
}

sub read_counted {
    my ($self, $reply, $seconds) = @_;
    return if !$reply->{to_end} && $reply->{left} <= 0;
    if (!length $self->{in} && !$self->fill($seconds)) {
        $reply->{cut} = 1 if !$reply->{to_end};
        return;
    }
    my $take = $reply->{to_end} ? length $self->{in} : $reply->{left};
    my $piece = substr $self->{in}, 0, $take, '';
    $reply->{left} -= length $piece if !$reply->{to_end};
    return $piece;
}

sub read_chunk {
    my ($self, $reply, $seconds) = @_;
    while (1) {
        if ($self->{in} =~ /\A([0-9a-fA-F]+)[^\r\n]*\r\n/) {
            my ($size, $head) = (hex $1, $+[0]);
            if (length $self->{in} >= $head + $size + 2) {
                my $piece = substr $self->{in}, $head, $size;
                substr($self->{in}, 0, $head + $size + 2) = '';
                return $size ? $piece : undef;
            }
        }
        next if $self->fill($seconds);
        $reply->{cut} = 1;
        return;
    }
}

sub read_body {
    my ($self, $reply) = @_;
    1 while defined $self->read_piece($reply);
    return $reply;
}

1;
