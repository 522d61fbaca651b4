#!/usr/bin/env perl
# Both programs do all their work over a unix socket as a user of Redis that may
# use nothing but the commands and names of Asgard.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(slurp spill top wait_until);
use Asgard::PrivateRedis;
use Asgard::Redis;
use Asgard::RedisUser;
use Asgard::Test;

my $t = Asgard::Test->new(workers => 2);
my $redis = $t->{redis};
my $user = Asgard::RedisUser->new(server => $redis,
    path => "$redis->{dir}/redis.sock");
chmod 0711, $redis->{dir};
$redis->stop;
$redis->write_conf(conf => "unixsocket $user->{path}\nunixsocketperm 777\n"
    . $user->acl . "\n");
$redis->start;
$user->give_to($t);
my $up = $t->upstream('main', prompt_tokens => 10, completion_tokens => 20);
$t->add_model($up, ref => 'model:test/one', route => 'one');
$t->start;

my $project = $t->project(budget_usd => '1');
my $key = $t->key(project => $project, budgets => [['1h', '1']]);
is($t->chat($key, {model => 'one'})->status, 200, 'a call is answered');
is($t->chat($key, {model => 'one', stream => \1})->status, 200,
    'and a stream');
is(scalar($t->wait_ledger($project, 2)), 2, 'both are in the ledger');
ok($t->reload_catalog, 'a catalog is published');
$t->set_budgets($project, ['total', '1'], ['7d', '1']);
ok(wait_until(sub { $t->{postgres}->value(
    'SELECT count(*) FROM outbox WHERE sent_at IS NULL') == 0 }, 10),
    'a window is added');
$t->kill_project($project);
ok(wait_until(sub { $t->chat($key)->status == 403 }, 5),
    'a kill reaches the gateway');
$t->{control}->run_ok('project', 'unkill', $project);
my ($witness) = "$t->{dir}/log/calls.log";
like($t->{control}->run_ok('audit', 'money', '--witness', $witness),
    qr/every amount is accounted for/, 'the money is audited');
$redis->cmd('SCRIPT', 'FLUSH');
$redis->cmd('FLUSHALL');
ok(wait_until(sub { $t->chat($key, {model => 'one'})->status == 200 }, 30,
    0.2), 'after a loss the counters are seeded again');
like($t->{control}->run_ok('replay', $witness), qr/ 3 known already, /,
    'a witness is replayed');
$t->{control}->run_ok('reseed');
ok(wait_until(sub { $t->chat($key, {model => 'one'})->status == 200 }, 30,
    0.2), 'a reseed is forced');
$t->{control}->run_ok('reseed', '--restored');
ok(wait_until(sub { $t->chat($key, {model => 'one'})->status == 200 }, 30,
    0.2), 'and what a restored database missed is looked for');
ok($t->{control}->kill_role('meter'), 'the meter starts anew');
$t->wait_ready;
is_deeply($redis->cmd('ACL', 'LOG'), [], 'Redis refused them nothing');

my %named = map { $_ => 1 } $redis->cmd('CLIENT', 'LIST') =~ / user=(\S+)/g;
is_deeply([sort keys %named], ['asgard', 'default'],
    'they were that user (and this test the other)');

my $client = Asgard::Redis->new(socket => $user->{path});
$client->cmd('AUTH', 'asgard', $user->{password});
sub refused {
    my (@words) = @_;
    my $reply = eval { $client->cmd(@words); 1 };
    like($reply ? 'done' : "$@", qr/NOPERM/, "the user may not @words");
}
refused(@$_) for ['FLUSHALL'], ['FLUSHDB'], ['CONFIG', 'GET', 'requirepass'],
    ['CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru'], ['KEYS', '*'],
    ['MONITOR'], ['ACL', 'LIST'], ['SHUTDOWN'],
    ['REPLICAOF', 'no', 'one'], ['CLIENT', 'LIST'], ['SAVE'], ['MODULE',
    'LIST'], ['SCRIPT', 'FLUSH'], ['SLOWLOG', 'GET'], ['MIGRATE', 'h', '1',
    'k', '0', '1'], ['RENAME', '{asg}:ver', '{asg}:x'];
refused(@$_) for ['GET', 'other'], ['SET', 'other', '1'],
    ['DEL', 'session:1'], ['HGETALL', 'asg'], ['GET', '{p1}:m'],
    ['EVAL', "return redis.call('SET', 'other', 1)", 1, 'other'],
    ['SORT', '{p00}:x', 'BY', 'nosort', 'STORE', 'other'],
    ['SUBSCRIBE', 'other'], ['PUBLISH', 'other', 'x'];
my $inside = eval { $client->cmd('EVAL', "return redis.call('FLUSHALL')", 0);
    1 };
ok(!$inside, 'nor FLUSHALL in a script');

# The file as it is shipped.
my $other = Asgard::PrivateRedis->new;
my $dir = $other->{dir};
spill("$dir/redis.conf", "port 0\nunixsocket $dir/x.sock\ndir $dir\n"
    . slurp(top() . '/conf/redis-acl.conf'));
my $server = Asgard::Process->new(name => 'redis', log => "$dir/x.log",
    command => ['redis-server', "$dir/redis.conf"]);
my $nobody;
ok(wait_until(sub { $nobody = eval { Asgard::Redis->new(socket =>
    "$dir/x.sock") } }, 10), 'Redis takes the shipped file')
    or diag(slurp("$dir/x.log"));
ok(!eval { $nobody->cmd('PING') }, 'and lets nobody in without a password');
ok(!eval { $nobody->cmd('AUTH', 'asgard', '') }, 'nor with an empty one');
$server->stop('TERM', 10);
$t->done;
