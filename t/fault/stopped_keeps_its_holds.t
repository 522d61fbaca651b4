#!/usr/bin/env perl
# A worker is stopped, not dead, with open holds on a tight budget, for so long
# that nobody expects its word, and Redis loses its data: a sibling tells what
# it holds, and no room of it is given to others.
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
my ($t, $up, $project, $key) = one_model(workers => 2, budget_usd => '0.07',
    redis_deadline => '2s');
my $redis = $t->{redis};
my $pg = $t->{postgres};
my $part = $pg->value(
    "SELECT partition FROM projects WHERE project_id = '$project'");
my %call = (model => 'one', max_tokens => 2000);

sub counter { $redis->cmd('HGET', sprintf('{p%02d}:b:p.%s', $part, $project),
    "$_[0]:total:0") // -1 }
sub status { $t->chat($key, {%call})->status }
sub epoch { $pg->value("SELECT epoch FROM partitions WHERE partition = $part"
    . " AND step = 'open'") || 0 }
sub is_silent { $pg->value('SELECT count(*) FROM gateway_workers WHERE seen_at'
    . " < (SELECT max(seen_at) FROM gateway_workers) - interval '5 s'") == 1 }

# Streams that begin when the file is there.
sub streams_ask {
    my ($n, $file) = @_;
    $up->script(map { {chunks => 3, until => $file} } 1 .. $n);
    my $before = $up->count;
    my @http = map { $t->chat_ask($key, {%call, stream => JSON::PP::true}) }
        1 .. $n;
    # The kernel may have woken the stopped one alone for a connection: then it
    # serves that when it goes on.
    wait_until(sub { $up->count == $before + $n }, 3)
        or kill CONT => $t->{gateway}->workers;
    ok(wait_until(sub { $up->count == $before + $n }, 10),
        "$n calls are under way");
    return @http;
}

is(status(), 200, 'a call is served');
my ($one, $other) = $t->{gateway}->workers;
kill STOP => $other;
my @open = streams_ask(3, "$t->{dir}/go");
kill CONT => $other;
is(status(), 429, 'the budget has no room beside them');
my $held = counter('h');
cmp_ok($held, '>', 60_000_000, '... for they hold it');

kill STOP => $one;
ok(wait_until(\&is_silent, 30, 0.1),
    'their worker is stopped for so long that nobody waits for it');
my $before = epoch();
$redis->cmd('FLUSHALL');
ok(wait_until(sub { epoch() > $before }, 20, 0.05),
    'a lost Redis is open again');
is(counter('h'), $held, '... with all that the stopped worker holds');
is(status(), 429, '... so that no room of it is given to others');
unlike($t->{control}->log_text, qr/opens without hearing/,
    '... and nobody is missed');

kill CONT => $one;
spill("$t->{dir}/go", '');
is((grep { $t->chat_read($_)->body =~ /\[DONE\]/ } @open), 3,
    'the worker goes on: its calls end');
ok(wait_until(sub { counter('h') == 0 && $pg->value('SELECT'
    . ' coalesce(sum(delta_nano), 0) FROM ledger') == counter('s') }, 20, 0.1),
    '... each is charged once');
is(status(), 200, '... and there is room again');

# What a call came to is told for its worker, too, when the ledger has not read
# it: the next worker is stopped with one, and the meter so that it is unread.
($one, $other) = ($other, $one);
my $meter = $t->{control}->roles->{meter};
kill STOP => $other, $meter;
my $spent = counter('s');
is(status(), 200, 'a call ends that the ledger hears nothing of');
ok(wait_until(sub { counter('s') > $spent && counter('h') == 0 }, 10, 0.02),
    '... and is charged');
$spent = counter('s');
kill STOP => $one;
kill CONT => $other;
$before = epoch();
$redis->cmd('FLUSHALL');
kill CONT => $meter;
ok(wait_until(sub { epoch() > $before }, 20, 0.05),
    'its worker is stopped, Redis is lost and open again');
is(counter('s'), $spent, '... with what the call came to');
unlike($t->{control}->log_text, qr/opens without hearing/,
    '... and nobody is missed');
kill CONT => $one;
ok(wait_until(sub { $pg->value('SELECT coalesce(sum(delta_nano), 0)'
    . ' FROM ledger') == $spent && counter('s') == $spent }, 20, 0.1),
    'the worker goes on and tells it, too: it counts once');
$t->done;
