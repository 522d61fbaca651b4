# Fuzz targets, several at once, each for so many seconds, of which it has had
# a processor for half at least.
#
#     Asgard::Fuzz::each_target(targets => [PATH, …], at_once => 2,
#         seconds => 20, patience => 10, ended => sub {
#             my ($target, $ok, $used, $why) = @_; … });
#
# Time on the clock alone would be no work where a target yields to others.  It
# is told to stop (SIGUSR1) when it has had its seconds; one that takes 30 times
# as long has failed, as has one that stops before.  One input may take
# `patience` seconds on the clock.  What a target finds and writes stands in a
# folder that goes away when there is nothing wrong; what was wrong is told in a
# line, with the input where it is short.
package Asgard::Fuzz;

use strict;
use warnings;
use POSIX qw(:sys_wait_h);
use Time::HiRes qw(sleep time);

use Asgard::Files qw(slurp);
use Asgard::Work qw(cpu_ms);

my $SHORT = 400;                        # characters of an input, in base64

sub start {
    my ($target, $arg) = @_;
    my ($short) = $target =~ /fuzz_(\w+)$/;
    my $work = `mktemp -d`; chomp $work;
    mkdir "$work/new";
    my @command = ($target, '-max_total_time=' . 30 * $arg->{seconds},
        "-timeout=$arg->{patience}", '-rss_limit_mb=2048',
        "-artifact_prefix=$work/", "$work/new",
        grep { -d } "t/fuzz/corpus/$short");
    my $pid = fork // die "fork: $!\n";
    if (!$pid) {
        open STDOUT, '>', "$work/log" or POSIX::_exit(126);
        open STDERR, '>&', \*STDOUT or POSIX::_exit(126);
        exec @command or POSIX::_exit(127);
    }
    return {pid => $pid, target => $target, work => $work, used => 0,
        began => time};
}

sub has_had_its_time {
    my ($run, $arg) = @_;
    return $run->{used} >= $arg->{seconds} / 2
        && time - $run->{began} >= $arg->{seconds};
}

# In a line; '' where it says nothing.
sub reason {
    my ($log) = @_;
    my ($what) = $log =~ /^(?:==\d+==\s*)?(?:ERROR|SUMMARY): (.{1,200})/m;
    my ($input) = $log =~ /^Base64: (\S{1,$SHORT})$/m;
    return join '; input ', grep { defined } $what, $input;
}

sub end {
    my ($run, $status, $arg) = @_;
    my ($target, $work, $used) = @$run{qw(target work used)};
    my $ok = $status == 0 && has_had_its_time($run, $arg);
    printf "%s: %s, %.0f s\n", $target, $ok ? 'ok' : 'FAILED', $used;
    $arg->{ended}->($target, $ok, $used,
        $ok ? '' : "exit $status; " . reason(slurp("$work/log")));
    return system('rm', '-rf', $work) if $ok;
    system('tail', '-n', '40', "$work/log");
    print "its output, and the input that broke it, are in $work\n";
    return;
}

# True when it has ended.
sub look {
    my ($run, $arg) = @_;
    my $got = waitpid $run->{pid}, WNOHANG;
    if ($got) {
        end($run, $got == $run->{pid} ? $? : -1, $arg);
        return 1;
    }
    my $used = cpu_ms($run->{pid}) / 1000;
    $run->{used} = $used if $used > $run->{used};       # 0 while it ends
    kill 'USR1', $run->{pid} if has_had_its_time($run, $arg);
    return 0;
}

sub each_target {
    my %arg = @_;
    my @left = @{$arg{targets}};
    my @running;
    while (@left || @running) {
        push @running, start(shift @left, \%arg)
            while @left && @running < $arg{at_once};
        @running = grep { !look($_, \%arg) } @running;
        sleep 0.1;
    }
    return;
}

1;
