#!/usr/bin/env perl
# What a hold was made with is what it ends with: its window, its price, its
# place under a limit that was lowered meanwhile.
#
# Fault rows 21, 22, 23.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(spill wait_until);
use Asgard::Holds qw(ended open_holds partition_of);
use Asgard::Spool qw(call_of);
use Asgard::Test;

my $t = Asgard::Test->new(workers => 2);
my $up = $t->upstream('main');
my %model = (ref => 'model:test/one', route => 'one');
$t->add_model($up, %model);
$t->start;

# A call that the provider answers when $meanwhile is over: its reply.
my $n = 0;
sub with_open_call {
    my ($key, $meanwhile) = @_;
    my $answer = "$t->{dir}/answer" . ++$n;
    $up->script({until => $answer});
    my $asked = $up->count;
    my $http = $t->chat_ask($key, {model => 'one'});
    my $open;
    $up->wait_count($asked + 1);
    wait_until(sub { ($open) = open_holds($t) }, 5);
    $meanwhile->($open);
    spill($answer, '');
    return $t->chat_read($http);
}

# --- the window turns over ----------------------------------------------------

my $seconds = 3;
my $project = $t->project(budget_usd => '100');
$t->set_budgets($project, ['total', '100'], ["${seconds}s", '50']);
my $key = $t->key(project => $project);
my $part = partition_of($t, $project);
my $budget = "p.$project";
sub window { return $part->field($budget, "c:${seconds}s") }
sub moved { my ($kind, $id) = @_;
    return $part->field($budget, "$kind:${seconds}s:$id") // 0 }

my ($old, $later);
my $reply = with_open_call($key, sub {
    my ($open) = @_;
    ($old) = $open->{pins} =~ /:${seconds}s:(\d+)/;
    is(moved('h', $old), $open->{amount}, 'a call is held in its window');
    ok(wait_until(sub { $part->{redis}->cmd('TIME')->[0]
        >= $old + $seconds }, 5), '... which ends meanwhile');
    $later = $t->chat($key, {model => 'one'});
    is($later->status, 200, '... a call in the next one is served');
    isnt(window(), $old, '... and held there');
    is(moved('h', $old), $open->{amount}, '... the first is held as before');
});
is($reply->status, 200, 'the first call is answered in a later window');
my $cost = 10 * 1000 + 20 * 10000;
my $first = call_of($t, $reply);
my $second = call_of($t, $later);
like($first->{pins}, qr/:${seconds}s:$old(?:,|$)/,
    '... and settled in the window of its reserve');
unlike($second->{pins}, qr/:${seconds}s:$old(?:,|$)/, '... the other in its');
is(ended($t, $_->{hold})->{balance}, $cost, '... each at its cost')
    for $first, $second;
my ($new) = $second->{pins} =~ /:${seconds}s:(\d+)/;
cmp_ok(moved('s', $new), '<=', $cost, '... the later window has no more than'
    . ' its own call');
is(moved('h', $old), 0, '... nothing is held in the old one');
is($part->field($budget, 's:total:0'), 2 * $cost, '... the total has both');

# --- the price changes --------------------------------------------------------

my $priced = $t->project(budget_usd => '100');
$key = $t->key(project => $priced);
$reply = with_open_call($key, sub {
    $t->add_model($up, %model, cost_in => '0.002', cost_out => '0.03');
    ok($t->reload_catalog, 'a price is changed while a call is open');
    $later = $t->chat($key, {model => 'one'});
});
my ($before, $after) = map { call_of($t, $_) } $reply, $later;
is($before->{cv} + 1, $after->{cv}, 'the next call has the next card');
is(ended($t, $before->{hold})->{balance}, $cost,
    '... the open one is charged by the card of its reserve');
is(ended($t, $after->{hold})->{balance}, 10 * 2000 + 20 * 30000,
    '... the later one by the new');
my $cards = $t->{postgres}->value('SELECT count(*) FROM cards WHERE card_id = '
    . "'$before->{card}' AND version IN ($before->{cv}, $after->{cv})");
is($cards, 2, '... and both cards are kept');

# --- the limit is lowered -----------------------------------------------------

my $lowered = $t->project(budget_usd => '100');
$key = $t->key(project => $lowered);
$t->{may_overdraw} = 1;
$reply = with_open_call($key, sub {
    my ($open) = @_;
    $t->set_budgets($lowered, ['total', '0.000001']);
    is($part->{redis}->cmd('HGET', sprintf('{p%02d}:b:p.%s', $open->{part},
        $lowered), 'l:total'), 1000, 'a limit is lowered below what is held');
    my ($row) = grep { $_->{window} eq 'total' }
        @{$t->usage($lowered)->{windows}};
    is($row->{free_usd} * 1e9, 1000 - $open->{amount},
        '... what is free is negative in the API');
    my $refused = $t->chat($key, {model => 'one'});
    is($refused->status . ' ' . $refused->code, '429 budget_exceeded',
        '... no further call is admitted');
    is(scalar open_holds($t), 1, '... and the open hold stands');
});
is($reply->status, 200, 'the open call is answered');
is(ended($t, call_of($t, $reply)->{hold})->{balance}, 10 * 2000 + 20 * 30000,
    '... and charged in full');
$t->set_budgets($lowered, ['total', '100']);
is($t->chat($key, {model => 'one'})->status, 200,
    'with the limit raised calls are admitted');
$t->done;
