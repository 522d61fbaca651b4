#!/usr/bin/env perl
# With asgard_fail_mode local, a dead Redis lets calls through until a project
# has used its allowance, over all workers; a worker's death and a reload change
# nothing of that.  Who is not known is refused, and who had no room.  When
# Redis is back each call is in the ledger once with what it cost, a budget is
# passed by no more than the allowance, and the audit knows of what.
#
# Fault row 1.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(wait_until);
use Asgard::OneModel qw(one_model $COST);

my $ALLOWANCE = 3_000_000;
my ($t, $up, $project, $key) = one_model(workers => 2,
    http_conf => 'asgard_fail_mode local 0.003;');
$t->{may_overdraw} = 1;
my $poor = $t->project(budget_usd => '0.0007');
my $poor_key = $t->key(project => $poor);
my $nothing = $t->project(budget_usd => '0');
my $nothing_key = $t->key(project => $nothing);
my $killed = $t->project(budget_usd => '1');
my $killed_key = $t->key(project => $killed);
my $revoked_key = $t->key(project => $project);
my $unused_key = $t->key(project => $project);

sub call { $t->chat($_[0] // $key, {model => 'one', max_tokens => 20}) }
sub said { my ($reply) = @_;
    return $reply->status == 200 ? 200
        : join ' ', $reply->status, $reply->code }
sub mode { $_[0]->header('x-asgard-fail-mode') // '' }
sub metric { my ($name) = @_;
    return $t->get('/metrics')->body =~ /^asgard_fail_mode\Q$name\E (-?\d+)/m
        ? $1 : undef }
sub settled { $t->{postgres}->value('SELECT count(*) FROM holds WHERE'
    . " project_id = '$_[0]' AND state = 'settled'") }
# Until it is refused, on many connections: how often it was served.
sub use_up { my ($who) = @_;
    my $served = 0;
    for (1 .. 60) {
        my $reply = call($who);
        return ($served, $reply) if $reply->status != 200;
        is(mode($reply), 'local', 'served, and its header says how')
            if !$served;
        $served++;
    }
    return ($served, undef);
}

is(metric('{mode="local"}'), 1, 'the mode is a metric');
is(metric('{mode="closed"}'), 0, '... and it is no other');
for (1 .. 8) {                      # each worker knows them
    my $reply = call();
    is(said($reply) . mode($reply), 200, 'with Redis a call is like any other')
        if $_ == 1;
    call($_) for $killed_key, $revoked_key;
}
is(said(call($nothing_key)), '429 budget_exceeded', 'a budget of 0 is refused');
is(said(call($poor_key)), 200, 'a small budget lets one call in');
my $before = $up->count;
$t->kill_project($killed);
$t->revoke_key($project, $revoked_key->{id} // $revoked_key->{key_id});
ok(wait_until(sub { call($killed_key)->status == 403
    && call($revoked_key)->status == 401 }, 5), 'a kill and a revocation');
$before = $up->count;
is(metric('_in_effect'), 0, 'it is not in effect');

$t->{redis}->stop;
my ($served, $refused) = use_up($key);
cmp_ok($served, '>', 3, "without Redis calls are served ($served)");
is(said($refused), '503 budget_unavailable', '... until they are refused');
like($refused->body, qr/may spend meanwhile is used up/, '... and told why');
is(mode($refused), '', '... not in that mode');
cmp_ok($served * $COST, '<=', $ALLOWANCE, '... within the allowance');
is(metric('_used_nusd'), $served * $COST,
    '... of which is used what they cost, over both workers');
is(metric('_in_effect'), 1, 'a metric says that it is in effect');
is(metric('_calls_total'), $served, '... how many calls were served so');
is(metric('_untold_calls'), $served, '... and that Redis knows of none');
cmp_ok(metric('_refused_total'), '>=', 1, '... and how many were not');

my ($poor_served) = use_up($poor_key);
cmp_ok($poor_served * $COST, '<=', $ALLOWANCE, 'another project has its own');
cmp_ok($poor_served * $COST, '>', 490_000, '... which passes its budget');
is(said(call($nothing_key)), '503 budget_unavailable',
    'a budget that had no room is refused');
is(said(call($unused_key)), '503 budget_unavailable',
    'and so is a key that this gateway has not seen');
my $unknown = $key->{key} =~ s/(.{8})$/reverse $1/er;
is(said(call({%$key, key => $unknown})), '503 budget_unavailable',
    '... one that does not exist');
cmp_ok(call($killed_key)->status, '>=', 403, '... a project that was killed');
isnt(call($revoked_key)->status, 200, '... and a key that was revoked');

$t->kill_worker;
is(said(call()), '503 budget_unavailable',
    'a worker that is killed gives no allowance back');
ok($t->{gateway}->reload, 'nor does a reload');
is(said(call()), '503 budget_unavailable', '...');
is(metric('_untold_calls'), $served + $poor_served, '... and nothing is lost');
is($up->count, $before + $served + $poor_served,
    'the provider saw what was served');

$t->{redis}->start;
my $late = 0;                       # let in so, before Redis is believed
ok(wait_until(sub { my $reply = call();
    $late++ if mode($reply);
    return said($reply) . mode($reply) eq '200' }, 60, 0.1), 'Redis is back');
ok(wait_until(sub { metric('_untold_calls') == 0 }, 20),
    'and knows of every call');
is(metric('_used_nusd'), 0, '... the allowance is whole');
is(metric('_in_effect'), 0, '... and it is in effect no more');
ok(wait_until(sub { settled($poor) == 1 + $poor_served }, 20),
    'each is in the ledger');
is($t->{postgres}->value('SELECT count(*) FROM ledger WHERE project_id ='
    . " '$poor'"), 1 + $poor_served, '... once');
is(sprintf('%.5f', $t->usage($poor)->{spent_usd}),
    sprintf('%.5f', (1 + $poor_served) * 0.00021),
    '... with what it cost, in the budget that they passed');
sub marked { return $t->{postgres}->value('SELECT count(*) FROM ledger'
    . " WHERE detail->>'fm' = 'local'") }
my $all = $served + $poor_served + $late;
wait_until(sub { marked() == $all }, 20);
is(marked(), $all, '... and it says how they got in');
ok(wait_until(sub { said(call($poor_key)) eq '429 budget_exceeded' }, 10, 0.1),
    'the budget that was passed is refused');

my ($status, $out) = $t->{control}->run('audit', 'money');
is($status, 0, 'the audit knows by how much it may be passed') or diag $out;
$t->{postgres}->value("UPDATE holds SET detail = detail - 'fm' WHERE"
    . " project_id = '$poor' RETURNING 1");
($status, $out) = $t->{control}->run('audit', 'money');
like($out, qr/^M1 p\.\Q$poor\E:total:0: /m, '... and tells any other sum');
$t->{postgres}->value("UPDATE holds h SET detail = l.detail - 'at_ms'"
    . ' FROM ledger l WHERE l.hold_id = h.hold_id AND h.project_id ='
    . " '$poor' RETURNING 1");

# However often Redis goes.
my $entries = $t->{postgres}->value('SELECT count(*) FROM ledger');
$t->{redis}->stop;
is(said(call($poor_key)), '503 budget_unavailable',
    'what has passed its budget gets no allowance again');
is(said(call()), 200, '... what has not does');
$t->{redis}->start;
ok(wait_until(sub { $t->{postgres}->value('SELECT count(*) FROM ledger')
    == $entries + 1 }, 60), 'and the ledger has it');
$t->done;
