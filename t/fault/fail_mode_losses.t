#!/usr/bin/env perl
# With asgard_fail_mode local, calls go on whatever becomes of Redis: it is
# slow, hangs, is flushed, full, read-only, another one takes over. Each call is
# in the ledger once with what it cost, also a stream that was open all the
# time; and where all memory of a gateway is lost too, its witness has them.
#
# Fault row 2, 4, 5, 7.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Time::HiRes qw(sleep);

use Asgard::Files qw(slurp wait_until);
use Asgard::OneModel qw(one_model);

my ($t, $up, $project, $key) = one_model(workers => 1, slow => 1,
    redis_deadline => '100ms', proxies => ['gateway_redis'],
    http_conf => 'asgard_fail_mode local 0.05;');
my ($redis, $proxy) = ($t->{redis}, $t->proxy('gateway_redis'));
my $calls = 0;

sub call { my $reply = $t->chat($key, {model => 'one', max_tokens => 20});
    $calls++ if $reply->status == 200;
    return $reply }
sub mode { $_[0]->header('x-asgard-fail-mode') // '' }
sub config { $redis->cmd('CONFIG', 'SET', @_) }
sub is_told { $t->get('/metrics')->body
    =~ /^asgard_fail_mode_untold_calls 0$/m }
sub entries { $t->{postgres}->value('SELECT count(*) FROM ledger') }
sub is_normal { my $reply = call(); $reply->status == 200 && !mode($reply) }

# Calls, and a stream that is open over all of it.
sub goes_on {
    my ($name, $provoke, $undo) = @_;
    ok(wait_until(\&is_normal, 60, 0.1), "$name: all is well before");
    $provoke->();
    my $first;
    ok(wait_until(sub { $first = call();
        $first->status == 200 && mode($first) eq 'local' }, 10, 0.02),
        '... a call is served without Redis')
        or diag $first->status, $first->body;
    my $end = $t->stalled_stream($key, 'slow');
    $calls++;
    my %told;
    for (1 .. 5) { my $reply = call(); $told{$reply->status}++ }
    is_deeply([keys %told], [200], '... so are those behind it')
        or diag explain \%told;
    $undo->();
    ok(wait_until(\&is_normal, 60, 0.1), '... and with Redis again after it');
    like($end->()->body, qr/\[DONE\]/, '... a stream goes on all the time');
    ok(wait_until(sub { is_told() && entries() == $calls }, 40, 0.1),
        '... each call is in the ledger, once')
        or diag entries(), " of $calls";
}

is(call()->status, 200, 'a first call');
goes_on('slow', sub { $proxy->delay(down => 0.5) }, sub { $proxy->heal });
goes_on('hangs', sub { $redis->freeze }, sub { $redis->thaw });
goes_on('cut off', sub { $proxy->refuse; $proxy->cut },
    sub { $proxy->accept });
goes_on('flushed', sub { $t->{control}->roles->{meter}
        and kill STOP => $t->{control}->roles->{meter};
    $redis->cmd('FLUSHALL') },
    sub { kill CONT => $t->{control}->roles->{meter} });
goes_on('full', sub { config('maxmemory', '1mb') },
    sub { config('maxmemory', '1gb') });
goes_on('read-only', sub { $redis->cmd('REPLICAOF', '127.0.0.1', 1) },
    sub { $redis->cmd('REPLICAOF', 'NO', 'ONE') });
goes_on('another one in its place', sub { $redis->stop; $redis->start_only;
    kill STOP => $t->{control}->roles->{meter} },
    sub { kill CONT => $t->{control}->roles->{meter} });
is(sprintf('%.5f', $t->usage($project)->{spent_usd}),
    sprintf('%.5f', $calls * 0.00021),
    'the sum is that of the calls');

# Redis and all memory of the gateway.
$redis->stop;
ok(wait_until(sub { mode(call()) eq 'local' }, 10), 'Redis is dead again');
my $before = entries();
$t->{gateway}->stop;
$redis->start;
$t->{gateway}->start;
my $witness = "$t->{gateway}{dir}/log/calls.log";
like(slurp($witness), qr/"verdict":"opened"/,
    'the witness knew of such a call before it had ended');
my ($status, $out) = $t->{control}->run('replay', $witness);
is($status, 0, 'with the memory of the gateway lost its witness is replayed')
    or diag $out;
is(entries(), $calls, '... and has the calls') or diag $out;
$t->done;
