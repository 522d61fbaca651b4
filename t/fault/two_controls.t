#!/usr/bin/env perl
# Two asgard-ctl on the same stores: one leads.  A leader that is frozen past
# its lease is replaced within seconds, also when it is frozen inside a
# transaction, and nothing that it writes later counts.
#
# Fault row 11.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(slurp wait_until);
use Asgard::Test;

my $t = Asgard::Test->new(proxies => [qw(ctl_redis ctl_postgres)]);
my ($redis, $postgres) = map { $t->proxy($_) } qw(ctl_redis ctl_postgres);
my $up = $t->upstream('main');
$t->add_model($up, ref => 'model:test/one', route => 'one');
$t->start;
my $project = $t->project(budget_usd => '100');
my $key = $t->key(project => $project);
my $part = $t->{postgres}->value(
    "SELECT partition FROM projects WHERE project_id = '$project'");

# The second one has no proxy.
my $first = $t->{control};
my $second = $t->another_control(map { $_ => $t->{$_} } qw(redis postgres));
$second->{migrated} = 1;
$second->start;
my $other = meter_of($second);
my $meter = meter_of($first);
my $calls = 0;

sub meter_of {
    my ($control) = @_;
    wait_until(sub { $control->roles->{meter} }, 10);
    return $control->roles->{meter};
}

# One that stops gives its lead away.
sub lead_with_first {
    $second->stop;
    ok(wait_until(sub { leader() == $meter }, 10, 0.05),
        'when the second one stops the first leads');
    $second->start;
    $other = meter_of($second);
    ok(is_exact(10), '... and all agrees');
}

# The process that leads the partition of the project: host:pid:nonce.
sub leader {
    my $name = $t->{postgres}->value('SELECT leader FROM partitions'
        . " WHERE partition = $part") // '';
    my ($pid) = $name =~ /:(\d+):/;
    return $pid // 0;
}

sub call {
    $calls++;
    return $t->chat($key, {model => 'one'})->status;
}

# Every call so far is in the ledger, and Redis says the same.
sub is_exact {
    my ($seconds) = @_;
    my $spent;
    return wait_until(sub {
        my $n = $t->{postgres}->value("SELECT count(*) FROM ledger"
            . " WHERE project_id = '$project'");
        $spent = $t->{postgres}->value('SELECT sum(delta_nano) FROM ledger'
            . " WHERE project_id = '$project'") // 0;
        return $n == $calls && $spent == spent_in_redis();
    }, $seconds, 0.05);
}

sub spent_in_redis {
    return $t->{redis}->cmd('HGET', sprintf('{p%02d}:b:p.%s', $part, $project),
        's:total:0') // 0;
}

sub freeze_first {
    my ($signal) = @_;
    my $pid = $first->pid;
    kill $signal => $pid, split ' ', slurp("/proc/$pid/task/$pid/children");
}

# What its log says after a mark.
sub said { my ($control, $from) = @_; return substr $control->log_text, $from }

is(call(), 200, 'a call');
ok(is_exact(10), '... is in the ledger');
is(leader(), $meter, 'the first one leads');

# --- frozen between two transactions ------------------------------------------

freeze_first('STOP');
is(call(), 200, 'with the leader frozen calls go on') for 1 .. 5;
ok(wait_until(sub { leader() == $other }, 10, 0.05),
    'past the lease of the first the second leads');
ok(is_exact(10), '... and takes every call into the ledger');
freeze_first('CONT');
is(call(), 200, 'with the first one back') for 1 .. 5;
ok(is_exact(10), '... each call is in the ledger once');
is(leader(), $other, '... and the second one goes on leading');

# --- frozen inside a transaction ----------------------------------------------

lead_with_first();

# Its COMMIT is on the way while it is frozen: its rows stay locked.
my $held = $postgres->hold_request(match => 'COMMIT', count => 0);
is(call(), 200, 'a call whose drain does not come to its COMMIT');
my $is_locked = sub { !eval { $t->{postgres}->rows('SELECT FROM partitions'
    . " WHERE partition = $part FOR UPDATE NOWAIT"); 1 } };
ok(wait_until($is_locked, 10), '... and its row is locked');
freeze_first('STOP');
ok($is_locked->(), '... also while the leader is frozen');
my $mark = length $second->log_text;
ok(wait_until(sub { leader() == $other }, 10, 0.05),
    'the second one leads all the same');
ok(is_exact(5), '... and has written what the first one could not');
unlike(said($second, $mark), qr/no answer within|statement timeout/,
    '... without having waited for the lock until a question was given up');
$postgres->heal;
$postgres->release;
freeze_first('CONT');
is(call(), 200, 'with the first one back') for 1 .. 3;
ok(is_exact(10), '... each call is in the ledger once');
is(leader(), $other, '... and the second one goes on leading');

# --- a write to Redis that comes too late -------------------------------------

lead_with_first();
my $late = $redis->hold_request(match => $redis->script('seed',
    '.* dur '), count => 0);
is(call(), 200, 'a call whose end the first one writes down');
ok($redis->wait_hits(id => $late), '... and would tell Redis of');
freeze_first('STOP');
ok(wait_until(sub { leader() == $other }, 10, 0.05), 'the second one leads');
is(call(), 200, '... while calls go on') for 1 .. 3;
ok(is_exact(10), '... and has them');
my $durable = sub { $t->{redis}->cmd('HGET', sprintf('{p%02d}:m', $part),
    $_[0]) };
ok(wait_until(sub { $durable->('dur') eq last_event() }, 5),
    '... told Redis so');
my @before = map { $durable->($_) } qw(dur ctl f adj);
$redis->heal;
$redis->release;
freeze_first('CONT');
is_deeply([map { $durable->($_) } qw(dur ctl f adj)], \@before,
    '... and changes nothing');

sub last_event {
    my ($epoch) = $durable->('f') =~ /^(\d+):/;
    my $last = $t->{redis}->cmd('XREVRANGE', sprintf('{p%02d}:u:%d', $part,
        $epoch), '+', '-', 'COUNT', 1);
    return $last->[0][0];
}

is($t->{postgres}->value('SELECT count(DISTINCT leader) FROM partitions'), 1,
    'one leads all partitions');
is($t->{postgres}->value('SELECT count(*) FROM holds h WHERE (SELECT count(*)'
    . ' FROM ledger l WHERE l.hold_id = h.hold_id) <> 1'), 0,
    'each hold has one entry');
$t->done;
