#!/usr/bin/env perl
# A replica that never got the last writes becomes the master behind the same
# address: nothing is granted until it is seeded from the ledger, then the
# sums are exact; nothing is doubled and nothing forgotten.
#
# Fault row 4.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Time::HiRes qw(sleep);

use Asgard::FaultProxy;
use Asgard::Files qw(wait_until);
use Asgard::RedisServer;
use Asgard::Test;

my $t = Asgard::Test->new(workers => 2, redis_deadline => '1s',
    proxies => [qw(gateway_redis ctl_redis)]);
my $up = $t->upstream('main', prompt_tokens => 10, completion_tokens => 20);
$t->add_model($up, ref => 'model:test/one', route => 'one');
$t->add_model($t->upstream($_), ref => "model:$_/$_", route => $_,
    proxy => 1) for qw(told lost open);
$t->start;
my $project = $t->project(budget_usd => '1');
my $key = $t->key(project => $project);

mkdir "$t->{dir}/replica";
my $replica = Asgard::RedisServer->new(dir => "$t->{dir}/replica",
    password => $t->{redis}{password});
my $between = Asgard::FaultProxy->new(dir => $t->{dir}, name => 'replication',
    server => $t->{redis}, protocol => 'raw');
ok($replica->follow($between->address), 'a replica follows');

sub call { $t->chat($key, {model => 'one'}) }
sub settled { $t->{postgres}->value("SELECT count(*) FROM holds"
    . " WHERE project_id = '$project' AND state = 'settled'") }
sub stream { $t->stalled_stream($key, $_[0]) }
sub whole { $_[0]->()->body =~ /\[DONE\]/ }

is(call()->status, 200, 'a call before') for 1 .. 3;
my ($told, $lost) = (stream('told'), stream('lost'));
my @ids = sort map { /:h:(.*)/ } @{$t->{redis}->cmd('KEYS', '{p*}:h:*')};
ok(wait_until(sub { my @there = sort map { /:h:(.*)/ }
    @{$replica->cmd('KEYS', '{p*}:h:*')}; "@there" eq "@ids" }, 5),
    'the replica has both their holds');

# From here on the replica gets nothing.
$between->refuse;
$between->cut;
ok(whole($told), 'one ends');
is(call()->status, 200, 'calls that the replica never hears of') for 1 .. 3;
ok(wait_until(sub { settled() == 7 }, 10), '... are in the ledger');

# And what follows is not in the ledger either: the meter is held still.
my $meter = $t->{control}->roles->{meter};
kill STOP => $meter;
my $open = stream('open');                  # its hold is known to the dead only
ok(whole($lost), 'the other one ends');
is(call()->status, 200, 'calls that nobody but the old master hears of')
    for 1 .. 3;
is(settled(), 7, '... not even the ledger');

my $old = $t->{redis};
$old->kill;
$replica->cmd('REPLICAOF', 'NO', 'ONE');
$_->switch_to($replica) for map { $t->proxy($_) } qw(gateway_redis ctl_redis);
$t->{redis} = $replica;
my $served = $up->count;
ok(wait_until(sub { $t->get('/metrics')->body =~ /^asgard_redis_up 1/m }, 10),
    'the gateway is connected to the new master');
for (1 .. 10) {
    my $reply = call();
    is(join(' ', $reply->status, $reply->code), '503 budget_unavailable',
        'its data looks right and is not believed');
    sleep 0.05;
}
is($up->count, $served, '... nothing goes to the provider');

kill CONT => $meter;
ok(wait_until(sub { call()->status == 200 }, 40, 0.05),
    'seeded from the ledger it grants again');
$served++;
ok(whole($open), 'the stream that was open all the time ends');
is($up->count, $served, 'the provider saw each call once');
$served += 3;
ok(wait_until(sub { settled() == $served }, 15, 0.1),
    'and each call is in the ledger') or diag settled(), " of $served";
is($t->{postgres}->value('SELECT count(*) FROM ledger'), $served,
    '... with one entry');
is(sprintf('%.5f', $t->usage($project)->{spent_usd}),
    sprintf('%.5f', $served * 0.00021),
    '... and the sum is that of the calls');
$t->done;
