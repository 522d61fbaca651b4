# The rows of calls a second: three sizes of body, streams, many windows.
package Bench::Rows;

use strict;
use warnings;
use Bench::Load qw(measure);
use Bench::Stage;
use Bench::Table;

my $chat = $Bench::Stage::chat;
my %label = (600 => '600 B', 10_000 => '10 kB', 200_000 => '200 kB');
my %scan = (600 => {scan_ratio => ['>=', 0.92], cpu_ratio => ['<=', 1.15]},
    10_000 => {scan_ratio => ['>=', 0.85]},
    200_000 => {scan_ratio => ['>=', 0.85]});
my %all_on = (600 => {ratio => ['>=', 0.50], cpu_ratio => ['<=', 1.45]});

# No call reaches an upstream without a hold, so this row cannot be run: it is
# bare proxy_pass, plus a call that is refused after its body was scanned, less
# what nginx needs for an answer of its own.  With the worker as the bound,
# calls a second are as the inverse of its time.
sub show_scan {
    my ($bytes, $bare, $own, $refused) = @_;
    my $us = $bare->{gateway_us} + $refused->{gateway_us} - $own->{gateway_us};
    Bench::Table::show('sizes', {name => "auth + scan, $label{$bytes}",
        gateway_us => $us, scan_ratio => $bare->{gateway_us} / $us,
        computed => 'bare + refused - own answer',
        target => $scan{$bytes}}, $bare);
}

sub size {
    my ($stage, $bytes) = @_;
    my $label = $label{$bytes};
    my $lua = $stage->wrk_script(Bench::Stage::body($bytes, 'bench'));
    my %row = (
        alone => {name => "backend alone, $label", lua => $lua, once => 1,
            url => "http://127.0.0.1:$stage->{port}/$chat"},
        bare => {name => "bare proxy_pass, $label", lua => $lua,
            url => $stage->url("bare/$chat")},
        own => {name => "nginx's own answer, $label", lua => $lua,
            url => $stage->url("own/$chat"), refused => 1},
        refused => {name => "refused after scan, $label", refused => 1,
            url => $stage->url($chat), lua => $stage->wrk_script(
                Bench::Stage::body($bytes, 'none'))},
        all => {name => "all on, $label", lua => $lua, governed => 1,
            url => $stage->url($chat), target => $all_on{$bytes}});
    measure($stage, @row{qw(alone bare own refused all)});
    Bench::Table::head("$label, one budget");
    Bench::Table::show('sizes', $row{alone});
    Bench::Table::show('sizes', $row{$_}, $row{bare})
        for qw(bare own refused);
    show_scan($bytes, @row{qw(bare own refused)});
    Bench::Table::show('sizes', $row{all}, $row{bare});
}

sub sizes {
    my ($stage) = @_;
    size($stage, $_) for 600, 10_000, 200_000;
}

sub stream {
    my ($stage, $model, $path, $events, $target) = @_;
    my $lua = $stage->wrk_script(
        Bench::Stage::body(600, $model, '"stream":true,'));
    my $bare = {name => 'bare proxy_pass, unbuffered', lua => $lua,
        url => $stage->url("bare/$path/$chat")};
    my $all = {name => 'all on', lua => $lua, governed => 1,
        url => $stage->url($chat), target => $target};
    measure($stage, $bare, $all);
    Bench::Table::head("stream of $events events");
    Bench::Table::show("stream_$events", $_, $bare) for $bare, $all;
}

sub streams {
    my ($stage) = @_;
    stream($stage, 'flow', 'stream', 100, {ratio => ['>=', 0.90]});
    stream($stage, 'long', 'long', 1000);
}

sub windows {
    my ($stage) = @_;
    my $t = $stage->{t};
    my @windows = map { [$_, '9000000'] } qw(1h 1d 1w 1mo total);
    my $project = $t->project;
    $t->set_budgets($project, @windows);
    my $key = $t->key(project => $project, budgets => \@windows)->{key};
    my $lua = $stage->wrk_script(Bench::Stage::body(600, 'bench'), $key);
    my $bare = {name => 'bare proxy_pass, 600 B', lua => $lua,
        url => $stage->url("bare/$chat")};
    my $all = {name => 'all on, 600 B', lua => $lua, governed => 1,
        url => $stage->url($chat), target => {ratio => ['>=', 0.35]}};
    measure($stage, $bare, $all);
    Bench::Table::head('2 budgets x 5 windows');
    Bench::Table::show('windows', $_, $bare) for $bare, $all;
}

1;
