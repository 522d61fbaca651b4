# reserve.lua: every reply, and that a refusal writes nothing.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Time::HiRes qw(sleep time);

use Asgard::Partition;
use Asgard::PrivateRedis;

# The hour must not turn while this runs.
sleep(3600.1 - time() % 3600) if time() % 3600 > 3585;

my $server = Asgard::PrivateRedis->new;
my $redis = $server->client;
my $p = Asgard::Partition->new(redis => $redis, part => 7);
my $MAX = 9007199254740991;

sub refused {
    my ($expected, $name, @call) = @_;
    my $before = $p->dump;
    is_deeply($p->reserve(@call), $expected, $name);
    is($p->dump, $before, "... and writes nothing");
}

refused(['FENCE', ''], 'an empty server answers FENCE without a fence',
    'h1', 1, ['p.x']);

$p->seed('close', []);
refused(['CLOSED'], 'a closed partition refuses', 'h1', 1, ['p.x']);
$p->seed('adopt', []);
refused(['CLOSED'], 'an adopting partition refuses', 'h1', 1, ['p.x']);
$p->seed('open', [], 0, 1000, '0-0');
is($p->meta('st'), 'open', 'the partition is open');

refused(['FENCE', $p->{fence}], 'another epoch is told the stored fence',
    'h1', 1, ['p.x'], fence => '2:' . $redis->run_id);
refused(['FENCE', $p->{fence}], 'another run id is told the stored fence',
    'h1', 1, ['p.x'], fence => '1:' . 'f' x 40);
refused(['UNSEEDED', 'p.x'], 'a budget that is missing is not unlimited',
    'h1', 1, ['p.x']);

is_deeply($p->add('p.x', total => 1000, '1h' => 500), ['OK'], 'a budget');
is_deeply($p->add('k.y', total => '-'), ['OK'], 'an unlimited budget');

my $hour = int(time() / 3600) * 3600;
my $pins = "p.x:total:0,p.x:1h:$hour,k.y:total:0";
my $reply = $p->reserve('h1', 100, ['p.x', 'k.y'], ttl => 60,
    detail => '{"f":1,"model":"a b"}');
is($reply->[0], 'OK', 'a reserve within the limits is admitted');
is($reply->[1], $pins, 'its pins name every window of every budget in order');
ok(abs($reply->[2] - time() - 60) <= 2, 'it expires after its ttl');
is($p->field('p.x', 'h:total:0'), 100, 'held rose in the first window');
is($p->field('p.x', "h:1h:$hour"), 100, '... in the second');
is($p->field('k.y', 'h:total:0'), 100, '... and in the other budget');
is($p->field('p.x', 's:total:0'), 0, 'nothing is spent');
like($redis->cmd('GET', $p->key('h:h1')),
    qr/^100 \d+ $reply->[2] \Q$pins {"f":1,"model":"a b"}\E$/,
    'the hold has amount, created, expires, pins, detail');
is($redis->cmd('ZSCORE', $p->key('x'), 'h1'), $reply->[2],
    'the hold stands in the expiry set');

refused(['DUP', $pins, $reply->[2]], 'the same id and amount again is DUP',
    'h1', 100, ['p.x', 'k.y']);
refused(['IDREUSE'], 'the same id with another amount is IDREUSE',
    'h1', 101, ['p.x', 'k.y']);
refused(['OVER', 'p.x', '1h', 500, 0, 100, $hour + 3600],
    'a window without room refuses with its numbers and its end',
    'h2', 401, ['p.x', 'k.y']);
refused(['OVER', 'p.x', 'total', 1000, 0, 100, 0],
    'of several windows the one that never frees is named',
    'h2', 901, ['p.x', 'k.y']);

# A call that was let in without Redis.
is_deeply([@{$p->reserve('late', 901, ['p.x', 'k.y'], mode => 'L')}[0, 1, 3]],
    ['OK', $pins, 1], 'a late hold passes a limit, and says so');
is($p->field('p.x', 'h:total:0'), 1001, '... it is held');
refused(['DUP', $pins, $redis->cmd('ZSCORE', $p->key('x'), 'late')],
    '... once', 'late', 901, ['p.x', 'k.y'], mode => 'L');
is($p->finish('late', 'v', 0, $pins, ['p.x', 'k.y'])->[0], 'OK',
    '... and ends like any other');
is($p->reserve('fits', 1, ['p.x', 'k.y'], mode => 'L')->[3], 0,
    'one that passes none says that');
$p->finish('fits', 'v', 0, $pins, ['p.x', 'k.y']);
refused(['UNSEEDED', 'p.gone'], 'a late hold makes no counter', 'late2', 1,
    ['p.gone'], mode => 'L');
$p->add('p.0', total => 0);
is($p->reserve('late3', 1, ['p.0'], mode => 'L')->[3], 1,
    'a limit of 0 is one');
$p->finish('late3', 'v', 0, 'p.0:total:0', ['p.0']);

$p->add('p.m', '1h' => 500, total => 50, '1d' => 60);
refused(['OVER', 'p.m', 'total', 50, 0, 0, 0],
    '... wherever it stands', 'h2', 55, ['p.m']);
$p->add('p.n', '1h' => 50, '500d' => 60);
$p->reserve('n1', 50, ['p.n']);
is($p->reserve('n2', 20, ['p.n'])->[2], '500d',
    '... or else the one that frees last');
is($p->reserve('h2', 400, ['p.x', 'k.y'])->[0], 'OK',
    'exactly what is free is admitted');
refused(['OVER', 'p.x', '1h', 500, 0, 500, $hour + 3600],
    'and then not one more', 'h3', 1, ['p.x', 'k.y']);
is($p->reserve('h3', 0, ['p.x', 'k.y'])->[0], 'OK',
    'an amount of 0 fits a full budget');

$p->add('p.zero', total => 0);
refused(['OVER', 'p.zero', 'total', 0, 0, 0, 0], 'a limit of 0 refuses 1',
    'h4', 1, ['p.zero']);
refused(['OVER', 'p.zero', 'total', 0, 0, 0, 0], 'a limit of 0 refuses 0',
    'h4', 0, ['p.zero']);
refused(['OVER', 'p.zero', 'total', 0, 0, 0, 0],
    'a refusal by the second budget holds nothing in the first',
    'h4', 1, ['k.y', 'p.zero']);

$p->add('p.big', total => '-');
is($p->reserve('h5', $MAX, ['p.big'])->[0], 'OK',
    'the largest amount is exact');
is($p->field('p.big', 'h:total:0'), $MAX, '... to the last digit');
refused(['OVER', 'p.big', 'total', '-', 0, $MAX, 0],
    'a sum above 2^53 - 1 is refused though unlimited', 'h6', 1, ['p.big']);

for my $bad ('-1', '1.5', '1e3', '0x10', ' 1', 'nan', '', $MAX + 1,
    '9' x 17, '+1') {
    refused(['ARG'], "the amount '$bad' is ARG", 'h6', $bad, ['p.x']);
}
refused(['ARG'], "the id '$_' is ARG", $_, 1, ['p.x'])
    for '', 'a b', 'a:b', 'x' x 65;
refused(['ARG'], "the ttl $_ is ARG", 'h6', 1, ['p.x'], ttl => $_)
    for 0, 604801, '-1';
refused(['ARG'], 'an unknown mode is ARG', 'h6', 1, ['p.x'], mode => 'X');
refused(['ARG'], 'a detail of 2,049 bytes is ARG', 'h6', 1, ['p.x'],
    detail => '{' . 'x' x 2047 . '}');
refused(['ARG'], 'a detail with a line end is ARG', 'h6', 1, ['p.x'],
    detail => "{\n}");
refused(['ARG'], 'a detail that is no object is ARG', 'h6', 1, ['p.x'],
    detail => 'x');
refused(['ARG'], 'a budget twice is ARG', 'h6', 1, ['p.x', 'p.x']);
refused(['ARG'], 'no budget is ARG', 'h6', 1, []);
refused(['ARG'], '17 budgets are ARG', 'h6', 1, [map { "p.$_" } 1 .. 17]);
{
    my $keys = $p->hold_keys('other', ['p.x']);
    is_deeply($redis->script('reserve', $keys, $p->{fence}, 'h6', 1, 60, 'R',
        0, ''), ['ARG'], 'the key of another hold is ARG');
    $keys = $p->hold_keys('h6', ['p.x']);
    $keys->[3] = $p->key('u:2');
    is_deeply($redis->script('reserve', $keys, $p->{fence}, 'h6', 1, 60, 'R',
        0, ''), ['ARG'], 'the stream of another epoch is ARG');
}

# Void before reserve
is($p->finish('h7', 'v', 0, '', ['p.x'])->[0], 'LATE', 'a void comes first');
refused(['GONE'], 'then the reserve is GONE', 'h7', 1, ['p.x']);

# The clock
my $now = int(time());
refused(['CLOCK'], 'after not_after it is CLOCK', 'h8', 1, ['k.y'],
    not_after => $now - 5);
is($p->reserve('h8', 1, ['k.y'], not_after => $now + 60)->[0], 'OK',
    'before not_after it is admitted');
$redis->cmd('HSET', $p->key('m'), 't', $now + 3);
$reply = $p->reserve('h9', 1, ['k.y'], ttl => 60);
ok($reply->[2] >= $now + 63, 'a clock 3 s behind counts from the last second');
$redis->cmd('HSET', $p->key('m'), 't', int(time()) + 8);
refused(['CLOCK'], 'a clock more than 5 s behind is CLOCK', 'h10', 1,
    ['k.y']);
$redis->cmd('HSET', $p->key('m'), 't', $now - 100);
$p->reserve('h10', 1, ['k.y']);
ok($p->meta('t') >= $now, 'a reserve remembers the second it saw');

# The usage stream
$redis->cmd('HSET', $p->key('m'), 'cap', $redis->cmd('XLEN', $p->stream));
refused(['BACKLOG'], 'a full usage stream is BACKLOG', 'h12', 1, ['k.y']);
is($p->reserve('h9', 1, ['k.y'])->[0], 'DUP', '... but a DUP is told');
$redis->cmd('HDEL', $p->key('m'), 'cap');
refused(['BACKLOG'], 'no cap at all is BACKLOG', 'h12', 1, ['k.y']);
$redis->cmd('HSET', $p->key('m'), 'cap', 1000);

# Windows
$p->add('p.w', '1s' => 10, total => '-');
for my $i (1 .. 4) {
    sleep(int(time()) + 1.02 - time());     # the start of a second
    is($p->reserve("w$i", 10, ['p.w'])->[0], 'OK', "second $i has its room");
    is($p->reserve("w$i.1", 10, ['p.w'])->[0], 'OVER', '... once');
}
my @held = grep { /^h:1s/ } @{$redis->cmd('HKEYS', $p->key('b:p.w'))};
is(@held, 4, 'the windows that are over stay while they are held');
my %pins = map { ("w$_" =>
    (split(/ /, $redis->cmd('GET', $p->key("h:w$_"))))[3]) } 1 .. 4;
$p->finish("w$_", 's', 5, $pins{"w$_"}, ['p.w']) for 1 .. 3;
@held = grep { /^[sh]:1s/ } @{$redis->cmd('HKEYS', $p->key('b:p.w'))};
is(@held, 2, '... and go with their last hold');
is($p->field('p.w', 's:total:0'), 15, 'total counts over all of them');
$p->finish('w4', 's', 5, $pins{w4}, ['p.w']);
sleep(1.05);                                # into another second
is($p->reserve('w5', 1, ['p.w'])->[0], 'OK', 'a later second opens');
@held = grep { /^[sh]:1s/ } @{$redis->cmd('HKEYS', $p->key('b:p.w'))};
is(@held, 2, '... and the one before goes when nothing is held in it');

my $key = $p->key('b:p.x');
$redis->cmd('HSET', $key, 'at', $hour - 10);
$redis->cmd('HDEL', $key, "s:1h:$hour");
refused(['UNSEEDED', 'p.x'], 'a lost counter of the window in use is UNSEEDED',
    'h11', 1, ['p.x']);
$redis->cmd('HDEL', $key, "h:1h:$hour");
refused(['UNSEEDED', 'p.x'], '... also when both are lost', 'h11', 1,
    ['p.x']);
$redis->cmd('HSET', $key, 'c:1h', $hour - 3600);
$redis->cmd('HSET', $key, "s:1h:$hour", 5, 'at', $hour);
refused(['UNSEEDED', 'p.x'], '... and when one stands without the other',
    'h11', 1, ['p.x']);
$redis->cmd('HDEL', $key, "s:1h:$hour");
$redis->cmd('HSET', $key, 'at', $hour + 1);
refused(['UNSEEDED', 'p.x'], 'a window that began before `at` is UNSEEDED',
    'h11', 1, ['p.x']);
$redis->cmd('HSET', $key, 'at', $hour);
$redis->cmd('HSET', $key, 'c:1h', $hour + 3600);
refused(['UNSEEDED', 'p.x'], 'a window before the one last used is UNSEEDED',
    'h11', 1, ['p.x']);
$redis->cmd('HSET', $key, 'c:1h', $hour - 3600);
is($p->reserve('h11', 1, ['p.x'])->[0], 'OK',
    'a window that begins at `at` is created at 0');
$redis->cmd('HDEL', $key, 's:total:0', 'h:total:0', 'c:total');
refused(['UNSEEDED', 'p.x'], 'total is never created', 'h12', 1, ['p.x']);

sub calendar {
    my ($name, @boundaries) = @_;
    $redis->cmd('DEL', $p->key("b:$name"));
    $redis->cmd('HSET', $p->key("b:$name"), 'v', 1, 'at', $now - 1000, 'w',
        '1mo:c:' . join('/', @boundaries), 'l:1mo', 50);
}
calendar('p.c', $now - 5000, $now - 100, $now + 100, $now + 5000);
$reply = $p->reserve('c1', 1, ['p.c']);
is($reply->[1], 'p.c:1mo:' . ($now - 100),
    'a calendar window has the last boundary as its id');
is_deeply($p->reserve('c2', 50, ['p.c']),
    ['OVER', 'p.c', '1mo', 50, 0, 1, $now + 100],
    '... and ends at the next');
my $turn = int(time()) + 3;                 # what `t` says is the clock
$redis->cmd('HSET', $p->key('m'), 't', $turn);
calendar('p.c', $now - 5000, $turn, $turn + 500);
is($p->reserve('c4', 1, ['p.c'])->[1], "p.c:1mo:$turn",
    'at a boundary the next window begins');
$redis->cmd('HSET', $p->key('m'), 't', $now);
calendar('p.c', $now - 5000, $now - 100);
refused(['UNSEEDED', 'p.c'], 'past its last boundary it is UNSEEDED', 'c3',
    1, ['p.c']);
calendar('p.c', $now + 100, $now + 200);
refused(['UNSEEDED', 'p.c'], 'before its first boundary it is UNSEEDED', 'c3',
    1, ['p.c']);

# Adopt
$p->add('p.a', total => 10);
is_deeply($p->reserve('a1', 100, ['p.a'], mode => 'A', ttl => 30,
    pins => 'p.a:total:0,p.a:1h:3600')->[1], 'p.a:total:0,p.a:1h:3600',
    'adopt takes the pins verbatim and asks no limit');
is($p->field('p.a', 'h:total:0'), 100, '... and holds');
is($p->field('p.a', 'h:1h:3600'), 100, '... of an old window, too');
is($p->field('p.a', 's:1h:3600'), undef, '... which it does not create');
is($p->reserve('a1', 100, ['p.a'], mode => 'A', pins => 'p.a:total:0')->[0],
    'DUP', 'adopt twice is DUP');
is_deeply($p->reserve('h7', 1, ['p.a'], mode => 'A', pins => 'p.a:total:0'),
    ['GONE'], 'adopt of a voided id is GONE');
refused(['ARG'], "adopt with the pins '$_' is ARG", 'a2', 1, ['p.a'],
    mode => 'A', pins => $_)
    for '', 'p.b:total:0', 'p.a:total', 'p.a:total:0,', ',p.a:total:0',
        'p.a:total:0,p.b:total:0', 'p.a:total:x';
is($p->finish('a1', 's', 40, '-', ['p.a'])->[0], 'OK', 'an adopted hold ends');
is($p->field('p.a', 's:total:0'), 40, '... and is spent');

# A new epoch
my $q = Asgard::Partition->new(redis => $redis, part => 7, epoch => 2);
$q->seed('close', []);
refused(['FENCE', $q->{fence}], 'the old epoch is over', 'a3', 1, ['p.a']);
is($q->reserve('a3', 1, ['p.a'], mode => 'A', pins => 'p.a:total:0')->[0],
    'CLOSED', 'adopt while closed is CLOSED');
$q->seed('adopt', []);
is($q->reserve('a3', 1, ['p.a'], mode => 'A', pins => 'p.a:total:0')->[0],
    'OK', 'adopt passes while adopting');

done_testing();
