# The scripts against the server's own faults: no script, no memory, restart.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Partition;
use Asgard::PrivateRedis;

my $server = Asgard::PrivateRedis->new;
my $redis = $server->client;
my $p = Asgard::Partition->new(redis => $redis);
$p->open;
$p->add('p.x', total => 1000);
my $PINS = 'p.x:total:0';
my $fence = $p->{fence};
my @reserve = (5, @{$p->hold_keys('h1', ['p.x'])}, $fence, 'h1', 10, 60, 'R',
    0, '');

# A script that the server does not have
$redis->cmd('SCRIPT', 'FLUSH');
my ($error) = $redis->pipeline(['EVALSHA', $redis->script_sha('reserve'),
    @reserve]);
like($error, qr/^NOSCRIPT /, 'after a flush of scripts EVALSHA is NOSCRIPT');
isa_ok($error, 'Asgard::Redis::Error');
is($redis->cmd('EXISTS', $p->key('h:h1')), 0, '... and nothing was held');
is($redis->cmd('EVAL', $redis->script_text('reserve'), @reserve)->[0], 'OK',
    'one EVAL with the same id holds');
is($redis->cmd('EVALSHA', $redis->script_sha('reserve'), @reserve)->[0],
    'DUP', '... and names it for EVALSHA from then on');

# No memory
$redis->cmd('CONFIG', 'SET', 'maxmemory', '1mb');
my @other = @reserve;
$other[2] = $p->key('h:h2');
$other[7] = 'h2';
($error) = $redis->pipeline(['EVALSHA', $redis->script_sha('reserve'),
    @other]);
like($error, qr/^OOM /, 'without memory reserve is refused before it starts');
unlike($error, qr/script: /, '... so that it proves that nothing was written');
is($redis->cmd('EXISTS', $p->key('h:h2')), 0, '... and nothing is held');
is($p->extend('h1', 100, 600)->[0], 'OK', 'without memory extend passes');
is($p->finish('h1', 's', 7, $PINS, ['p.x'])->[0], 'OK',
    'without memory a settle passes');
is($p->field('p.x', 's:total:0'), 7, '... and is spent');
is(scalar($p->events), 1, '... with its event');
is($p->apply(1, 3, $PINS, ['p.x'])->[0], 'OK',
    'without memory a correction passes');
is($p->limit('p.x', total => 5)->[0], 'OK',
    'without memory a lower limit passes');
is($redis->script('publish', ['{asg}:key:p1:00', '{asg}:ver'], 1, 'revoked',
    'asg:changes', 'key p1 00 1')->[0], 'OK',
    'without memory a revocation passes');
$redis->cmd('CONFIG', 'SET', 'maxmemory', 0);

# Another process with the same data
$server->restart;
$p->{redis} = $redis = $server->client;
is($p->meta('f'), $fence, 'after a restart the data says the old fence');
isnt('1:' . $redis->run_id, $fence, '... but the process is another');
$fence = '1:' . $redis->run_id;
for my $case (
    ['reserve', sub { $p->reserve('h3', 1, ['p.x'], fence => $fence) }],
    ['finish', sub { $p->finish('h1', 's', 1, $PINS, ['p.x'],
        fence => $fence) }],
    ['extend', sub { $p->extend('h1', 1, 1, fence => $fence) }],
    ['apply', sub { $p->apply(2, 1, $PINS, ['p.x'], fence => $fence) }]) {
    my ($name, $call) = @$case;
    my $before = $p->dump;
    is_deeply($call->(), ['FENCE', $p->{fence}],
        "$name with a fence of the new process is refused");
    is($p->dump, $before, '... and writes nothing');
}

# An empty one
$redis->cmd('FLUSHALL');
is_deeply($p->reserve('h3', 1, ['p.x']), ['FENCE', ''],
    'after FLUSHALL reserve is refused');
is_deeply($p->finish('h1', 's', 1, $PINS, ['p.x']), ['FENCE', ''],
    'after FLUSHALL a settle is refused, to be repeated');
is($redis->cmd('DBSIZE'), 0, '... and makes no counter from nothing');

done_testing();
