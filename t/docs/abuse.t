#!/usr/bin/env perl
# Each row of t/abuse/README.md has a subtest of its number in the file that it
# names, and each subtest of t/abuse its row; after each of them the common
# checks run.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use File::Basename qw(basename);
use Test::More;

use Asgard::Files qw(slurp top);

# Subtests of a hundred rows would take minutes to run: the calls that make
# them are read instead.
my %made;
for my $file (glob top() . '/t/abuse/*.t') {
    my $text = slurp($file);
    $made{basename($file)}{$_} = 1 for $text =~ /row\((\d+),/g;

    # row() of Abuse ends with the checks; t/abuse/checks_find_faults.t tries
    # each of these, and nothing may go around them.
    like($text, qr/Asgard::(?:Abuse|Hostile)->new/,
        basename($file) . ' has the rows of the harness');
    unlike($text, qr/subtest\W+row|sub check_row/,
        '... and none beside them');
}

my %told;
for (slurp(top() . '/t/abuse/README.md') =~ /^\| (\d+ \|.*) \|$/mg) {
    my ($number, $what, @rest) = split / \| /;
    my @files = $rest[-1] =~ /`([^`]+\.t)`/g;
    cmp_ok(scalar(@files), '>', 0, "row $number names a file: $what");
    for my $file (@files) {
        $told{$number} = 1;
        ok($file =~ m{/} ? -e top() . "/$file" : $made{$file}{$number},
            "row $number is in $file");
    }
}
# What a gateway must withstand, by the numbers that were given out first.
is(join(' ', grep { !$told{$_} } 1 .. 60, 62 .. 68), '',
    'no row is missing in the table');

# Row 0 is what the harness is tried with.
my %all = map { %$_ } values %made;
is(join(' ', sort { $a <=> $b } grep { $_ && !$told{$_} } keys %all), '',
    'no subtest is without its row');
done_testing();
