#!/usr/bin/env perl
# M7: an entry whose version or tokens are no numbers is a row of the audit, and
# hides no other.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Meter;

my $m = Asgard::Meter->new;
$m->start;
$m->wait_open or die "the partitions do not open\n";
my $id = 'proj-2026-0002';
my $budget = $m->project($id, part => 9, total => 100_000);
$m->sent or die "the project is not sent\n";
my $p = $m->partition(9);

sub audit {
    my ($status, $out, $err) = $m->{control}->run('audit', 'money');
    return ($status, "$out$err");
}

my %bad = (version => [cv => '"x"', pt => 1], fraction => [cv => 1.5, pt => 1],
    tokens => [cv => 1, pt => '"many"']);
for my $hold (sort keys %bad) {
    my $r = $p->reserve($hold, 100, [$budget], detail => $m->detail($id));
    $p->finish($hold, 's', 100, $r->[1], [$budget],
        detail => $m->detail($id, card => '"c"', @{$bad{$hold}}));
    is($m->balance($hold), 100, "$hold is in the ledger");
}
my ($status, $text) = audit();
is($status, 1, 'the audit finds them') or diag($text);
like($text, qr/^M7 hold $_: charged 100, its card c is missing$/m,
    "... with a row: $_") for sort keys %bad;

$m->stop;
done_testing;
