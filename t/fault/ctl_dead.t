#!/usr/bin/env perl
# asgard-ctl is dead: the gateway serves from what it has for as long as the
# catalog may be old, then refuses; what was used meanwhile waits and comes into
# the ledger once.
#
# Fault row 10.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Time::HiRes qw(time);

use Asgard::Files qw(slurp wait_until);
use Asgard::Holds qw(open_holds);
use Asgard::OneModel qw(one_model);

# `make test-fault-long`: an hour.
my $max_age = $ENV{ASGARD_LONG} ? 3600 : 8;
my ($t, $up, $project, $key) = one_model(budget_usd => '100', tokens => 0,
    workers => 2, conf => "snapshot_max_age ${max_age}s");
is($t->chat($key, {model => 'one'})->status, 200, 'a call');
$t->wait_ledger($project, 1);

sub entries { return $t->{postgres}->value('SELECT count(*) FROM ledger') }

# The whole family at once, with no last word.
$t->allow_no_control;
my $pid = $t->{control}->pid;
kill KILL => $pid, split ' ', slurp("/proc/$pid/task/$pid/children");
my $died = time;
$t->{control}{process}->wait_end(5);

is($t->get('/readyz')->status, 503, 'with asgard-ctl dead it is not ready');
my $reply = $t->api('GET', '/api/projects');
is($reply->status . ' ' . $reply->code, '503 control_unavailable',
    '... the control API is 503');
my ($served, $refusal, $longest) = (1);
wait_until(sub {
    my $begun = time;
    $reply = $t->chat($key, {model => 'one'});
    $served++ if $reply->status == 200;
    $refusal = $begun if $reply->status != 200;
    return $refusal;
}, $max_age + 10, $max_age / 80);
cmp_ok($served, '>', 10, '... calls go on');
is($reply->status . ' ' . $reply->code, '503 catalog_unavailable',
    '... until the catalog is too old');
cmp_ok($refusal - $died, '>=', $max_age - 1, '... and not before');
is($t->get('/healthz')->status, 503, '... which the health check says');
is($up->count, $served, '... and no refused call reached the provider');
ok(wait_until(sub { !open_holds($t) }, 10), '... nor holds anything');
is(entries(), 1, 'the ledger has nothing new');

$t->{control}->start;
ok($t->wait_ready, 'with asgard-ctl back it is ready');
ok(wait_until(sub { $t->chat($key, {model => 'one'})->status == 200
    && ++$served }, 5), '... and calls are served');
is(scalar $t->wait_ledger($project, $served), $served,
    'every call of that time is in the ledger, once');
is($t->{postgres}->value('SELECT count(*) FROM holds'), $served,
    '... as a hold of its own');
$t->done;
