# beat.lua: who lives, and for how long one is remembered who does not.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::PrivateRedis;

my $server = Asgard::PrivateRedis->new;
my $redis = $server->client;
my $KEY = '{asg}:workers';

sub beat { $redis->script('beat', [$KEY], @_)->[0] }

my ($now) = @{$redis->cmd('TIME')};
is(beat('w1', 60), 'OK', 'a worker beats');
cmp_ok(abs($redis->cmd('ZSCORE', $KEY, 'w1') - $now), '<=', 2,
    '... by the clock of Redis');
$redis->cmd('ZADD', $KEY, $now - 61, 'w2', $now - 50, 'w3');
is(beat('w1', 60), 'OK', 'it beats again');
is_deeply([sort @{$redis->cmd('ZRANGE', $KEY, 0, -1)}], ['w1', 'w3'],
    '... and who was silent for longer than a minute is forgotten');
is(beat(@$_), 'ARG', "the beat (@$_) is ARG")
    for ['', 60], ['a b', 60], ['w1', 'x'], ['w1', -1];
is($redis->cmd('ZCARD', $KEY), 2, '... and changes nothing');

done_testing();
