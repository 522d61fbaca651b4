#!/usr/bin/env perl
# A window that is added while Redis' clock is off opens in the period of Redis'
# now, not of PostgreSQL's, with exactly what was spent in it.
#
# Fault row 24.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(wait_until);
use Asgard::OneModel qw(one_model $COST);

my ($t, undef, $project, $key) = one_model(shims => {redis => 'clock'});
my $redis = $t->{redis};
my $clock = $t->shim('redis');
my $ledger = 0;

sub second { $redis->cmd('TIME')->[0] }
sub call {
    my ($name, $of) = @_;
    is($t->chat($of // $key, {model => 'one'})->status, 200, $name);
    $ledger++;
    ok(wait_until(sub { $t->{postgres}->value('SELECT count(*) FROM ledger')
        == $ledger }, 10), '... which is in the ledger');
}

# Redis' clock off by $least to $least + $length s, so that a period begins.
sub period_begins {
    my ($least, $length) = @_;
    my $off = $least + $length - (time + $least) % $length;
    $clock->set($off);
    return time + $off;
}

# A window of $length that is added now has had $n calls of its period.
sub opens_with {
    my ($of, $length, $n, $name) = @_;
    my $w = "${length}s";
    my $start = second() - second() % $length;
    my ($budget) = grep { /\Q$of\E/ } @{$redis->cmd('KEYS', '*:b:*')};
    $t->set_budgets($of, ['total', '1'], [$w, '1']);
    is($redis->cmd('HGET', $budget, "c:$w"), $start,
        "$name: a window opens in the period of Redis' now");
    is($redis->cmd('HGET', $budget, "s:$w:$start"), $n * $COST,
        "... with exactly $n calls");
    return sub {
        is($redis->cmd('HGET', $budget, "s:$w:$start"), ($n + 1) * $COST,
            '... to which it is added');
    };
}

call('a first call, of another period');
period_begins(17, 40);
call('ahead: a call');
call('ahead: another');
my $more = opens_with($project, 40, 2, 'ahead');
call('... a call in it');
$more->();

period_begins(-58, 28);
ok(wait_until(sub { $t->chat($key, {model => 'one'})->status == 200 }, 20),
    'back to behind, and granted again');
$ledger++;
my $other = $t->project(budget_usd => '1');
my $its = $t->key(project => $other);
call('behind: a call of a new project', $its);
$more = opens_with($other, 28, 1, 'behind');
call('... a call in it', $its);
$more->();
$t->done;
