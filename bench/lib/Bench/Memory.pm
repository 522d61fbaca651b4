# Memory: of open streams in the worker, of a million keys in the zone.
package Bench::Memory;

use strict;
use warnings;
use Digest::SHA qw(sha256 sha256_hex hmac_sha256_hex);
use List::Util ();
use Time::HiRes qw(time);
use Asgard::Files qw(slurp wait_until);
use Bench::Load qw(hold_streams rss_kb shared_kb);
use Bench::Stage;
use Bench::Table;

my $streams = $ENV{BENCH_STREAMS} // 10_000;
my $keys    = $ENV{BENCH_KEYS} // 1_000_000;
my $chat    = $Bench::Stage::chat;

# A stream is two descriptors, and a process may be denied more than 20,000.
my $stream_workers = 2;

# --- streams ------------------------------------------------------------------

# What the workers have more than before the streams.
sub open_streams {
    my ($stage, $path, $text) = @_;
    fresh_workers($stage, $stream_workers);
    my $request = $stage->wire_request($path, $text);
    my $before = workers_kb($stage);
    my ($said, $grown) = hold_streams($stage, $request, $streams,
        sub { workers_kb($stage) - $before });
    return {%$said, kb => $grown / ($said->{open} || 1)};
}

sub workers_kb {
    my ($stage) = @_;
    return List::Util::sum(map { rss_kb($_) } $stage->{t}{gateway}->workers);
}

# Memory that other streams left free in a worker must not hide these.
sub fresh_workers {
    my ($stage, $n) = @_;
    my $gateway = $stage->{t}{gateway};
    $gateway->write_conf(workers => $n);
    $gateway->reload;
    $stage->{t}->wait_ready;
    wait_until(sub { $gateway->workers == $n }, 30, 0.1);
}

sub memory {
    my ($stage) = @_;
    my $text = Bench::Stage::body(600, 'slow', '"stream":true,');
    my %got = (bare => open_streams($stage, "bare/slow/$chat", $text),
        'all on' => open_streams($stage, $chat, $text));
    print "\n$streams open streams\n";
    for my $who ('bare', 'all on') {
        my $row = {%{$got{$who}}, text => sprintf('%d open, %s, '
            . '%.1f kB each', $got{$who}{open},
            Bench::Load::failures($got{$who}), $got{$who}{kb})};
        $row->{target} = {kb => ['<=', 24]} if $who ne 'bare';
        Bench::Table::say_figures('open_streams', $who, $row);
    }
    $stage->wait_drained;
}

# --- keys ---------------------------------------------------------------------

sub token { return 'asg_' . sha256_hex("bench $_[0]") }

# Records as asgard-ctl publishes them, straight into Redis: a million keys by
# the API would measure PostgreSQL.  Once for all groups that want as many.
sub publish_keys {
    my ($stage, $n) = @_;
    return $stage->{keys}{$n} //= write_keys($stage, $n);
}

sub write_keys {
    my ($stage, $n) = @_;
    my $t = $stage->{t};
    my ($pepper) = slurp($t->{key_file}) =~ /^pepper p1 (\S+)/m;
    my $project = $t->project(budget_usd => '1');
    my $binary = pack 'H*', $pepper;
    my $file = "$t->{dir}/keys-$n";
    open my $tokens, '>', $file or die "$file: $!\n";
    open my $pipe, '|-', 'redis-cli', '-p', $t->{redis}{port}, '--no-auth-warning',
        '--pipe' or die "redis-cli: $!\n";
    print $pipe command('AUTH', $t->{redis}{password});
    for my $i (1 .. $n) {
        my $token = token($i);
        my $digest = hmac_sha256_hex(sha256($token), $binary);
        my $id = sprintf '00000000-0000-4000-8000-%012d', $i;
        print $pipe command('SET', "{asg}:key:p1:$digest",
            qq({"f":1,"v":1,"key":"$id","pepper":"p1","prefix":")
            . substr($token, 0, 12) . qq(","name":"bench $i","project":)
            . qq("$project","models":null,"budget":0,"expires":0,"revoked":0}));
        print $tokens "$token\n";
    }
    close $tokens;
    close $pipe or die "redis-cli failed\n";
    return $file;
}

sub command {
    return '*' . @_ . "\r\n" . join '', map { '$' . length($_) . "\r\n$_\r\n" }
        @_;
}

# wrk asks once with each token; one thread, so that it reads each line once.
sub ask_with_each {
    my ($stage, $file, $n) = @_;
    my $lua = $stage->file('.lua', <<"LUA");
local lines = io.lines("$file")
function request()
    local token = lines()
    if not token then wrk.thread:stop() token = "none" end
    return wrk.format("GET", nil, {Authorization = "Bearer " .. token})
end
LUA
    my $seconds = 30 + int($n / 5000);
    my $url = $stage->url('v1/models');
    return `wrk -t1 -c64 -d${seconds}s -s $lua $url`;
}

# From the signal to a governed answer, when there is a new worker.
sub reload_with_keys {
    my ($stage) = @_;
    my $t = $stage->{t};
    my $old = $stage->worker;
    my $from = time;
    kill HUP => $t->{gateway}->pid;
    my $ok = wait_until(sub {
        return 0 if !grep { $_ != $old } $t->{gateway}->workers;
        return eval { $t->post($stage->{key}, "/$chat",
            Bench::Stage::body(600, 'bench'))->status == 200 };
    }, 60, 0.01);
    my $took = time - $from;
    Bench::Table::say_figures('keys', "reload, $keys keys in shared memory",
        {seconds => $took, ok => $ok ? 1 : 0, text => $ok
            ? sprintf('%.2f s to a governed answer', $took) : 'no answer'});
}

sub keys_in_memory {
    my ($stage) = @_;
    my $file = publish_keys($stage, $keys);
    my $worker = $stage->worker;
    my ($shared, $own) = (shared_kb($worker), rss_kb($worker));
    my $said = ask_with_each($stage, $file, $keys);
    my ($bad) = $said =~ /Non-2xx or 3xx responses: (\d+)/;
    my ($calls) = $said =~ /(\d+) requests in/;
    my $mb = (shared_kb($worker) - $shared) / 1024;
    print "\n$keys keys, each used once\n";
    Bench::Table::say_figures('keys', 'shared memory', {keys => $keys,
        calls => $calls, bad => $bad // 0, mb => $mb,
        target => $keys == 1_000_000 ? {mb => ['<=', 200]} : {},
        text => sprintf('%.0f MB; the worker %.1f MB; %d of %d answers bad',
            $mb, (rss_kb($worker) - $own) / 1024, $bad // 0, $calls // 0)});
    reload_with_keys($stage);
}

1;
