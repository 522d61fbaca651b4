#!/usr/bin/env perl
# A gateway's wall clock steps by an hour, forward and back: calls go on, the
# windows are those of Redis, no timeout fires and no hold expires for it.
#
# Fault row 24.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Time::Local qw(timegm);

use Asgard::Files qw(wait_until);
use Asgard::Test;

my $t = Asgard::Test->new(workers => 2, shims => {gateway => 'clock'});
my $up = $t->upstream('main', prompt_tokens => 10, completion_tokens => 20);
$t->add_model($up, ref => 'model:test/one', route => 'one');
$t->start;
my $project = $t->project(budget_usd => '1');
$t->set_budgets($project, ['total', '1'], ['1h', '1']);
my $key = $t->key(project => $project);

sub call { $t->chat($key, {model => 'one'}) }
sub metric { my ($name) = @_;
    return $t->get('/metrics')->body =~ /^\Q$name\E (\d+)$/m ? $1 : -1 }
# What the gateway's clock says.
sub says {
    my ($day, $month, $year, $h, $m, $s) = $t->get('/healthz')->header('date')
        =~ /(\d+) (\w+) (\d+) (\d+):(\d+):(\d+)/;
    my $months = 'JanFebMarAprMayJunJulAugSepOctNovDec';
    return timegm($s, $m, $h, $day, index($months, $month) / 3, $year);
}
sub hours { $t->{postgres}->value("SELECT count(DISTINCT pin) FROM holds,"
    . " unnest(string_to_array(pins, ',')) AS pin WHERE pin ~ ':1h:'") }

is(call()->status, 200, 'a first call');
my ($calls, $begun) = (1, time);
my $timeouts = metric('asgard_redis_timeouts_total');
for my $step (3600, -3600, 0) {
    my $name = sprintf '%+d s', $step;
    $up->script({chunks => 4, chunk_delay => 0.5});
    my ($http, $open) = $t->chat_start($key, {model => 'one', stream => \1});
    $t->shim('gateway')->set($step);
    ok(wait_until(sub { abs(says() - time - $step) < 5 }, 5),
        "$name: its clock has moved");
    is(call()->status, 200, '... calls go on') for 1 .. 5;
    is($t->get('/readyz')->status, 200, '... and it is ready');
    $http->read_body($open);
    like($open->body, qr/\[DONE\]/, '... an open stream ends as it should');
    $calls += 6;
    ok(wait_until(sub { $t->{postgres}->value('SELECT count(*) FROM holds'
        . " WHERE state = 'settled'") == $calls }, 10, 0.05),
        '... and each call is settled as measured');
}
is($t->{postgres}->value('SELECT count(*) FROM ledger WHERE rank <> 3'), 0,
    'no hold expired, none was estimated');
is(metric('asgard_redis_timeouts_total'), $timeouts,
    'no deadline fired for the clock');
cmp_ok(hours(), '<=', 1 + int(time / 3600) - int($begun / 3600),
    'every call stands in the hour of Redis');
$t->done;
