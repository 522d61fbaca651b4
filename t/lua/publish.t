# publish.lua: an older record never replaces a newer one.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::PrivateRedis;

my $server = Asgard::PrivateRedis->new;
my $redis = $server->client;
my $heard = $server->client;
$heard->send('SUBSCRIBE', 'asg:changes');
is($heard->receive->[0], 'subscribe', 'a gateway listens');

sub publish {
    my (@argv) = @_;
    return $redis->script('publish', ['{asg}:project:a', '{asg}:ver'],
        @argv)->[0];
}

is(publish(3, 'three', 'asg:changes', 'project a 3'), 'OK', 'a first record');
is($redis->cmd('GET', '{asg}:project:a'), 'three', '... is stored');
is($redis->cmd('HGET', '{asg}:ver', '{asg}:project:a'), 3,
    '... with its version');
is($heard->receive->[2], 'project a 3', '... and announced');
is(publish(3, 'again', 'asg:changes', 'project a 3'), 'OLD',
    'the same version is OLD');
is(publish(2, 'two', 'asg:changes', 'project a 2'), 'OLD',
    'a lower version is OLD');
is($redis->cmd('GET', '{asg}:project:a'), 'three', '... and changes nothing');
is(publish(10, 'ten', 'asg:changes', ''), 'OK', 'versions compare as numbers');
is(publish(11, '', 'asg:changes', 'project a 11'), 'OK',
    'an empty value deletes the record');
is($redis->cmd('GET', '{asg}:project:a'), undef, '... it is gone');
is($heard->receive->[2], 'project a 11', '... and only that was announced');
is(publish(10, 'ten', 'asg:changes', 'x'), 'OLD',
    'the guard outlives the record');
is(publish(12, 'twelve', 'asg:changes', 'project a 12'), 'OK', 'a new one');
$redis->cmd('DEL', '{asg}:project:a');
is(publish(11, 'eleven', 'asg:changes', 'x'), 'OLD',
    'a record that was lost is not replaced by an older one');
is(publish(12, 'twelve', 'asg:changes', 'project a 12'), 'OK',
    '... but comes back in its own version');
is($redis->cmd('GET', '{asg}:project:a'), 'twelve', '... as it was');
is(publish($_, 'x', 'asg:changes', 'x'), 'ARG', "the version '$_' is ARG")
    for '', '0', '-1', '1.5', 'x';
is($redis->script('publish', ['{asg}:project:a'], 12, 'x', 'c', 'm')->[0],
    'ARG', 'one key is ARG');

done_testing();
