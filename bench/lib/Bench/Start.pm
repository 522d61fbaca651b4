# Start with many keys, and reloads under load.
package Bench::Start;

use strict;
use warnings;
use Time::HiRes qw(sleep time);
use Asgard::Files qw(wait_until);
use Bench::Load;
use Bench::Memory;
use Bench::Stage;
use Bench::Table;

my @keys    = ($ENV{BENCH_START_KEYS} // 100_000,
    $ENV{BENCH_KEYS} // 1_000_000);
my $reloads = 5;
my $chat    = $Bench::Stage::chat;

# From the exec of nginx to the first governed answer.
sub start {
    my ($stage, $keys) = @_;
    my $t = $stage->{t};
    Bench::Memory::publish_keys($stage, $keys);
    $t->{gateway}->stop;
    my $from = time;
    $t->{gateway}->start;
    my $status = 0;
    wait_until(sub {
        $status = eval { $t->post($stage->{key}, "/$chat",
            Bench::Stage::body(600, 'bench'))->status } // 0;
        return $status == 200;
    }, 30, 0.01);
    my $took = time - $from;
    Bench::Table::say_figures('start', "start, $keys keys in Redis",
        {seconds => $took, status => $status, target =>
            $keys == 100_000 ? {seconds => ['<=', 2]} : {}, text => sprintf('%.2f s to the first '
            . 'governed answer (%d)', $took, $status)});
}

# A fixed rate while the configuration is loaded again and again.  Bare nginx
# beside it: what it does to kept connections it does to ours.
sub reload_one {
    my ($stage, $who, $path, @fresh) = @_;
    my $request = $stage->wire_request($path,
        Bench::Stage::body(600, 'bench'));
    my $pid = fork() // die "fork: $!\n";
    if (!$pid) {
        for (1 .. $reloads) {
            sleep 1.5;
            kill HUP => $stage->{t}{gateway}->pid;
        }
        POSIX::_exit(0);
    }
    my $got = Bench::Load::at_rate($stage, $request, 1000, $reloads * 2, 32,
        @fresh);
    waitpid $pid, 0;
    my $how = @fresh ? 'fresh' : 'kept';
    Bench::Table::say_figures('reload', "$reloads reloads, $how: $who",
        {%$got, target => {failed => ['<=', 0]},
        text => sprintf('%d calls, %s, %d sent again, p50 %.2f p99 %.2f max '
            . '%.0f ms', $got->{due}, Bench::Load::failures($got),
            $got->{again}, map { $_ / 1000 } @$got{qw(p50_us p99_us max_us)})});
    $stage->wait_drained;
}

sub reload {
    my ($stage) = @_;
    for my $how ([], ['fresh']) {
        reload_one($stage, 'bare proxy_pass', "bare/$chat", @$how);
        reload_one($stage, 'all on', $chat, @$how);
    }
}

sub start_and_reload {
    my ($stage) = @_;
    print "\nstart and reload\n";
    reload($stage);
    start($stage, $_) for @keys;
}

1;
