#!/usr/bin/env perl
# With 100 holds open and 1,000 settles undrained, Redis is flushed: none is
# lost, none is doubled, and nothing is admitted that would not fit.
#
# Fault row 5.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use Test::More;
use Time::HiRes qw(sleep time);

use Asgard::Files qw(wait_until);
use Asgard::Test;

my ($OPEN, $SETTLED, $COST) = (100, 1000, 210_000);

my $t = Asgard::Test->new(workers => 2, redis_deadline => '500ms');
my $up = $t->upstream('main', prompt_tokens => 10, completion_tokens => 20);
$t->add_model($up, ref => 'model:test/one', route => 'one');
$t->start;
my $project = $t->project(budget_usd => '100');
my $key = $t->key(project => $project);
my $redis = $t->{redis};
my ($budget) = grep { /:b:p\./ } @{$redis->cmd('KEYS', '*:b:p.*')};

sub field { $redis->cmd('HGET', $budget, $_[0]) }
sub epoch { my ($part) = $budget =~ /(\{p\d\d\})/;
    return ($redis->cmd('HGET', "$part:m", 'f') // '') =~ /^(\d+):/ ? $1 : 0 }
sub ledger_rows { $t->{postgres}->value('SELECT count(*) FROM ledger') }

is($t->chat($key, {model => 'one'})->status, 200, 'a first call');
ok(wait_until(sub { ledger_rows() == 1 }, 10), 'is in the ledger');

# The ledger hears nothing from here: what Redis has is in Redis alone.
my $meter = $t->{control}->roles->{meter};
kill STOP => $meter;
my @status = $t->in_parallel(4, sub {
    my $good = 0;
    my $http = $t->http;
    for (1 .. $SETTLED / 4) {
        $good++ if $http->request('POST', '/v1/chat/completions',
            [Asgard::Test::bearer($key), 'Content-Type', 'application/json'],
            $t->chat_body({model => 'one'}))->status == 200;
    }
    return $good;
});
my $settled = 0;
$settled += $_ for @status;
is($settled, $SETTLED, "$SETTLED calls are answered and undrained");
is(ledger_rows(), 1, '... and none of them is in the ledger');

# Streams that last longer than all that follows, unless they are let go.
$up->script(({chunks => 60, chunk_delay => 0.2}) x $OPEN);
my @open = map { [$t->chat_start($key, {model => 'one',
    stream => JSON::PP::true})] } 1 .. $OPEN;
$_->[0]->read_piece($_->[1]) for @open;
my $held = field('h:total:0');
is($redis->cmd('ZCARD', $budget =~ s/:b:.*/:x/r), $OPEN,
    "$OPEN holds are open");

my $epoch = epoch();
$redis->cmd('FLUSHALL');
my $flushed = time;
is($t->chat($key, {model => 'one'})->status, 503,
    'a flushed Redis admits nothing');
kill CONT => $meter;
ok(wait_until(sub { epoch() > $epoch
    && ($redis->cmd('HGET', ($budget =~ /(\{p\d\d\})/)[0] . ':m', 'st') // '')
       eq 'open' }, 10, 0.02), 'the door is open again within 10 s');
note(sprintf 'after %.1f s', time - $flushed);

# Opened only after the gateways have spoken: at this very moment all is there.
is(field('h:total:0'), $held, 'the open holds are held again');
is(field('s:total:0'), (1 + $SETTLED) * $COST,
    '... and every undrained settle is spent');
is(ledger_rows(), 1 + $SETTLED, '... and in the ledger, once');

is($t->chat($key, {model => 'one'})->status, 200, 'calls go through');
$_->[0]->read_body($_->[1]) for @open;
is(scalar(grep { $_->[1]->body =~ /data: \[DONE\]/ } @open), $OPEN,
    'the streams end as if nothing had been');
ok(wait_until(sub { field('h:total:0') eq '0' }, 10), 'nothing stays held');
ok(wait_until(sub { ledger_rows() == 2 + $SETTLED + $OPEN }, 10),
    'every call is in the ledger once');
is($t->{postgres}->value('SELECT sum(delta_nano) FROM ledger'),
    (2 + $SETTLED + $OPEN) * $COST, '... and to the exact sum');
is($t->{postgres}->value("SELECT count(*) FROM ledger WHERE kind <> 'settle'"),
    0, '... none of them as unknown or corrected');
cmp_ok($t->get('/metrics')->body =~ /^asgard_adopted_total (\d+)/m ? $1 : 0,
    '>=', $OPEN, 'what was announced again is counted');

$t->done;
