# A fake mail server: speaks as much SMTP as a client needs, and keeps books.
#
#     my $mail = Asgard::FakeMail->new(dir => DIR);
#     $mail->fail(2);                 # so many recipients are refused first
#     $_->{to} for $mail->books;      # {from, to, auth, text, taken}
package Asgard::FakeMail;

use strict;
use warnings;
use Carp qw(croak);
use Fcntl qw(:flock);
use IO::Socket::INET;
use JSON::PP ();
use MIME::Base64 qw(decode_base64);
use POSIX ();

use Asgard::Files qw(spill slurp lines_of);
use Asgard::Port qw(free_port);

my $json = JSON::PP->new->canonical;

sub new {
    my ($class, %arg) = @_;
    my $self = bless {port => free_port(), %arg}, $class;
    $self->{$_} = "$self->{dir}/mail.$_" for qw(books fails);
    spill($self->{books}, '');
    $self->fail(0);
    my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
        LocalPort => $self->{port}, Listen => 64, ReuseAddr => 1)
        // croak "fake mail server: $!";
    my $pid = fork() // croak "fork: $!";
    if (!$pid) {
        eval { $self->serve($listener) };
        POSIX::_exit($@ ? 1 : 0);
    }
    @$self{qw(pid owner)} = ($pid, $$);
    return $self;
}

sub url { "smtp://127.0.0.1:$_[0]{port}" }
sub fail { my ($self, $n) = @_; spill($self->{fails}, "$n\n") }
sub books { map { $json->decode($_) } lines_of($_[0]{books}) }

sub stop {
    my ($self) = @_;
    return if !$self->{pid} || $$ != $self->{owner};
    kill TERM => $self->{pid};
    waitpid delete $self->{pid}, 0;
}

sub DESTROY { my ($self) = @_; local ($?, $@, $!); $self->stop }

# One client after the other: the sender has one connection at a time.
sub serve {
    my ($self, $listener) = @_;
    $SIG{PIPE} = 'IGNORE';
    while (1) {
        my $client = $listener->accept or next;
        $self->talk($client);
        close $client;
    }
}

sub talk {
    my ($self, $client) = @_;
    my %mail;
    my $say = sub { syswrite $client, "$_[0]\r\n" };
    $say->('220 fake');
    while (defined(my $line = <$client>)) {
        $line =~ s/\r?\n\z//;
        if ($line =~ /^EHLO/i) { $say->("250-fake\r\n250 AUTH PLAIN") }
        elsif ($line =~ /^AUTH PLAIN ?(.*)/i) {
            my $with = $1;
            if ($with eq '') { $say->('334 '); $with = <$client> // '' }
            $mail{auth} = join ' ', grep { length }
                split /\0/, decode_base64($with);
            $say->('235 ok');
        }
        elsif ($line =~ /^MAIL FROM:<(.*?)>/i) {
            $mail{from} = $1;
            $say->('250 ok');
        }
        elsif ($line =~ /^RCPT TO:<(.*?)>/i) {
            $mail{to} = $1;
            my $left = slurp($self->{fails});
            $self->fail($left - 1) if $left > 0;
            $self->book({%mail, taken => 0}) if $left > 0;
            $say->($left > 0 ? '451 later' : '250 ok');
        }
        elsif ($line =~ /^DATA/i) {
            $say->('354 go on');
            my $text = '';
            while (defined(my $part = <$client>)) {
                last if $part eq ".\r\n";
                $text .= $part;
            }
            $self->book({%mail, text => $text, taken => 1});
            $say->('250 taken');
        }
        elsif ($line =~ /^QUIT/i) { $say->('221 bye'); return }
        else { $say->('250 ok') }
    }
}

sub book {
    my ($self, $entry) = @_;
    open my $out, '>>', $self->{books} or return;
    flock $out, LOCK_EX;
    syswrite $out, $json->encode($entry) . "\n";
    close $out;
}

1;
