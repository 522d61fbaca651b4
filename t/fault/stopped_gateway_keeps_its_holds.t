#!/usr/bin/env perl
# All workers of a gateway are stopped with open holds on a tight budget, and
# Redis loses its data: nobody can tell what they hold, but the meter copied it
# when they fell silent, and no room of it is given to others.
#
# Fault row 5.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use Test::More;

use Asgard::Files qw(spill wait_until);
use Asgard::OneModel qw(one_model);

# A call holds 20,000,000 nano-USD and its prompt: there is room for three.
my ($t, $up, $project, $key) = one_model(gateways => 2, budget_usd => '0.07',
    redis_deadline => '2s');
my $there = $t->at(1);
my ($redis, $pg) = @$t{qw(redis postgres)};
my $part = $pg->value(
    "SELECT partition FROM projects WHERE project_id = '$project'");
my %call = (model => 'one', max_tokens => 2000);
my $stream = {%call, stream => JSON::PP::true};

sub counter { $redis->cmd('HGET', sprintf('{p%02d}:b:p.%s', $part, $project),
    "$_[0]:total:0") // -1 }
sub status { $t->chat($key, {%call})->status }
sub epoch { $pg->value("SELECT epoch FROM partitions WHERE partition = $part"
    . " AND step = 'open'") || 0 }
sub copies { $pg->value('SELECT count(*) FROM held_copies') }
sub charged { $pg->value('SELECT coalesce(sum(delta_nano), 0) FROM ledger') }
sub flush {
    my $before = epoch();
    $redis->cmd('FLUSHALL');
    return wait_until(sub { epoch() > $before }, 20, 0.05);
}

is(status(), 200, 'a call is served');
$up->script({chunks => 3, until => "$t->{dir}/go"},
    map { {chunks => 3, until => "$t->{dir}/here"} } 1 .. 2);
my @open = $there->chat_ask($key, $stream);
ok(wait_until(sub { $up->count == 2 }, 10), 'the other gateway has a call');
my @mine = map { $t->chat_ask($key, $stream) } 1 .. 2;
ok(wait_until(sub { $up->count == 4 }, 10), '... and this one has two');
my $held = counter('h');
is(status(), 429, 'the budget has no room beside them');

my @family = ($there->{gateway}->pid, $there->{gateway}->workers);
kill STOP => @family;
ok(wait_until(sub { copies() == 3 }, 20, 0.05),
    'the other gateway is stopped: the open holds are copied');
spill("$t->{dir}/here", '');
is((grep { $t->chat_read($_)->body =~ /\[DONE\]/ } @mine), 2,
    'calls of this gateway end');
ok(wait_until(sub { counter('h') * 3 == $held }, 10),
    '... and hold no more: one of three alike is open');

ok(flush(), 'a lost Redis is open again');
is(counter('h') * 3, $held, '... with what the stopped gateway holds');
is(counter('s'), charged(), '... and nothing of what has ended');
$up->script(map { {chunks => 3, until => "$t->{dir}/go"} } 1 .. 2);
push @open, map { $t->chat_ask($key, $stream) } 1 .. 2;
ok(wait_until(sub { $up->count == 6 }, 10), 'there is room for two more');
is(status(), 429, '... and for no third');

kill CONT => @family;
spill("$t->{dir}/go", '');
is((grep { $t->chat_read($_)->body =~ /\[DONE\]/ } @open), 3,
    'the gateway goes on: all calls end');
ok(wait_until(sub { counter('h') == 0 && charged() == counter('s') }, 20, 0.1),
    '... each is charged once');
is($pg->value("SELECT count(*) FROM ledger WHERE kind <> 'settle'"), 0,
    '... with what it came to, and nothing else');
is(status(), 200, '... and there is room again');
$t->done;
