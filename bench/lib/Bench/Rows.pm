# The rows of calls a second: three sizes of body, streams, many windows,
# guardrails.
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

# Ten patterns and a list of 5000 words, each on top of what is before it.
my @patterns = ('\\bTCK-\\d{6}\\b', '(?i)\\bconfidential\\b',
    '\\b[A-Z]{2}\\d{2}(?: ?[0-9A-Z]{4}){3,7}\\b',
    '\\b\\d{3}[- ]\\d{3}[- ]\\d{4}\\b', 'https?://[a-z.]*\\.internal\\b',
    '\\bxox[bp]-[0-9A-Za-z-]{20,}', '\\beyJ[\\w-]+\\.eyJ[\\w-]+',
    '\\b(?:10|192\\.168)(?:\\.\\d{1,3}){2,3}\\b',
    '(?i)\\bemployee id \\d+', '-----BEGIN CERTIFICATE');

sub guardrails {
    my ($stage) = @_;
    my $list = $stage->file('.txt', join "\n", map { "codename$_" } 1 .. 5000);
    my $n = 0;
    my $seven = 'asgard_guardrails enforce;';
    my $own = join "\n", $seven,
        map { "asgard_guardrail p@{[$n++]} pattern \"$_\";" } @patterns;
    my @rows = (['guardrails off', 'asgard_guardrails off;'],
        ['the seven rules', $seven], ['and ten patterns', $own],
        ['and 5000 words', "$own\nasgard_guardrail w words $list caseless;"]);
    my $lua = $stage->wrk_script(Bench::Stage::body(10_000, 'bench', '',
        'The quick brown fox jumps over the dog. '));
    my @measured;
    for (@rows) {
        my ($name, $conf) = @$_;
        $stage->configure($conf);
        push @measured, {name => $name, lua => $lua, governed => 1,
            url => $stage->url($chat)};
        measure($stage, $measured[-1]);
    }
    Bench::Table::head('guardrails, 10 kB of English');
    for my $row (@measured) {
        Bench::Table::show('guardrails', $row, $measured[0]);
        my $us = $row->{gateway_us} - $measured[0]{gateway_us};
        Bench::Table::say_figures('guardrails', "  $row->{name}: the texts",
            {text => $us > 0 ? sprintf('%.0f MB/s', 10_000 / $us) : 'not told',
             mb_s => $us > 0 ? 10_000 / $us : 0}) if $row != $measured[0];
    }
    $stage->configure($seven);
}

1;
