# A library of ours that is preloaded into one server and obeys a mapped file:
# t/lib/clock_shim.c moves its clocks, t/lib/alloc_shim.c takes its memory,
# t/lib/slab_shim.c that of the module's shared zones.
#
#     my $shim = Asgard::Shim->new(dir => $dir, name => 'redis',
#         kind => 'clock');
#     Asgard::Process->new(env => {$shim->environment}, ...);
#     $shim->set(3600);                   # its wall clock is an hour ahead
#     for my $n (Asgard::Shim::points($all, 20)) { $shim->fail_at($n); … }
#
# A library is built once, in the build folder, under a lock.  asgard-ctl cleans
# its environment: program() is one that has the shim inside.
package Asgard::Shim;

use strict;
use warnings;
use Carp qw(croak);
use Fcntl qw(:flock);
use File::Copy qw(copy);
use POSIX qw(ceil);
use Test::More ();

use Asgard::Files qw(slurp spill top build_dir is_sanitized);

# new(dir => DIR, name => TEXT, kind => 'clock', 'slab', 'alloc',
#     'alloc:LIBRARY' or 'alloc:!LIBRARY', of all but that one)
sub new {
    my ($class, %arg) = @_;
    my $self = bless {kind => 'clock', %arg}, $class;
    ($self->{kind}, $self->{from}) = split /:/, $self->{kind};
    $self->{file} = "$self->{dir}/$self->{name}.$self->{kind}";
    spill($self->{file}, pack('q3a64', 0, 0, 0, $self->{from} // ''),
        0666);
    $self->{library} = library($self->{kind});
    return $self;
}

sub library {
    my ($kind) = @_;
    my $source = top() . "/t/lib/${kind}_shim.c";
    my $header = top() . '/t/lib/shim_plan.h';
    my $library = build_dir() . "/t/${kind}_shim.so";
    mkdir build_dir() . '/t';
    open my $lock, '>>', "$library.lock" or croak "$library.lock: $!";
    flock $lock, LOCK_EX;
    return $library if -e $library && -M $library <= -M $source
        && -M $library <= -M $header;
    system('cc', '-O2', '-Wall', '-Wextra', '-Werror', '-shared', '-fPIC',
        '-o', "$library.new", $source) == 0 or croak $source;
    rename "$library.new", $library or croak "$library: $!";
    return $library;
}

# asgard-ctl with the shim linked in, in the folder of the test, where the shim
# finds its file.  It is linked once for all tests.
sub program {
    my ($self) = @_;
    my $made = build_dir() . "/t/asgard-ctl-$self->{kind}";
    my $mine = "$self->{dir}/asgard-ctl";
    return $mine if -e $mine;
    mkdir build_dir() . '/t';
    open my $lock, '>>', "$made.lock" or croak "$made.lock: $!";
    flock $lock, LOCK_EX;
    my @from = (top() . "/t/lib/$self->{kind}_shim.c", map { build_dir() . $_ }
        '/asgard-ctl/main.o', '/libasgardctl.a', '/libasgard.a');
    system('cc', '-O2', '-o', $made, @from, map { "-l$_" }
        qw(pq hiredis crypto yaml cjson curl pthread)) == 0 or croak $made
        if !-e $made || grep { -M $_ < -M $made } @from;
    copy($made, $mine) or croak "$mine: $!";
    chmod 0755, $mine;
    symlink $self->{file}, "$mine.$self->{kind}" or croak "$mine: $!";
    return $mine;
}

# A sanitizer wants to be loaded first, and is content not to be; but memory is
# its own, and cannot be taken.
sub environment {
    my ($self, %env) = @_;
    return %env if is_sanitized() && $self->{kind} eq 'alloc';
    $env{ASAN_OPTIONS} = join ':', grep { defined && length }
        $env{ASAN_OPTIONS}, 'verify_asan_link_order=0' if is_sanitized();
    return (%env, LD_PRELOAD => $self->{library},
        uc($self->{kind}) . '_SHIM' => $self->{file});
}

# clock: seconds that the wall clock is ahead, and the monotonic one.
sub set {
    my ($self, $wall, $monotonic) = @_;
    $self->write(map { ($_ // 0) * 1_000_000 } $wall, $monotonic);
}

# alloc, slab: the n-th allocation from now on fails (slab, n below 0: each), of
# one process or of all; how many did is failed().  Armed far away, left() tells
# how many there were.
sub fail_at { my ($self, $n, $pid) = @_; $self->write($n, 0, $pid // 0) }
# The same of the programs that $parent begins from now on.
sub fail_in_children {
    my ($self, $n, $parent) = @_;
    $self->write($n, 0, -(++$self->{times} << 31 | $parent));
}
sub left    { (unpack 'q3', slurp($_[0]{file}))[0] }
sub failed  { (unpack 'q3', slurp($_[0]{file}))[1] }

# Which of $n allocations a test lets fail: all of them for `make torture`, else
# about $most, evenly apart from a beginning that is another in each run, so
# that runs walk over all; TEST_SEED, which is told, takes the same again.
sub points {
    my ($n, $most) = @_;
    return 1 .. $n if $ENV{ASGARD_TORTURE};
    my $seed = $ENV{TEST_SEED} // int rand 2**31;
    Test::More::note("TEST_SEED=$seed");
    my $step = ceil($n / $most);
    return map { 1 + $seed % $step + $_ * $step }
        0 .. int(($n - 1 - $seed % $step) / $step);
}

sub write {
    my ($self, @numbers) = @_;
    open my $out, '+<', $self->{file} or croak "$self->{file}: $!";
    binmode $out;
    syswrite $out, pack('q*', @numbers);
    close $out;
}

1;
