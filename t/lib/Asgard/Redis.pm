package Asgard::Redis;

# A small blocking Redis client for tests: RESP2 over a unix socket or TCP.
#
#     my $r = Asgard::Redis->new(socket => '/tmp/x/redis.sock');
#     my $r = Asgard::Redis->new(host => '127.0.0.1', port => 6379,
#         user => 'u', password => 'p', timeout => 5);
#     $r->cmd('SET', 'k', 'v');          # dies with the error object
#     my @replies = $r->pipeline(['GET', 'a'], ['GET', 'b']);
#     my $reply = $r->script('reserve', \@keys, @argv);    # array reference
#     $r->send('SUBSCRIBE', 'c'); my $message = $r->receive;
#
# A nil is undef, an array an array reference, an error an object of
# Asgard::Redis::Error that reads as its text.

use strict;
use warnings;
use Digest::SHA qw(sha1_hex);
use File::Basename qw(dirname);
use File::Spec;
use IO::Select;
use IO::Socket::INET;
use IO::Socket::UNIX;

my $root = File::Spec->rel2abs(dirname(__FILE__) . '/../../..');
my %texts;

sub new {
    my ($class, %at) = @_;
    my $socket = $at{socket}
        ? IO::Socket::UNIX->new(Peer => $at{socket})
        : IO::Socket::INET->new(PeerHost => $at{host} // '127.0.0.1',
            PeerPort => $at{port}, Timeout => $at{timeout} // 5);
    die "redis: cannot connect: $!\n" unless $socket;
    my $self = bless {socket => $socket, in => '', at => 0,
        timeout => $at{timeout} // 10,
        select => IO::Select->new($socket)}, $class;
    $self->cmd('AUTH', $at{user} // 'default', $at{password})
        if defined $at{password};
    return $self;
}

sub send {
    my ($self, @args) = @_;
    $self->_write(_encode(@args));
    return;
}

sub receive {
    my ($self) = @_;
    my $line = $self->_line;
    my ($kind, $rest) = (substr($line, 0, 1), substr($line, 1));
    return $rest if $kind eq '+' || $kind eq ':';
    return bless({text => $rest}, 'Asgard::Redis::Error') if $kind eq '-';
    return $rest < 0 ? undef : $self->_bytes($rest) if $kind eq '$';
    die "redis: reply starts with '$kind'\n" unless $kind eq '*';
    return undef if $rest < 0;
    return [map { $self->receive } 1 .. $rest];
}

sub cmd {
    my ($self, @args) = @_;
    my ($reply) = $self->pipeline([@args]);
    die $reply if ref($reply) eq 'Asgard::Redis::Error';
    return $reply;
}

sub pipeline {
    my ($self, @commands) = @_;
    my @replies;
    while (my @some = splice(@commands, 0, 256)) {
        $self->_write(join('', map { _encode(@$_) } @some));
        push @replies, map { $self->receive } @some;
    }
    return @replies;
}

# What the server gets for core/lua/<name>.lua, and its name for EVALSHA.
sub script_text {
    my ($class, $name) = @_;
    $texts{$name} //= do {
        open(my $in, '-|', "$root/scripts/embed-lua", '--text',
            "$root/ngx_asgard_module/core/lua/$name.lua")
            or die "embed-lua: $!\n";
        local $/;
        my $text = <$in>;
        close($in) or die "embed-lua: $name failed\n";
        $text;
    };
    return $texts{$name};
}

sub script_sha {
    my ($class, $name) = @_;
    return sha1_hex($class->script_text($name));
}

# For tests only: another text under this name, as with a clock of their own.
sub script_replace {
    my ($class, $name, $text) = @_;
    $texts{$name} = $text;
    return;
}

# By EVALSHA; a script that the server does not have is loaded and called again.
sub script {
    my ($self, $name, $keys, @argv) = @_;
    my @call = ('EVALSHA', $self->{sha}{$name} //= $self->script_sha($name),
        scalar(@$keys), @$keys, @argv);
    my ($reply) = $self->pipeline(\@call);
    if (ref($reply) eq 'Asgard::Redis::Error' && $reply =~ /^NOSCRIPT/) {
        $self->cmd('SCRIPT', 'LOAD', $self->script_text($name));
        ($reply) = $self->pipeline(\@call);
    }
    die $reply if ref($reply) eq 'Asgard::Redis::Error';
    return $reply;
}

sub run_id {
    my ($self) = @_;
    return ($self->cmd('INFO', 'server') =~ /run_id:(\w+)/)[0];
}

sub _encode {
    my (@args) = @_;
    my $out = '*' . @args . "\r\n";
    for my $arg (@args) {
        my $bytes = "$arg";
        utf8::encode($bytes) if utf8::is_utf8($bytes);
        $out .= '$' . length($bytes) . "\r\n$bytes\r\n";
    }
    return $out;
}

sub _write {
    my ($self, $bytes) = @_;
    my $at = 0;
    local $SIG{PIPE} = 'IGNORE';
    while ($at < length($bytes)) {
        my $n = syswrite($self->{socket}, $bytes, length($bytes) - $at, $at);
        die "redis: write: $!\n" unless defined $n;
        $at += $n;
    }
    return;
}

sub _fill {
    my ($self) = @_;
    die "redis: no reply in $self->{timeout} s\n"
        unless $self->{select}->can_read($self->{timeout});
    $self->{in} = substr($self->{in}, $self->{at});
    $self->{at} = 0;
    my $n = sysread($self->{socket}, $self->{in}, 65536, length($self->{in}));
    die 'redis: ' . (defined $n ? "connection closed\n" : "read: $!\n")
        unless $n;
    return;
}

sub _line {
    my ($self) = @_;
    my $end;
    while (($end = index($self->{in}, "\r\n", $self->{at})) < 0) {
        $self->_fill;
    }
    my $line = substr($self->{in}, $self->{at}, $end - $self->{at});
    $self->{at} = $end + 2;
    return $line;
}

sub _bytes {
    my ($self, $n) = @_;
    $self->_fill while length($self->{in}) - $self->{at} < $n + 2;
    my $bytes = substr($self->{in}, $self->{at}, $n);
    $self->{at} += $n + 2;
    return $bytes;
}

package Asgard::Redis::Error;

use overload '""' => sub { $_[0]{text} }, fallback => 1;

1;
