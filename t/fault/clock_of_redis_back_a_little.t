#!/usr/bin/env perl
# Redis' clock goes back by less than a minute: the door does not stay shut
# until the time that was seen comes again.
#
# Fault row 24.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(wait_until);
use Asgard::OneModel qw(one_model $COST);

my $AHEAD = 50;
my ($t, undef, $project, $key) = one_model(slow => 1,
    shims => {redis => 'clock'});
$t->set_budgets($project, ['total', '1'], ['1h', '1']);
my $clock = $t->shim('redis');

sub call { $t->chat($key, {model => 'one'}) }
sub epochs { $t->{postgres}->value('SELECT sum(epoch) FROM partitions') }
sub said {
    return scalar(() = $t->{control}->log_text
        =~ /the clock of Redis went back by \d+ s/g);
}

my $epochs = epochs();
$clock->set(4);
is(call()->status, 200, 'four seconds ahead: a call');
$clock->set(0);
is(call()->status, 200, '... and back: the next is granted at once');
$clock->set($AHEAD);
is(call()->status, 200, 'a minute ahead, almost: a call');
is(epochs(), $epochs, '... and nothing was seeded');
is(said(), 0, '... or told');
my $end = $t->stalled_stream($key, 'slow');

$clock->set(0);
ok(wait_until(sub { call()->status == 200 }, $AHEAD - 20, 0.05),
    'and back: calls are granted long before that time comes again');
cmp_ok(epochs(), '>', $epochs, '... the counters were seeded anew');
is(said(), 1, '... and the log says why, once');
is(call()->status, 200, '... and the next call is granted');
like($end->()->body, qr/\[DONE\]/, 'a stream that was open ends as it should');
ok(wait_until(sub { $t->{postgres}->value('SELECT count(*) FROM ledger') == 6
    }, 10), '... and all are in the ledger');
cmp_ok($t->usage($project)->{spent_usd}, '==', 6 * $COST / 1e9,
    '... once') or diag explain $t->usage($project);
$t->done;
