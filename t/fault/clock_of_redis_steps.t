#!/usr/bin/env perl
# Redis' clock steps by an hour, forward and back: nothing is granted on a time
# that the database does not share, holds are charged right in the end, and
# what a wrong time did is said and corrected.
#
# Fault row 24.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Time::HiRes qw(time);

use Asgard::Files qw(wait_until);
use Asgard::OneModel qw(one_model);

my ($t, $up, $project, $key) = one_model(slow => 1,
    shims => {redis => 'clock'});
$t->set_budgets($project, ['total', '1'], ['1h', '1']);
my $redis = $t->{redis};

sub call { $t->chat($key, {model => 'one'}) }
sub log_count { my ($like) = @_;
    return scalar(() = $t->{control}->log_text =~ /$like/g) }
sub hours {
    my ($name) = grep { /\Q$project\E/ } @{$redis->cmd('KEYS', '*:b:*')};
    return grep { /^s:1h:/ } @{$redis->cmd('HKEYS', $name)};
}

is(call()->status, 200, 'a first call');
my $entries = 1;
for my $step (3600, -3600) {
    my $name = sprintf '%+d s', $step;
    my @windows = hours();
    my $end = $t->stalled_stream($key, 'slow');
    my ($hold) = map { $_->{id} } @{Asgard::Money::read_books($t)->{holds}};
    my ($said, $served) = (log_count('the clock of Redis is'), $up->count);
    $t->shim('redis')->set($step);
    my $granted = 0;
    ok(wait_until(sub { my $reply = call();
        $granted++ if $reply->status == 200;
        return $reply->status == 503 }, 5),
        "$name: within seconds nothing is granted");
    ok(wait_until(sub { log_count('the clock of Redis is') > $said }, 5),
        '... and the log says why');
    is(call()->code, 'budget_unavailable', '... a call is told so')
        for 1 .. 3;
    is($up->count, $served + $granted, '... the provider sees none of them');
    like($end->()->body, qr/\[DONE\]/, '... an open stream ends as it should');

    $t->shim('redis')->set(0);
    ok(wait_until(sub { call()->status == 200 }, 15, 0.05),
        '... with the right time calls go through again');
    $entries += 2 + $granted;
    ok(wait_until(sub { $t->{postgres}->value("SELECT count(*) FROM holds"
        . " WHERE state = 'settled' AND project_id = '$project'") == $entries
        }, 15, 0.1), '... each call is settled');
    is($t->{postgres}->value("SELECT balance_nano FROM holds"
        . " WHERE hold_id = '$hold'"), 210_000,
        '... the open one as measured, whether or not its hold expired');
    cmp_ok($t->usage($project)->{spent_usd}, '==', $entries * 21 / 100_000,
        '... and all are the sum') or diag explain $t->usage($project);
    cmp_ok(scalar(hours()), '<=', @windows + 1,
        '... no window of another hour is left');
}
$t->done;
