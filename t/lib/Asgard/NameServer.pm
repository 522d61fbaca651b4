# A name server that says what a test wants, over UDP, and keeps books.
#
#     my $dns = Asgard::NameServer->new(dir => DIR);
#     $dns->say('one.test', a => ['127.0.0.1'], ttl => 1);
#     ... asgard_resolver 127.0.0.1:@{[$dns->port]} ...
#     $dns->asked('one.test');                  # how often, of whatever type
#
# What is said of a name counts from the next question on: `a` and `aaaa` are
# lists of addresses, `ttl` their time to live (60), `code` an answer's code
# (2 fails, 3 is unknown), `mute` no answer at all, `delay` seconds before one.
# A name of which nothing is said does not exist.
package Asgard::NameServer;

use strict;
use warnings;
use Carp qw(croak);
use IO::Socket::INET;
use JSON::PP ();
use POSIX ();
use Socket qw(inet_aton inet_pton AF_INET6);
use Time::HiRes qw(sleep);

use Asgard::Files qw(spill slurp lines_of);

my %code_of = (a => 1, aaaa => 28);
my $json = JSON::PP->new->canonical;

# new(dir => DIR, address => '127.0.0.1', port => any)
sub new {
    my ($class, %arg) = @_;
    my $self = bless {address => '127.0.0.1', names => {}, %arg}, $class;
    $self->{$_} = "$self->{dir}/names.$_" for qw(zone books);
    spill($self->{books}, '');
    $self->write;
    my $socket = IO::Socket::INET->new(Proto => 'udp',
        LocalAddr => $self->{address}, LocalPort => $self->{port} // 0)
        // croak "name server: $!";
    $self->{port} = $socket->sockport;
    my $pid = fork() // croak "fork: $!";
    if (!$pid) {
        eval { $self->serve($socket) };
        POSIX::_exit($@ ? 1 : 0);
    }
    @$self{qw(pid owner)} = ($pid, $$);
    return $self;
}

sub port { $_[0]{port} }

sub say {
    my ($self, $name, %with) = @_;
    $self->{names}{lc $name} = {ttl => 60, %with};
    return $self->write;
}

# At once or not at all: the server reads it while it is written anew.
sub write {
    my ($self) = @_;
    spill("$self->{zone}.new", $json->encode($self->{names}));
    rename "$self->{zone}.new", $self->{zone} or croak "rename: $!";
    return $self;
}

# Questions for a name; one type of address (`a`, `aaaa`), or any.
sub asked {
    my ($self, $name, $type) = @_;
    return scalar grep {
        my ($was, $of) = split;
        $was eq lc $name && (!$type || $of eq $type);
    } lines_of($self->{books});
}

sub stop {
    my ($self) = @_;
    return if !$self->{pid} || $$ != $self->{owner};
    kill TERM => $self->{pid};
    waitpid delete $self->{pid}, 0;
    return;
}

sub DESTROY { $_[0]->stop }

# --- the server -----------------------------------------------------------

sub serve {
    my ($self, $socket) = @_;
    local $SIG{CHLD} = 'IGNORE';
    open my $books, '>>', $self->{books} or die "books: $!";
    $books->autoflush(1);
    while (defined(my $from = $socket->recv(my $query, 512))) {
        my ($name, $type, $question) = question($query) or next;
        my ($kind) = grep { $code_of{$_} == $type } keys %code_of;
        print {$books} "$name ", $kind // $type, "\n";
        my $said = $json->decode(slurp($self->{zone}))->{$name}
            // {code => 3};
        next if $said->{mute};
        next if $said->{delay} && fork();
        sleep $said->{delay} if $said->{delay};
        $socket->send(answer(unpack('n', $query), $question, $said, $kind),
            0, $from);
        POSIX::_exit(0) if $said->{delay};
    }
    return;
}

sub question {
    my ($query) = @_;
    my ($at, @labels) = (12);
    while (my $n = ord substr $query, $at, 1) {
        push @labels, lc substr $query, $at + 1, $n;
        $at += 1 + $n;
        return if $at >= length $query;
    }
    my ($type) = unpack 'n', substr $query, $at + 1, 2;
    return (join('.', @labels), $type, substr $query, 12, $at + 5 - 12);
}

sub answer {
    my ($id, $question, $said, $kind) = @_;
    my @found = map { $kind eq 'a' ? inet_aton($_) : inet_pton(AF_INET6, $_) }
        $said->{code} || !$kind ? () : @{$said->{$kind} // []};
    my $records = join '', map { pack('nnnNn/a*', 0xc00c, $code_of{$kind}, 1,
        $said->{ttl}, $_) } @found;
    return pack('n6', $id, 0x8180 | ($said->{code} // 0), 1, scalar @found, 0,
        0) . $question . $records;
}

1;
