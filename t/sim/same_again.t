#!/usr/bin/env perl
# A seed does the same again, step by step, whatever ran before it in the same
# process: the command that a failure prints finds that failure.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Sim;

my $STEPS = 1_000;                      # of the second run

# What the steps say of themselves; the names of meters are new each time.
sub trace {
    my ($seed, $steps) = @_;
    my $sim = Asgard::Sim->new;
    my ($status, $text) = $sim->finish($sim->start(seed => $seed,
        steps => $steps, trace => 1, shrink => 0), 600);
    is($status, 0, "$steps steps from seed $seed end well") or diag($text);
    return grep { /^ *\d+  [a-z]/i } split /\n/,
        $text =~ s/\b\S+:\d+:[0-9a-f]{16}\b/METER/gr;
}

my @behind = trace(30, 4_000 + $STEPS);
my @alone = trace(31, $STEPS);
splice @behind, 0, 4_000;
is(scalar @alone, $STEPS, 'each step says what it did');
my ($first) = grep { $alone[$_] ne ($behind[$_] // '') } 0 .. $#alone;
is($first, undef, 'and says the same behind another run')
    or diag("alone:  $alone[$first]\nbehind: " . ($behind[$first] // ''));

done_testing();
