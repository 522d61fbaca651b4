#!/usr/bin/env perl
# The meter's wall clock steps by an hour, forward and back: it takes time from
# Redis and the database only, so it leads on, no hold expires and no window
# moves.
#
# Fault row 24.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Time::HiRes qw(sleep);

use Asgard::Files qw(wait_until);
use Asgard::Meter;

my $m = Asgard::Meter->new(shim => 'clock');
$m->start;
$m->wait_open or die "the partitions do not open\n";
my $id = 'proj-2026-0001';
my $budget = $m->project($id, part => 2, total => 'NULL');
$m->window($budget, '1h', 500_000);
$m->sent or die "the project is not sent\n";

my $p = $m->partition(2);
my $epochs = $m->value('SELECT sum(epoch) FROM partitions');
my $open = $p->reserve('open', 1000, [$budget], ttl => 60,
    detail => $m->detail($id));
my $n = 0;

# The time that the meter says in its next heartbeat.
sub beat {
    my $heard = $m->{redis}->connect;
    $heard->send('SUBSCRIBE', 'asg:changes');
    while (1) {
        my $message = $heard->receive->[2];
        return $1 if $message =~ /^hb (\d+)/;
    }
}

for my $step (3600, -3600, 0) {
    my $name = sprintf '%+d s', $step;
    $m->{shim}->set($step);
    ok(wait_until(sub { abs(beat() - time - $step) < 5 }, 5),
        "$name: its own clock has moved");
    for (1 .. 5) {
        my $hold = 'c' . ++$n;
        my $r = $p->reserve($hold, 1000, [$budget],
            detail => $m->detail($id));
        is($r->[0], 'OK', '... a call is granted');
        $p->finish($hold, 's', 100, $r->[1], [$budget],
            detail => $m->detail($id));
    }
    ok(wait_until(sub { $m->value('SELECT count(*) FROM ledger') == $n }, 5),
        '... and its events come into the ledger');
    sleep 1.5;                              # leases and clocks are looked at
    is($m->value('SELECT sum(epoch) FROM partitions'), $epochs,
        '... it leads on and seeds nothing anew');
    is($p->field($budget, 'h:total:0'), 1000, '... an open hold does not '
        . 'expire');
    my $more = $m->project(sprintf('proj-2026-1%03d', $n), part => 2,
        total => 'NULL');
    ok($m->sent, '... what is new is sent');
    is($p->reserve("n$n", 1, [$more])->[0], 'OK', '... and open at once');
    $p->finish("n$n", 'v', 0, '', [$more]);
}
unlike($m->log_text, qr/the clock of Redis/, 'no clock is blamed');
$p->finish('open', 's', 7, $open->[1], [$budget], detail => $m->detail($id));
is($m->balance('open'), 7, 'the open call is charged as measured');
$m->done;
