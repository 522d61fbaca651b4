#!/usr/bin/env perl
# A leader that is held still in the middle of any of its writes, while another
# takes its place, changes nothing when the write arrives after all: in Redis
# the token or the fence refuses it, PostgreSQL has ended its session.
#
# Fault row 11.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Time::HiRes qw(sleep);

use Asgard::FaultProxy;
use Asgard::Files qw(slurp wait_until);
use Asgard::Holds qw(open_holds partition_of time_out);
use Asgard::Test;

my $t = Asgard::Test->new(workers => 1,
    proxies => [qw(ctl_redis ctl_postgres)]);
my $up = $t->upstream('main', prompt_tokens => 10, completion_tokens => 20);
$t->add_model($up, ref => 'model:test/one', route => 'one');
$t->start;
my $project = $t->project(budget_usd => '100');
my $key = $t->key(project => $project);
my $part = $t->{postgres}->value(
    "SELECT partition FROM projects WHERE project_id = '$project'");
my $tag = sprintf '{p%02d}', $part;
my ($calls, $limit, $stray) = (0, 100, 0);

# Two controls, each behind proxies of its own; whoever leads is held next.
my @side = ({control => $t->{control}, redis => $t->proxy('ctl_redis'),
    postgres => $t->proxy('ctl_postgres')});
my %mine = map { $_ => Asgard::FaultProxy->new(dir => $t->{dir},
    name => "second_$_", server => $t->{$_},
    protocol => $_ eq 'redis' ? 'redis' : 'raw') } qw(redis postgres);
push @side, {control => $t->another_control(%mine), %mine};
$side[1]{control}{migrated} = 1;
$side[1]{control}->start;

sub meter_of { my ($side) = @_; return $side->{control}->roles->{meter} // 0 }
sub leader {
    my ($pid) = ($t->{postgres}->value('SELECT leader FROM partitions'
        . " WHERE partition = $part") // '') =~ /:(\d+):/;
    return $pid // 0;
}
sub signal_all {
    my ($side, $signal) = @_;
    my $pid = $side->{control}->pid;
    kill $signal => $pid, split ' ', slurp("/proc/$pid/task/$pid/children");
}
sub call { $calls++; return $t->chat($key, {model => 'one'})->status }
sub in_redis { $t->{redis}->cmd('HGET', "$tag:$_[0]", $_[1]) }

# Every call is in the ledger, and Redis says the same.
sub is_exact {
    return wait_until(sub {
        my ($row) = $t->{postgres}->rows('SELECT count(*),'
            . ' coalesce(sum(balance_nano), 0) FROM holds'
            . " WHERE project_id = '$project'");
        return $row->[0] == $calls + $stray
            && $row->[1] == (in_redis("b:p.$project", 's:total:0') // -1)
            && (in_redis('m', 'st') // '') eq 'open';
    }, 30, 0.05);
}

# All that is written down of the partition, in both stores.
sub state_of {
    my @rows = $t->{postgres}->rows('SELECT leader, leader_token, epoch, step,'
        . " run_id FROM partitions WHERE partition = $part");
    push @rows, $t->{postgres}->rows("SELECT $_ WHERE partition = $part"
        . ' ORDER BY 1') for 'epoch, last_id, rows_read FROM cursors',
        'seq, delta_nano, done_at IS NULL FROM applies';
    push @rows, $t->{postgres}->rows('SELECT hold_id, balance_nano, state'
        . ' FROM holds ORDER BY 1');
    return join "\n", partition_of($t, $project)->dump,
        map { join ' ', map { $_ // '-' } @$_ } @rows;
}

# Until it stays: who leads has done what there was to do.
sub settled_state {
    my ($before, $same) = ('', 0);
    wait_until(sub {
        my $now = state_of();
        $same = $now eq $before ? $same + 1 : 0;
        $before = $now;
        return $same >= 3;
    }, 20, 0.3);
    return $before;
}

# The write of a verb of seed.lua on this partition.
sub seed { my ($verb) = @_;
    return (redis => $side[0]{redis}->script('seed',
        " \\d+ \Q$tag\E:m .*\\b$verb \\d+ \\d+:")) }
sub script { my ($name, $like) = @_;
    return (redis => $side[0]{redis}->script($name, " \\d+ \Q$tag\E:m $like")) }

# An outcome whose hold is gone: the ledger owes Redis a correction.
sub outcome_alone {
    my $p = partition_of($t, $project);
    my $id = 'stray' . ++$stray;
    my $reply = $p->finish($id, 's', 1000, "p.$project:total:0",
        ["p.$project"], detail => qq({"f":1,"call":"$id","trace":"t",)
        . qq("project":"$project","pv":1}));
    die "@$reply" if $reply->[0] ne 'LATE';
}
sub reseed { $t->{postgres}->rows("UPDATE partitions SET step = 'new'"
    . " WHERE partition = $part") }
# A hold that has its end in the ledger is in Redis again.
sub ended_hold {
    my $p = partition_of($t, $project);
    my $id = 'stray' . ++$stray;
    my $pins = $p->reserve($id, 1000, ["p.$project"], ttl => 3600,
        detail => qq({"f":1,"call":"$id","trace":"t",)
        . qq("project":"$project","pv":1}))->[1];
    my $raw = $t->{redis}->cmd('GET', "$tag:h:$id");
    $p->finish($id, 's', 1000, $pins, ["p.$project"]);
    wait_until(sub { $t->{postgres}->value('SELECT count(*) FROM holds'
        . " WHERE hold_id = '$id'") }, 10) or die "$id is not in the ledger";
    $t->{redis}->cmd('SET', "$tag:h:$id", $raw);
    $t->{redis}->cmd('ZADD', "$tag:x", time + 3600, $id);
    reseed();
}
sub overdue {
    my $p = partition_of($t, $project);
    my $id = 'stray' . ++$stray;
    $p->reserve($id, 1000, ["p.$project"], detail => qq({"f":1,"call":"$id",)
        . qq("trace":"t","project":"$project","pv":1}));
    time_out($t, grep { $_->{id} eq $id } open_holds($t));
}
sub new_limit { $limit++; $t->set_budgets($project, ['total', $limit]) }

my @writes = (
    ['what Redis is told of the ledger', \&call, seed('dur')],
    ['an expiry', \&overdue, script('finish', '.* x 0 ')],
    ['a correction', \&outcome_alone, script('apply', '')],
    ['a new limit', \&new_limit, seed('limit')],
    ['the close of a reseed', \&reseed, seed('close')],
    ['holds that a reseed drops', \&ended_hold, seed('drop')],
    ['a budget that a reseed writes', \&reseed, seed('budget')],
    ['the call for what gateways hold', \&reseed, seed('adopt')],
    ['the end of a reseed', \&reseed, seed('open')],
    ['a drain', \&call, postgres => 'UPDATE cursors SET last_id'],
    ['the mark of a correction', \&outcome_alone,
        postgres => 'UPDATE applies SET done_at'],
    ['the begin of a reseed', \&reseed, postgres => q(SET step = 'closing')],
    ['a step of a reseed', \&reseed, postgres => 'SET step = \$1.*catching'],
);

is(call(), 200, 'a call');
ok(is_exact(), '... is in the ledger');
for my $write (@writes) {
    my ($name, $provoke, $store, $match) = @$write;
    my ($held, $other) = leader() == meter_of($side[0]) ? @side
        : reverse @side;
    my $rule = $held->{$store}->hold_request(match => $match, count => 0);
    $provoke->();
    ok($held->{$store}->wait_hits(id => $rule, seconds => 20),
        "$name: under way when its leader is stopped");
    signal_all($held, 'STOP');
    ok(wait_until(sub { leader() == meter_of($other) }, 20, 0.05),
        '... another leads');
    ok(is_exact(), '... and does it all');
    # what is dropped stays among the expiries, and would go at any time
    $t->{redis}->cmd('ZREM', "$tag:x", "stray$stray");
    my $before = settled_state();
    $held->{$store}->heal;
    $held->{$store}->release;
    sleep 0.5;
    is(state_of(), $before, '... the write arrives and changes nothing');
    signal_all($held, 'CONT');
    is(call(), 200, '... calls go on');
    ok(is_exact(), '... and all agrees');
    is(leader(), meter_of($other), '... the other one goes on leading');
}
is($up->count, $calls, 'each of the calls was made once');
$t->{unwitnessed_calls} = $t->{uncounted_calls} = $stray;
$t->done;
