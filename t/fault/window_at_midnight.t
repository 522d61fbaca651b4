#!/usr/bin/env perl
# A call that begins just before midnight and ends after it is settled in the
# day of its reserve; the next day begins with what is reserved in it.
#
# Fault row 21.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(spill wait_until);
use Asgard::Holds qw(ended open_holds partition_of);
use Asgard::Spool qw(call_of);
use Asgard::Test;

my $t = Asgard::Test->new(shims => {redis => 'clock', postgres => 'clock'});
my $up = $t->upstream('main');
$t->add_model($up, ref => 'model:test/one', route => 'one');
$t->start;
my $project = $t->project(budget_usd => '100');
my $key = $t->key(project => $project);
my $part = partition_of($t, $project);
my $cost = 10 * 1000 + 20 * 10000;
my $day = 24 * 3600;

sub now { $part->{redis}->cmd('TIME')->[0] }
sub counter { return $part->field("p.$project", "$_[0]:1d:$_[1]") // 0 }
# The clocks that count are those of Redis and PostgreSQL: both at once.
sub set_clocks { $t->shim($_)->set($_[0]) for qw(redis postgres) }
sub day_of { return $_[0]{pins} =~ /:1d:(\d+)(?:,|$)/ ? $1 : 'none' }

my $ahead = $day - 30 - now() % $day;
set_clocks($ahead);
ok(wait_until(sub { $t->chat($key, {model => 'one'})->status == 200 }, 20),
    'half a minute before midnight calls are admitted');
$t->set_budgets($project, ['total', '100'], ['1d', '50']);
my $midnight = now() - now() % $day + $day;

my $asked = $up->count;
$up->script({until => "$t->{dir}/answer"});
my $http = $t->chat_ask($key, {model => 'one'});
$up->wait_count($asked + 1);
my ($open) = open_holds($t);
my $old = day_of($open);
is($old, $midnight - $day, 'a call is held in the day that ends');
is(counter('h', $old), $open->{amount}, '... with all of it');

set_clocks($ahead + $midnight - now() + 1) if now() < $midnight;
cmp_ok(now(), '>=', $midnight, 'midnight passes');
my $later;
ok(wait_until(sub { $later = $t->chat($key, {model => 'one'});
    $later->status == 200 }, 20), '... a call of the next day is served');
is(counter('h', $old), $open->{amount}, '... and the first is held as before');

spill("$t->{dir}/answer", '');
my $reply = $t->chat_read($http);
is($reply->status, 200, 'the first call is answered in the next day');
my ($first, $second) = map { call_of($t, $_) } $reply, $later;
is(day_of($first), $old, '... and settled in the day of its reserve');
is(day_of($second), $midnight, '... the other one in its own');
is(ended($t, $_->{hold})->{balance}, $cost, '... at its cost')
    for $first, $second;
is(counter('h', $old), 0, 'nothing is held in the old day');
is(counter('s', $midnight), $cost, 'the new one has its own call alone');
$t->done;
