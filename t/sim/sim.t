#!/usr/bin/env perl
# The ledger and the counters are right whatever is lost, late, told twice or
# killed: the shipped scripts and the meter's own code on real servers, against
# a naive ledger.
#
# The seed stands in the output, and the same seed does the same again: a soak
# takes another one each time, a test run always the same (and new_seed.t a few
# steps of another).
#
#     ASGARD_SEED=42 ASGARD_STEPS=4000 prove -v -It/lib t/sim/sim.t
#
# A failure ends with such a command, and ASGARD_KEEP in it: the steps of the
# run that are enough.  Two processes share the steps (ASGARD_PROCESSES), each
# with servers of its own.  What both a gateway and Redis lost before the meter
# read it is not in the ledger: those holds are excluded and counted.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(is_sanitized);
use Asgard::SimRun qw(agree new_seed RUN);

my $steps = $ENV{ASGARD_STEPS} // (is_sanitized() ? 40_000 : 170_000);
my ($figures, $failed) = agree(
    seed => int($ENV{ASGARD_SEED} // ($ENV{ASGARD_SOAK} ? new_seed() : 1_000)),
    steps => $steps, every => $ENV{ASGARD_SOAK} ? 100_000 : 20_000,
    processes => $ENV{ASGARD_PROCESSES} // ($steps <= RUN ? 1 : 2),
    keep => $ENV{ASGARD_KEEP});
my %sum = %$figures;

# A run that never met a case proves nothing about it; a short one need not, and
# one that failed has other news.
my $least = $failed || $ENV{ASGARD_KEEP} || $steps < 40_000 ? -1
    : $steps / 20_000;
for my $met ('admitted', 'refused', 'admitted above 90 %', 'late', 'strays',
    'charged in full', 'epochs', 'flushes', 'restarts', 'failovers',
    'keys deleted', 'worker deaths', 'gateway deaths',
    'meter deaths', 'commits cut', 'corrections', 'replays', 'limits', 'prices',
    'takeovers', 'rollovers', 'quiet points', 'audits',
    'refused by a full stream', 'refused by a time', 'refused for memory',
    'databases restored', 'windows changed', 'openings', 'odd days', 'extended',
    'outlived', 'found out later', 'holds passed on', 'further attempts',
    'further attempts refused', 'served by another card', 'audits of all',
    "providers' records", 'records above the hold', 'records refused',
    'projects made', 'keys made', 'keys revoked', 'budgets emptied',
    'let in under limits', 'limited by requests', 'limited by tokens',
    'limited by calls under way', 'places released', 'limits of calls', 'kills',
    'kills taken back', 'calls cut by a kill', 'records compared',
    'audits of the witness', 'prices of projects',
    "billed by a project's price") {
    ok(($sum{$met} // 0) > $least, "the steps met: $met");
}
cmp_ok($sum{'data replaced'} // 0, '>', 0,
    'one failover at least was into the same process') if $least >= 0;
cmp_ok($sum{'holds lost'} // 0, '<', 1 + 0.05 * ($sum{holds} // 0),
    'and both memories were lost for few holds only') if $least >= 0;

done_testing();
