#!/usr/bin/env perl
# docs/metrics.md has every metric of the module and of asgard-ctl.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(slurp top);

sub source { slurp(top() . "/$_[0]") }

my $page = source('docs/metrics.md');
my (undef, $module, $ctl) = split m{^## `/metrics[^\n]*\n}m, $page;

sub told { $_[0] =~ /^\| `(asgard_\w+)`/mg }

my @counters = source('ngx_asgard_module/ngx_http_asgard_count.c')
    =~ /^\s*\{ "(asgard_\w+)",/mg;
my $probe = source('ngx_asgard_module/ngx_http_asgard_probe.c');
my @gauges = map { "asgard_$_" }
    $probe =~ /ngx_http_asgard_probe_gauge\(p, last, "(\w+)"/g;
push @gauges, source('ngx_asgard_module/ngx_http_asgard_alone.c')
    =~ /# TYPE (asgard_\w+) gauge/g;
my @labelled = $probe =~ /# TYPE (asgard_\w+) counter/g;
# Families with a label: their entries of a table of the type.
my %family;
for my $of (qw(endpoint model)) {
    my ($list) = $probe =~ /probe_${of}_metrics\[\] = \{(.*?)^\};/ms;
    $family{"asgard_${of}_$1"} = $2
        while $list =~ /\{ "(\w+)", "(counter|gauge)",/g;
}
cmp_ok(scalar(keys %family), '>', 6, 'the families were found');
push @counters, grep { $family{$_} eq 'counter' } keys %family;
push @gauges, grep { $family{$_} eq 'gauge' } keys %family;
my @histograms = $probe =~ /# TYPE (asgard_\w+) histogram/g;
push @histograms, source('ngx_asgard_module/ngx_http_asgard_times.c')
    =~ /^\s*\{ "(asgard_\w+)",/mg;
cmp_ok(scalar(@histograms), '>', 1, 'the histograms were found');
cmp_ok(scalar(@counters), '>', 15, 'the counters were found');
cmp_ok(scalar(@gauges), '>', 3, 'the gauges were found');
my ($table) = split /^## /m, $module;
is_deeply([sort(told($table))],
    [sort(@counters, @gauges, @labelled, @histograms)],
    'the page has the metrics of the module');
for my $name (@counters, @labelled) {
    like($table, qr/^\| `$name` \| counter \|/m, "$name is a counter");
}
for my $name (@histograms) {
    like($table, qr/^\| `$name` \| histogram \|/m, "$name is a histogram");
}
for my $name (@gauges) {
    like($table, qr/^\| `$name` \| gauge \|/m, "$name is a gauge");
}

my $source = source('asgard-ctl/ops/ctl_metrics.c');
my ($helps) = $source =~ /\bhelps\[\] = \{(.*?)^\};/ms;
my %seen = map { $_ => 1 } $helps =~ /\{"(asgard_\w+)",/g;
cmp_ok(scalar(keys %seen), '>', 3, 'the metrics of asgard-ctl were found');
my ($theirs) = split /^## /m, $ctl;
is_deeply([sort(told($theirs))], [sort keys %seen],
    'the page has the metrics of asgard-ctl');

for my $name (sort keys %seen) {
    my $type = $name =~ /_total$/ ? 'counter' : 'gauge';
    like($theirs, qr/^\| `$name` \| $type \|/m, "$name is a $type");
}

my %known = map { $_ => 1 } told($page);
my @lost = grep { !$known{$_} } $page =~ /`(asgard_\w+)`/g;
is("@lost", 'asgard_zone', 'no other metric is named');

done_testing();
