# The simulator (t/sim/) on a private PostgreSQL whose clock it turns; the
# Redis it starts and kills by itself.  Several may run at once.
#
#     my $sim = Asgard::Sim->new;
#     my $run = $sim->start(seed => 7, steps => 4000, broken => 'expiry frees');
#     my ($status, $text) = $sim->finish($run);
package Asgard::Sim;

use strict;
use warnings;
use Carp qw(croak);
use Fcntl qw(:flock);
use File::Path qw(remove_tree);
use File::Temp ();

use Asgard::Files qw(spill slurp top build_dir has_room);
use Asgard::PostgresServer;
use Asgard::Process;

# The program, made when it is missing: by one at a time.
sub program {
    open my $lock, '>>', build_dir() . '/sim.lock' or croak "sim.lock: $!";
    flock $lock, LOCK_EX;
    my ($build) = build_dir() =~ m{([^/]+)\z};
    system('make', '-s', '--no-print-directory', '-C', top(), "BUILD=$build",
        'sim-program') == 0 or croak 'the simulator does not build';
    return build_dir() . '/t/sim/sim';
}

sub tempdir {
    my ($under) = @_;
    my $dir = File::Temp::tempdir("$under/asgard-sim-XXXXXX", CLEANUP => 0);
    chmod 0711, $dir;
    return $dir;
}

sub new {
    my ($class) = @_;
    $SIG{$_} //= sub { exit 1 } for qw(INT TERM HUP);
    my $dir = tempdir('/tmp');
    # Redis' dumps, which are small: on a disk each waits for fsync.
    my $small = tempdir(-w '/dev/shm' ? '/dev/shm' : '/tmp');
    my $self = bless {dir => $dir, small => $small, owner => $$,
        program => program()}, $class;
    # The real time, until the simulator says otherwise.
    spill("$small/clock.pg", "\0" x 24, 0644);
    $self->{shim} = build_dir() . '/t/lib/clock_shim.so';
    $self->{postgres} = Asgard::PostgresServer->new(
        dir => (has_room('/dev/shm') ? $small : $dir) . '/pg',
        hba => "local all asgard trust\n",
        env => {LD_PRELOAD => $self->{shim}, CLOCK_SHIM => "$small/clock.pg"},
        conf => "autovacuum = off\nshared_buffers = 64MB\n"
            . "checkpoint_timeout = '1d'\nmax_wal_size = '512MB'\njit = off\n"
            . "plan_cache_mode = force_generic_plan");
    # The copy of the database that each run begins with.
    my $pg = $self->{postgres};
    $pg->psql("host=$pg->{dir} port=$pg->{port} user=postgres dbname=asgard",
        slurp(top() . '/t/sim/backup.sql'));
    return $self;
}

sub start {
    my ($self, %option) = @_;
    my $pg = $self->{postgres};
    my $n = ++$self->{runs};
    my $process = Asgard::Process->new(name => 'sim',
        command => [$self->{program}, "dir=$self->{small}",
            "super=host=$pg->{dir} port=$pg->{port} user=postgres",
            "runtime=host=$pg->{dir} port=$pg->{port} user=asgard",
            "shim=$self->{shim}",
            map { "$_=$option{$_}" } sort keys %option],
        env => {ASAN_OPTIONS => 'detect_leaks=0'},
        log => "$self->{dir}/run-$n.log");
    return {process => $process, log => "$self->{dir}/run-$n.log"};
}

sub is_running { my ($self, $run) = @_; return $run->{process}->is_running }
sub text { my ($self, $run) = @_; return slurp($run->{log}) }

# Its wait status, and everything that it said.
sub finish {
    my ($self, $run, $seconds) = @_;
    $run->{process}->wait_end($seconds // 3600)
        or $run->{process}->stop('KILL', 5);
    return ($run->{process}->status, $self->text($run));
}

sub DESTROY {
    my ($self) = @_;
    return if $self->{owner} != $$;
    local ($?, $@);
    $self->{postgres}{process}->stop('QUIT', 10)
        if $self->{postgres} && $self->{postgres}{process};
    remove_tree($self->{dir}, $self->{small}) if !$ENV{TEST_KEEP};
    return;
}

1;
