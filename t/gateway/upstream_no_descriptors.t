#!/usr/bin/env perl
# A gateway without a descriptor for a connection to a provider says that it is
# overloaded, charges nothing, and does not take the provider for ill.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use IO::Socket::INET;
use Test::More;

use Asgard::Files qw(wait_until);
use Asgard::Spool qw(money_of);
use Asgard::Test;

my $t = Asgard::Test->new(workers => 1, redis_deadline => '5s',
    routing => "num_retries: 0\nallowed_fails: 0\ncooldown_time: 60\n"
        . "models:\n  both: {strategy: ordered, candidates: [one, two]}\n",
    main_conf => 'worker_rlimit_nofile 50;',
    http_conf => 'keepalive_timeout 60s;');
$t->allow_alert(qr/Too many open files/, qr/worker_connections/);
# No connection to it is kept: one that ends would leave its descriptor.
my @up = map { $t->upstream($_, prompt_tokens => 10, completion_tokens => 20,
    headers => {Connection => 'close'}, close => 1) } qw(one two);
$t->add_model($_, ref => "model:$_->{name}/it", route => $_->{name}) for @up;
$t->start;
my $key = $t->key(project => $t->project(budget_usd => '1'));
my ($worker) = $t->{gateway}->workers;

sub descriptors { my @all = glob "/proc/$worker/fd/*"; return scalar @all }
sub call_on {
    my ($http) = @_;
    return $http->request('POST', '/v1/chat/completions',
        ['Authorization', "Bearer $key->{key}",
        'Content-Type', 'application/json'], $t->chat_body({model => 'both'}));
}
my $kept = $t->http;
is(call_on($kept)->status, 200, 'a call on a kept connection');
my $served = $up[0]->count;
my @idle = map { IO::Socket::INET->new(PeerAddr => '127.0.0.1',
    PeerPort => $t->port, Timeout => 1) } 1 .. 70;
ok(wait_until(sub { descriptors() >= 50 }, 20), 'every descriptor is taken');

my $reply = call_on($kept);
is(join(' ', $reply->status, $reply->code), '503 overloaded',
    'a call that needs one more is told so') or diag($reply->body);
is($up[0]->count + $up[1]->count, $served, '... and goes to nobody');
is(money_of($t, $reply), 'v 0', '... for nothing');

close $_ for grep { $_ } splice @idle;
ok(wait_until(sub { call_on($kept)->status == 200 }, 20),
    'with descriptors again calls go through');
cmp_ok($up[0]->count, '>', $served, '... to the first, which is not cooled');
is($up[1]->count, 0, '... and to no other');
my @failures = $t->get('/metrics')->body
    =~ /^asgard_endpoint_failures_total\{endpoint="(?:one|two)"\} (\d+)$/mg;
is("@failures", '0 0', 'no provider has failed');
$t->done;
