#!/usr/bin/env perl
# A gateway that has no descriptor for a connection to Redis refuses, ends its
# open calls, leaks nothing, and goes on once it has one.
#
# Fault row 36.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use IO::Socket::INET;
use Test::More;
use Time::HiRes qw(sleep);

use Asgard::Files qw(slurp wait_until);
use Asgard::Test;

my $t = Asgard::Test->new(workers => 1, redis_deadline => '1s',
    proxies => ['gateway_redis'],
    main_conf => 'worker_rlimit_nofile 50;',
    http_conf => 'keepalive_timeout 60s;');
$t->allow_alert(qr/Too many open files/, qr/worker_connections/);
# No connection to it is kept: one that ends would leave its descriptor.
my $up = $t->upstream('main', prompt_tokens => 10, completion_tokens => 20,
    headers => {Connection => 'close'}, close => 1);
$t->add_model($up, ref => 'model:test/one', route => 'one');
$t->add_model($t->upstream('slow'), ref => 'model:slow/slow', route => 'slow',
    proxy => 1);
$t->start;
my $project = $t->project(budget_usd => '1');
my $key = $t->key(project => $project);
my $proxy = $t->proxy('gateway_redis');
my ($worker) = $t->{gateway}->workers;

sub descriptors { my @all = glob "/proc/$worker/fd/*"; return scalar @all }
# The worker's connections to Redis, also those that are just tried.
sub to_redis {
    my $port = sprintf ':%04X', $proxy->port;
    my %inode = map { $_ => 1 } map { (split)[9] } grep { (split)[2]
        =~ /\Q$port\E$/ } split /\n/, slurp("/proc/$worker/net/tcp");
    return scalar grep { (readlink($_) // '') =~ /^socket:\[(\d+)\]/
        && $inode{$1} } glob "/proc/$worker/fd/*";
}
sub call_on {
    my ($http) = @_;
    return $http->request('POST', '/v1/chat/completions',
        ['Authorization', "Bearer $key->{key}",
        'Content-Type', 'application/json'], $t->chat_body({model => 'one'}));
}

my $kept = $t->http;
is(call_on($kept)->status, 200, 'a call on a kept connection');
my $end = $t->stalled_stream($key, 'slow');
my $before = descriptors();

# The connection is cut while every descriptor is taken.
my @idle = map { IO::Socket::INET->new(PeerAddr => '127.0.0.1',
    PeerPort => $t->port, Timeout => 1) } 1 .. 60;
ok(wait_until(sub { descriptors() >= 50 }, 20), 'every descriptor is taken');
$proxy->refuse;
$proxy->cut;
push @idle, map { IO::Socket::INET->new(PeerAddr => '127.0.0.1',
    PeerPort => $t->port, Timeout => 1) } 1 .. 10;
# A try that was refused gives its descriptor back: one look may be too early.
my $looks = 0;
ok(wait_until(sub { $looks = descriptors() >= 50 && !to_redis() ? $looks + 1
    : 0; return $looks >= 5 }, 20, 0.05), '... those of Redis too');
$proxy->accept;
my $served = $up->count;
for (1 .. 3) {
    my $reply = call_on($kept);
    is(join(' ', $reply->status, $reply->code), '503 budget_unavailable',
        'a call is refused');
    sleep 0.3;
}
is($up->count, $served, '... and none goes to the provider');
like($t->{gateway}->error_log, qr/redis \(commands\)/, '... the log says why');
like($end->()->body, qr/\[DONE\]/, 'an open stream ends as it should');

close $_ for grep { $_ } splice @idle;
ok(wait_until(sub { call_on($kept)->status == 200 }, 20),
    'with descriptors again calls go through');
ok(wait_until(sub { @{[$t->ledger($project)]} == 3 }, 20, 0.1),
    '... and the stream is settled, once');
ok(wait_until(sub { descriptors() <= $before }, 10),
    'no descriptor is lost') or diag descriptors(), " after $before";
is_deeply([$t->{gateway}->workers], [$worker], 'the worker is still the same');
$t->done;
