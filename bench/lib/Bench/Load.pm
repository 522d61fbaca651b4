# Loads: wrk (closed loop), openload (fixed rate, or streams held open), with
# the processor time that each process spent per call.
package Bench::Load;

use strict;
use warnings;
use Exporter qw(import);
use JSON::PP ();
use IPC::Open2 qw(open2);
use POSIX qw(sysconf _SC_CLK_TCK);
use Asgard::Files qw(slurp build_dir);

our @EXPORT_OK = qw(measure median at_rate hold_streams rss_kb shared_kb runs seconds);

my $tick = sysconf(_SC_CLK_TCK);

sub seconds { $ENV{BENCH_SECONDS} // 2 }
sub runs    { $ENV{BENCH_RUNS} // 3 }

sub openload { build_dir() . '/bench/openload' }

# Seconds of processor time that a process has used.
sub cpu_of {
    my ($pid) = @_;
    my $text = eval { slurp("/proc/$pid/stat") } // '';
    my ($rest) = $text =~ /\) (.*)/ or return 0;
    my @field = split ' ', $rest;
    return ($field[11] + $field[12]) / $tick;
}

# A row may name the processes that are its gateway.
sub cpu_now {
    my ($stage, $row) = @_;
    my %process = ($stage->processes,
        $row->{measured} ? (gateway => $row->{measured}) : ());
    my %cpu;
    for my $name (keys %process) {
        $cpu{$name} += cpu_of($_) for @{$process{$name}};
    }
    return \%cpu;
}

sub milliseconds {
    my ($n, $unit) = ($_[0] // '') =~ /^([\d.]+)(us|ms|s|m)$/ or return 0;
    return $n * {us => 0.001, ms => 1, s => 1000, m => 60_000}->{$unit};
}

sub median {
    my @sorted = sort { $a <=> $b } @_;
    return $sorted[$#sorted / 2];
}

# One run of wrk: calls a second, times, us of each process per call, up to
# the moment when the ledger has every call.
sub load_once {
    my ($stage, $row) = @_;
    my $before = cpu_now($stage, $row);
    my $seconds = seconds();
    my $out = `wrk -t1 -c64 -d${seconds}s --latency -s $row->{lua} $row->{url}`;
    my ($calls) = $out =~ /(\d+) requests in/ or die "wrk: $out\n";
    my $loaded = cpu_now($stage, $row);
    $stage->wait_drained if $row->{governed};
    my $after = cpu_now($stage, $row);
    # What the gateway and the backend do while all drains is not of the calls.
    $after->{$_} = $loaded->{$_} for qw(gateway backend);
    my ($bad) = $out =~ /Non-2xx or 3xx responses: (\d+)/;
    my ($rps) = $out =~ m{Requests/sec:\s+(\S+)};
    my %us = map { $_ => ($after->{$_} - $before->{$_}) * 1e6 / ($calls || 1) }
        keys %$after;
    return {rps => $rps, bad => $bad // 0,
        p50_ms => milliseconds($out =~ /^\s+50%\s+(\S+)/m),
        p99_ms => milliseconds($out =~ /^\s+99%\s+(\S+)/m),
        map { ("${_}_us" => $us{$_}) } keys %us};
}

# Every row once, then every row again: what disturbs, disturbs all.  A row
# gets the medians.
sub measure {
    my ($stage, @rows) = @_;
    for my $round (1 .. runs()) {
        for my $row (@rows) {
            next if $row->{once} && $round > 1;
            push @{$row->{all}}, load_once($stage, $row);
        }
    }
    for my $row (@rows) {
        for my $what (keys %{$row->{all}[0]}) {
            $row->{$what} = median(map { $_->{$what} } @{$row->{all}});
        }
    }
}

# {due, done, failed, p50_us, …} of an open loop.
sub at_rate {
    my ($stage, $request, $rate, $seconds, $connections, @fresh) = @_;
    my $address = '127.0.0.1:' . $stage->{t}->port;
    open my $pipe, '-|', openload(), $address, $request, 'rate', $rate,
        $seconds, $connections, @fresh or die "openload: $!\n";
    local $/;
    my $out = <$pipe>;
    close $pipe or die "openload failed\n";
    return JSON::PP::decode_json($out);
}

# `3 failed (2 status, 1 late; HTTP/1.1 503 …)`
sub failures {
    my ($got) = @_;
    my @why = map { $got->{$_} ? "$got->{$_} $_" : () }
        qw(connect unanswered cut status late);
    my $said = length $got->{said} ? "; $got->{said}" : '';
    return "$got->{failed} failed"
        . (@why ? ' (' . join(', ', @why) . "$said)" : '');
}

# Runs $what with $n streams open: ({open, failed}, what it returned).
sub hold_streams {
    my ($stage, $request, $n, $what) = @_;
    my $pid = open2(my $out, my $in, openload(),
        '127.0.0.1:' . $stage->{t}->port, $request, 'hold', $n);
    my $said = JSON::PP::decode_json(scalar <$out> // '{}');
    my @got = $what->();
    close $in;
    waitpid $pid, 0;
    return ($said, @got);
}

# Resident memory of its own; what is shared (the zone) is not in it.
sub rss_kb {
    my ($pid) = @_;
    return slurp("/proc/$pid/status") =~ /^RssAnon:\s+(\d+) kB/m ? $1 : 0;
}

# Resident pages of shared memory.
sub shared_kb {
    my ($pid) = @_;
    return slurp("/proc/$pid/status") =~ /^RssShmem:\s+(\d+) kB/m ? $1 : 0;
}

1;
