# A private PostgreSQL: a copy of the template of PostgresTemplate.pm.
#
# PostgreSQL refuses to run as root; then the user `postgres` runs it.
# Durability is off: what is tested here is Asgard, not fsync.  Shared memory is
# in the data folder, so that one that is killed leaves nothing behind.
package Asgard::PostgresServer;

use strict;
use warnings;
use Carp qw(croak);
use File::Basename qw(dirname);
use IO::Handle;
use IPC::Open2;
use POSIX ();

use Asgard::Files qw(spill slurp random_hex wait_until);
use Asgard::Port qw(free_port);
use Asgard::PostgresTemplate;
use Asgard::Process;

my $version = '15';
my $bin = "/usr/lib/postgresql/$version/bin";
my @words = ('-X', '-q', '-A', '-t', '-F', "\x01", '-R', "\x03", '-P',
    "null=\x02");

sub run_as_owner {
    my (@command) = @_;
    unshift @command, Asgard::Process::drop_to('postgres') if $> == 0;
    my $out = '';
    my $pid = open my $pipe, '-|';
    if (!$pid) {
        open STDERR, '>&', \*STDOUT;
        chdir '/';
        exec { $command[0] } @command or POSIX::_exit(127);
    }
    { local $/; $out = <$pipe> // ''; }
    close $pipe;
    croak "@command: $out" if $?;
    return $out;
}

# new(dir => PLACE THAT DOES NOT EXIST YET, empty => without tables, conf =>
# more lines, hba => more lines, env => {...})
sub new {
    my ($class, %arg) = @_;
    my $self = $class->at(%arg);
    my $template = Asgard::PostgresTemplate::folder($arg{empty});
    system('cp', '-a', $template, "$self->{dir}") == 0
        or croak "copy of $template";
    $self->configure(%arg);
    $self->start;
    $self->set_passwords;
    return $self;
}

# A new cluster without a template, with nothing in it.
sub begin {
    my ($class, $dir) = @_;
    my $self = $class->at(dir => $dir);
    if ($> == 0) {
        my (undef, undef, $uid, $gid) = getpwnam('postgres');
        chown $uid, $gid, dirname($dir);
    }
    run_as_owner("$bin/initdb", '-D', $dir, '-U', 'postgres', '-A', 'trust',
        '-E', 'UTF8', '--locale=C.UTF-8', '--no-sync', '--no-instructions',
        '--wal-segsize=1');
    $self->configure;
    return $self->start('postgres');
}

sub at {
    my ($class, %arg) = @_;
    return bless {dir => $arg{dir}, port => free_port(), env => $arg{env},
        password => random_hex(16), owner_password => random_hex(16)}, $class;
}

sub configure {
    my ($self, %arg) = @_;
    spill("$self->{dir}/postgresql.auto.conf", <<"CONF", 0600);
listen_addresses = '127.0.0.1'
port = $self->{port}
unix_socket_directories = '$self->{dir}'
fsync = off
synchronous_commit = off
full_page_writes = off
max_connections = 60
shared_buffers = 16MB
dynamic_shared_memory_type = mmap
log_min_messages = warning
timezone = 'UTC'
@{[$arg{conf} // '']}
CONF
    spill("$self->{dir}/pg_hba.conf", <<"CONF", 0600);
local all postgres trust
host  all all 127.0.0.1/32 scram-sha-256
@{[$arg{hba} // '']}
CONF
    if ($> == 0) {
        my (undef, undef, $uid, $gid) = getpwnam('postgres');
        chown $uid, $gid, map { "$self->{dir}/$_" }
            qw(postgresql.auto.conf pg_hba.conf);
    }
    return;
}

sub set_passwords {
    my ($self) = @_;
    $self->super(<<"SQL");
ALTER ROLE asgard_owner PASSWORD '$self->{owner_password}';
ALTER ROLE asgard PASSWORD '$self->{password}';
SQL
    return;
}

sub start {
    my ($self, $database) = @_;
    my $log = "$self->{dir}.log";
    if ($> == 0) {
        spill($log, slurp($log), 0666);
    }
    $self->{process} = Asgard::Process->new(name => 'postgres',
        command => ["$bin/postgres", '-D', $self->{dir}], cwd => '/',
        user => 'postgres', log => $log, env => $self->{env});
    wait_until(sub {
        croak "postgres ended: " . $self->{process}->log_text
            if !$self->{process}->is_running;
        return -S "$self->{dir}/.s.PGSQL.$self->{port}"
            && eval { $self->super('SELECT 1', $database); 1 };
    }, 20) or croak 'postgres does not answer';
    return $self;
}

sub stop { my ($self) = @_;
    $self->forget_session;
    return $self->{process}->stop('INT', 20) }

# Commits are not waited for here, to be quick; what was answered is on disk
# all the same, as where it runs in earnest.
sub kill {
    my ($self) = @_;
    eval { $self->super('CHECKPOINT') };
    $self->forget_session;
    return $self->{process}->stop('QUIT', 20);
}

# A copy of everything as it is now, and the way back to it: an administrator
# with a backup.  Both stop the server and start it again.
sub back_up {
    my ($self) = @_;
    $self->stop;
    system('rm', '-rf', "$self->{dir}.backup");
    system('cp', '-a', $self->{dir}, "$self->{dir}.backup") == 0
        or croak 'the backup failed';
    return $self->start;
}

sub restore {
    my ($self) = @_;
    $self->stop;
    system('rm', '-rf', $self->{dir});
    system('cp', '-a', "$self->{dir}.backup", $self->{dir}) == 0
        or croak 'the backup cannot be restored';
    return $self->start;
}

sub url {
    my ($self) = @_;
    return "postgresql://asgard:$self->{password}"
        . "\@127.0.0.1:$self->{port}/asgard" . ($self->{options} // '');
}

sub owner_url {
    my ($self) = @_;
    return "postgresql://asgard_owner:$self->{owner_password}"
        . "\@127.0.0.1:$self->{port}/asgard" . ($self->{options} // '');
}

# Several statements as superuser; CREATE DATABASE cannot stand in one batch.
sub super {
    my ($self, $sql, $database) = @_;
    $database //= 'asgard';
    my @out;
    for my $statement (grep { /\S/ } split /;\s*\n/, $sql) {
        push @out, $self->psql("host=$self->{dir} port=$self->{port} "
            . "user=postgres dbname=$database", $statement);
    }
    return join '', @out;
}

# Rows of one query as the owner: a list of lists of text; NULL is undef.
sub rows {
    my ($self, $sql) = @_;
    my $text = $self->ask_session($sql)
        // $self->psql($self->owner_url, $sql);
    return map { [map { $_ eq "\x02" ? undef : $_ } split /\x01/, $_, -1] }
        split /\x03/, $text;
}

sub value {
    my ($self, $sql) = @_;
    my ($row) = $self->rows($sql);
    return $row ? $row->[0] : undef;
}

# What only reads is asked of one psql that stays: a test asks again and again,
# and a process each time costs more than the answer.  undef: it could not say.
sub ask_session {
    my ($self, $sql) = @_;
    return if $sql !~ /\A\s*SELECT\b[^;\\]*\z/i;
    local $SIG{PIPE} = 'IGNORE';
    my $s = $self->session;
    print {$s->{in}} "$sql;\n\\echo $s->{mark} :ERROR\n";
    my $text = '';
    while ($text !~ /^$s->{mark} \w+\n\z/m) {
        next if sysread $s->{out}, $text, 65_536, length $text;
        return $self->forget_session;
    }
    return $text =~ s/\n?$s->{mark} false\n\z// ? $text : undef;
}

# A process that was forked has its own.
sub session {
    my ($self) = @_;
    my $s = $self->{session};
    return $s if $s && $s->{owner} == $$;
    $s = $self->{session} = {owner => $$, mark => 'end-' . random_hex(8)};
    $s->{pid} = open2(@$s{qw(out in)}, 'sh', '-c', 'exec "$@" 2> /dev/null',
        'sh', "$bin/psql", @words, '-d', $self->owner_url);
    $s->{in}->autoflush(1);
    return $s;
}

sub forget_session {
    my ($self) = @_;
    my $s = delete $self->{session};
    return if !$s || $s->{owner} != $$;
    local ($?, $!);
    close $s->{$_} for qw(in out);
    CORE::kill TERM => $s->{pid};
    waitpid $s->{pid}, 0;
    return;
}

sub psql {
    my ($self, $where, $sql) = @_;
    my @command = ("$bin/psql", @words, '-v', 'ON_ERROR_STOP=1',
        '-d', $where, '-c', $sql);
    my $pid = open my $out, '-|';
    if (!$pid) {
        open STDERR, '>&', \*STDOUT;
        exec { $command[0] } @command or POSIX::_exit(127);
    }
    my $text = do { local $/; <$out> // '' };
    close $out;
    croak "psql: $text" if $?;
    $text =~ s/\n\z//;
    return $text;
}

sub dump_text {
    my ($self) = @_;
    my $url = $self->owner_url;
    return scalar `$bin/pg_dump --inserts -d '$url' 2>/dev/null`;
}

1;
