#!/usr/bin/env perl
# Usage events that come again, in any order: one first entry a hold, the same
# balances, the same counters; a void after a settle changes nothing.
#
# FAULT_SEED=N repeats the order of a run.
#
# Fault row 25.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use List::Util qw(shuffle);
use Test::More;

use Asgard::Files qw(wait_until);
use Asgard::Holds qw(ended open_holds partition_of time_out);
use Asgard::OneModel qw(one_model);
use Asgard::Spool qw(calls later_line);

my $seed = $ENV{FAULT_SEED} // int rand 1_000_000;
srand $seed;
diag("FAULT_SEED=$seed");

my ($t, $up, $project, $key) = one_model(budget_usd => '100', tokens => 0,
    workers => 2, inference => {first_byte_timeout => '1s'});
my $budget = "p.$project";

# Events of every kind: settle, estimate, void, expiry, and two of one hold.
$up->script(({}) x 3, {usage => 'none'}, {cut => 60}, {status => 503},
    {status => 400}, {prompt_tokens => 11}, {hang => 3});
$t->chat($key, {model => 'one'}) for 1 .. 9;
my $part = partition_of($t, $project);
my ($unknown) = open_holds($t);
time_out($t, $unknown);
is(ended($t, $unknown->{id})->{kinds}, 'unknown', 'an outcome is unknown');
my ($call) = grep { $_->{hold} eq $unknown->{id} } calls($t);
$part->finish($unknown->{id}, 's', 77_000, $unknown->{pins}, [$budget],
    detail => later_line($t, $call, amount => 77_000, pt => 7, ct => 7));
ok(wait_until(sub { ended($t, $unknown->{id})->{balance} == 77_000 }, 5),
    '... and then known');

sub last_read {
    my ($part) = @_;
    my $last = $part->{redis}->cmd('XREVRANGE', $part->stream, '+', '-',
        'COUNT', 1);
    return $t->{postgres}->value("SELECT last_id FROM cursors WHERE partition"
        . " = $part->{part} AND epoch = $part->{epoch}") eq $last->[0][0];
}

# Everything that must not change, as text.
sub books {
    my ($part) = @_;
    my @rows = map { $t->{postgres}->rows($_) }
        'SELECT hold_id, state, rank, balance_nano, pins FROM holds ORDER BY 1',
        'SELECT id, hold_id, seq, kind, delta_nano, rank FROM ledger'
            . ' ORDER BY id',
        'SELECT hold_id, delta_nano FROM applies ORDER BY 1, 2',
        'SELECT * FROM balances ORDER BY 1, 2, 3';
    return join "\n", (map { join ' ', map { $_ // '-' } @$_ } @rows),
        map { $part->field($budget, $_) } qw(s:total:0 h:total:0);
}

# Until Redis has been told what the ledger owed it.
sub at_rest {
    my ($part) = @_;
    return wait_until(sub { last_read($part) && !$t->{postgres}->value(
        'SELECT count(*) FROM applies WHERE done_at IS NULL') }, 10);
}

ok(at_rest($part), 'all events are in the ledger');
my @events = $part->events;
my %verbs;
$verbs{$_->{v}}++ for @events;
is(join(' ', map { "$_ $verbs{$_}" } sort keys %verbs), 'e 2 s 5 v 2 x 1',
    'there are events of every kind');
my $before = books($part);

# Once more, as a gateway that got no answer tells them: nothing moves in Redis
# a second time, so they move 0.
for my $time (1 .. 3) {
    for my $e (shuffle @events) {
        $part->{redis}->cmd('XADD', $part->stream, '*', d => 0,
            map { ($_ => $e->{$_}) } qw(i v a p x));
    }
    ok(at_rest($part), "told again in another order, the $time. time");
    is(books($part), $before, '... nothing has changed');
}

# A void of what is settled, a settle of less: weaker evidence.
my ($settled) = grep { $_->{v} eq 's' && $_->{i} ne $unknown->{id} } @events;
for my $weaker (['v', 0, 'a void'], ['e', 999_999, 'an estimate'],
    ['s', 1, 'a smaller usage']) {
    my ($verb, $amount, $what) = @$weaker;
    $part->finish($settled->{i}, $verb, $amount, $settled->{p}, [$budget]);
    ok(at_rest($part), "$what after the settle");
    is(books($part), $before, '... is a no-op');
}

# The whole stream of an older epoch as it stands, with all that it moved: its
# cursor has forgotten that it was read.
# A gateway that begins anew has nothing of its own to announce.
my $entries = $part->events;
$t->{gateway}->stop;
$t->{gateway}->start;
$t->wait_ready;
for my $time (1 .. 2) {
    $t->{postgres}->rows("UPDATE cursors SET last_id = '0-0', rows_read = 0"
        . " WHERE partition = $part->{part} AND epoch = $part->{epoch}");
    $t->{control}->run_ok('reseed');
    my $next = partition_of($t, $project);
    cmp_ok($next->{epoch}, '>=', $part->{epoch} + $time, 'a new epoch');
    is($t->{postgres}->value("SELECT rows_read FROM cursors WHERE partition"
        . " = $part->{part} AND epoch = $part->{epoch}"), $entries,
        '... reads the old stream again from its beginning');
    is(books($next), $before, '... nothing has changed');
}
is($t->chat($key, {model => 'one'})->status, 200, 'calls go on');
$t->done;
