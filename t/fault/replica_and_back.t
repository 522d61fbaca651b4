#!/usr/bin/env perl
# A Redis that was a replica of a stale one for a while, and is a master again,
# has the run id of before and other data: it is seeded anew, nothing that it
# forgot is lost, and no limit is passed.
#
# Fault row 4.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(wait_until);
use Asgard::RedisServer;
use Asgard::OneModel qw(one_model);

my ($t, undef, $project, $key) = one_model();
my $redis = $t->{redis};
my $calls = 0;
sub call {
    my $reply = $t->chat($key, {model => 'one'});
    $calls++ if $reply->status == 200;
    return $reply->status;
}

ok(wait_until(sub { call() == 200 }, 10), 'a first call');
ok(wait_until(sub { $t->ledger($project) == $calls }, 10), 'is in the ledger');
mkdir "$t->{dir}/other";
my $other = Asgard::RedisServer->new(dir => "$t->{dir}/other",
    password => $redis->{password});
ok($other->follow($redis->address), 'another Redis has a copy');
$other->cmd('REPLICAOF', 'NO', 'ONE');

my $meter = $t->{control}->roles->{meter};
kill STOP => $meter;
is(call(), 200, 'a call that nobody drains') for 1 .. 10;
my ($run_id) = $redis->cmd('INFO', 'server') =~ /run_id:(\w+)/;
ok($redis->follow($other->address), 'ours takes the copy of before');
$redis->cmd('REPLICAOF', 'NO', 'ONE');
is(($redis->cmd('INFO', 'server') =~ /run_id:(\w+)/)[0], $run_id,
    '... and is the same process');
call() for 1 .. 2;
kill CONT => $meter;
ok(wait_until(sub { $t->ledger($project) == $calls }, 20, 0.2),
    'each call that was answered is in the ledger')
    or diag($t->ledger($project) . " of $calls");
ok(wait_until(sub { call() == 200 }, 20, 0.2), 'calls go on');
ok(wait_until(sub { $t->ledger($project) == $calls
    && $t->usage($project)->{spent_usd} == $calls * 0.00021 }, 20, 0.2),
    'and all are counted once')
    or diag($t->usage($project)->{spent_usd} . " for $calls calls");
$other->stop;
$t->done;
