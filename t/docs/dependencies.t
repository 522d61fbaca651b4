#!/usr/bin/env perl
# docs/dependencies.md has every package that is installed, and says why.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(slurp top);

my $page = slurp(top() . '/docs/dependencies.md');
my ($list) = slurp(top() . '/scripts/install-deps')
    =~ /^packages=\(\n(.*?)^\)/ms;
$list =~ s/#[^\n]*//g;
my @installed = split ' ', $list;
cmp_ok(scalar(@installed), '>', 20, 'the packages were found');

my %told;
while ($page =~ /^\| `([a-z0-9.+-]+)` \| ([^|]+) \| ([^|]+) \|$/mg) {
    $told{$1} = {version => $2, why => $3};
}
is_deeply([sort keys %told], [sort @installed],
    'the page has exactly the packages of scripts/install-deps');
like($told{$_}{version}, qr/^\d/, "$_ has a version") for sort keys %told;

# What comes from elsewhere: each line of each list, and nothing more.
my %pinned;
for my $file (glob top() . '/t/sdk/*.txt') {
    my %list = slurp($file) =~ /^([\w.\[\]-]+)==([0-9.]+)$/mg;
    $pinned{"PyPI $_"} = $list{$_} for keys %list;
}
for my $file (glob(top() . '/t/sdk/*.json'),
    glob(top() . '/bench/peers/package.json')) {
    my %list = slurp($file) =~ /^    "([\w@\/-]+)": "([0-9.]+)",?$/mg;
    $pinned{"npm $_"} = $list{$_} for keys %list;
}
my %registry;
$registry{"$1 $2"} = $3
    while $page =~ /^\| (PyPI|npm) `([^`]+)` \| ([0-9.]+) \|/mg;
cmp_ok(scalar(keys %pinned), '>', 6, 'the lists of the registries were found');
is_deeply(\%registry, \%pinned,
    'what comes from PyPI and npm stands there in its version');

# Every library that is linked belongs to a package of the table.
my %package = (pq => 'libpq-dev', hiredis => 'libhiredis-dev',
    crypto => 'libssl-dev', ssl => 'libssl-dev', yaml => 'libyaml-dev',
    cjson => 'libcjson-dev', curl => 'libcurl4-openssl-dev',
    pthread => 'libc6-dev', m => 'libc6-dev', cmocka => 'libcmocka-dev',
    'z' => 'zlib1g-dev', 'pcre2-8' => 'libpcre2-dev');
my %linked = map { $_ => 1 }
    map { slurp(top() . "/$_") =~ /(?<=\s)-l([a-z0-9-]+)/g }
    qw(Makefile config);
cmp_ok(scalar(keys %linked), '>', 5, 'the libraries were found');
ok($told{$package{$_} // ''}, "-l$_ belongs to a package of the page")
    for sort keys %linked;

done_testing();
