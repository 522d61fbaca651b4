#!/usr/bin/env perl
# A slot stays until the ledger has its call; a full journal refuses; a worker
# that leaves tells Redis first.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use Test::More;
use Time::HiRes qw(sleep time);

use Asgard::Files qw(wait_until);
use Asgard::OneModel qw(one_model_stage);

my ($s, $up, $project, $key, $part) = one_model_stage(zone => '4m');
my $r = $s->{redis}->connect;

sub call { $s->chat($key, {model => 'one'}) }

sub durable {
    my ($id) = @_;
    $r->cmd('HSET', $part->key('m'), 'dur', $id);
    $r->cmd('HSET', $part->key('m'), 'cap', 1_000_000);
}

# Nothing is durable: each call keeps its slot until there is none.
my $calls = 0;
my $reply;
my $http = $s->http;
for (1 .. 1500) {
    $reply = $http->request('POST', '/v1/chat/completions',
        ['Authorization', "Bearer $key->{key}",
         'Content-Type', 'application/json'],
        $s->chat_body({model => 'one'}));
    last if $reply->status != 200;
    $calls++;
}
is($reply->status, 503, 'a full journal refuses');
is(JSON::PP::decode_json($reply->body)->{error}{code}, 'budget_unavailable',
    'as a budget that is not known');
cmp_ok($calls, '>', 400, 'half of a 4m zone is some five hundred slots, of'
    . ' which a project may have seven eighths');
like($s->get('/metrics')->body, qr/^asgard_journal_full_total [1-9]/m,
    'and it is counted');

# The ledger has the first ten.
my @events = $part->events;
durable($events[9]{id});
ok(wait_until(sub { call()->status == 200 }, 3),
    'what the ledger has gives its slot back');
my $more = 1;
$more++ while $more < 20 && call()->status == 200;
is($more, 10, 'exactly what the ledger has');

# A new epoch: what was not durable in the old one is told again, as evidence.
durable($events[-1]{id});
sleep 1.5;
my $old = () = $part->events;
my $new = Asgard::Partition->new(redis => $r, part => 3, epoch => 2,
    token => 2);
$new->open;
ok(wait_until(sub { my @e = $new->events; @e >= 10 }, 5),
    'what was not durable in the old epoch is told to the new one');
is_deeply([grep { $_->{d} != 0 } $new->events], [],
    'and moves nothing, because the holds are gone');
my %told = map { $_->{i} => 1 } $new->events;
is_deeply([grep { $told{$_->{i}} } @events], [],
    'what the ledger had is not told again');

# A worker that leaves while Redis hangs.
$r->cmd('HSET', $new->key('m'), 'dur', ($new->events)[-1]{id});
is(call()->status, 200, 'the new epoch serves');
my $before = $new->events;
my ($pid) = $s->{gateway}->workers;
$up->script({delay => 0.6});
my @answer = $s->in_parallel(2, sub {
    my ($i) = @_;
    return call()->status if $i == 0;
    sleep 0.3;
    $s->{redis}->freeze;
    kill QUIT => $s->{gateway}->pid;
    sleep 1.5;
    $s->{redis}->thaw;
    return 'thawed';
});
is($answer[0], 200, 'a leaving worker answers its call');
ok(wait_until(sub { !kill 0, $pid }, 8), 'and leaves');
my @last = $new->events;
cmp_ok(scalar @last, '>', $before, 'not before Redis knows the outcome');
is($last[-1]{v}, 's', 'which is the measured one');
is($part->field("p.$project", 'h:total:0'), 0, 'nothing is left held');

$s->done;
