# A fake OpenAI provider that does what a test says and keeps its own books.
#
# One listener, one process per connection.  What to do with a request comes
# from the queue that ->script(...) fills, over the defaults.  The books say
# what arrived and what was answered, so that a test can hold two independent
# witnesses against each other (M5).
#
# A script is a hash:
#   status, headers {..}, body (text or structure), delay, first_delay,
#   prompt_tokens, completion_tokens, usage (undef: true; 'none'; a structure;
#   text is sent as it stands), service_tier, text (of a stream without chunks
#   too),
#   chunks, chunk_delay, crlf, one_byte (and byte_delay before each),
#   cut (bytes of the body after which the connection is closed), reset,
#   hang (seconds before anything is sent), until (a file: nothing is sent
#   before it exists, at most a minute), raw (bytes sent as they are), stay
#   (seconds that the connection then stays open), records (texts: over TLS a
#   record each, all in one segment)
package Asgard::FakeUpstream;

use strict;
use warnings;
use Carp qw(croak);
use Fcntl qw(:flock);
use IO::Socket::INET;
use JSON::XS ();
use POSIX ();
use Time::HiRes qw(sleep time);

use Asgard::FakeAnswer;
use Asgard::Files qw(spill slurp lines_of wait_until);
use Asgard::Port qw(free_port);

my $json = JSON::XS->new->utf8->canonical->allow_nonref;

# new(dir => DIR, name => 'main', tls => Asgard::TLS or undef, defaults => {},
#     address => '127.0.0.1', port => any)
sub new {
    my ($class, %arg) = @_;
    my $self = bless {name => 'main', address => '127.0.0.1',
        defaults => {}, %arg}, $class;
    $self->{books} = "$self->{dir}/$self->{name}.books";
    $self->{queue} = "$self->{dir}/$self->{name}.queue";
    spill($_, '') for $self->{books}, $self->{queue};
    $self->start;
    return $self;
}

sub port { $_[0]{port} }
sub url {
    my ($self) = @_;
    my $scheme = $self->{tls} ? 'https' : 'http';
    my $host = $self->{tls} ? 'localhost' : $self->{address};
    return "$scheme://$host:$self->{port}";
}

sub start {
    my ($self) = @_;
    $self->{port} //= free_port();
    my $listener = $self->listener;
    my $pid = fork() // croak "fork: $!";
    if (!$pid) {
        eval { $self->serve($listener) };
        POSIX::_exit($@ ? 1 : 0);
    }
    close $listener;
    @$self{qw(pid owner)} = ($pid, $$);
    return $self;
}

sub listener {
    my ($self) = @_;
    my %where = (LocalAddr => $self->{address}, LocalPort => $self->{port},
        Listen => 512, ReuseAddr => 1, Proto => 'tcp');
    return IO::Socket::INET->new(%where)
        // croak "fake upstream on $self->{port}: $!";
}

# The whole family ends: a hanging connection too.
sub stop {
    my ($self) = @_;
    return if !$self->{pid} || $$ != $self->{owner};
    kill TERM => -$self->{pid};
    kill TERM => $self->{pid};
    waitpid delete $self->{pid}, 0;
}

sub DESTROY { my ($self) = @_; local ($?, $@, $!); $self->stop }

# Add scripts for the next requests, first come first served.
sub script {
    my ($self, @scripts) = @_;
    $self->locked(sub {
        my ($lines) = @_;
        push @$lines, map { $json->encode($_) } @scripts;
    });
}

sub locked {
    my ($self, $change) = @_;
    open my $file, '+<', $self->{queue} or croak "$self->{queue}: $!";
    flock $file, LOCK_EX;
    my @lines = <$file>;
    chomp @lines;
    my $result = $change->(\@lines);
    seek $file, 0, 0;
    truncate $file, 0;
    print {$file} map { "$_\n" } @lines;
    close $file;
    return $result;
}

# The books: one entry a request, {id, time, method, path, headers, body, sni,
# status, stream, prompt_tokens, completion_tokens, sent_bytes, outcome}, in the
# order of arrival.  The first line of a request is written before it is
# answered, outcome "open"; the second says how it ended.
sub books {
    my ($self) = @_;
    my (@order, %entry);
    for my $line (map { $json->decode($_) } lines_of($self->{books})) {
        push @order, $line->{id} if !$entry{$line->{id}};
        $entry{$line->{id}} = {%{$entry{$line->{id}} // {}}, %$line};
    }
    # an end alone is of one that was forgotten before it ended
    return grep { $_->{method} } @entry{@order};
}

sub count { scalar(my @all = $_[0]->books) }
sub last_request { my @all = $_[0]->books; $all[-1] }

# The first value of a header of one entry.
sub header_of {
    my ($class, $entry, $name) = @_;
    my ($pair) = grep { $_->[0] eq lc $name } @{$entry->{headers}};
    return $pair ? $pair->[1] : undef;
}

sub forget { spill($_[0]{books}, '') }

sub wait_count {
    my ($self, $n, $seconds) = @_;
    return wait_until(sub { $self->count >= $n }, $seconds // 5);
}

sub serve {
    my ($self, $listener) = @_;
    setpgrp 0, 0;
    $SIG{CHLD} = 'IGNORE';
    $SIG{TERM} = sub { POSIX::_exit(0) };
    $SIG{PIPE} = 'IGNORE';
    while (1) {
        my $client = $listener->accept or next;
        my $pid = fork() // next;
        if (!$pid) {
            close $listener;
            eval { $self->connection($client) };
            POSIX::_exit(0);
        }
        close $client;
    }
}

sub connection {
    my ($self, $client) = @_;
    setsockopt $client, 6, 1, 1;
    my $sni;
    if ($self->{tls}) {
        $client = $self->{tls}->accept($client, \$sni) or return;
    }
    binmode $client;
    my $in = '';
    while (my $request = read_request($client, \$in)) {
        $request->{sni} = $sni;
        my $go_on = $self->answer($client, $request);
        last if !$go_on;
    }
    close $client;
}

sub read_request {
    my ($client, $in) = @_;
    while ($$in !~ /\r\n\r\n/) {
        sysread $client, $$in, 65_536, length $$in or return;
    }
    $$in =~ s/\A(.*?)\r\n\r\n//s;
    my ($first, @lines) = split /\r\n/, $1;
    my ($method, $path) = split / /, $first;
    my @headers = map { /^([^:]+):\s*(.*)$/ ? [lc $1, $2] : () } @lines;
    my ($length) = map { $_->[1] } grep { $_->[0] eq 'content-length' }
        @headers;
    while (length $$in < ($length // 0)) {
        sysread $client, $$in, 1 << 20, length $$in or return;
    }
    my $body = substr $$in, 0, $length // 0, '';
    return {method => $method, path => $path, headers => \@headers,
        body => $body, time => time};
}

sub answer_class { 'Asgard::FakeAnswer' }

sub answer {
    my ($self, $client, $request) = @_;
    my $queued = $self->locked(sub { shift @{$_[0]} });
    my %script = (%{$self->{defaults}},
        $queued ? %{$json->decode($queued)} : ());
    my $answer = $self->answer_class->new($request, \%script);
    $request->{id} = "$$." . ++$self->{served};
    $self->book({%$request, $answer->summary, outcome => 'open'});
    my $outcome = $answer->play($client);
    $self->book({id => $request->{id}, $answer->summary,
        outcome => $outcome});
    return $outcome eq 'whole' && !$script{close};
}

sub book {
    my ($self, $entry) = @_;
    open my $out, '>>', $self->{books} or return;
    flock $out, LOCK_EX;
    syswrite $out, $json->encode($entry) . "\n";
    close $out;
}

1;
