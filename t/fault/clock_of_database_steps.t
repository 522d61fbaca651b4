#!/usr/bin/env perl
# The database's clock steps by an hour, forward and back: while it is not that
# of Redis nothing is granted; no hold expires, no window moves, a key ends when
# it should, and one asgard-ctl leads.
#
# Fault row 24.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use POSIX qw(strftime);
use Test::More;
use Time::HiRes qw(sleep time);

use Asgard::Files qw(wait_until);
use Asgard::Holds qw(ended open_holds);
use Asgard::OneModel qw(one_model $COST);

my ($t, $up, $project, $key) = one_model(slow => 1, budget_usd => '100',
    shims => {postgres => 'clock'});
$t->set_budgets($project, ['total', '100'], ['1h', '100'], ['1d', '100']);
my ($redis, $postgres) = map { $t->{$_} } qw(redis postgres);

# Two of them: a step ends the leases of one.
my $second = $t->another_control;
$second->{migrated} = 1;
$second->start;

sub mint {
    my ($seconds) = @_;
    return $t->api_ok('POST', "/api/projects/$project/keys", {name => 'k',
        expires_at => strftime('%Y-%m-%dT%H:%M:%SZ',
            gmtime time + $seconds)});
}
my ($soon, $later) = map { mint($_) } 15, 1800;
my $soon_until = time + 15;

sub call { $t->chat($_[0] // $key, {model => 'one'}) }
sub said { my ($like) = @_;
    return scalar(() = $t->{control}->log_text =~ /$like/g)
        + (() = $second->log_text =~ /$like/g) }
# Each window of the project that has a counter, but not those of a next hour or
# day that began meanwhile by the true clock.
sub windows {
    my ($name) = grep { /\Q$project\E$/ } @{$redis->cmd('KEYS', '*:b:p.*')};
    my $now = time;
    return sort grep { /^s:\w+:(\d+)$/ && $1 <= $now }
        @{$redis->cmd('HKEYS', $name)};
}
sub to_come {
    my ($name) = grep { /\Q$project\E$/ } @{$redis->cmd('KEYS', '*:b:p.*')};
    my $now = time;
    return grep { /^s:\w+:(\d+)$/ && $1 > $now }
        @{$redis->cmd('HKEYS', $name)};
}
sub leaders { return join ' ', map { @$_ } $postgres->rows(
    'SELECT leader, leader_token FROM partitions ORDER BY partition') }
# Two looks with a lease's time between them.
sub leaders_stay {
    return wait_until(sub {
        my $before = leaders();
        sleep 3.5;
        return leaders() eq $before;
    }, 20);
}

is(call($later)->status, 200, 'a first call');
my $entries = 1;
for my $step (3600, -3600) {
    my $name = sprintf '%+d s', $step;
    my @windows = windows();
    my $end = $t->stalled_stream($key, 'slow');
    my ($hold) = open_holds($t);
    my ($before, $served) = (said('the clock of Redis is'), $up->count);
    $t->shim('postgres')->set($step);
    my $granted = 0;
    ok(wait_until(sub { my $reply = call();
        $granted++ if $reply->status == 200;
        return $reply->status == 503 }, 10),
        "$name: within seconds nothing is granted");
    ok(wait_until(sub { said('the clock of Redis is') > $before }, 10),
        '... and the log says why');
    # Leases, expiries and windows are looked at some times.
    for (1 .. 4) {
        is(call()->code, 'budget_unavailable', '... a call is told so');
        sleep 1;
    }
    is($up->count, $served + $granted, '... the provider sees none of them');
    ok(leaders_stay(), '... who leads goes on leading');
    is_deeply([to_come()], [], '... no window of a time to come is there');

    $t->shim('postgres')->set(0);
    ok(wait_until(sub { call()->status == 200 }, 20, 0.05),
        '... with the right time calls go through again');
    is((open_holds($t))[0]{id}, $hold->{id}, '... the open hold has not'
        . ' expired');
    like($end->()->body, qr/\[DONE\]/, '... its stream ends as it should');
    my $ended = ended($t, $hold->{id}, 15) // {};
    is("$ended->{kinds} $ended->{balance}", "settle $COST",
        '... and is charged as measured, once');
    $entries += 2 + $granted;
    ok(wait_until(sub { $postgres->value('SELECT count(*) FROM holds'
        . " WHERE state = 'settled' AND project_id = '$project'") == $entries
        }, 15, 0.1), '... so is each call');
    is($postgres->value("SELECT count(*) FROM ledger WHERE kind <> 'settle'"),
        0, '... none as unknown');
    my %now = map { $_ => 1 } windows();
    is_deeply([grep { !$now{$_} } @windows], [], '... every window is the same')
        if (gmtime)[1] > 1;
    ok(leaders_stay(), '... and who leads then goes on leading');
}
is(call($later)->status, 200, 'a key that ends in half an hour is served');
sleep 1 while time <= $soon_until + 1;
is(call($soon)->status, 401, 'one whose time is over is not');
$entries++;
ok(wait_until(sub { $postgres->value("SELECT sum(balance_nano) FROM holds")
    == $entries * $COST }, 15, 0.1), 'all are the sum');
$t->done;
