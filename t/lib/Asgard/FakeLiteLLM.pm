# A LiteLLM proxy with a database, as far as its contract goes: a process of
# its own that keeps books, and does to an answer what a test says.
#
#     my $proxy = Asgard::FakeLiteLLM->new(dir => DIR, key => 'sk-…');
#     $proxy->next_call('/key/generate', 'lose');     # the first answer is lost
#     $proxy->set(db => 'Not connected');             # from now on
#     $proxy->keys;                       # the rows, by the hash of the key
#
# What next_call() names, for one request each, in order:
#   lose       done, and the connection closed without an answer
#   drop       closed before anything is done
#   late N     done at once, answered after N seconds
#   slow N     done and answered after N seconds
#   plain      500 in plain text, nothing done
#   validate   422 as its framework says it, nothing done
#   not_json   200 and something that is no JSON, done
#   away       503, nothing done
# A path of '*' is any; what is late or slow ends at once by release().
#
# Books hold hashes and never a key (FakeLiteLLMBooks says what they hold), so
# that a test may look for keys in every file.
package Asgard::FakeLiteLLM;

use strict;
use warnings;
use Carp qw(croak);
use Digest::SHA qw(sha256_hex);
use Fcntl qw(:flock);
use IO::Socket::INET;
use JSON::PP ();
use POSIX ();
use Time::HiRes qw(sleep time);

use Asgard::FakeLiteLLMBooks;
use Asgard::Files qw(spill slurp lines_of);
use Asgard::Port qw(free_port);

my $json = JSON::PP->new->utf8->canonical->allow_nonref;
my $body_max = 1 << 20;
my %reasons = (200 => 'OK', 400 => 'Bad Request', 401 => 'Unauthorized',
    403 => 'Forbidden', 404 => 'Not Found', 422 => 'Unprocessable Entity',
    429 => 'Too Many Requests', 500 => 'Internal Server Error',
    503 => 'Service Unavailable');

# new(dir => DIR, key => MASTER, name => 'litellm', port => any, and what
#     set() takes)
sub new {
    my ($class, %arg) = @_;
    my $self = bless {name => 'litellm', port => free_port()}, $class;
    $self->{$_} = delete $arg{$_} for grep { exists $arg{$_} }
        qw(dir name port);
    $self->{state} = "$self->{dir}/$self->{name}.state";
    $self->{journal} = "$self->{dir}/$self->{name}.journal";
    $self->{released} = "$self->{dir}/$self->{name}.released";
    spill($self->{$_}, '') for qw(journal released);
    spill($self->{state}, $json->encode(Asgard::FakeLiteLLMBooks::empty()),
        0600);
    $arg{master} = delete $arg{key};
    $self->set(%arg);
    return $self->start;
}

sub url { "http://127.0.0.1:$_[0]{port}" }

sub start {
    my ($self) = @_;
    my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
        LocalPort => $self->{port}, Listen => 128, ReuseAddr => 1)
        // croak "fake LiteLLM on $self->{port}: $!";
    my $pid = fork() // croak "fork: $!";
    if (!$pid) {
        POSIX::setpgid(0, 0);
        eval { $self->serve($listener) };
        POSIX::_exit($@ ? 1 : 0);
    }
    POSIX::setpgid($pid, $pid);
    @$self{qw(pid owner)} = ($pid, $$);
    return $self;
}

# Its books stay: start() goes on with them.
sub stop {
    my ($self) = @_;
    return if !$self->{pid} || $$ != $self->{owner};
    kill KILL => -$self->{pid};
    waitpid delete $self->{pid}, 0;
}

sub DESTROY { my ($self) = @_; local ($?, $@, $!); $self->stop }

# --- what a test says and asks

# master (the master key from now on), db ('connected', 'Not connected',
# 'failing'), version, models, budget_status (429 or 400), lag (spend waits for
# settle()), unchecked (any key is let through while the database is away)
sub set {
    my ($self, %to) = @_;
    $to{master} = sha256_hex($to{master}) if defined $to{master};
    $self->locked(sub { my ($s) = @_; @$s{CORE::keys %to} = values %to });
}

# Not the first $skip of them.
sub next_call {
    my ($self, $path, $how, $seconds, $skip) = @_;
    $self->locked(sub {
        push @{$_[0]{plan}}, [$path, $how, $seconds // 0, $skip // 0];
    });
}

# What hangs goes on; of what was planned and not met nothing is left.
sub release {
    my ($self) = @_;
    $self->locked(sub { $_[0]{plan} = [] });
    spill($self->{released}, slurp($self->{released}) . 'x');
}

# Any later one is held before it is done, or after; how many have been.
sub hold_call {
    my ($self, $when, $skip) = @_;
    $self->next_call('*', $when eq 'before' ? 'slow' : 'late', 60, $skip);
}
sub held {
    my ($self) = @_;
    return scalar grep { / hangs"/ } lines_of($self->{journal});
}

# {HASH => row}, those that were deleted are gone.
sub keys { $_[0]->locked(sub { $_[0]{keys} }) }

# The rows whose alias begins so and that nobody blocked.
sub live {
    my ($self, $prefix) = @_;
    return grep { !$_->{blocked} && index($_->{key_alias} // '', $prefix) == 0 }
        values %{$self->keys};
}

# One entry a request, {method, path, by, status}, without its body; one more,
# "PATH hangs", when an answer is held back.
sub calls { map { $json->decode($_) } lines_of($_[0]{journal}) }
sub count {
    my ($self, $path) = @_;
    return scalar grep { $_->{path} eq $path } $self->calls;
}

# What waited is in /key/info from now on; a new period of a key's budget.
sub settle { $_[0]->locked(\&Asgard::FakeLiteLLMBooks::settle) }
sub new_period {
    my ($self, $hash) = @_;
    $self->locked(sub { $_[0]{keys}{$hash}{spend} = 0 });
}

# A key that somebody made by hand; returns its hash.
sub add_key {
    my ($self, %row) = @_;
    return $self->locked(sub {
        Asgard::FakeLiteLLMBooks::insert($_[0], \%row)->{token};
    });
}

sub locked {
    my ($self, $change) = @_;
    open my $lock, '>>', "$self->{state}.lock" or croak "lock: $!";
    flock $lock, LOCK_EX;
    my $state = $json->decode(slurp($self->{state}));
    my $result = $change->($state);
    spill($self->{state}, $json->encode($state), 0600);
    close $lock;
    return $result;
}

# --- the server: one process a connection

sub serve {
    my ($self, $listener) = @_;
    @SIG{qw(CHLD PIPE)} = ('IGNORE', 'IGNORE');
    while (1) {
        my $client = $listener->accept or next;
        my $pid = fork();
        if (defined $pid && !$pid) {
            close $listener;
            eval { $self->talk($client) };
            POSIX::_exit(0);
        }
        close $client;
    }
}

sub talk {
    my ($self, $client) = @_;
    my $request = read_request($client) or return;
    my ($how, $seconds) = $self->planned($request->{path});
    return if $how eq 'drop';
    $self->note({%$request, path => "$request->{path} hangs"}, 0)
        if $how eq 'slow';
    $self->pause($seconds) if $how eq 'slow';
    my ($status, $body) = $self->locked(sub {
        [$how eq 'plain' ? (500, \'Internal Server Error')
            : $how eq 'away' ? (503, {detail => 'Service Unhealthy ()'})
            : $how eq 'validate' ? (422, {detail => [{loc => ['body', 'key'],
                msg => 'value is not a valid string', type => 'type_error'}]})
            : Asgard::FakeLiteLLMBooks::answer($_[0], $request)];
    })->@*;
    $body = \'<html>no JSON' if $how eq 'not_json';
    $self->note($request, $how eq 'lose' ? 0 : $status);
    return if $how eq 'lose';
    $self->note({%$request, path => "$request->{path} hangs"}, 0)
        if $how eq 'late';
    $self->pause($seconds) if $how eq 'late';
    reply($client, $status, $body);
}

sub planned {
    my ($self, $path) = @_;
    my $found = $self->locked(sub {
        my ($s) = @_;
        my ($at) = grep { $s->{plan}[$_][0] =~ /^(?:\*|\Q$path\E)\z/ }
            0 .. $#{$s->{plan}};
        return undef if !defined $at || $s->{plan}[$at][3]-- > 0;
        return splice @{$s->{plan}}, $at, 1;
    });
    return $found ? @$found[1, 2] : ('', 0);
}

sub pause {
    my ($self, $seconds) = @_;
    my ($until, $seen) = (time + $seconds, slurp($self->{released}));
    sleep 0.05 while time < $until && slurp($self->{released}) eq $seen;
}

sub read_request {
    my ($client) = @_;
    my ($first) = (<$client> // '') =~ /^(\S+ \S+)/ or return;
    my ($method, $target) = split / /, $first;
    my %head;
    while (defined(my $line = <$client>) ) {
        last if $line =~ /^\r?\n/;
        $head{lc $1} = $2 if $line =~ /^([^:]+):\s*(.*?)\r?\n/;
    }
    my $len = $head{'content-length'} // 0;
    return if $len > $body_max;
    my $body = '';
    read $client, $body, $len if $len;
    my ($path, $query) = split /\?/, $target, 2;
    my %query = map { /^([^=]*)=?(.*)/ ? ($1, unescape($2)) : () }
        split /&/, $query // '';
    my ($key) = ($head{authorization} // '') =~ /^Bearer (\S+)/;
    return {method => $method, path => $path, query => \%query, key => $key,
        body => length $body ? eval { $json->decode($body) } : undef};
}

sub unescape { my ($text) = @_; $text =~ s/%(..)/chr hex $1/ge; return $text }

sub reply {
    my ($client, $status, $body) = @_;
    my $text = ref $body eq 'SCALAR' ? $$body : $json->encode($body);
    my $type = ref $body eq 'SCALAR' ? 'text/plain' : 'application/json';
    print {$client} "HTTP/1.1 $status $reasons{$status}\r\n"
        . "Content-Type: $type\r\nContent-Length: " . length($text)
        . "\r\nConnection: close\r\n\r\n$text";
    close $client;
}

sub note {
    my ($self, $request, $status) = @_;
    open my $out, '>>', $self->{journal} or return;
    flock $out, LOCK_EX;
    syswrite $out, $json->encode({method => $request->{method},
        path => $request->{path}, status => $status,
        by => $request->{by} // 'nobody'}) . "\n";
    close $out;
}

1;
