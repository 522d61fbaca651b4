#!/usr/bin/env perl
# Redis goes away under a hundred streams: they finish, new calls are refused
# without waiting, and every settlement waits and is applied once.
#
# Fault row 1.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Time::HiRes qw(time);

use Asgard::Files qw(wait_until);
use Asgard::Test;

my $streams = 100;
my $t = Asgard::Test->new(workers => 2, redis_deadline => '5s');
my $up = $t->upstream('main', prompt_tokens => 10, completion_tokens => 20,
    chunks => 3, chunk_delay => 1);
$t->add_model($up, ref => 'model:test/one', route => 'one', proxy => 1);
$t->start;
my $project = $t->project(budget_usd => '100');
my $key = $t->key(project => $project);

sub metric { my ($name) = @_;
    return $t->get('/metrics')->body =~ /^\Q$name\E (\d+)$/m ? $1 : -1 }
sub settled { $t->{postgres}->value(
    "SELECT count(*) FROM holds WHERE project_id = '$project'"
    . " AND state = 'settled'") }

my @open = map { [$t->chat_start($key, {model => 'one', stream => \1})] }
    1 .. $streams;
is((grep { $_->[1]->status == 200 } @open), $streams, 'a hundred streams run');
$t->proxy('up_main')->freeze('down');
my $before = settled();
$t->{redis}->stop;

# A deadline is 5 s here: to wait for one would be counted as such.
my $timeouts = metric('asgard_redis_timeouts_total');
my @took;
my @refused = map { my $begun = time;
    my $reply = $t->chat($key, {model => 'one'});
    push @took, time - $begun;
    $reply } 1 .. 20;
is_deeply([map { join ' ', $_->status, $_->code } @refused],
    [('503 budget_unavailable') x 20], 'new calls are refused');
is($refused[-1]->header('retry-after'), 1, '... a client may try again');
is(metric('asgard_redis_timeouts_total'), $timeouts,
    '... and not one waited for a deadline');
# The machine may be slow, the gateway never is.
cmp_ok((sort { $a <=> $b } @took)[4], '<', 0.1, '... nor 100 ms');
is($up->count, $streams, '... and none went to the provider');

$t->proxy('up_main')->thaw('down');
my @whole = grep { my ($http, $reply) = @$_;
    $http->read_body($reply);
    $reply->body =~ /^data: \[DONE\]/m } @open;
is(@whole, $streams, 'every stream finished without Redis');
is(settled(), $before, 'nothing is settled while Redis is away');

$t->{redis}->start;
ok(wait_until(sub { settled() == $streams }, 20, 0.1),
    'every settlement waited and is in the ledger')
    or diag settled(), ' of ', $streams;
my @entries = $t->ledger($project);
is(@entries, $streams, '... once');
is_deeply([grep { $_->{cost_usd} ne '0.00021' } @entries], [],
    '... as measured, not as estimated');
ok(wait_until(sub { eval { $t->chat($key, {model => 'one'})->status == 200 }
    }, 10, 0.1), 'calls go through again');
$t->done;
