# Added latency at a fixed rate: an open loop, bare and governed in turns.
package Bench::Latency;

use strict;
use warnings;
use Bench::Load qw(at_rate median runs seconds);
use Bench::Stage;
use Bench::Table;

my $rate = $ENV{BENCH_RATE} // 5000;
my $chat = $Bench::Stage::chat;
my @figures = qw(p50_us p90_us p99_us p999_us);

sub latency {
    my ($stage) = @_;
    my $body = Bench::Stage::body(600, 'bench');
    my %file = (bare => $stage->wire_request("bare/$chat", $body),
        all => $stage->wire_request($chat, $body));
    my %said;
    for (1 .. runs()) {
        for my $who (qw(bare all)) {
            my $got = at_rate($stage, $file{$who}, $rate, seconds() * 2, 64);
            push @{$said{$who}}, $got;
            $stage->wait_drained if $who eq 'all';
        }
    }
    print "\n$rate calls/s, open loop, 600 B, 64 connections\n";
    my %us;
    for my $who (qw(bare all)) {
        $us{$who}{$_} = middle($said{$who}, $_) for @figures, 'failed';
        Bench::Table::say_figures('latency', $who eq 'bare'
            ? 'bare proxy_pass' : 'all on', {%{$us{$who}}, text =>
                sprintf('p50 %.2f  p90 %.2f  p99 %.2f  p99.9 %.2f ms; '
                    . '%d failed', (map { $us{$who}{$_} / 1000 } @figures),
                    $us{$who}{failed})});
    }
    my %added = map { my $ms = ($us{all}{$_} - $us{bare}{$_}) / 1000;
        (($_ =~ s/_us$/_ms/r) => $ms) } qw(p50_us p99_us);
    Bench::Table::say_figures('latency', 'added', {%added, target => {
        p50_ms => ['<=', 0.10], p99_ms => ['<=', 0.60]}, text =>
        sprintf('p50 %.2f  p99 %.2f ms', @added{qw(p50_ms p99_ms)})});
}

sub middle {
    my ($all, $what) = @_;
    return median(map { $_->{$what} } @$all);
}

1;
