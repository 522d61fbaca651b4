# Fuzz targets, several at once, each for so many seconds of its processor.
#
#     Asgard::Fuzz::each_target(targets => [PATH, …], at_once => 2,
#         seconds => 20, patience => 10, ended => sub {
#             my ($target, $ok, $used) = @_; … });
#
# Time on the clock would be less work where a target yields to others.  It is
# told to stop (SIGUSR1) when it has had its seconds; one that takes 30 times as
# long has failed, as has one that stops before.  One input may take `patience`
# seconds on the clock.  What a target finds and writes stands in a folder that
# goes away when there is nothing wrong.
package Asgard::Fuzz;

use strict;
use warnings;
use POSIX qw(:sys_wait_h);
use Time::HiRes qw(sleep);

use Asgard::Work qw(cpu_ms);

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
    return {pid => $pid, target => $target, work => $work, used => 0};
}

sub end {
    my ($run, $status, $arg) = @_;
    my ($target, $work, $used) = @$run{qw(target work used)};
    my $ok = $status == 0 && $used >= $arg->{seconds};
    printf "%s: %s, %.0f s\n", $target, $ok ? 'ok' : 'FAILED', $used;
    $arg->{ended}->($target, $ok, $used);
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
    kill 'USR1', $run->{pid} if $run->{used} >= $arg->{seconds};
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
