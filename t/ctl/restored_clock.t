#!/usr/bin/env perl
# `reseed --restored` raises every version by the database's clock, whatever the
# clock says of the machine that it is said on.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Meter;
use Asgard::Shim;

my $m = Asgard::Meter->new;
$m->start;
$m->wait_open or die "the partitions do not open\n";
my $budget = $m->project('proj-2026-0001', part => 5, total => 1000);
ok($m->sent, 'a project is sent');
my $shim = Asgard::Shim->new(dir => $m->{dir}, name => 'command',
    kind => 'clock');
for my $shift (-20 * 365 * 86400, 20 * 365 * 86400) {
    $shim->set($shift);
    my $before = $m->value('SELECT floor(extract(epoch FROM now()))');
    my ($status, $out) = do {
        local %ENV = (%ENV, $shim->environment);
        $m->{control}->run('reseed', '--restored');
    };
    is($status, 0, "$shift s off: all is seeded anew") or diag($out);
    my $floor = $m->value('SELECT version_floor()');
    ok($floor >= $before && $floor <= $before + 600,
        '... with versions above the time of the database')
        or diag("$floor, it is $before");
    cmp_ok($m->value("SELECT version FROM budgets"), '>', $floor,
        '... those of budgets too');
}
$m->done;
