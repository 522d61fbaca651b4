#!/usr/bin/env perl
# The simulator finds each broken rule: a fence without the run id, opening
# before catch-up, expiry that frees, and more, one at a time.
#
# The product is not changed: the simulator runs another text of a script, or
# puts a function of its own before one of asgard-ctl (t/sim/broken.c).
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(is_sanitized);
use Asgard::Sim;

my $STEPS = 160_000;                    # at most: most need a few hundred

my @sims = map { Asgard::Sim->new } 1 .. 2;
my $program = $sims[0]{program};
chomp(my @rules = `$program rules`);
cmp_ok(scalar @rules, '>=', 6, 'there are rules to break');

# Two at a time, each on servers of its own.
while (my @pair = splice @rules, 0, 2) {
    my @runs = map { $sims[$_]->start(seed => $ENV{ASGARD_SEED} // 11,
        steps => $STEPS, shrink => 0, broken => $pair[$_]) } 0 .. $#pair;
    for my $i (0 .. $#pair) {
        my ($status, $text) = $sims[$i]->finish($runs[$i], 1200);
        my ($found) = $text =~ /^ASGARD_SEED=\d+ (step \d+: .*)$/m;
        ok($status && $found && $found !~ /: sim: /,
            "it finds this: $pair[$i]") or diag(substr $text, -2000);
        note(substr $found, 0, 120) if $found;
    }
}

# And what is found is told so that a person can read it.
my $run = $sims[0]->start(seed => 11, steps => 4000, shrink => 20,
    broken => 'expiry frees');
my ($status, $text) = $sims[0]->finish($run, 600);
isnt($status, 0, 'a run that found something fails');
my ($n) = $text =~ /^(\d+) steps are enough:$/m;
my ($step) = $text =~ /^ASGARD_SEED=11 step (\d+):/m;
ok(defined $n && $n < $step, 'its list of steps was shortened');
my @lines = $text =~ /^ +\d+  [a-zA-Z ]+:.*$/mg;
is(scalar @lines, $n, 'and each of them is printed');

done_testing();
