# A private Redis with a password, in the shipped configuration.
package Asgard::RedisServer;

use strict;
use warnings;
use Carp qw(croak);

use Asgard::Files qw(spill slurp top random_hex wait_until);
use Asgard::Port qw(free_port);
use Asgard::Process;
use Asgard::Redis;

# new(dir => EMPTY DIR THAT EXISTS, password => TEXT, conf => more lines,
#     shim => Asgard::Shim)
sub new {
    my ($class, %arg) = @_;
    my $self = bless {port => free_port(), password => random_hex(16),
        conf => '', %arg}, $class;
    spill("$self->{dir}/password", "$self->{password}\n", 0600);
    $self->write_conf;
    $self->start;
    return $self;
}

# A change of `conf` counts from the next start on.
sub write_conf {
    my ($self, %change) = @_;
    %$self = (%$self, %change);
    my $dir = $self->{dir};
    spill("$dir/redis.conf", <<"CONF", 0600);
include @{[top()]}/conf/redis-base.conf
bind 127.0.0.1
port $self->{port}
dir $dir
requirepass $self->{password}
masterauth $self->{password}
daemonize no
$self->{conf}
CONF
}

sub start {
    my ($self) = @_;
    $self->start_only;
    wait_until(sub {
        croak 'redis ended: ' . $self->{process}->log_text
            if !$self->{process}->is_running;
        return $self->says eq 'PONG';
    }, 10) or croak 'redis does not answer';
    return $self;
}

# Without waiting until it has loaded its data.
sub start_only {
    my ($self) = @_;
    delete $self->{client};
    $self->{process} = Asgard::Process->new(name => 'redis',
        command => ['redis-server', "$self->{dir}/redis.conf"],
        env => {$self->{shim} ? $self->{shim}->environment : ()},
        log => "$self->{dir}/redis.log");
}

# PONG, or why not.
sub says { my ($self) = @_; return eval { $self->cmd('PING') } // "$@" }

sub stop { delete $_[0]{client}; $_[0]{process}->stop('TERM', 10) }
sub kill { delete $_[0]{client}; $_[0]{process}->stop('KILL', 5) }

# Held still, as a Redis that hangs; thaw() lets it go on.
sub freeze { $_[0]{process}->signal('STOP') }
sub thaw   { $_[0]{process}->signal('CONT') }

# Copies what is behind this address from now on; true once it has it all.
sub follow {
    my ($self, $address) = @_;
    $self->cmd('REPLICAOF', split /:/, $address);
    return wait_until(sub {
        $self->cmd('INFO', 'replication') =~ /^master_link_status:up/m;
    }, 15);
}

# The next bgsave fails, which stops writes; mended by another save.
sub break_saves {
    my ($self) = @_;
    mkdir "$self->{dir}/dump.rdb";
    $self->cmd('CONFIG', 'SET', 'save', '3600 1');
    $self->cmd('BGSAVE');
    return wait_until(sub {
        $self->cmd('INFO', 'persistence') =~ /^rdb_last_bgsave_status:err/m;
    }, 10);
}

sub mend_saves {
    my ($self) = @_;
    rmdir "$self->{dir}/dump.rdb";
    $self->cmd('CONFIG', 'SET', 'save', '');
}

sub address       { "127.0.0.1:$_[0]{port}" }
sub password_file { "$_[0]{dir}/password" }

sub url {
    my ($self) = @_;
    return "redis://default:$self->{password}\@127.0.0.1:$self->{port}";
}

sub connect {
    my ($self) = @_;
    return Asgard::Redis->new(host => '127.0.0.1', port => $self->{port},
        password => $self->{password});
}

# One command on a kept connection.  An error of Redis is thrown as it is; a
# lost connection is opened again once.
sub cmd {
    my ($self, @words) = @_;
    my $reply = eval {
        $self->{client} //= $self->connect;
        $self->{client}->cmd(@words);
    };
    return $reply if !$@;
    my $error = $@;
    die $error if ref $error;
    delete $self->{client};
    $self->{client} = $self->connect;
    return $self->{client}->cmd(@words);
}

# Every key with its whole content as text: what a thief of Redis would hold.
sub dump_text {
    my ($self) = @_;
    my ($cursor, @out) = (0);
    do {
        my $page = $self->cmd('SCAN', $cursor, 'COUNT', 1000);
        $cursor = $page->[0];
        push @out, $self->text_of($_) for @{$page->[1]};
    } while ($cursor ne '0');
    return join "\n", @out;
}

my %reader = (
    string => sub { $_[0]->cmd('GET', $_[1]) },
    hash   => sub { $_[0]->cmd('HGETALL', $_[1]) },
    zset   => sub { $_[0]->cmd('ZRANGE', $_[1], 0, -1, 'WITHSCORES') },
    set    => sub { $_[0]->cmd('SMEMBERS', $_[1]) },
    list   => sub { $_[0]->cmd('LRANGE', $_[1], 0, -1) },
    stream => sub { $_[0]->cmd('XRANGE', $_[1], '-', '+') },
);

sub text_of {
    my ($self, $key) = @_;
    my $type = $self->cmd('TYPE', $key);
    my $value = $reader{$type} ? $reader{$type}->($self, $key) : undef;
    return join ' ', $key, flatten($value);
}

sub flatten {
    return map { ref $_ ? flatten(@$_) : $_ // '' } @_;
}

1;
