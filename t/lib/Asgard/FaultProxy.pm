# A proxy that does to a connection what networks do: delay, cut, lose, freeze.
#
#     my $p = Asgard::FaultProxy->new(dir => $dir, name => 'gateway-redis',
#         server => $redis);                  # or to => '127.0.0.1:6379'
#     $p->address;                            # where clients connect
#     $p->delay(down => 0.2);                 # replies 200 ms later
#     $p->drop_reply(match => $p->script('reserve'));
#     $p->wait_hits;  $p->heal;
#
# It stands in for its server: address, url, owner_url, password_file are the
# server's with its own port, so that Gateway.pm and Control.pm take it in the
# server's place.  An address is HOST:PORT or unix:PATH, also for `listen`.
# `up` is from the client to the server, `down` the way back; without either,
# both.  One process (FaultRelay.pm), one control socket: any process of the
# test may give orders.
#
# TCP loses no bytes in the middle: a reply or a request that is dropped is
# followed by nothing in that direction of its connection, which then hangs or
# is cut: then => 'hang' (the rule), 'rst' or 'fin'.
package Asgard::FaultProxy;

use strict;
use warnings;
use Carp qw(croak);
use IO::Socket::UNIX;
use JSON::PP ();

use Asgard::Files qw(wait_until);
use Asgard::Port qw(free_port);
use Asgard::Process;
use Asgard::Redis;

my $json = JSON::PP->new->canonical->latin1;

# new(dir, name, server => OBJECT | to => ADDRESS, listen => ADDRESS,
#     protocol => 'redis' (commands and replies are told apart) | 'raw' (what
#     is read at once is a command, all that follows it its reply))
sub new {
    my ($class, %arg) = @_;
    my $self = bless {name => 'proxy', protocol => 'redis', rule => 0, %arg},
        $class;
    $self->{to} //= $self->{server}->can('address')
        ? $self->{server}->address : "127.0.0.1:$self->{server}{port}";
    $self->{listen} //= '127.0.0.1:' . free_port();
    $self->{control} = "$self->{dir}/$self->{name}.proxy";
    my $order = $json->encode({map { $_ => $self->{$_} }
        qw(listen to control protocol)});
    my ($lib) = __FILE__ =~ m{^(.*)/Asgard/};
    $self->{process} = Asgard::Process->new(name => $self->{name},
        command => [$^X, "-I$lib", '-MAsgard::FaultRelay', '-e',
            'Asgard::FaultRelay->run(@ARGV)', $order],
        log => "$self->{dir}/$self->{name}.proxy.log");
    wait_until(sub { eval { $self->stats } }, 10)
        or croak "$self->{name}: " . $self->{process}->log_text;
    return $self;
}

# --- instead of the server ----------------------------------------------------

sub address { $_[0]{listen} }
sub port    { ($_[0]{listen} =~ /:(\d+)$/)[0] }
sub in_url  { my ($self, $url) = @_;
    my $port = $self->port;
    return $url =~ s/\@127\.0\.0\.1:\d+/\@127.0.0.1:$port/r }
sub url           { $_[0]->in_url($_[0]{server}->url) }
sub owner_url     { $_[0]->in_url($_[0]{server}->owner_url) }
sub password_file { $_[0]{server}->password_file }

# --- faults -------------------------------------------------------------------

sub order {
    my ($self, $do, %arg) = @_;
    my $socket = IO::Socket::UNIX->new(Peer => $self->{control})
        or croak "$self->{name}: $!";
    $socket->syswrite($json->encode({do => $do, %arg}) . "\n");
    my $line = <$socket>
        // croak "$self->{name}: " . $self->{process}->log_text;
    my $reply = $json->decode($line);
    croak "$self->{name}: $reply->{error}" if defined $reply->{error};
    return $reply;
}

# One value for both directions, or up => V, down => V.
sub both {
    my @given = @_;
    return @given == 1 ? (up => $given[0], down => $given[0]) : @given;
}

sub delay    { shift->order('set', word => 'delay', both(@_)) }
sub throttle { shift->order('set', word => 'rate', both(@_)) }  # bytes/s
sub one_byte { shift->order('set', word => 'one_byte',
    both(@_ ? @_ : 1)) }

# Nothing is read, written or accepted; thaw lets everything that waits go on.
sub freeze { shift->order('set', word => 'frozen', map { $_ => 1 }
    @_ ? @_ : qw(up down)) }
sub thaw   { shift->order('set', word => 'frozen', map { $_ => 0 }
    @_ ? @_ : qw(up down)) }

sub refuse     { $_[0]->order('refuse') }
sub accept     { $_[0]->order('accept') }
sub cut        { $_[0]->order('cut', how => $_[1] // 'rst') }
sub half_close { $_[0]->order('half_close', way => $_[1]) }
sub switch_to  { my ($self, $to) = @_;      # for new connections
    return $self->order('switch', to => ref $to ? $to->address : $to) }

# Rules for the next `count` (1; 0: every) commands that match; each returns
# its number, for hits().  A command is its words joined by spaces.  Not the
# first `skip` of them; only of `by`, as PostgreSQL calls the client.
sub rule {
    my ($self, $what, %arg) = @_;
    my $id = $self->order('rule', what => $what, count => 1, %arg,
        match => defined $arg{match} ? "$arg{match}" : '')->{id};
    return $self->{rule} = $id;
}
sub drop_reply   { shift->rule('drop_reply', @_) }
sub drop_request { shift->rule('drop_request', @_) }
# The command waits here, and all behind it, until release(); its sender may
# have gone by then, it reaches the server all the same.
sub hold_request { shift->rule('hold_request', @_) }
sub release      { $_[0]->order('release') }
sub watch        { shift->rule('watch', count => 0, @_) }

sub hits { my ($self, $id) = @_;
    return $self->stats->{hits}[$id // $self->{rule}] }

# Until the last rule (or the rule `id`) was hit `n` times.
sub wait_hits {
    my ($self, %arg) = @_;
    return wait_until(sub { $self->hits($arg{id}) >= ($arg{n} // 1) },
        $arg{seconds} // 10);
}

# No fault any more; connections that lost something stay as they are.
sub heal { $_[0]->order('heal') }

# {accepted, open, maimed => of these, how many lost something, hits => [by
# rule], up => bytes, down => bytes}
sub stats { $_[0]->order('stats') }

# The pattern of one of our scripts' calls; more text narrows it.
sub script {
    my ($self, $name, $more) = @_;
    my $sha = Asgard::Redis->script_sha($name);
    return "^EVALSHA $sha\\b" . ($more // '');
}

sub stop { $_[0]{process}->stop('TERM', 5) }

1;
