# seed.lua: every verb, guarded by token, fence and state.

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
my $p = Asgard::Partition->new(redis => $redis, part => 0, token => 5,
    epoch => 2);
my $run = $redis->run_id;
my $B = $p->key('b:p.x');
my $BAR = '|';

sub unchanged {
    my ($expected, $name, $keys, @argv) = @_;
    my $before = $p->dump;
    is_deeply($redis->script('seed', [$p->key('m'), @$keys], @argv), $expected,
        $name);
    is($p->dump, $before, '... and writes nothing');
}

sub budget_hash { return {@{$redis->cmd('HGETALL', $B)}} }

my @budget = ('budget', 5, "2:$run", 4, 'total:t', 100, 'total', 50);
unchanged(['STALE', 0], 'nothing is seeded before a close', [$B], @budget);
unchanged(['ARG'], 'an unknown verb is ARG', [], 'x', 5, "2:$run");
unchanged(['ARG'], 'a token that is no number is ARG', [], 'close', 'x',
    "2:$run");
unchanged(['ARG'], "the fence '$_' is ARG", [], 'close', 5, $_)
    for '', 'x', "x:$run", '2:', '2:a b';

# Close
is_deeply($p->seed('close', []), ['OK'], 'a first close');
is_deeply([map { $p->meta($_) } qw(f st ctl)], ["2:$run", 'closed', 5],
    '... takes fence, state and token');
ok(abs($p->meta('t') - time()) < 3, '... and the time');
is_deeply($p->seed('close', []), ['OK'], 'a close whose reply was lost');
unchanged(['STALE', 5], 'a lower token cannot close', [], 'close', 4,
    "3:$run");
unchanged(['STALE', 5], 'a lower epoch cannot close', [], 'close', 6,
    "1:$run");
unchanged(['STALE', 5], 'the same epoch of another server cannot close', [],
    'close', 6, '2:' . 'f' x 40);
is_deeply($redis->script('seed', [$p->key('m')], 'close', 6, "3:$run"),
    ['OK'], 'a higher token with a new epoch closes again');
unchanged(['STALE', 6], 'then the paused leader writes nothing', [$B],
    @budget);
$p->{token} = 6;
$p->{epoch} = 3;
$p->{fence} = "3:$run";
unchanged(['STALE', 6], 'the right token with another fence writes nothing',
    [$B], 'budget', 6, "2:$run", @budget[3 .. 7]);
unchanged(['STALE', 6], 'a higher token must close first', [$B], 'budget', 7,
    "3:$run", @budget[3 .. 7]);

# Budget
my $hour = int(time() / 3600) * 3600;
my $w = 'total:t,1h:p:3600:0';
$redis->cmd('HSET', $B, 's:total:0', 77777, 'junk', 1);
is_deeply($p->seed('budget', [$B], 4, $w, 100, 'total', 500, '1h', '-', $BAR,
    's:total:0', 40, "s:1h:$hour", 30, "s:1h:" . ($hour - 3600), 1),
    ['OK'], 'a budget is written anew');
is_deeply(budget_hash(), {v => 4, at => 100, w => $w, 'l:total' => 500,
    'l:1h' => '-', 'c:total' => 0, 's:total:0' => 40, 'h:total:0' => 0,
    'c:1h' => $hour, "s:1h:$hour" => 30, "h:1h:$hour" => 0,
    's:1h:' . ($hour - 3600) => 1, 'h:1h:' . ($hour - 3600) => 0},
    '... with exactly what was given');
for my $case (
    ['no windows', 4, '', 100],
    ['a window without a limit', 4, $w, 100, 'total', 5],
    ['a limit that is negative', 4, 'total:t', 100, 'total', -5],
    ['a window twice', 4, 'total:t,total:t', 100, 'total', 5, 'total', 5],
    ['a window of an unknown kind', 4, 'total:z', 100, 'total', 5],
    ['a window of length 0', 4, '1h:p:0:0', 100, '1h', 5],
    ['words between windows', 4, 'x,total:t', 100, 'total', 5],
    ['a trailing comma', 4, 'total:t,', 100, 'total', 5],
    ['nine windows', 4, join(',', map { "${_}s:p:$_:0" } 1 .. 9), 100,
        map { ("${_}s", 1) } 1 .. 9],
    ['a field of another window', 4, 'total:t', 100, 'total', 5, $BAR,
        's:1h:0', 1],
    ['a field that is no counter', 4, 'total:t', 100, 'total', 5, $BAR,
        'l:total', 1],
    ['a field without a value', 4, 'total:t', 100, 'total', 5, $BAR,
        's:total:0'],
    ['a field twice', 4, 'total:t', 100, 'total', 5, $BAR, 's:total:0', 1,
        's:total:0', 2],
    ['a counter that is negative', 4, 'total:t', 100, 'total', 5, $BAR,
        's:total:0', -1],
    ['arguments after the limits', 4, 'total:t', 100, 'total', 5, 'x', 1],
    ['a version that is no number', 'x', 'total:t', 100, 'total', 5],
    ['a time that is no number', 4, 'total:t', 'x', 'total', 5]) {
    my ($name, @args) = @$case;
    unchanged(['ARG'], "a budget with $name is ARG", [$B], 'budget', 6,
        "3:$run", @args);
}

# What is held of periods that are no window's
my @bare = (4, 'total:t', 100, 'total', 5, '|', 's:total:0', 1);
is_deeply($p->seed('budget', [$p->key('b:p.bare')], @bare, 'g:1d:0', 9,
    'g:1d:86400', 2), ['OK'], 'a budget comes with what is held elsewhere');
is_deeply([map { $p->field('p.bare', $_) // '-' } qw(h:1d:0 h:1d:86400 s:1d:0
    c:1d h:total:0)], [9, 2, '-', '-', 0], '... which opens no window');
unchanged(['ARG'], 'told twice it is ARG', [$p->key('b:p.bare')], 'budget', 6,
    "3:$run", @bare, 'h:total:0', 1, 'g:total:0', 2);
$redis->cmd('DEL', $p->key('b:p.bare'));

# Hold and drop
my @hold_keys = ($p->key('h:h1'), $p->key('x'), $B);
my $pins = "p.x:total:0,p.x:1h:$hour,p.x:1d:0";
my @hold = ('h1', 7, 50, 99999999999, $pins, '{"a":"b c"}');
is_deeply($p->seed('hold', \@hold_keys, @hold), ['OK'],
    'an open hold is written again');
is($redis->cmd('GET', $p->key('h:h1')),
    "7 50 99999999999 $pins {\"a\":\"b c\"}",
    '... as it was');
is($redis->cmd('ZSCORE', $p->key('x'), 'h1'), '99999999999',
    '... with its expiry');
is(budget_hash()->{'h:total:0'}, 7, '... and held in the counters that exist');
is_deeply([@{budget_hash()}{qw(h:1d:0 s:1d:0 c:1d)}], [7, undef, undef],
    '... and of a window that is not there, which it does not open');
unchanged(['DUP'], 'the same hold again is DUP', \@hold_keys, 'hold', 6,
    "3:$run", @hold);
unchanged(['ARG'], 'a hold whose budgets are not KEYS is ARG',
    [$p->key('h:h2'), $p->key('x')], 'hold', 6, "3:$run", 'h2',
    @hold[1 .. 5]);
unchanged(['ARG'], 'a hold under the key of another is ARG',
    [$p->key('h:h3'), $p->key('x'), $B], 'hold', 6, "3:$run", 'h2',
    @hold[1 .. 5]);
$redis->cmd('SET', $p->key('h:old'), 'V');
is_deeply($p->seed('drop', [$p->key('h:old')]), ['OK'], 'drop deletes');
is($redis->cmd('EXISTS', $p->key('h:old')), 0, '... what it is given');
unchanged(['ARG'], 'drop of nothing is ARG', [], 'drop', 6, "3:$run");

# Adopt, apply, open
unchanged(['STATE', 'closed'], 'open before adopt is STATE', [], 'open', 6,
    "3:$run", 9, 100, '0-0');
is_deeply($p->seed('adopt', [], 9), ['OK'], 'adopt takes a correction number');
is_deeply($p->seed('adopt', [], 9), ['OK'], '... and may be repeated');
unchanged(['STATE', 'adopt'], '... but not with a higher number', [], 'adopt',
    6, "3:$run", 10);
unchanged(['STATE', 'adopt'], "$_->[0] while adopting is STATE", $_->[1],
    $_->[0], 6, "3:$run", @{$_->[2]})
    for ['budget', [$B], [@budget[3 .. 7]]], ['hold', \@hold_keys, \@hold],
        ['drop', [$B], []];
is_deeply($p->apply(10, 2, 'p.x:total:0', ['p.x']), ['OK'],
    'corrections pass while adopting');
unchanged(['STATE', 'adopt'], 'open with an older correction number is STATE',
    [], 'open', 6, "3:$run", 9, 100, '0-0');
unchanged(['ARG'], "open with '@$_' is ARG", [], 'open', 6, "3:$run", @$_)
    for ['x', 100, '0-0'], [10, 'x', '0-0'], [10, 100, 'x'], [10, 100];
is_deeply($p->seed('open', [], 10, 100, '5-1'), ['OK'], 'open');
is_deeply([map { $p->meta($_) } qw(st adj cap dur)], ['open', 10, 100, '5-1'],
    '... with correction number, cap and durable id');
$p->apply(11, 2, 'p.x:total:0', ['p.x']);
unchanged(['OK'], 'open again is OK and resets no number', [], 'open', 6,
    "3:$run", 10, 100, '5-1');
unchanged(['STATE', 'open'], 'adopt while open is STATE', [], 'adopt', 6,
    "3:$run");
unchanged(['STATE', 'open'], 'a close with the epoch in use is STATE', [],
    'close', 6, "3:$run");

# Limit
my @limit = ($w, 'total', 600, '-', '1h', 20, '-');
is_deeply($p->seed('limit', [$B], 5, @limit), ['OK'], 'new limits');
is_deeply([@{budget_hash()}{qw(v l:total l:1h s:total:0 h:total:0)}],
    [5, 600, 20, 44, 7], '... touch the limits and no counter');
unchanged(['OLD'], 'the same version is OLD', [$B], 'limit', 6, "3:$run", 5,
    @limit);
unchanged(['OLD'], 'a lower version is OLD', [$B], 'limit', 6, "3:$run", 4,
    @limit);
# Limits that do not wait for the opening of a window
is_deeply($p->seed('relimit', [$B], 7, 'total', 500, '1d', 3), ['OK'],
    'limits without their windows');
is_deeply([@{budget_hash()}{qw(v lv l:total l:1d l:1h)}],
    [5, 7, 500, undef, 20], '... are of the windows that are there');
unchanged(['OLD'], "version $_ of them is OLD then", [$B], 'relimit', 6,
    "3:$run", $_, 'total', 1) for 5, 7;
unchanged(['OLD'], 'so is the whole of a lower version', [$B], 'limit', 6,
    "3:$run", 6, @limit);
unchanged(['ARG'], "with $_->[0] they are ARG", [$B], 'relimit', 6, "3:$run",
    8, @{$_}[1 .. $#$_])
    for ['none', ()], ['a limit missing', 'total'],
        ['a negative limit', 'total', -1], ['one twice', qw(1h 1 1h 1)];
unchanged(['STALE', 6], 'a lower token sets none', [$B], 'relimit', 5,
    "3:$run", 8, 'total', 1);
unchanged(['UNSEEDED'], 'of no budget they are UNSEEDED',
    [$p->key('b:p.z')], 'relimit', 6, "3:$run", 8, 'total', 1);
is_deeply($p->seed('limit', [$B], 7, @limit), ['OK'],
    'the whole of the same version is taken');
is_deeply([@{budget_hash()}{qw(v lv l:total l:1h)}], [7, undef, 600, 20],
    '... and nothing is left of it');
$redis->cmd('HSET', $B, 'v', 5);
unchanged(['UNSEEDED'], 'limits of no budget are UNSEEDED', [$p->key('b:p.z')],
    'limit', 6, "3:$run", 9, @limit);
unchanged(['STALE', 6], 'a lower token sets no limit', [$B], 'limit', 5,
    "3:$run", 6, @limit);
my $day = int((time() - 345600) / 86400) * 86400 + 345600;
unchanged(['UNSEEDED', '1d'], 'a new window without an opening is UNSEEDED',
    [$B], 'limit', 6, "3:$run", 6, 'total:t,1d:p:86400:345600', 'total', 600,
    '-', '1d', 9, '-');
unchanged(['UNSEEDED', '1d'], "... nor with one of the day $_->[0]",
    [$B], 'limit', 6, "3:$run", 6, 'total:t,1d:p:86400:345600', 'total', 600,
    '-', '1d', 9, ($day + $_->[1]) . ':7')
    for ['before', -86400], ['after', 86400], ['that begins elsewhere', 3600];
unchanged(['ARG'], "limits with $_->[0] are ARG", [$B], 'limit', 6, "3:$run",
    6, @{$_}[1 .. $#$_])
    for ['an opening that is no number', 'total:t,1d:p:86400:345600', 'total',
            600, '-', '1d', 9, 'x'],
        ['a negative opening', 'total:t,1d:p:86400:345600', 'total', 600,
            '-', '1d', 9, '-4'],
        ['a missing opening', 'total:t', 'total', 600],
        ['a surplus argument', 'total:t', 'total', 600, '-', 1];
my $U = $p->stream;
unchanged(['GAP', $p->meta('adj')], "an opening with correction $_ is GAP when"
    . ' another was the last that was applied', [$B, $U], 'limit', 6,
    "3:$run", 6, 'total:t,1d:p:86400:345600', 'total', 600, '-', '1d', 99,
    "$day:12:5:$_:5-1")
    for $p->meta('adj') + 1, $p->meta('adj') + 7;
my $upto = $p->meta('adj') . ':5-1';
unchanged(['ARG'], "an opening with $_->[0] is ARG", $_->[2], 'limit', 6,
    "3:$run", 6, 'total:t,1d:p:86400:345600', 'total', 600, '-', '1d', 99,
    "$day:12:5:$_->[1]")
    for ['a correction and no event', $p->meta('adj'), [$B, $U]],
        ['an event and no correction', '5-1', [$B, $U]],
        ['an event that is none', $p->meta('adj') . ':5-', [$B, $U]],
        ['an event of no stream', $upto, [$B]],
        ['an event of another stream', $upto, [$B, $p->key('u:2')]],
        ['an event, and the holds elsewhere', $upto, [$B, $U, $U]];
is($redis->script('seed', [$p->key('m'), $B, $U], 'limit', 7, "3:$run", 6,
    "$w,1d:p:86400:345600", 'total', 600, '-', '1h', 20, '-', '1d', 99,
    "$day:12:5:$upto")->[0], 'OK',
    'a new window starts with its opening');
is_deeply([@{budget_hash()}{('c:1d', "s:1d:$day", "h:1d:$day", 'l:1d')}],
    [$day, 12, 0, 99], '... as spent of the window that is now');
is($p->meta('ctl'), 7, 'a new leader is remembered');
$p->{token} = 7;
is($p->reserve('h2', 5, ['p.x'])->[0], 'OVER', 'the lowered limit refuses');
is($p->seed('limit', [$B], 7, 'total:t,1d:p:86400:345600', 'total', 600, '-',
    '1d', 99, '-')->[0], 'OK', 'a window is left out');
my $left = budget_hash();
is_deeply([@{$left}{('l:1h', 'c:1h')}], [undef, undef], '... with its limit');
is($left->{"h:1h:$hour"}, 7, '... its counters wait for the last hold');
my $reply = $p->reserve('h2', 5, ['p.x']);
is_deeply($reply->[1], "p.x:total:0,p.x:1d:$day", 'it no longer refuses');
is_deeply($p->seed('limit', [$B], 8, $w, 'total', 600, '-', '1h', 20,
    "$hour:29"), ['OK'], 'and comes back while a hold still names it');
is_deeply([@{budget_hash()}{("s:1h:$hour", "h:1h:$hour")}], [30, 7],
    '... with the larger spent and what is held');
is($p->finish('h1', 's', 3, $pins, ['p.x'])->[0], 'OK', 'that hold ends');
is_deeply([@{budget_hash()}{("s:1h:$hour", "h:1h:$hour")}], [33, 0],
    '... in the window that it named');
is($p->finish('h2', 's', 5, $reply->[1], ['p.x'])->[0], 'OK',
    'a hold of a window that was left out ends too');
is(budget_hash()->{"h:1d:$day"}, undef, '... and takes its fields along');

# Openings beside what the ledger has not read
my $before = ($p->events)[-2]{id};
my @back = ("$w,1d:p:86400:345600", 'total', 600, '-', '1h', 20, '-', '1d',
    99);
sub spent_of_day {
    my ($version, $opening) = @_;
    my $got = $p->seed('limit', [$B, $U], $version, @back, $opening)->[0];
    my $spent = budget_hash()->{"s:1d:$day"};
    $p->seed('limit', [$B], $version + 1, $w, 'total', 600, '-', '1h', 20,
        '-');
    return "$got " . ($spent // '-');
}
sub moved {
    my ($moved_pins, @more) = @_;
    $redis->cmd('XADD', $U, '*', i => 'z', v => 's', a => 3, d => 3,
        p => $moved_pins, x => '', n => '', @more);
}
is(spent_of_day(9, "$day:12:5:11:$before"), 'OK 17',
    'a window opens with what an event moved that the ledger has not read');
is(spent_of_day(11, "$day:12:5:11:" . ($p->events)[-1]{id}), 'OK 12',
    '... not with what it has read');
moved("op.x:1d:$day");
is(spent_of_day(13, "$day:12:5:11:" . ($p->events)[-2]{id}), 'OK 12',
    '... nor with what moved in other budgets');
moved($_, h => 9) for "p.x:1d:${day}0", "p.x:1h:$hour";
is(spent_of_day(15, "$day:12:5:11:$before"), 'OK 23',
    '... but with what calls spent that do not name it');
$redis->cmd('HSET', $B, "s:1d:$day", 30, "h:1d:$day", 4);
is(spent_of_day(17, "$day:12:5:11:$before"), 'OK 23',
    '... whatever is left over from earlier');
for (['whose hold nobody knew', h => 9, l => 1], ['of an older gateway']) {
    my ($what, @more) = @$_;
    moved("p.x:1h:$hour", @more);
    unchanged(['BEHIND'], "with a call $what before it is BEHIND",
        [$B, $U], 'limit', 7, "3:$run", 19, @back,
        "$day:12:5:11:$before");
    $redis->cmd('XDEL', $U, ($p->events)[-1]{id});
}
$redis->cmd('HDEL', $B, "s:1d:$day", "h:1d:$day");
$p->reserve($_->[0], $_->[1], ['p.x'], mode => 'A', pins => $_->[2])
    for ['a1', 50, "p.x:total:0,p.x:1d:$day"], ['a2', 7, "p.x:1d:$day"],
        ['a3', 3, "p.x:1d:${day}0"];
my $end = ($p->events)[-1]{id};
is_deeply($p->seed('limit', [$B, $U], 19, @back, "$day:12:5:11:$before"),
    ['OK', '1d', "$day:11:$end"],
    'what was spent outside of it is told, and up to which event');
is(budget_hash()->{'o:1d'}, "$day:11:$end", '... and kept');
unchanged(['OLD', '1d', "$day:11:$end"], '... and told who asks again',
    [$B, $U], 'limit', 7, "3:$run", 19, @back, "$day:99:99:11:$before");
unchanged(['DUP'], 'an opening of a window in use is DUP', [$B, $U],
    'limit', 7, "3:$run", 20, @back, "$day:13:5:11:$before");
is(budget_hash()->{"h:1d:$day"}, 57,
    '... and with what open holds hold that were adopted without it');
$p->finish($_, 'v', 0, '', ['p.x']) for 'a1', 'a2', 'a3';
is(budget_hash()->{"h:1d:$day"}, 0, '... until they end');
is_deeply($p->seed('limit', [$B], 20, $w, 'total', 600, '-', '1h', 20, '-'),
    ['OK'], 'a window that goes');
is(budget_hash()->{'o:1d'}, undef, '... takes that along');
moved("p.x:total:0,p.x:1d:$day") for 1 .. 993;
is(spent_of_day(21, "$day:12:5:11:$before"), 'OK 3002',
    '... and of 1,000 events with each');
moved("p.x:1d:$day");
unchanged(['BEHIND'], 'with more than 1,000 events before it is BEHIND',
    [$B, $U], 'limit', 7, "3:$run", 24, @back, "$day:12:5:11:$before");
my ($one, $last) = map { $_->{id} } ($p->events)[-2, -1];
$redis->cmd('HSET', $p->key('m'), 'dur', $last);
is(spent_of_day(24, "$day:12:5:11:$one"), 'OK 15',
    'the ledger may have read on, as long as the events are there');
$redis->cmd('XTRIM', $U, 'MINID', $last);
unchanged(['BEHIND'], '... not when some may have been trimmed',
    [$B, $U], 'limit', 7, "3:$run", 26, @back, "$day:12:5:11:$one");
is(spent_of_day(26, "$day:12:5:11:$last"), 'OK 12', '... not when none were');
$redis->cmd('HSET', $p->key('m'), 'dur', '5-1');

# What tells calls of before the budget is in their detail
$redis->cmd('XADD', $U, '*', i => 'y', v => 's', a => 4, d => 4, h => 9,
    p => 'p.y:total:0', x => '{"key":"k1","group":"g"}', n => '');
my $version = 26;
is(spent_of_day($version += 2, "$day:12:5:11:$last$_->[0]"), "OK $_->[1]",
    $_->[2]) for ['', 12, 'a call of another budget is none of a window'],
    [':"group":"g"', 16, '... but one of the group that the opening names'],
    [qq(:"group":"g"\n"key":"k1"), 16, '... with all of several marks'],
    [qq(:"group":"g"\n"key":"k2"), 12, '... not with one of them'],
    [':"group":"h"', 12, '... nor one of another group'];
unchanged(['ARG'], 'a mark is a member', [$B, $U], 'limit', 7, "3:$run",
    $version += 2, @back, "$day:12:5:11:$last:group");

# Add
my $A = $p->key('b:p.new');
my @add = (1, $hour, $w, 'total', 50, 10, '1h', '-', "$hour:4");
is_deeply($p->seed('add', [$A], @add), ['OK'], 'a budget is added while open');
is_deeply({@{$redis->cmd('HGETALL', $A)}}, {v => 1, at => $hour, w => $w,
    'l:total' => 50, 'c:total' => 0, 's:total:0' => 10, 'h:total:0' => 0,
    'l:1h' => '-', 'c:1h' => $hour, "s:1h:$hour" => 4, "h:1h:$hour" => 0},
    '... with its openings');
unchanged(['DUP'], 'added again it is DUP', [$A], 'add', 7, "3:$run", @add);
unchanged(['ARG'], 'added with a limit missing it is ARG', [$p->key('b:p.n')],
    'add', 7, "3:$run", 1, $hour, $w, 'total', 5, 0);
unchanged(['UNSEEDED', 'total'], 'added without an opening it is UNSEEDED',
    [$p->key('b:p.n')], 'add', 7, "3:$run", 1, $hour, 'total:t', 'total', 5,
    '-');
unchanged(['ARG'], 'a key that is no budget is ARG', [$p->key('x')], 'add', 7,
    "3:$run", 1, $hour, 'total:t', 'total', 5, 0);

# Dur
is_deeply($p->seed('dur', [], '5-2'), ['OK'], 'the durable id rises');
is_deeply($p->seed('dur', [], '17-0'), ['OK'], '... by time');
unchanged(['OLD'], "and never falls to $_", [], 'dur', 7, "3:$run", $_)
    for '17-0', '16-9', '5-3';
unchanged(['ARG'], "the durable id '$_' is ARG", [], 'dur', 7, "3:$run", $_)
    for '', '5', '5-', 'x-1';

# Close again
is_deeply($redis->script('seed', [$p->key('m')], 'close', 8, "4:$run"),
    ['OK'], 'a new epoch closes');
is_deeply([map { $p->meta($_) } qw(adj cap dur)], [undef, undef, undef],
    '... and forgets the numbers of the old one');
is_deeply($p->reserve('h9', 1, ['p.x']), ['FENCE', "4:$run"],
    '... whose callers learn the new fence');
unchanged(['STATE', 'closed'], "$_->[0] while closed is STATE",
    [$p->key('b:p.q')], $_->[0], 8, "4:$run", @{$_->[1]})
    for ['limit', [9, @limit]], ['add', \@add], ['dur', ['99-0']],
        ['open', [1, 1, '0-0']];

done_testing();
