#!/usr/bin/env perl
# Every row of the threat model names a test that is there, and every test of
# t/harden and of t/abuse stands in it.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use File::Basename qw(basename);
use Test::More;

use Asgard::Files qw(slurp top);

my $page = slurp(top() . '/THREAT_MODEL.md');
my ($table) = $page =~ /^\| Asset \|.*?\n\|[-|]+\n(.*?)\n\n/ms;
my @rows = split /\n/, $table;
cmp_ok(scalar(@rows), '>', 20, 'the table was found');

my %named;
for my $row (@rows) {
    my @cells = map { s/^\s+|\s+$//gr } split /\|/, $row;
    my @tests = $cells[5] =~ /`(t\/\w+\/\w+\.t)`/g;
    cmp_ok(scalar(@tests), '>', 0, "a test proves: $cells[1], $cells[3]");
    $named{$_} = 1 for @tests;
    is($cells[5] =~ s/`[^`]+`//gr =~ s/[, ]//gr, '', '... and nothing else');
}
ok(-e top() . "/$_", "$_ is there") for sort keys %named;
for my $folder ('harden', 'abuse') {
    for my $test (map { basename($_) } glob top() . "/t/$folder/*.t") {
        next if $test eq 'checks_find_faults.t';    # of the harness alone
        ok($named{"t/$folder/$test"}, "$folder/$test stands in the table");
    }
}

my ($order) = $page =~ /^## What is a vulnerability.*?\n(.*?)^## /ms;
my @grades = $order =~ /^(\d)\. /mg;
is("@grades", '1 2 3 4 5', 'the grades have an order');
like(slurp(top() . '/SECURITY.md'), qr/^## Report$/m, 'it says how to report');
like(slurp(top() . '/README.md'), qr/`$_`/, "the README points to $_")
    for qw(THREAT_MODEL.md SECURITY.md);
done_testing();
