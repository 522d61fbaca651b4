#!/usr/bin/env perl
# The fault proxy does each of its faults, and nothing else to a connection.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use File::Temp qw(tempdir);
use Test::More;
use Time::HiRes qw(time);

use Asgard::Files qw(wait_until);
use Asgard::FaultProxy;
use Asgard::PrivateRedis;
use Asgard::Redis;

my $dir = tempdir(CLEANUP => 1);
my $server = Asgard::PrivateRedis->new;
my $redis = $server->client;
my $proxy = Asgard::FaultProxy->new(dir => $dir,
    to => 'unix:' . $server->socket);

sub client { Asgard::Redis->new(host => '127.0.0.1', port => $proxy->port,
    timeout => 5, @_) }

# What a command answers, or how it ended.
sub says {
    my ($client, @words) = @_;
    my $reply = eval { $client->cmd(@words) };
    return $@ ? $@ =~ s/\n//r : $reply;
}

sub took { my ($what) = @_; my $begun = time; $what->(); return time - $begun }

# Nothing ordered
my $c = client();
my $long = join '', map { chr($_ % 256) } 1 .. 3_000_000;
is($c->cmd('SET', 'long', $long), 'OK', 'a command goes through');
ok($c->cmd('GET', 'long') eq $long, '... and 3 MB come back as they were');
is_deeply([$c->pipeline(map { ['ECHO', $_] } 1 .. 500)], [1 .. 500],
    '... and many at once in their order');
is($proxy->script('reserve'),
    '^EVALSHA ' . Asgard::Redis->script_sha('reserve') . '\b',
    'a script has a pattern');

# Delay, throttle, single bytes
$proxy->delay(down => 0.15);
cmp_ok(took(sub { $c->cmd('PING') }), '>=', 0.15, 'a reply is late');
$proxy->delay(up => 0.1, down => 0.1);
cmp_ok(took(sub { $c->pipeline(map { ['PING'] } 1 .. 20) }), '>=', 0.2,
    '... and a request, together');
$proxy->heal;
$proxy->throttle(down => 50_000);
$c->cmd('SETRANGE', 'some', 9_999, 'x');
cmp_ok(took(sub { $c->cmd('GET', 'some') }), '>=', 0.15,
    '10 KB at 50 KB/s take their time');
$proxy->heal;
$proxy->one_byte;
is(says($c, 'ECHO', 'x' x 2000), 'x' x 2000, 'single bytes arrive whole');
$proxy->heal;

# Freeze and thaw
$proxy->freeze;
$c->send('INCR', 'frozen');
is(says(client(timeout => 0.3), 'PING'), 'redis: no reply in 0.3 s',
    'nothing answers while frozen');
is($redis->cmd('GET', 'frozen'), undef, '... and nothing arrives');
$proxy->thaw;
is($c->receive, 1, '... and what waited goes on');
$proxy->freeze('down');
$c->send('INCR', 'frozen');
ok(wait_until(sub { $redis->cmd('GET', 'frozen') == 2 }),
    'one direction frozen: the command arrives');
is(says(client(timeout => 0.2), 'PING'), 'redis: no reply in 0.2 s',
    '... its reply does not');
$proxy->thaw;
is($c->receive, 2, '... until later');

# Refused, cut, half closed
$proxy->refuse;
ok(!eval { client() }, 'a new connection is refused');
like($@, qr/refused/i, '... as by a port that nobody has');
is(says($c, 'PING'), 'PONG', '... an old one lives');
$proxy->accept;
is(says(client(), 'PING'), 'PONG', '... and later a new one too');
$proxy->cut;
like(says($c, 'PING'), qr/reset|Broken pipe/, 'a cut is a reset');
$c = client();
$c->cmd('PING');
$proxy->cut('fin');
is(eval { $c->receive } // $@, "redis: connection closed\n",
    '... or an orderly end');
$c = client();
$c->cmd('PING');
$proxy->half_close('down');
$c->send('INCR', 'half');
is(eval { $c->receive } // $@, "redis: connection closed\n",
    'half closed: the server said its last');
ok(wait_until(sub { ($redis->cmd('GET', 'half') // 0) == 1 }),
    '... the other half goes on');
$c = client();
$c->cmd('PING');
$proxy->half_close('up');
is(eval { $c->receive } // $@, "redis: connection closed\n",
    'half closed the other way: the server has read the end');
ok(wait_until(sub { $proxy->stats->{open} == 0 }),
    'a connection that ended on both sides is gone')
    or diag explain $proxy->stats;

# Lost replies and requests
$c = client(timeout => 0.3);
$proxy->drop_reply(match => '^INCR lost');
$c->send('ECHO', 'before');
$c->send('INCR', 'lost');
$c->send('ECHO', 'after');
is($c->receive, 'before', 'a reply before the lost one comes');
is(eval { $c->receive } // $@, "redis: no reply in 0.3 s\n",
    '... the lost one does not, nor what is behind it');
is($redis->cmd('GET', 'lost'), 1, '... the command was executed');
is($proxy->hits, 1, '... and counted');
$c = client();
is($c->cmd('INCR', 'lost'), 2, '... one was asked for, one was lost');

$proxy->drop_reply(match => '^INCR lost', count => 2, then => 'rst');
like(says(client(), 'INCR', 'lost'), qr/reset/, 'a lost reply with a reset')
    for 1 .. 2;
is($c->cmd('INCR', 'lost'), 5, '... twice, and executed each time');
$proxy->drop_reply(then => 'fin');
is(says(client(), 'PING'), 'redis: connection closed',
    'any next reply, with an orderly end');

$proxy->drop_request(match => '^INCR lost', then => 'fin');
is(says($c, 'INCR', 'lost'), 'redis: connection closed',
    'a request that is lost');
is($redis->cmd('GET', 'lost'), 5, '... was not executed');

# A command that overtakes another
$proxy->hold_request(match => '^INCR late');
$c = client(timeout => 0.2);
is(says($c, 'INCR', 'late'), 'redis: no reply in 0.2 s', 'a request waits');
undef $c;
$c = client();
is($c->cmd('SET', 'late', 10), 'OK', '... another one overtakes it');
$proxy->release;
ok(wait_until(sub { $redis->cmd('GET', 'late') == 11 }),
    '... and it arrives though its sender has gone');

my $watch = $proxy->watch(match => '^SET seen');
$c->cmd('SET', "seen $_", 1) for 1 .. 3;
is($proxy->hits($watch), 3, 'commands are counted');

# Another server behind the same address
my $other = Asgard::PrivateRedis->new;
$other->client->cmd('SET', 'who', 'other');
$proxy->switch_to('unix:' . $other->socket);
is($c->cmd('GET', 'who'), undef, 'a connection stays with its server');
is(client()->cmd('GET', 'who'), 'other', '... a new one has the other');

# Listening on a socket; bytes without a protocol
my $raw = Asgard::FaultProxy->new(dir => $dir, name => 'raw',
    protocol => 'raw', listen => "unix:$dir/raw.sock",
    to => $proxy->address);
$c = Asgard::Redis->new(socket => "$dir/raw.sock", timeout => 0.3);
is($c->cmd('GET', 'who'), 'other', 'a unix socket in front of another proxy');
$raw->drop_reply(match => 'INCR\r\n');
is(says($c, 'INCR', 'raw'), 'redis: no reply in 0.3 s',
    'what follows a piece of bytes is lost');
is($other->client->cmd('GET', 'raw'), 1, '... and the piece arrived');

my $pid = $raw->{process}->pid;
undef $raw;
ok(!kill(0, $pid), 'a proxy ends with its object');
done_testing();
