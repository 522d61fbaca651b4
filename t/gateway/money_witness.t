#!/usr/bin/env perl
# The witness: a line a call, written at once, moved away by USR1, over a Redis
# that is reached by its socket.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use Test::More;

use Asgard::Files qw(slurp spill wait_until);
use Asgard::Stage;

# The same Redis, at a path.
package Asgard::RedisAtPath {
    sub address { "unix:$_[0]{server}{dir}/redis.sock" }
    sub password_file { $_[0]{server}->password_file }
}

package main;

my $s = Asgard::Stage->new(workers => 2);
my $server = $s->{redis};
$server->stop;
chmod 0755, $server->{dir};
spill("$server->{dir}/redis.conf", slurp("$server->{dir}/redis.conf")
    . "unixsocket $server->{dir}/redis.sock\nunixsocketperm 777\n", 0600);
$server->start;
$s->{gateway}->write_conf(
    redis => bless({server => $server}, 'Asgard::RedisAtPath'));

$s->model(route => 'echo');
my $key = $s->key($s->project(limit => '-'));
$s->start;

my $file = "$s->{gateway}{dir}/log/calls.log";
is((stat $file)[2] & 0777, 0600, 'the witness is its owner\'s alone');
sub lines { split /\n/, slurp($_[0]) }

my $reply = $s->chat($key, {model => 'echo'});
is($reply->status, 200, 'a call through the socket of Redis');
ok(wait_until(sub { lines($file) == 1 }, 2), 'has its line at once');
my $line = JSON::PP::decode_json((lines($file))[0]);
is($line->{f}, 1, 'in format 1');
like($line->{ts}, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, 'with a time');
is($line->{call}, $line->{hold}, 'of its hold');
is($line->{prefix}, substr($key->{key}, 0, 12), 'the prefix of its key');
is($line->{st}, 200, 'the status of the provider');
cmp_ok($line->{lat}, '>=', 0, 'and how long it took');
is($line->{trace}, $reply->header('x-asgard-trace-id'), 'and its trace id');

$s->chat($key, {model => 'echo:status=503'});
ok(wait_until(sub { lines($file) == 2 }, 2), 'a void has a line too');
is(JSON::PP::decode_json((lines($file))[1])->{verb}, 'v', 'that says so');

$s->chat(undef, {model => 'echo'});
$s->chat($key, {model => 'nothing'});
is(scalar lines($file), 2, 'a call that never had a hold has none');

rename $file, "$file.1" or die "rename: $!";
$s->{gateway}{process}->signal('USR1');
ok(wait_until(sub { -e $file }, 5), 'after USR1 there is a new file');
is((stat $file)[2] & 0777, 0600, 'its owner\'s alone from its beginning');
wait_until(sub { $s->chat($key, {model => 'echo'}); lines($file) }, 5);
is((stat $file)[2] & 0777, 0600, 'and for ever');
cmp_ok(scalar lines($file), '>', 0, 'in which the next calls stand');
is(() = slurp("$file.1") =~ /^\{.*\}$/mg, scalar lines("$file.1"),
    'every line of the old one is whole');

$s->done;
