#!/usr/bin/env perl
# The ledger and the counters are right whatever is lost, late, told twice or
# killed: the shipped scripts and the meter's own code on real servers, against
# a naive ledger.
#
# The seed stands in the output, and the same seed does the same again: a soak
# takes another one each time, a test run always the same.
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
use Time::HiRes qw(sleep time);

use Asgard::Files qw(is_sanitized);
use Asgard::Sim;

my $RUN = 4_000;                        # steps on one database
my $steps = $ENV{ASGARD_STEPS} // (is_sanitized() ? 40_000 : 200_000);
my $PROCESSES = $ENV{ASGARD_PROCESSES} // ($steps <= $RUN ? 1 : 2);
my $seed = $ENV{ASGARD_SEED}
    // ($ENV{ASGARD_SOAK} ? time() * 1000 % 1_000_000_000 * 1000 : 1_000);
my $share = int($steps / $PROCESSES);
my $every = $ENV{ASGARD_SOAK} ? 100_000 : 20_000;       # steps
my $bound = 600 + $steps / 200;         # seconds; far above what it takes
my $between = 1_000_000;                # seeds of two processes never meet

$seed = int($seed);
print "# ASGARD_SEED=$seed ASGARD_STEPS=$steps\n";

my (@sims, @runs);
for my $i (0 .. $PROCESSES - 1) {
    push @sims, Asgard::Sim->new;
    push @runs, $sims[$i]->start(seed => $seed + $i * $between,
        steps => $share, $ENV{ASGARD_KEEP}
            ? (keep => $ENV{ASGARD_KEEP}, shrink => 0, trace => 1) : ());
}

# How far it is, so that what an end cuts off is known: the runs of each process
# that were clean, by their seeds.
sub progress {
    my ($start) = @_;
    my @clean = map { [$sims[$_]->text($runs[$_]) =~ /^run (\d+)$/mg] }
        0 .. $#runs;
    my $done = 0;
    $done += @$_ for @clean;
    return ($done * $RUN, sprintf '%d of %d steps are clean, %d s: seeds %s',
        $done * $RUN, $steps, time - $start,
        join ' and ', map { "$_->[0] to $_->[-1]" } grep { @$_ } @clean);
}

my ($start, $said) = (time, 0);
while (time < $start + $bound && grep { $sims[$_]->is_running($runs[$_]) }
    0 .. $#runs) {
    sleep(0.2);
    my ($done, $text) = progress($start);
    next if $done < $said + $every;
    $said = $done;
    note($text);
}
note((progress($start))[1]);

my (%sum, $failed);
for my $i (0 .. $#runs) {
    my ($status, $text) = $sims[$i]->finish($runs[$i], 1);
    is($status, 0, "$share steps from seed " . ($seed + $i * $between)
        . ' agree with the naive ledger')
        or $failed = diag($text) || 1;
    note($text) if $ENV{ASGARD_KEEP};
    my ($figures) = $text =~ /^(\d+ steps, .*)$/m;
    next if !$figures;
    my ($head, @rest) = split /, /, $figures;
    /^(.*) (\d+)$/ and $sum{$1} += $2 for @rest;
}
note(join ', ', map { "$_ $sum{$_}" } sort keys %sum);

# A run that never met a case proves nothing about it; a short one need not, and
# one that failed has other news.
my $least = $failed || $ENV{ASGARD_KEEP} || $steps < 40_000 ? -1
    : $steps / 20_000;
for my $met ('admitted', 'refused', 'admitted above 90 %', 'late', 'strays',
    'charged in full', 'epochs', 'flushes', 'restarts', 'failovers',
    'keys deleted', 'worker deaths', 'gateway deaths', 'meter deaths',
    'commits cut', 'corrections', 'replays', 'limits', 'prices', 'takeovers',
    'rollovers', 'quiet points', 'audits', 'refused by a full stream',
    'refused by a time', 'refused for memory', 'databases restored',
    'windows changed', 'openings', 'odd days', 'extended', 'outlived',
    'found out later', 'holds passed on', 'further attempts',
    'further attempts refused', 'served by another card', 'audits of all',
    "providers' records", 'records above the hold', 'records refused',
    'projects made', 'keys made', 'keys revoked', 'budgets emptied') {
    ok(($sum{$met} // 0) > $least, "the steps met: $met");
}
cmp_ok($sum{'holds lost'} // 0, '<', 1 + 0.05 * ($sum{holds} // 0),
    'and both memories were lost for few holds only');

done_testing();
