#!/usr/bin/env perl
# On a Redis that may evict keys nothing starts; a Redis that is away is waited
# for.
#
# Fault row 5.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(wait_until);
use Asgard::Test;

my $t = Asgard::Test->new(gateway => 0, without_money => 1);
my $redis = $t->{redis};
my $control = $t->{control};
$control->run_ok('migrate');

for my $policy (qw(allkeys-lru volatile-ttl)) {
    $redis->cmd('CONFIG', 'SET', 'maxmemory-policy', $policy);
    my ($status, $out, $err) = $control->run('serve');
    isnt($status, 0, "$policy: serve does not start");
    like($control->log_text . $err, qr/redis_evicts.*noeviction/,
        '... and says what to set');
    ($status, $out) = $control->run('check');
    isnt($status, 0, '... check finds it too');
    like($out, qr/^FAIL  Redis: maxmemory-policy must be noeviction/m,
        '... likewise');
}
is_deeply($redis->cmd('KEYS', '*'), [], 'nothing was written to it');

$redis->cmd('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
$redis->stop;
$control->start;
ok($control->{process}->is_running, 'without Redis serve starts');
$redis->start;
ok(wait_until(sub { $t->{postgres}->value("SELECT count(*) FROM partitions"
    . " WHERE step = 'open'") == 16 }, 15), '... and opens once it is there');

sub is_open { ($redis->cmd('HGET', '{p00}:m', 'st') // '') eq 'open' }
$redis->cmd('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru');
$redis->cmd('FLUSHALL');
ok(wait_until(sub { $control->log_text =~ /while meter ledger: redis_evicts/ },
    10), 'a Redis that may evict since then is not opened again');
ok(!is_open(), '... it stays closed');
$redis->cmd('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
ok(wait_until(\&is_open, 10), '... until it may not');
$t->done;
