#!/usr/bin/env perl
# Each fault that must be survived has a row in t/fault/README.md, each row the
# files that prove it, and each of these says so at its head.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use File::Basename qw(basename);
use Test::More;

use Asgard::Files qw(slurp top);

# Those of Asgard's promises on money, and the slow reader (19).
my @wanted = (1 .. 19, 21 .. 27, 29, 35 .. 40);

# `# Fault row 8.`, `# Fault rows 15, 16, 17.`
my %says;
for my $file (glob top() . '/t/fault/*.t') {
    my ($rows) = slurp($file) =~ /^# Fault rows? ([\d, ]+)\.$/m;
    $says{basename($file)} = {map { $_ => 1 } split /, /, $rows // ''};
}

my $readme = slurp(top() . '/t/fault/README.md');
my %told;
for ($readme =~ /^\| (\d+ \|.*) \|$/mg) {
    my ($number, $what, @rest) = split / \| /;
    my @files = $rest[-1] =~ /`([^`]+\.t)`/g;
    cmp_ok(scalar(@files), '>', 0, "row $number names a file: $what");
    for my $file (@files) {
        $told{$file}{$number} = 1;
        ok($says{$file}{$number}, "$file says that it is of row $number");
    }
}
my %rows = map { $_ => 1 } map { keys %$_ } values %told;
is(join(' ', sort { $a <=> $b } keys %rows), "@wanted",
    'every row has its line');

for my $file (sort keys %says) {
    my @own = sort { $a <=> $b } keys %{$says{$file}};
    is("@own", join(' ', sort { $a <=> $b } keys %{$told{$file} // {}}),
        "$file is in the rows that it says");
}
done_testing();
