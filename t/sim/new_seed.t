#!/usr/bin/env perl
# The ledger and the counters are right in steps that nobody has seen before:
# the seed is another one each time, and is told.
#
# What fails ends with a command that does it again (sim.t).
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(is_sanitized);
use Asgard::SimRun qw(agree new_seed);

my $seed = new_seed();
my $steps = is_sanitized() ? 8_000 : 32_000;
diag("the seed of these $steps steps is $seed");
my ($figures) = agree(seed => $seed, steps => $steps, every => 8_000,
    processes => 2);
cmp_ok($figures->{admitted} // 0, '>', 0, 'calls were admitted');
cmp_ok($figures->{'quiet points'} // 0, '>', 0, 'and all was compared');

done_testing();
