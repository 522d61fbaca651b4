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

for (['PyPI', 'requirements.txt', qr/openai==([0-9.]+)/],
    ['npm', 'package.json', qr/"openai": "([0-9.]+)"/]) {
    my ($where, $file, $pattern) = @$_;
    my ($pinned) = slurp(top() . "/t/sdk/$file") =~ $pattern;
    ok(defined $pinned, "the SDK of $where is pinned");
    like($page, qr/^\| $where `openai` \| \Q$pinned\E \|/m,
        'and stands there in that version');
}

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
