#!/usr/bin/env perl
# Each row of t/abuse/README.md has a subtest of its number in the file that it
# names, and each subtest of t/abuse its row.
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
    $made{basename($file)}{$_} = 1 for slurp($file) =~ /row\((\d+),/g;
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
cmp_ok(scalar(keys %told), '>', 60, 'the table was found');

# Row 0 is what the harness is tried with.
my %all = map { %$_ } values %made;
is(join(' ', sort { $a <=> $b } grep { $_ && !$told{$_} } keys %all), '',
    'no subtest is without its row');
done_testing();
