# reserve.lua and seed.lua: an end user without a budget of its own is held by
# the default of its project, from its first call on, and its loss is seen.
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
my $default = 'e.' . 'd' x 16;
my $hour = int(time() / 3600) * 3600;
my $users = $p->key("e:$default");
my $n = 0;

sub user { return 'e.' . sprintf '%016x', $_[0] }
sub reserve { my ($user, $amount, %with) = @_;
    return $p->reserve('h' . ++$n, $amount, ['p.x', $user],
        users => $default, %with) }
sub counter { my ($user, $kind) = @_;
    return $p->field($user, "$kind:1h:$hour") }
sub refused { my ($expected, $name, @call) = @_;
    my $before = $p->dump;
    is_deeply(reserve(@call), $expected, $name);
    is($p->dump, $before, '... and nothing is written');
    return }

$p->open;
$p->add('p.x', total => '-');
refused(['UNSEEDED', $default], 'without the default nobody is let in',
    user(1), 1);
$p->add($default, total => '-');
my $none = reserve(user(1), 70);
is($none->[1], 'p.x:total:0', 'a default without windows holds nobody');
is($redis->cmd('EXISTS', $users, $p->key('b:' . user(1))), 0,
    '... and keeps nobody in mind');

$p->seed('limit', [$p->budget_keys($default)], 9, 'total:t,1h:p:3600:0',
    'total', '-', '-', '1h', 100, "$hour:0");
my $pins = 'p.x:total:0,' . user(1) . ":1h:$hour";
my $reply = reserve(user(1), 60);
is_deeply([@$reply[0, 1]], ['OK', $pins], 'a first call is held by it');
is(counter(user(1), 'h'), 60, '... in counters of its own');
is($p->field($default, "h:1h:$hour"), 0, '... and not of the default');
is($redis->cmd('ZSCORE', $users, user(1)), $hour + 3600,
    '... which are needed until its window is over');
cmp_ok($redis->cmd('TTL', $p->key('b:' . user(1))), '>', 74 * 3600,
    '... and go later, when even a month of 28 days must be over');
refused(['OVER', user(1), '1h', 100, 0, 60, $hour + 3600],
    'a second is refused when it does not fit', user(1), 41);
is(reserve(user(2), 100)->[0], 'OK', 'another end user has room of its own');
is_deeply([@{reserve(user(1), 101, mode => 'L')}[0, 3]], ['OK', 1],
    'a call that was let in without Redis counts, and passes the default');
is(counter(user(1), 'h'), 161, '... of its end user');
is($p->finish("h$n", 'v', 0, $pins, ['p.x', user(1)])->[0], 'OK',
    '... and ends');

# The end of a call moves them like those of any budget.
my ($id) = map { "h$_" } grep { ($redis->cmd('GET', $p->key("h:h$_")) // '')
    =~ /\Q$pins\E/ } 1 .. $n;
is($p->finish($id, 's', 50, $pins, ['p.x', user(1)])->[0], 'OK', 'it ends');
is_deeply([map { counter(user(1), $_) } qw(s h)], [50, 0],
    '... and has spent what it cost');
refused(['OVER', user(1), '1h', 100, 50, 0, $hour + 3600],
    '... which counts', user(1), 51);

# Limits are the default's, at once for all of them.
$p->{version} = 10;
$p->limit($default, total => '-', '1h' => 120);
is(reserve(user(1), 51)->[0], 'OK', 'a higher default lets it in');
is(reserve(user(2), 20)->[0], 'OK', '... and all others');

# Limits of its key and its project are another matter: both hold.
my $limits = [['p.x', 2, '-', 1], ['k.x', '-', 100, '-']];
my $held = reserve(user(9), 10, limits => $limits, tokens => 60);
is($held->[0], 'OK', 'a call of an end user is let in under limits');
is($redis->cmd('ZCARD', $p->key('o:p.x')), 1, '... and takes its place there');
is_deeply([@{reserve(user(9), 10, limits => [['p.x', 2, '-', 1]])}[0 .. 2]],
    ['RATE', 'p.x', 'parallel'], '... which is not there twice');
is_deeply([@{reserve(user(9), 10, limits => [['k.x', '-', 100, '-']],
    tokens => 60)}[0 .. 2]], ['RATE', 'k.x', 'tokens'], '... nor its tokens');
refused(['OVER', user(9), '1h', 120, 0, 10, $hour + 3600],
    '... and its budget is looked at as well', user(9), 111,
    limits => [['k.y', 5, '-', '-']]);
$redis->cmd('ZREM', $users, user(9));       # its place is another's below
$redis->cmd('HSET', $p->key("b:$default"), 'un', 2);

# Lost counters are no zeros.
$redis->cmd('DEL', $p->key('b:' . user(2)));
refused(['UNSEEDED', user(2)], 'an end user that was lost is not new',
    user(2), 1);
$redis->cmd('ZREM', $users, user(2));
refused(['UNSEEDED', $default], 'nor is one who was struck off', user(2), 1);
$redis->cmd('HSET', $p->key("b:$default"), 'un', 1);

# As many as there is place for; who is not needed any more makes room.
$redis->cmd('ZADD', $users, map { ($hour + 3600, user($_)) } 10 .. 10_008);
$redis->cmd('HSET', $p->key("b:$default"), 'un', 10_000);
refused(['CROWDED'], 'beyond 10,000 a new one is refused', user(3), 1);
is(reserve(user(1), 1)->[0], 'OK', '... and not who is known');
$redis->cmd('ZADD', $users, $hour - 1, user(10));
is(reserve(user(3), 1)->[0], 'OK', 'the window of one is over: there is place');
is($redis->cmd('ZSCORE', $users, user(10)), undef, '... its own');
is($redis->cmd('ZCARD', $users), $p->field($default, 'un'),
    '... and they are counted');

# A reseed may leave more of them there, of whom many are over.
sub fill { my ($over, $live) = @_;
    $redis->cmd('DEL', $users);
    my @members = (map({ ($hour - 1, user(100_000 + $_)) } 1 .. $over),
        map { ($hour + 3600, user(200_000 + $_)) } 1 .. $live);
    $redis->cmd('ZADD', $users, splice @members, 0, 2000) while @members;
    $redis->cmd('HSET', $p->key("b:$default"), 'un', $over + $live);
    return $over + $live }
for my $filled ([8_000, 2_017], [10_001, 9_999]) {
    my $all = fill(@$filled);
    is(reserve(user(300_000), 1)->[0], 'OK',
        "of $all $filled->[0] are over: a new one is let in");
    is_deeply([$redis->cmd('ZCARD', $users), $p->field($default, 'un')],
        [$all - 15, $all - 15], '... and takes 16 of them out');
    $redis->cmd('DEL', $p->key('b:' . user(300_000)));
}
fill(8_000, 10_000);
refused(['CROWDED'], 'of 18000 10,000 are not: a new one is refused',
    user(300_000), 1);
refused(['CROWDED'], '... and who is over', user(100_001), 1);
is($redis->cmd('ZREM', $users, user(200_001)), 1, '... while they are');
$redis->cmd('HSET', $p->key("b:$default"), 'un', 17_999);
is(reserve(user(100_001), 1)->[0], 'OK', '... who may come back like a new '
    . 'one');
is($redis->cmd('ZSCORE', $users, user(100_001)), $hour + 3600,
    '... and has its place again');

# One that gets a budget of its own goes on with what it had.
is_deeply($p->seed('add', [$p->budget_keys(user(1))], 1, int(time) - 1,
    'total:t,1h:p:3600:0', 'total', '-', 0, '1h', 200, "$hour:50"), ['OK'],
    'a budget of its own');
is(counter(user(1), 's'), 50, '... has what was spent');
is($redis->cmd('TTL', $p->key('b:' . user(1))), -1, '... and stays');
is(reserve(user(1), 90)->[0], 'OK', '... is what holds it');

# A reseed.
my $q = Asgard::Partition->new(redis => $redis, part => 7, epoch => 2);
$q->seed('close', []);
is_deeply($q->seed('budget', [$p->budget_keys($default), $users], 10,
    'total:t,1h:p:3600:0', $hour, 'total', '-', '1h', 120, '|', 's:total:0',
    0, "s:1h:$hour", 0), ['OK'],
    'the default is written anew');
is($redis->cmd('EXISTS', $users), 0, '... with nobody');
sub users { my ($of, @users) = @_;
    return $q->seed('users', [$p->budget_keys($of), $users,
        map { $p->budget_keys($_->[0]) } @users], map { my (undef, $ends, @f) =
            @$_; ($ends, @f / 2, @f) } @users) }
is_deeply(users($default, [user(2), $hour + 3600, "s:1h:$hour", 70],
    [user(20), $hour + 3600, "s:1h:$hour", 3, "s:1d:$hour", 9]), ['OK'],
    'then those who have spent, many at once');
is_deeply([$q->field(user(20), "s:1d:$hour"), $q->field(user(20), 'c:1d'),
    $q->field(user(20), 'c:1h')], [9, undef, $hour],
    '... also in a window that is gone, which is not in use');
users($default, [user(2), $hour + 3600, "s:1h:$hour", 1]);
is(counter(user(2), 's'), 70, '... each once');
is_deeply(users($default, [user(21), int(time) - 1, "s:1h:$hour", 1]), ['OK'],
    '... and whose last window has ended meanwhile is no error');
is($redis->cmd('EXISTS', $p->key('b:' . user(21))), 0, '... but nobody');
is_deeply([$redis->cmd('ZCARD', $users), $p->field($default, 'un')], [2, 2],
    '... and they are counted');
for my $wrong (['p.x', [user(2), $hour + 3600]],
    [$default, [user(2), $hour + 3600, 's:total:0', 1]],
    [$default, [user(2), $hour + 3600, "g:1h:$hour", 1]],
    [$default, [user(2), '']]) {
    my $before = $p->dump;
    is_deeply(users(@$wrong), ['ARG'], '... of this default and its periods');
    is($p->dump, $before, '... or nothing is written');
}
# Who has a place goes by the real ends of the default's periods; what the
# ledger has of those that may come back is kept.
my $monthly = 'e.' . 'c' x 16;
my $of_month = $p->key("e:$monthly");
my ($last, $turns) = ($hour - 28 * 86400, $hour + 30 * 86400);
my ($lasts, $longest) = (31 * 86400 + 3600, $hour + 31 * 86400 + 3600);
sub month { return 'total:t,' . Asgard::Partition::spec(['1mo', @_]) }
$q->seed('budget', [$p->budget_keys($monthly), $of_month], 10,
    month('UTC', $hour, $turns), $hour, 'total', '-', '1mo', 120, '|',
    's:total:0', 0, "s:1mo:$hour", 0);
my @seeded = ([user(50), $last + $lasts, "s:1mo:$last", 90],
    [user(51), $longest, "s:1mo:$last", 90, "s:1mo:$hour", 7],
    [user(52), $last + 86400 + $lasts, 's:1mo:' . ($last + 86400), 90],
    [user(53), $hour + 3600, "s:1mo:$last", 1, 's:1d:' . ($hour - 86400), 9]);
is_deeply($q->seed('users', [$p->budget_keys($monthly), $of_month,
    map { $p->budget_keys($_->[0]) } @seeded], map { my (undef, $ends, @f) =
        @$_; ($ends, @f / 2, @f) } @seeded), ['OK'], 'end users of a month');
is_deeply({@{$redis->cmd('ZRANGE', $of_month, 0, -1, 'WITHSCORES')}},
    {user(51), $turns, user(52), $last + 86400 + $lasts,
        user(53), $hour + 3600},
    '... have a place until it ends, or must, when the default has it no more');
is($q->field($monthly, 'un'), 3, '... and are counted');
is($q->field(user(50), "s:1mo:$last"), 90,
    '... who spent in the last one has none');
cmp_ok($redis->cmd('TTL', $q->key('b:' . user(50))), '>',
    $last + $lasts - time, '... but stays for as long as that may go on');
$q->seed('budget', [$p->budget_keys('p.x')], 10, 'total:t', $hour, 'total', '-',
    '|', 's:total:0', 0);
$q->seed('adopt', []);
is_deeply($q->reserve('a1', 30, ['p.x', user(4)], mode => 'A',
    pins => 'p.x:total:0,' . user(4) . ":1h:$hour")->[0], 'OK',
    'an open call of an end user that nobody knows is adopted');
is_deeply($q->finish('a2', 's', 40, 'p.x:total:0,' . user(5) . ":1h:$hour",
    ['p.x', user(5)])->[0], 'LATE', '... and an outcome');
my $past = $hour - 7200;
is_deeply($q->finish('a3', 's', 40, 'p.x:total:0,' . user(6) . ":1h:$past",
    ['p.x', user(6)])->[0], 'LATE', '... and of an hour that is over');
is($q->field(user(6), "s:1h:$past"), undef,
    '... of which nothing is counted beside the ledger');
is($q->reserve('a4', 30, ['p.x', user(7)], mode => 'A',
    pins => 'p.x:total:0,' . user(7) . ":1h:$past")->[0], 'OK',
    'so is an open call of such an hour');
is_deeply([map { $q->field(user(7), "$_:1h:$past") } qw(s h)], [undef, 30],
    '... which is held, and no more');
cmp_ok($redis->cmd('TTL', $q->key('b:' . user($_))), '>', 0,
    '... and goes by itself') for 6, 7;
$q->seed('open', [], 0, 1000, '0-0');
sub again { my ($user, $amount) = @_;
    return $q->reserve('r' . ++$n, $amount, ['p.x', $user],
        users => $default) }
is_deeply(again(user(2), 51), ['OVER', user(2), '1h', 120, 70, 0,
    $hour + 3600], 'what was spent is spent');
is_deeply(again(user(4), 91), ['OVER', user(4), '1h', 120, 0, 30,
    $hour + 3600], '... what was announced is held');
is_deeply(again(user(5), 81), ['OVER', user(5), '1h', 120, 40, 0,
    $hour + 3600], '... what was told is spent');
is(again(user(4), 90)->[0], 'OK', '... and no more');

sub monthly { my ($user, $amount) = @_;
    return $q->reserve('m' . ++$n, $amount, ['p.x', $user], users => $monthly) }
is(monthly(user(50), 120)->[0], 'OK', 'the new month has room of its own');
is($q->seed('limit', [$q->budget_keys($monthly)], 11,
    month('Europe/Berlin', $last, $hour + 7200, $turns), 'total', '-', '-',
    '1mo', 120, "$last:0")->[0], 'OK', 'a zone whose last month goes on');
is_deeply(monthly(user(50), 31), ['OVER', user(50), '1mo', 120, 90, 0,
    $hour + 7200, 'Europe/Berlin'], '... has what was spent in it');

# What an earlier epoch left of an end user is worth nothing: a reseed wrote
# whoever is needed.
sub left { my ($user, %more) = @_;
    $redis->cmd('DEL', $p->key("b:$user"));
    $redis->cmd('HSET', $p->key("b:$user"), d => 1, e => 1, %more) }
my $next = $hour + 3600;
left(user(30), 'c:1h' => $next, "s:1h:$next" => 0, "h:1h:$next" => 0,
    "s:1h:$hour" => 99, "h:1h:$hour" => 0);
is(again(user(30), 120)->[0], 'OK', 'one that was ahead when a clock went back '
    . 'is let in');
is($redis->cmd('HLEN', $p->key('b:' . user(30))), 5, '... and begins anew');
left(user(31), "s:1h:$past" => 5, "h:1h:$past" => 0);
is($q->apply(1, 7, 'p.x:total:0,' . user(31) . ":1h:$past", ['p.x', user(31)])
    ->[0], 'OK', 'a correction of what is over');
is($redis->cmd('HEXISTS', $p->key('b:' . user(31)), "s:1h:$past"), 0,
    '... leaves nothing that would have to be right');
left(user(32), "s:1h:$hour" => 99, "h:1h:$hour" => 0, 'c:1h' => $hour);
is($q->apply(2, 30, 'p.x:total:0,' . user(32) . ":1h:$hour", ['p.x', user(32)])
    ->[0], 'OK', 'a correction of now');
is(again(user(32), 91)->[0], 'OVER', '... counts');
is(again(user(32), 90)->[0], 'OK', '... and not what was left');

# Another zone of the default: nobody is locked out, nothing is forgotten.
my $early = $hour - 600;
sub zone { my (@entry) = @_;
    return $q->seed('limit', [$q->budget_keys($default)], $q->{version}++,
        'total:t,' . Asgard::Partition::spec(@entry), 'total', '-', '-', '1h',
        120, (ref $entry[0] ? $early : $hour) . ':0')->[0] }
$q->{version} = 20;
is(again(user(40), 50)->[0], 'OK', 'a call by one zone');
is(zone(['1h', 'Europe/Berlin', $early, $early + 7200, $early + 9000]), 'OK',
    'the default gets another, whose period began before');
is(again(user(40), 120)->[0], 'OK', '... in which the same end user is let in');
is(zone('1h'), 'OK', 'the first zone comes back');
is_deeply(again(user(40), 71), ['OVER', user(40), '1h', 120, 0, 50,
    $hour + 3600], '... and so does what was counted in it');
is(again(user(40), 70)->[0], 'OK', '... no more');

done_testing();
