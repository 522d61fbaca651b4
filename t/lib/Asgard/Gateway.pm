# A private nginx with the module, in the shipped includes.
#
# The distribution's own binary loads build/…/ngx_http_asgard_module.so; the
# sanitizer build is an nginx that has the module inside.
package Asgard::Gateway;

use strict;
use warnings;
use Carp qw(croak);

use Asgard::Files qw(spill slurp top build_dir is_sanitized wait_until);
use Asgard::HTTP;
use Asgard::Port qw(free_port);
use Asgard::Process;

# new(dir => DIR, redis => RedisServer, key_file => PATH, control_socket =>
#     PATH, workers => 2, connections => 1024, shutdown_timeout => '3s',
#     listen => 'reuseport', main_conf, http_conf, server_conf, location_conf,
#     shim => Asgard::Shim)
sub new {
    my ($class, %arg) = @_;
    my $self = bless {workers => 2, port => free_port(), %arg}, $class;
    mkdir "$self->{dir}/$_" for qw(conf log tmp asan);
    chmod 0777, "$self->{dir}/asan";
    $self->write_conf;
    return $self;
}

sub binary { is_sanitized() ? build_dir() . '/nginx/nginx' : 'nginx' }

sub load_module {
    return '' if is_sanitized();
    return 'load_module ' . build_dir() . '/nginx/ngx_http_asgard_module.so;';
}

sub write_conf {
    my ($self, %change) = @_;
    @$self{keys %change} = values %change;
    my $conf = "$self->{dir}/conf";
    my $shipped = top() . '/conf';
    for my $file (qw(asgard-control.conf asgard-scgi.conf
        asgard-errors.conf)) {
        my $text = slurp("$shipped/$file");
        $text =~ s{unix:/run/asgard/ctl\.sock}{unix:$self->{control_socket}}g;
        spill("$conf/$file", $text);
    }
    spill("$conf/nginx.conf", $self->conf_text, 0600);
}

# Redis has a second, where the default is 250 ms: the suite shares its cores.
# The level is `notice`: it shows how workers end.  At `info` nginx itself
# prints the values of a repeated Authorization header.
sub conf_text {
    my ($self) = @_;
    my $dir = $self->{dir};
    my %part = map { $_ => $self->{$_} // '' }
        qw(main_conf http_conf server_conf location_conf);
    my $user = $> == 0 ? 'user www-data;' : '';
    my $temps = join '', map { "    ${_}_temp_path $dir/tmp/$_;\n" }
        qw(client_body proxy fastcgi uwsgi scgi);
    my $zone = $self->{zone} // '32m';
    my $deadline = $self->{redis_deadline} // '1s';
    return <<"CONF";
@{[load_module()]}
$user
daemon @{[$self->{daemon} ? 'on' : 'off']};
worker_processes $self->{workers};
worker_shutdown_timeout @{[$self->{shutdown_timeout} // '3s']};
pid $dir/nginx.pid;
error_log $dir/log/error.log notice;
$part{main_conf}
events { worker_connections @{[$self->{connections} // 1024]}; }
http {
    asgard_zone     shared $zone;
    asgard_key_file $self->{key_file};
    asgard_redis    @{[$self->{redis}->address]}
        password_file=@{[$self->{redis}->password_file]} deadline=$deadline;
    asgard_spool    $dir/log/calls.log;
    asgard_control  unix:$self->{control_socket};
$temps
    access_log $dir/log/access.log;
$part{http_conf}
    server {
        listen 127.0.0.1:$self->{port}@{[map { " $_" } $self->{listen} // ()]};
        server_name _;
        location /v1/ { asgard on; $part{location_conf} }
        location = /api/gateway/chat { asgard on; $part{location_conf} }
        include asgard-control.conf;
        include asgard-errors.conf;
        location / { return 404; }
$part{server_conf}
    }
}
CONF
}

sub environment {
    my ($self) = @_;
    my $log = "log_path=$self->{dir}/asan/report";
    my %env = (ASAN_OPTIONS => "detect_leaks=0:detect_odr_violation=0:$log",
        UBSAN_OPTIONS => "print_stacktrace=1:$log");
    return {$self->{shim} ? $self->{shim}->environment(%env) : %env};
}

sub command {
    my ($self, @more) = @_;
    return (binary(), '-p', $self->{dir}, '-c',
        "$self->{dir}/conf/nginx.conf", '-e',
        "$self->{dir}/log/error.log", @more);
}

# What `nginx -t` says: (exit status, text).
sub test_conf {
    my ($self) = @_;
    my $log = "$self->{dir}/log/test-" . time . "-$$.log";
    my $run = Asgard::Process->new(name => 'nginx -t', log => $log,
        env => $self->environment,
        command => [binary(), '-p', $self->{dir}, '-c',
            "$self->{dir}/conf/nginx.conf", '-e', '/dev/stdout', '-t', '-q']);
    $run->wait_end(20);
    return ($run->status >> 8, slurp($log));
}

sub start {
    my ($self) = @_;
    return $self->{start}->() if $self->{start};        # Upgrade.pm
    $self->{process} = Asgard::Process->new(name => 'nginx',
        log => "$self->{dir}/log/stdout.log", env => $self->environment,
        command => [$self->command]);
    wait_until(sub {
        croak 'nginx ended: ' . $self->error_log
            . slurp("$self->{dir}/log/stdout.log")
            if !$self->{process}->is_running;
        return eval { Asgard::HTTP->new(port => $self->{port}) };
    }, 20) or croak 'nginx does not listen';
    return $self;
}

# The graceful end shows sockets that a worker left open.
sub stop {
    my ($self) = @_;
    return if !$self->{process};
    return $self->{process}->stop('QUIT', 10);
}

sub pid { $_[0]{process}->pid }

# The workers that run now, oldest first.
sub workers {
    my ($self) = @_;
    my $master = $self->pid;
    my @children = split ' ', slurp("/proc/$master/task/$master/children");
    return grep { slurp("/proc/$_/cmdline") =~ /worker process\0*$/ }
        @children;
}

sub reload {
    my ($self) = @_;
    my %old = map { $_ => 1 } $self->workers;
    $self->{process}->signal('HUP');
    return wait_until(sub {
        my @new = grep { !$old{$_} } $self->workers;
        return @new >= $self->{workers};
    }, 10);
}

# Returns the id of the worker that was killed.
sub kill_worker {
    my ($self, $pid) = @_;
    my @before = $self->workers;
    $pid //= $before[0];
    kill KILL => $pid;
    wait_until(sub {
        my @now = $self->workers;
        return @now >= $self->{workers} && !grep { $_ == $pid } @now;
    }, 5);
    return $pid;
}

sub error_log  { slurp("$_[0]{dir}/log/error.log") }
sub access_log { slurp("$_[0]{dir}/log/access.log") }
sub spool      { slurp("$_[0]{dir}/log/calls.log") }

1;
