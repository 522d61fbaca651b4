# Steps of the simulator from one seed, shared by processes with servers of
# their own; each must agree with the naive ledger.  How far they are is told
# meanwhile.
#
#     my ($sum, $failed) = agree(seed => 7, steps => 40_000, every => 20_000,
#         processes => 2);
#
# The figures by name, and what failed.  `keep` does the steps again that are
# named (t/sim/main.c).
package Asgard::SimRun;

use strict;
use warnings;
use Exporter qw(import);
use Test::More;
use Time::HiRes qw(sleep time);

use Asgard::Sim;

our @EXPORT_OK = qw(agree new_seed RUN);

use constant RUN => 4_000;              # steps on one database
use constant BETWEEN => 1_000_000;      # seeds of two processes never meet

# Another one each millisecond; those of its runs are the next ones.
sub new_seed { return int(time() * 1000 % 1_000_000_000) * 1000 }

# What an end cuts off is known by it: the runs of each process that were clean,
# by their seeds.
sub progress {
    my ($steps, $start, @texts) = @_;
    my @clean = map { [/^run (\d+)$/mg] } @texts;
    my $done = 0;
    $done += @$_ * RUN for @clean;
    return ($done, sprintf '%d of %d steps are clean, %d s: seeds %s', $done,
        $steps, time - $start,
        join ' and ', map { "$_->[0] to $_->[-1]" } grep { @$_ } @clean);
}

sub wait_tell {
    my ($sims, $runs, %option) = @_;
    my ($start, $said, %ended) = (time, 0);
    my $until = $start + 600 + $option{steps} / 200;    # far above it
    my $text = sub { return progress($option{steps}, $start,
        map { $sims->[$_]->text($runs->[$_]) } 0 .. $#$runs) };
    while (time < $until
        && grep { $sims->[$_]->is_running($runs->[$_]) } 0 .. $#$runs) {
        sleep(0.2);
        note("process $_ has ended, the others go on") for grep {
            !$sims->[$_]->is_running($runs->[$_]) && !$ended{$_}++ }
            0 .. $#$runs;
        my ($done, $line) = $text->();
        next if $done < $said + $option{every};
        $said = $done;
        note($line);
    }
    note(($text->())[1]);
}

sub agree {
    my %option = @_;
    my $share = int($option{steps} / $option{processes});
    print "# ASGARD_SEED=$option{seed} ASGARD_STEPS=$option{steps}\n";
    my (@sims, @runs, %sum, $failed);
    for my $i (0 .. $option{processes} - 1) {
        push @sims, Asgard::Sim->new;
        push @runs, $sims[$i]->start(seed => $option{seed} + $i * BETWEEN,
            steps => $share, $option{keep}
                ? (keep => $option{keep}, shrink => 0, trace => 1) : ());
    }
    wait_tell(\@sims, \@runs, %option);
    for my $i (0 .. $#runs) {
        my ($status, $text) = $sims[$i]->finish($runs[$i], 1);
        is($status, 0, "$share steps from seed "
            . ($option{seed} + $i * BETWEEN) . ' agree with the naive ledger')
            or $failed = diag($text) || 1;
        note($text) if $option{keep};
        my ($figures) = $text =~ /^(\d+ steps, .*)$/m;
        next if !$figures;
        my ($head, @rest) = split /, /, $figures;
        /^(.*) (\d+)$/ and $sum{$1} += $2 for @rest;
    }
    note(join ', ', map { "$_ $sum{$_}" } sort keys %sum);
    return (\%sum, $failed);
}

1;
