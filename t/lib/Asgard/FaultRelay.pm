# The process of a FaultProxy: one loop, two pipes a connection, orders by a
# unix socket.  It ends with its parent.
package Asgard::FaultRelay;

use strict;
use warnings;
use Errno qw(EAGAIN EINTR EINPROGRESS);
use IO::Socket::INET;
use IO::Socket::UNIX;
use JSON::PP ();
use Socket qw(SOL_SOCKET SO_LINGER IPPROTO_TCP TCP_NODELAY);
use Time::HiRes qw(time);

my $most = 1 << 20;                         # bytes a pipe holds
my $json = JSON::PP->new->canonical->latin1;

sub run {
    my ($class, $text) = @_;
    $SIG{PIPE} = 'IGNORE';
    my $self = bless {%{$json->decode($text)}, conns => {}, rules => [],
        accepted => 0, bytes => {up => 0, down => 0},
        mode => {up => {}, down => {}}}, $class;
    unlink $self->{control};
    $self->listen_again;
    $self->{orders} = IO::Socket::UNIX->new(Local => $self->{control},
        Listen => 64) or die "$self->{control}: $!\n";
    chmod 0666, $self->{control};
    my $parent = getppid;
    $self->turn while getppid == $parent;
}

sub listen_again {
    my ($self) = @_;
    my ($path) = $self->{listen} =~ /^unix:(.*)/;
    unlink $path if $path;
    $self->{listener} = $path
        ? IO::Socket::UNIX->new(Local => $path, Listen => 1024)
        : IO::Socket::INET->new(LocalAddr => $self->{listen}, ReuseAddr => 1,
            Listen => 1024);
    die "$self->{listen}: $!\n" if !$self->{listener};
    chmod 0666, $path if $path;
    $self->{listener}->blocking(0);
}

# --- the loop -----------------------------------------------------------------

sub is_frozen { my ($self, $way) = @_; return $self->{mode}{$way}{frozen} }

sub turn {
    my ($self) = @_;
    my ($read, $write, $wait, $now) = ('', '', 0.5, time);
    my @pipes = map { @$_{qw(up down)} } values %{$self->{conns}};
    vec($read, fileno $self->{orders}, 1) = 1;
    vec($read, fileno $self->{listener}, 1) = 1
        if $self->{listener} && !$self->is_frozen('up');
    for my $pipe (grep { !$self->is_frozen($_->{way}) } @pipes) {
        vec($read, fileno $pipe->{from}, 1) = 1
            if !$pipe->{eof} && $pipe->{size} < $most;
        my $due = $self->due($pipe) // next;
        if ($due <= $now) { vec($write, fileno $pipe->{to}, 1) = 1 }
        elsif ($due - $now < $wait) { $wait = $due - $now }
    }
    select($read, $write, undef, $wait) > 0 or return;
    for my $pipe (@pipes) {
        next if $pipe->{conn}{closed} || $self->is_frozen($pipe->{way});
        $self->put($pipe) if vec($write, fileno $pipe->{to}, 1);
        next if $pipe->{conn}{closed};
        $self->take($pipe) if vec($read, fileno $pipe->{from}, 1);
    }
    $self->meet if $self->{listener}
        && vec($read, fileno $self->{listener}, 1);
    $self->obey if vec($read, fileno $self->{orders}, 1);
}

# When the head of a pipe may be written: a time, or undef.
sub due {
    my ($self, $pipe) = @_;
    return if $pipe->{shut};
    my $head = $pipe->{queue}[0] or return $pipe->{eof} ? 0 : undef;
    return if $head->{held};
    my $due = $head->{due};
    return $due > ($pipe->{next} // 0) ? $due : $pipe->{next};
}

sub meet {
    my ($self) = @_;
    my $client = $self->{listener}->accept or return;
    $self->{accepted}++;
    my ($path) = $self->{to} =~ /^unix:(.*)/;
    my $server = $path ? IO::Socket::UNIX->new(Peer => $path)
        : IO::Socket::INET->new(PeerAddr => $self->{to}, Blocking => 0);
    return end_socket($client, 'rst') if !$server;
    for my $socket ($client, $server) {
        $socket->blocking(0);
        setsockopt $socket, IPPROTO_TCP, TCP_NODELAY, 1;
    }
    my $conn = {id => $self->{accepted}, asked => 0, answered => 0};
    $conn->{up} = {way => 'up', from => $client, to => $server};
    $conn->{down} = {way => 'down', from => $server, to => $client};
    %{$conn->{$_}} = (%{$conn->{$_}}, conn => $conn, queue => [], size => 0,
        unit => '', scan => {}) for qw(up down);
    $self->{conns}{$conn->{id}} = $conn;
}

sub take {
    my ($self, $pipe) = @_;
    my $n = sysread $pipe->{from}, my $bytes, 65_536;
    if (!defined $n) {
        return if $! == EAGAIN || $! == EINTR || $! == EINPROGRESS;
        $pipe->{conn}{way_back_lost} = 1 if $pipe->{way} eq 'up';
    }
    if (!$n) {
        $self->give($pipe, delete $pipe->{unit}) if length $pipe->{unit};
        $pipe->{eof} = 1;
        $pipe->{unit} = '';
        return;
    }
    $self->{bytes}{$pipe->{way}} += $n;
    return if $pipe->{lost};
    return $self->judge($pipe, $bytes) if $self->{protocol} eq 'raw';
    my $at = 0;
    while ($at < $n && !$pipe->{conn}{closed}) {
        my ($end, $whole) = scan($pipe->{scan}, $bytes, $at);
        $pipe->{unit} .= substr $bytes, $at, $end - $at;
        $at = $end;
        next if !$whole && length $pipe->{unit} < $most;
        my $unit = $pipe->{unit};
        $pipe->{unit} = '';
        if ($whole) { $self->judge($pipe, $unit) } else {
            $self->give($pipe, $unit) }
    }
}

# RESP from $at on, with what was seen before: (where it ended, whether a whole
# value ended there).
sub scan {
    my ($s, $bytes, $at) = @_;
    $s->{left} ||= 1;
    while ($at < length $bytes) {
        if ($s->{skip}) {
            my $n = length($bytes) - $at;
            $n = $s->{skip} if $n > $s->{skip};
            $at += $n;
            next if $s->{skip} -= $n;
        } else {
            my $end = index $bytes, "\n", $at;
            my $part = substr $bytes, $at, $end < 0 ? length $bytes
                : $end + 1 - $at;
            $at += length $part;
            $s->{line} .= $part;
            next if $end < 0;
            my ($kind, $count) = delete($s->{line}) =~ /^(.)(-?\d+)?/;
            $s->{left} += $count * ($kind eq '%' ? 2 : 1)
                if ($kind // '') =~ /[*%~>]/ && $count > 0;
            if (($kind // '') eq '$' && $count >= 0) {
                $s->{skip} = $count + 2;
                next;
            }
        }
        return ($at, 1) if --$s->{left} == 0;
    }
    return ($at, 0);
}

# The words of a command, joined by spaces; else the text as it is.
sub words {
    my ($unit) = @_;
    return $unit if $unit !~ /\A\*\d+\r\n/g;
    my @words;
    while ($unit =~ /\G\$(\d+)\r\n/gc) {
        push @words, substr $unit, pos $unit, $1;
        pos($unit) += $1 + 2;
    }
    return join ' ', @words;
}

# --- what is lost -------------------------------------------------------------

sub judge {
    my ($self, $pipe, $unit) = @_;
    my $conn = $pipe->{conn};
    return $self->judge_reply($pipe, $unit) if $pipe->{way} eq 'down';
    my $text = $self->{protocol} eq 'raw' ? spelled_out($conn, $unit)
        : words($unit);
    $conn->{asked}++;
    $conn->{by} //= $1
        if $unit =~ /\0application_name\0([^\0]*)\0/;
    $conn->{pushes} = 1 if $text =~ /^P?SUBSCRIBE /i;
    my %hit = map { $_->{what} => $_ } grep { $self->hit($_, $text,
        $conn->{by}) } @{$self->{rules}};
    if (my $rule = $hit{drop_request}) {
        $pipe->{lost} = 1;
        return $self->end_conn($conn, $rule->{then});
    }
    $conn->{mute} //= {at => $conn->{asked}, then => $hit{drop_reply}{then}}
        if $hit{drop_reply} && !$conn->{pushes};
    $self->give($pipe, $unit, held => $hit{hold_request} ? 1 : 0);
}

# PostgreSQL is told a statement's text once (Parse), and then its name (Bind).
sub spelled_out {
    my ($conn, $unit) = @_;
    $conn->{texts}{$1} = $2
        while $unit =~ /P.{4}(asgard_\d+)\0([^\0]*)\0/gs;
    return join "\n", (map { $conn->{texts}{$_} // () }
        $unit =~ /B.{4}[^\0]*\0(asgard_\d+)\0/gs), $unit;
}

sub hit {
    my ($self, $rule, $text, $by) = @_;
    return 0 if $rule->{over} || $text !~ $rule->{match}
        || defined $rule->{by} && $rule->{by} ne ($by // '');
    return 0 if ($rule->{skip} // 0) > 0 && $rule->{skip}--;
    $rule->{hits}++;
    $rule->{over} = 1 if $rule->{count} && $rule->{hits} >= $rule->{count};
    return 1;
}

sub judge_reply {
    my ($self, $pipe, $unit) = @_;
    my $conn = $pipe->{conn};
    my $mute = $conn->{mute};
    $conn->{answered}++;
    return $self->give($pipe, $unit) if !$mute
        || $self->{protocol} ne 'raw' && $conn->{answered} < $mute->{at};
    $pipe->{lost} = 1;
    $self->end_conn($conn, $mute->{then});
}

# --- onward -------------------------------------------------------------------

sub give {
    my ($self, $pipe, $bytes, %more) = @_;
    push @{$pipe->{queue}}, {bytes => $bytes, %more,
        due => time + ($self->{mode}{$pipe->{way}}{delay} // 0)};
    $pipe->{size} += length $bytes;
}

sub put {
    my ($self, $pipe) = @_;
    my $head = $pipe->{queue}[0];
    if (!$head) {                           # the end, after all else
        $pipe->{shut} = 1;
        shutdown $pipe->{to}, 1;
        my $conn = $pipe->{conn};
        $self->end_conn($conn, $conn->{way_back_lost} ? 'rst' : 'fin')
            if $conn->{way_back_lost} || $conn->{up}{shut}
                && $conn->{down}{shut};
        return;
    }
    my $mode = $self->{mode}{$pipe->{way}};
    my $most = length $head->{bytes};
    $most = 1 if $mode->{one_byte};
    my $slice = int(($mode->{rate} || 0) / 20) || 1;
    $most = $slice if $mode->{rate} && $most > $slice;
    my $n = syswrite $pipe->{to}, $head->{bytes}, $most;
    if (!defined $n) {
        return if $! == EAGAIN || $! == EINTR;
        @{$pipe->{queue}} = ();
        @$pipe{qw(size lost eof)} = (0, 1, 1);
        return;
    }
    $pipe->{next} = time + $n / $mode->{rate} if $mode->{rate};
    $pipe->{size} -= $n;
    substr $head->{bytes}, 0, $n, '';
    shift @{$pipe->{queue}} if !length $head->{bytes};
}

sub end_conn {
    my ($self, $conn, $how) = @_;
    return if ($how // 'hang') eq 'hang' || $conn->{closed}++;
    end_socket($_, $how) for $conn->{up}{from}, $conn->{up}{to};
    delete $self->{conns}{$conn->{id}};
    delete @$conn{qw(up down)};
}

# A FIN needs an empty receive buffer, else the kernel sends a reset.
sub end_socket {
    my ($socket, $how) = @_;
    if ($how eq 'rst') {
        setsockopt $socket, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0;
    } else {
        $socket->blocking(0);
        1 while sysread $socket, my $gone, 65_536;
    }
    close $socket;
}

# --- orders -------------------------------------------------------------------

my %order = (
    stats => sub { my ($self) = @_;
        return {accepted => $self->{accepted}, %{$self->{bytes}},
            open => scalar keys %{$self->{conns}},
            maimed => scalar(grep { $_->{up}{lost} || $_->{down}{lost} }
                values %{$self->{conns}}),
            hits => [map { $_->{hits} } @{$self->{rules}}]} },
    set => sub { my ($self, $o) = @_;
        $self->{mode}{$_}{$o->{word}} = $o->{$_}
            for grep { exists $o->{$_} } qw(up down); {} },
    refuse => sub { my ($self) = @_;
        close delete $self->{listener} if $self->{listener}; {} },
    accept => sub { my ($self) = @_;
        $self->listen_again if !$self->{listener}; {} },
    cut => sub { my ($self, $o) = @_;
        $self->end_conn($_, $o->{how}) for values %{$self->{conns}}; {} },
    half_close => sub { my ($self, $o) = @_;
        for my $pipe (map { $_->{$o->{way}} } values %{$self->{conns}}) {
            @$pipe{qw(lost shut)} = (1, 1);
            shutdown $pipe->{to}, 1;
        } {} },
    switch => sub { $_[0]{to} = $_[1]{to}; {} },
    rule => sub { my ($self, $o) = @_;
        push @{$self->{rules}}, {%$o, hits => 0, match => qr/$o->{match}/s};
        return {id => $#{$self->{rules}}} },
    release => sub { my ($self) = @_;
        for my $conn (values %{$self->{conns}}) {
            delete $_->{held} for @{$conn->{up}{queue}};
        } {} },
    heal => sub { my ($self) = @_;
        $self->{mode} = {up => {}, down => {}};
        $_->{over} = 1 for @{$self->{rules}};
        $self->obey_one({do => $_}) for qw(release accept); {} },
);

sub obey_one {
    my ($self, $o) = @_;
    return ($order{$o->{do}} // die "no order $o->{do}\n")->($self, $o);
}

sub obey {
    my ($self) = @_;
    my $client = $self->{orders}->accept or return;
    my $line = <$client> // return;
    my $reply = eval { $self->obey_one($json->decode($line)) };
    $reply = $@ ? {error => "$@"} : ref $reply ? $reply : {};
    syswrite $client, $json->encode($reply) . "\n";
}

1;
