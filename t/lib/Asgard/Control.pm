# A private asgard-ctl: its configuration, its supervisor, its command line.
package Asgard::Control;

use strict;
use warnings;
use Carp qw(croak);
use POSIX ();

use Asgard::Files qw(spill slurp top build_dir wait_until);
use Asgard::Process;

# new(dir => DIR, redis, postgres, key_file, kek_file => PATH,
#     services => {PATH => TEXT}, backends => {NAME => VALUE},
#     routing => TEXT, conf => more lines, shim => Asgard::Shim)
sub new {
    my ($class, %arg) = @_;
    my $self = bless {services => {}, backends => {}, %arg}, $class;
    mkdir "$self->{dir}/$_" for qw(services log);
    $self->write_conf;
    return $self;
}

sub binary {
    my ($self) = @_;
    return $self->{shim} ? $self->{shim}->program
        : build_dir() . '/asgard-ctl/asgard-ctl';
}

sub socket { "$_[0]{dir}/ctl.sock" }
sub conf   { "$_[0]{dir}/asgard-ctl.conf" }

sub write_conf {
    my ($self) = @_;
    my $dir = $self->{dir};
    my $group = $> == 0 ? 'socket_group www-data' : '';
    my $shipped = $self->{without_shipped} ? ''
        : 'services ' . top() . '/services';
    my $keeper = !$self->{kek_file} ? ''
        : "kek_file $self->{kek_file}\nkeeper_socket unix:$dir/keeper.sock";
    spill($self->conf, <<"CONF", 0600);
listen unix:@{[$self->socket]}
$group
socket_mode 0660
postgres @{[$self->{postgres}->url]}
postgres_owner @{[$self->{postgres}->owner_url]}
redis @{[$self->{redis}->url]}
key_file $self->{key_file}
$keeper
$shipped
services $dir/services
routing $dir/routing.yaml
backends_env $dir/backends.env
pid_file $dir/ctl.pid
log $dir/log/ctl.log
@{[$self->{gateway_url} ? "public_url $self->{gateway_url}" : '']}
@{[$self->{conf} // '']}
CONF
    $self->write_backends;
    $self->write_service($_, $self->{services}{$_})
        for keys %{$self->{services}};
    # an answer that a test scripts is the answer: nothing is tried again
    $self->write_routing($self->{routing} // "num_retries: 0\n");
}

sub write_backends {
    my ($self, %more) = @_;
    %{$self->{backends}} = (%{$self->{backends}}, %more);
    spill("$self->{dir}/backends.env", join('',
        map { "$_=$self->{backends}{$_}\n" } sort keys %{$self->{backends}}),
        0600);
}

# $path is "<id>" or "<id>/service.yaml"; text undef removes it.
sub write_service {
    my ($self, $path, $text) = @_;
    my ($id) = $path =~ m{^([^/]+)};
    my $dir = "$self->{dir}/services/$id";
    mkdir $dir;
    return unlink "$dir/service.yaml" if !defined $text;
    spill("$dir/service.yaml", $text);
}

sub write_routing { spill("$_[0]{dir}/routing.yaml", $_[1]) }

# One command: (exit status, standard output, standard error).
# What `first` does, it does in the process that becomes the command.
sub run {
    my ($self, @words) = @_;
    my $base = "$self->{dir}/log/run-" . ++$self->{runs};
    my $pid = fork() // croak "fork: $!";
    if (!$pid) {
        open STDIN,  '<', '/dev/null';
        open STDOUT, '>', "$base.out" or POSIX::_exit(126);
        open STDERR, '>', "$base.err" or POSIX::_exit(126);
        $ENV{ASAN_OPTIONS} = 'detect_leaks=0';
        $self->{first}->() if $self->{first};
        exec { $self->binary } $self->binary, '-c', $self->conf, @words
            or POSIX::_exit(127);
    }
    waitpid $pid, 0;
    my ($status, $out, $err) = ($?, slurp("$base.out"), slurp("$base.err"));
    unlink "$base.out", "$base.err";
    return ($status >> 8 || $status & 127, $out, $err);
}

sub run_ok {
    my ($self, @words) = @_;
    my ($status, $out, $err) = $self->run(@words);
    croak "asgard-ctl @words: exit $status: $out$err" if $status;
    return $out;
}

sub start {
    my ($self) = @_;
    $self->run_ok('migrate') if !$self->{migrated}++;
    my $asan = "log_path=$self->{dir}/asan/report";
    $self->{process} = Asgard::Process->new(name => 'asgard-ctl',
        command => [$self->binary, '-c', $self->conf, 'serve'],
        env => {ASAN_OPTIONS => "detect_leaks=0:$asan",
            UBSAN_OPTIONS => "print_stacktrace=1:$asan"},
        log => "$self->{dir}/log/ctl-stdout.log");
    wait_until(sub {
        croak 'asgard-ctl ended: ' . $self->log_text
            if !$self->{process}->is_running;
        return -S $self->socket && $self->has_pid_file;
    }, 20) or croak 'asgard-ctl does not listen: ' . $self->log_text;
    return $self;
}

# The socket may be that of an earlier one; this is written before it is made.
sub has_pid_file {
    my ($self) = @_;
    my $file = "$self->{dir}/ctl.pid";
    return -s $file && slurp($file) == $self->pid;
}

sub stop {
    my ($self, $signal) = @_;
    return if !$self->{process};
    return $self->{process}->stop($signal // 'TERM', 15);
}

sub pid { $_[0]{process}->pid }

# The role processes as {name => pid}: a role is the last word of its
# command line or its process title.
sub roles {
    my ($self) = @_;
    my $top = $self->pid;
    my %found;
    for my $pid (split ' ', slurp("/proc/$top/task/$top/children")) {
        my $title = join ' ', split /\0/, slurp("/proc/$pid/cmdline");
        my $name = slurp("/proc/$pid/comm");
        for my $role (qw(api keeper meter notify)) {
            $found{$role} = $pid if "$title $name" =~ /\b\Q$role\E\b/;
        }
    }
    return \%found;
}

# Kill one role; waits until the supervisor has started it again.
sub kill_role {
    my ($self, $role) = @_;
    my $pid = $self->roles->{$role} or croak "no role $role";
    kill KILL => $pid;
    return wait_until(sub {
        my $now = $self->roles->{$role};
        return $now && $now != $pid;
    }, 10);
}

sub log_text {
    my ($self) = @_;
    return slurp("$self->{dir}/log/ctl.log")
        . slurp("$self->{dir}/log/ctl-stdout.log");
}

1;
