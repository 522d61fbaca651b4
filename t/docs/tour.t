#!/usr/bin/env perl
# The README names every folder and page, and documents name only what is there.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(slurp top);

chdir top() or die;
my @files = `git ls-files 2>/dev/null`;
@files = `find . -type f -not -path './build/*' -not -path './run/*' | cut -c3-`
    if !@files;
chomp @files;

my $readme = slurp('README.md');
my ($tour) = $readme =~ /^## The folders\n(.*?)^## /ms;
my %told = map { $_ => 1 } $tour =~ /`([^`]+)`/g;

my (%first, %second);
for (@files) {
    if (m{^([^/]+)$}) { $first{$1} = 1 }
    if (m{^([^/]+/)}) { $first{$1} = 1 }
    if (m{^([^/]+/[^/]+/)}) { $second{$1} = 1 }
}
delete @first{grep { /\.md$/ } keys %first};
delete @second{grep { m{^services/} } keys %second};

ok($told{$_}, "the tour shows $_") for sort keys %first, sort keys %second;
for my $path (sort grep { m{/$} } keys %told) {
    ok(scalar(grep { index($_, $path) == 0 } @files), "$path is there");
}

# The pages to read on.
my ($pages) = $readme =~ /^## Read on\n(.*)/ms;
like($pages, qr/^\| `\Q$_\E` \|/m, "the README tells what $_ is for")
    for sort grep { m{^docs/} } @files;

# The harness: each module in the table of t/README.md.
my ($harness) = slurp('t/README.md') =~ /^\| Module \|.*?\n(.*?)\n\n/ms;
my @modules = map { /^\| ([^|]+) \|/ ? $1 =~ /`(\w+)`/g : () }
    split /\n/, $harness;
is_deeply([sort @modules], [sort map { m{^t/lib/Asgard/(\w+)\.pm$} } @files],
    't/README.md has each module of the harness once');

# Paths of ours in any document.
my %known = map { $_ => 1 } @files;
my $ours = qr{(?:ngx_asgard_module|asgard-ctl|services|conf|t|scripts|docs
    |examples)/[A-Za-z0-9_./-]+}x;
for my $page (grep { /\.md$/ } @files) {
    my @lost = grep { s/[.\/]+$//; !$known{$_} && !-d $_ }
        slurp($page) =~ /`($ours)`/g;
    is("@lost", '', "$page points to files that are there");
}

for my $page (grep { /\.md$/ } @files) {
    my @left = slurp($page) =~ /(\@[A-Z_]+\@)/g;
    is("@left", '', "$page holds no placeholder");
}

my %targets = map { $_ => 1 } slurp('Makefile') =~ /^([a-z][a-z-]*):/mg;
for my $page (grep { /\.md$/ } @files) {
    my %named = map { $_ => 1 } slurp($page) =~ /`make ([a-z-]+)`/g;
    is(join(' ', grep { !$targets{$_} } keys %named), '',
        "$page names targets that the Makefile has");
}

done_testing();
