package Asgard::PrivateRedis;

# A private redis-server on a unix socket in a directory of its own; gone, with
# its directory, when the object goes out of scope in the process that made it.
#
#     my $server = Asgard::PrivateRedis->new(maxmemory => '64mb');
#     my $redis = $server->client;
#     $server->restart;                   # another run id, the data kept

use strict;
use warnings;
use File::Path qw(remove_tree);
use File::Temp qw(tempdir);
use POSIX qw(_exit);
use Time::HiRes qw(sleep);

use Asgard::Redis;

sub new {
    my ($class, %settings) = @_;
    my $self = bless {dir => tempdir('asgard-redis-XXXXXX', TMPDIR => 1),
        owner => $$, settings => {save => '', appendonly => 'no',
            'maxmemory-policy' => 'noeviction', %settings}}, $class;
    $self->start;
    return $self;
}

sub socket { return $_[0]{dir} . '/redis.sock' }

sub client {
    my ($self) = @_;
    return Asgard::Redis->new(socket => $self->socket);
}

sub start {
    my ($self) = @_;
    my $settings = $self->{settings};
    my @args = ('--port', 0, '--unixsocket', $self->socket, '--dir',
        $self->{dir}, '--logfile', "$self->{dir}/redis.log",
        map { ("--$_", $settings->{$_}) } sort keys %$settings);
    $self->{pid} = fork() // die "fork: $!\n";
    if ($self->{pid} == 0) {
        exec('redis-server', @args) or _exit(127);
    }
    for (1 .. 200) {
        return if eval { $self->client->cmd('PING') };
        sleep(0.05);
    }
    die "redis-server did not start\n";
}

sub stop {
    my ($self) = @_;
    return unless $self->{pid};
    kill('TERM', $self->{pid});
    waitpid($self->{pid}, 0);
    delete $self->{pid};
    return;
}

sub restart {
    my ($self) = @_;
    $self->client->cmd('SAVE');
    $self->stop;
    $self->start;
    return;
}

sub DESTROY {
    my ($self) = @_;
    return if $self->{owner} != $$;
    local ($?, $@);
    $self->stop;
    remove_tree($self->{dir});
    return;
}

1;
