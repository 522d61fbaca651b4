#!/usr/bin/env perl
# Without asgard_fail_mode it is closed: a dead, flushed, full or read-only
# Redis refuses every call, though key and budget are known; metrics say so.
#
# Fault row 1, 5, 7.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(wait_until);
use Asgard::OneModel qw(one_model);

my ($t, $up, $project, $key) = one_model();
my $redis = $t->{redis};

sub call { $t->chat($key, {model => 'one'}) }
sub metrics { join "\n", grep { /^asgard_fail_mode/ }
    split /\n/, $t->get('/metrics')->body }

like(metrics(), qr/^asgard_fail_mode\{mode="closed"\} 1$/m,
    'the default is closed, and a metric');
for (['dead', sub { $redis->stop }, sub { $redis->start }],
    ['flushed', sub { kill STOP => $t->{control}->roles->{meter};
        $redis->cmd('FLUSHALL') },
        sub { kill CONT => $t->{control}->roles->{meter} }],
    ['full', sub { $redis->cmd('CONFIG', 'SET', 'maxmemory', '1mb') },
        sub { $redis->cmd('CONFIG', 'SET', 'maxmemory', '1gb') }],
    ['read-only', sub { $redis->cmd('REPLICAOF', '127.0.0.1', 1) },
        sub { $redis->cmd('REPLICAOF', 'NO', 'ONE') }])
{
    my ($name, $provoke, $undo) = @$_;
    ok(wait_until(sub { call()->status == 200 }, 60, 0.1), "$name: a call");
    my $before = $up->count;
    $provoke->();
    for (1 .. 3) {
        my $reply = call();
        is(join(' ', $reply->status, $reply->code), '503 budget_unavailable',
            '... then it is refused');
        is($reply->header('x-asgard-fail-mode'), undef, '... by no fail mode');
    }
    is($up->count, $before, '... and no provider is asked');
    $undo->();
}
ok(wait_until(sub { call()->status == 200 }, 60, 0.1), 'and all is well');
like(metrics(), qr/^asgard_fail_mode_calls_total 0$/m, 'no call was let in');
$t->done;
