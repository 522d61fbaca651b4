# finish.lua, extend.lua and apply.lua: every reply, and what each moves.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Time::HiRes qw(sleep time);

use Asgard::Partition;
use Asgard::PrivateRedis;

my $server = Asgard::PrivateRedis->new;
my $redis = $server->client;
my $p = Asgard::Partition->new(redis => $redis, part => 3);
my @b = ('p.x', 'k.y');
my $PINS = 'p.x:total:0,k.y:total:0';
my $other = '9:' . 'a' x 40;

sub unchanged {
    my ($expected, $name, $call) = @_;
    my $before = $p->dump;
    is_deeply($call->(), $expected, $name);
    is($p->dump, $before, '... and writes nothing');
}

sub counters {
    my ($held, $spent, $name) = @_;
    is_deeply([map { ($p->field($_, 'h:total:0'), $p->field($_, 's:total:0')) }
        @b], [$held, $spent, $held, $spent], $name);
}

sub event_is {
    my ($reply, $expected, $name) = @_;
    my @events = $p->events;
    my $event = $events[-1];
    my $id = delete $event->{id};
    is(delete $event->{n}, "$p->{epoch}:" . @events, 'an event has a number');
    is_deeply($event, $expected, $name);
    is($reply->[1], $id, '... whose id is in the reply');
}

unchanged(['FENCE', ''], 'finish on an empty server is FENCE',
    sub { $p->finish('h1', 's', 1, $PINS, \@b) });
unchanged(['FENCE', ''], 'extend on an empty server is FENCE',
    sub { $p->extend('h1', 60, 60) });
unchanged(['FENCE', ''], 'apply on an empty server is FENCE',
    sub { $p->apply(1, 1, $PINS, \@b) });
$p->seed('close', []);
unchanged(['CLOSED'], 'finish while closed is CLOSED',
    sub { $p->finish('h1', 's', 1, $PINS, \@b) });
unchanged(['CLOSED'], 'extend while closed is CLOSED',
    sub { $p->extend('h1', 60, 60) });
unchanged(['CLOSED'], 'apply while closed is CLOSED',
    sub { $p->apply(1, 1, $PINS, \@b) });
$p->seed('adopt', []);
unchanged(['CLOSED'], 'apply before a correction number is seeded is CLOSED',
    sub { $p->apply(1, 1, $PINS, \@b) });
is($p->finish('old', 's', 7, $PINS, \@b)->[0], 'LATE',
    'finish passes while adopting');
$p->seed('open', [], 5, 1000, '0-0');
$p->add($_, total => 1000) for @b;

unchanged(['FENCE', $p->{fence}], 'finish of another fence is FENCE',
    sub { $p->finish('h1', 's', 1, $PINS, \@b, fence => $other) });
unchanged(['FENCE', $p->{fence}], 'extend of another fence is FENCE',
    sub { $p->extend('h1', 60, 60, fence => $other) });
unchanged(['FENCE', $p->{fence}], 'apply of another fence is FENCE',
    sub { $p->apply(6, 1, $PINS, \@b, fence => $other) });

# Settle
$p->reserve('h1', 100, \@b, detail => '{"at":"reserve"}');
my $reply = $p->finish('h1', 's', 80, $PINS, \@b, detail => '{"at":"end"}');
is($reply->[0], 'OK', 'a settle is OK');
counters(0, 80, 'held fell by the hold, spent rose by the amount');
event_is($reply, {i => 'h1', v => 's', a => 80, d => 80, p => $PINS,
    x => '{"at":"end"}', h => 100}, 'its event says what moved and was held');
is($redis->cmd('EXISTS', $p->key('h:h1')), 0, 'the hold is gone');
is($redis->cmd('ZCARD', $p->key('x')), 0, '... from the expiry set too');
$reply = $p->finish('h1', 's', 80, $PINS, \@b, detail => '{}');
is($reply->[0], 'LATE', 'settled again it is LATE');
counters(0, 80, '... and moves no counter');
event_is($reply, {i => 'h1', v => 's', a => 80, d => 0, p => $PINS,
    x => '{}', l => 1},
    '... with an event of d = 0 that does not know what was held');
$reply = $p->finish('h1', 's', 80, $PINS, \@b, detail => '{}', meant => [100]);
is($reply->[0], 'LATE', '... also by who says what it held');
event_is($reply, {i => 'h1', v => 's', a => 80, d => 0, p => $PINS,
    x => '{}', l => 1, h => 100}, '... which the event knows then');
$reply = $p->finish('h1', 'v', 0, $PINS, \@b, meant => [100]);
event_is($reply, {i => 'h1', v => 'v', a => 0, d => 0, p => $PINS, x => '',
    l => 1, h => 100}, '... of a void, too');
event_is($p->finish('h1', 's', 80, $PINS, \@b, meant => ['']), {i => 'h1',
    v => 's', a => 80, d => 0, p => $PINS, x => '', l => 1},
    '... and who does not know says nothing');
unchanged(['ARG'], "held of '$_->[0]' is ARG", do { my $told = $_;
    sub { $p->finish('h1', 's', 80, $PINS, \@b, meant => $told) } })
    for ['-1'], ['1.0'], ['9007199254740992'], ['', 'x'];
$redis->cmd('DEL', $p->key('h:h1'));

$p->reserve('h2', 100, \@b, detail => '{"at":"reserve"}');
$reply = $p->finish('h2', 'e', 30, $PINS, \@b);
counters(0, 110, 'an estimate is spent');
event_is($reply, {i => 'h2', v => 'e', a => 30, d => 30, p => $PINS,
    x => '{"at":"reserve"}', h => 100},
    'without a detail the event has the hold\'s');
$p->reserve('h3', 10, \@b);
is($p->finish('h3', 's', 25, $PINS, \@b)->[0], 'OK',
    'an overshoot is charged as measured');
counters(0, 135, '... in full');
$p->reserve('h4', 10, \@b);
is($p->finish('h4', 's', 0, $PINS, \@b)->[0], 'OK', 'a settle of 0 is OK');
counters(0, 135, '... and gives the hold back');

# Void
$p->reserve('h5', 10, \@b);
$reply = $p->finish('h5', 'v', 7, '', \@b);
is($reply->[0], 'OK', 'a void needs no pins');
counters(0, 135, '... and spends nothing, whatever its amount');
event_is($reply, {i => 'h5', v => 'v', a => 0, d => 0, p => $PINS, x => '',
    h => 10}, '... as its event says');
$reply = $p->finish('h6', 'v', 0, '', \@b);
is($reply->[0], 'LATE', 'a void of an unknown id is LATE');
is($redis->cmd('GET', $p->key('h:h6')), 'V', '... and leaves the marker');
my $ttl = $redis->cmd('TTL', $p->key('h:h6'));
ok($ttl > 590 && $ttl <= 600, '... for ten minutes');
is($p->reserve('h6', 1, \@b)->[0], 'GONE', 'the overtaken reserve is GONE');
is($p->extend('h6', 60, 60)->[0], 'GONE', 'a marker cannot be extended');
is($p->finish('h6', 's', 3, $PINS, \@b)->[0], 'LATE',
    'a settle after the marker is LATE');
unchanged(['GONE', ($p->events)[-1]{id}], 'a marker cannot expire',
    sub { $p->finish('h6', 'x', 0, '', \@b) });

# By the gateway that reserved it: its hold ends as it stands
$p->reserve('h19', 50, \@b);
event_is($p->finish('h19', 's', 0, $PINS, \@b, meant => [9]), {i => 'h19',
    v => 's', a => 0, d => 0, p => $PINS, x => '', h => 50},
    'of an open hold Redis knows best what it held');
counters(0, 135, '... and gives all of that back');

# By whoever has not reserved it: no other hold is ended
$p->reserve('h20', 50, \@b);
for (['project', $PINS, 50, 'y'], ['pins', 'p.x:total:0', 50, 'x'],
    ['held', $PINS, 51, 'x'], ['held', '', 49, 'x'], ['project', '', 50, ''])
{
    my ($what, $pins, @meant) = @$_;
    for my $verb (qw(s v)) {
        unchanged([$meant[1] eq '' ? 'ARG' : ('OTHER', $what)],
            "$verb of a hold with another $what: OTHER",
            sub { $p->finish('h20', $verb, 9, $verb eq 's' && $pins eq ''
                ? $PINS : $pins, \@b, meant => \@meant) });
    }
}
unchanged(['KEYS', $PINS], 'with the right words but no pins: KEYS',
    sub { $p->finish('h20', 'v', 0, '', [], meant => [50, 'x']) });
is($p->finish('h20', 'v', 0, $PINS, \@b, meant => [50, 'x'])->[0], 'OK',
    'of the hold that is meant: OK');
is($p->finish('h20', 's', 3, $PINS, \@b, meant => [9, 'y'])->[0], 'LATE',
    'of one that is not there: LATE');

# Expire
$p->reserve('h7', 100, \@b, ttl => 1, detail => '{"m":1}');
my $expires = (split / /, $redis->cmd('GET', $p->key('h:h7')))[2];
unchanged(['LIVE', $expires], 'a live hold does not expire',
    sub { $p->finish('h7', 'x', 0, '', \@b) }) if time() < $expires - 0.2;
sleep($expires + 0.05 - time()) if time() < $expires + 0.05;
unchanged(['KEYS', $PINS], 'the wrong budgets are answered with the pins',
    sub { $p->finish('h7', 'x', 0, '', ['p.x']) });
unchanged(['KEYS', $PINS], '... also when one is too many',
    sub { $p->finish('h7', 'x', 0, '', [@b, 'p.z']) });
unchanged(['KEYS', $PINS], '... or their order is another',
    sub { $p->finish('h7', 'x', 0, '', [reverse @b]) });
$reply = $p->finish('h7', 'x', 0, '', \@b);
is($reply->[0], 'OK', 'an expired hold is charged');
counters(0, 235, '... in full');
event_is($reply, {i => 'h7', v => 'x', a => 100, d => 100, p => $PINS,
    x => '{"m":1}', h => 100},
    '... as its event says, with the detail of the hold');
is_deeply($p->finish('h7', 'x', 0, '', \@b), ['GONE', $reply->[1]],
    'expired again it is GONE, with the event at or before which it ended');
$reply = $p->finish('h7', 'x', 100, $PINS, \@b, detail => '{"m":1}');
is($reply->[0], 'LATE', '... but told what was held it is LATE');
counters(0, 235, '... moves nothing');
event_is($reply, {i => 'h7', v => 'x', a => 100, d => 0, p => $PINS,
    x => '{"m":1}', l => 1},
    '... and is evidence of that, should it have been lost');
is($p->finish('h7', 's', 60, $PINS, \@b)->[0], 'LATE',
    'a settle after the expiry is LATE');
counters(0, 235, '... and leaves the counters to the ledger');
$redis->cmd('ZADD', $p->key('x'), 5, 'lost');
is($p->finish('lost', 'x', 0, '', \@b)->[0], 'GONE',
    'an expiry without a hold is GONE');
is($redis->cmd('ZCARD', $p->key('x')), 0, '... and leaves the set');

# What is missing stays missing
$p->reserve('h8', 10, \@b);
$redis->cmd('HDEL', $p->key('b:p.x'), 's:total:0', 'h:total:0');
is($p->finish('h8', 's', 4, $PINS, \@b)->[0], 'OK',
    'a settle passes when a counter was lost');
is($p->field('p.x', 's:total:0'), undef, '... and does not make it again');
is($p->field('k.y', 's:total:0'), 239, '... and moves the others');
$redis->cmd('HSET', $p->key('b:p.x'), 's:total:0', 239, 'h:total:0', 0);
$p->reserve('h8', 10, \@b);
$redis->cmd('HSET', $p->key('b:p.x'), 'h:total:0', 3);
$p->finish('h8', 's', 0, $PINS, \@b);
counters(0, 239, 'held never falls below 0');

# Grammar
$p->reserve('h9', 10, \@b);
for my $bad ('-1', '1.0', 'nan', '9007199254740992', '') {
    unchanged(['ARG'], "the amount '$bad' is ARG",
        sub { $p->finish('h9', 's', $bad, $PINS, \@b) });
}
unchanged(['ARG'], "the verb '$_' is ARG", do { my $v = $_;
    sub { $p->finish('h9', $v, 1, $PINS, \@b) } }) for 'y', '', 'ss';
unchanged(['ARG'], 'a settle without pins is ARG',
    sub { $p->finish('h9', 's', 1, '', \@b) });
unchanged(['ARG'], 'pins with a space are ARG',
    sub { $p->finish('h9', 's', 1, 'p.x:total:0 1', \@b) });
unchanged(['ARG'], 'a detail that is too long is ARG',
    sub { $p->finish('h9', 's', 1, $PINS, \@b,
        detail => '{' . 'x' x 2047 . '}') });
$redis->cmd('HSET', $p->key('b:p.x'), 's:total:0', '4611686018427387904');
unchanged(['ARG'], 'an increment out of range writes none of its parts',
    sub { $p->finish('h9', 's', 1000, $PINS, \@b) });
$redis->cmd('HSET', $p->key('b:p.x'), 's:total:0', 239);
is($p->finish('h9', 's', 1, $PINS, \@b)->[0], 'OK', 'and then it passes');

# Extend
unchanged(['GONE'], 'no hold, nothing to extend',
    sub { $p->extend('h9', 60, 600) });
$reply = $p->reserve('h10', 10, \@b, ttl => 60, detail => '{"d":"e f"}');
my ($created, $was) = ($reply->[2] - 60, $reply->[2]);
unchanged(['OK', $was], 'extend never shortens',
    sub { $p->extend('h10', 1, 600) });
$reply = $p->extend('h10', 300, 600);
ok($reply->[1] >= $created + 300, 'extend counts from now');
is($redis->cmd('GET', $p->key('h:h10')),
    "10 $created $reply->[1] $PINS {\"d\":\"e f\"}",
    '... keeps all but the expiry');
is($redis->cmd('ZSCORE', $p->key('x'), 'h10'), $reply->[1],
    '... and moves it in the expiry set');
is_deeply($p->extend('h10', 3000, 600), ['OK', $created + 600],
    'the longest life counts from the reserve');
unchanged(['ARG'], "extend by '$_->[0]' of '$_->[1]' is ARG", do { my $a = $_;
    sub { $p->extend('h10', @$a) } })
    for [0, 60], ['x', 60], [60, 'x'], [604801, 60], [60, 604801];

# Apply
unchanged(['DUP'], 'a correction applied before is DUP',
    sub { $p->apply(5, 1, $PINS, \@b) });
unchanged(['GAP', 5], 'a correction too early is GAP',
    sub { $p->apply(7, 1, $PINS, \@b) });
is_deeply($p->apply(6, '-40', $PINS, \@b), ['OK'], 'the next one is OK');
is($p->field('p.x', 's:total:0'), 200, '... and moves spent');
is($p->field('p.x', 'h:total:0'), 10, '... but not held');
is($p->meta('adj'), 6, '... and its number is stored');
is_deeply($p->apply(7, 5, 'p.x:1h:3600,k.y:total:0', \@b), ['OK'],
    'a window that is over is skipped');
is($p->field('p.x', 's:1h:3600'), undef, '... and not made');
is($p->field('k.y', 's:total:0'), 205, '... the others move');
is_deeply($p->apply(8, 0, '', []), ['OK'], 'a number may pass alone');
unchanged(['ARG'], "the correction ($_->[0], $_->[1], $_->[2]) is ARG", do {
    my $a = $_; sub { $p->apply(@$a, \@b) } })
    for ['x', 1, $PINS], [9, '1.5', $PINS], [9, '--1', $PINS],
        [9, '+1', $PINS], [9, 1, 'p.x:total:0'], [9, 1, ''],
        [9, '9007199254740992', $PINS];

# What was trimmed is in the ledger
$redis->cmd('XTRIM', $p->stream, 'MAXLEN', 0);
is_deeply($p->finish('h7', 'x', 0, '', \@b), ['GONE', '0-0'],
    'GONE on a stream of which nothing is left says that all was read');

done_testing();
