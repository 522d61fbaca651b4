#!/usr/bin/env perl
# A reseed opens within 10 s whatever the gateways do: one that is silent is not
# waited for because another goes on telling, and one that goes on for ever is
# not waited for either.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Time::HiRes qw(sleep time);

use Asgard::Files qw(wait_until);
use Asgard::Meter;

my $m = Asgard::Meter->new(proxies => ['redis']);
$m->start;
$m->wait_open or die "the partitions do not open\n";
my $project = 'proj-2026-0001';
my $part = 2;
my $budget = $m->project($project, part => $part);
$m->sent or die "the project is not sent\n";

my ($dead, $live) = map { 'w' . $_ x 24 } 1, 2;
my $told = 0;                           # outcomes, of $live
my $redis = $m->{redis}->connect;

# Both listen, as the module's workers do: one that is stopped has its
# connection still.
my $listener = $m->{redis}->connect;
$listener->send('SUBSCRIBE', map { "asg:worker:$_" } $dead, $live);
$listener->receive for 1, 2;

sub beat { $redis->script('beat', ['{asg}:workers'], $_, 60) for @_ }
sub unheard { my ($id) = @_;
    return $m->value('SELECT count(*) FROM gateway_workers'
        . " WHERE worker_id = '$id' AND unheard_at IS NOT NULL") }
sub known { my ($id) = @_;
    return $m->value("SELECT count(*) FROM gateway_workers"
        . " WHERE worker_id = '$id'") }
sub partitions { return map { {part => $_->[0], epoch => $_->[1],
    step => $_->[2]} } $m->sql('SELECT partition, epoch, step'
    . ' FROM partitions ORDER BY partition') }
sub say_told {
    my ($worker) = @_;
    $m->cmd('SADD', sprintf('{p%02d}:a:%d', @$_{qw(part epoch)}), $worker)
        for partitions();
}

# An outcome whose hold is gone, told under the epoch that listens.
sub outcome {
    my $reply = $m->partition($part)->finish('told' . ++$told, 's', 100,
        "$budget:total:0", [$budget], detail => $m->detail($project));
    $reply->[0] =~ /^(?:LATE|CLOSED|FENCE)$/ or die "@$reply";
    $told-- if $reply->[0] ne 'LATE';
}

# In the ledger and in Redis, each once.
sub is_counted {
    return $m->value('SELECT coalesce(sum(delta_nano), 0) FROM ledger')
        == $told * 100
        && $m->partition($part)->field($budget, 's:total:0') == $told * 100;
}

# Loses Redis' data and does `each` until the door is open; how long it took by
# the meter's own log.
sub closed_ms {
    my ($each) = @_;
    my $from = length $m->log_text;
    my ($said, $until) = ('', time + 60);
    $m->cmd('FLUSHALL');
    while (time < $until) {
        $each->();
        $said = substr $m->log_text, $from;
        last if $said =~ /partition $part was closed for/ && $m->is_open;
        sleep 0.2;
    }
    return ($said =~ /partition $part was closed for (\d+) ms/ ? $1 : 60_000,
        $said);
}

# --- a stopped one beside a busy one ------------------------------------------

ok(wait_until(sub { beat($dead, $live); known($dead) && known($live) }, 10,
    0.2), 'two workers live');
my ($ms, $said) = closed_ms(sub { beat($live); say_told($live); outcome() });
note("closed for $ms ms, $told outcomes told");
cmp_ok($ms, '<', 10_000, 'one is stopped and the other ends call after call:'
    . ' the door is open within 10 s');
like($said, qr/opens without hearing from 1 workers of gateways: $dead/,
    '... without the one that is stopped');
ok(unheard($dead), '... which is noted');
ok(wait_until(\&is_counted, 10, 0.1), '... and all that was told is counted');

# --- one that never comes to an end -------------------------------------------

($ms, $said) = closed_ms(sub { beat($live); outcome() });
note("closed for $ms ms, $told outcomes told");
cmp_ok($ms, '>', 6500, 'one that beats is waited for longer than one that is'
    . ' silent');
cmp_ok($ms, '<', 10_000, '... but never for longer than 10 s');
like($said, qr/partition \d+ opens without hearing from 1 workers/,
    '... which the log says');
outcome();
ok(wait_until(\&is_counted, 10, 0.1),
    'what it told until then, and later, is counted once');

# --- one that tells what the ledger has ---------------------------------------

# Each is charged when it is told, and taken back by a correction of its own.
my $known = 1500;
my @name = map { "known$_" } 1 .. $known;
sub tell_all { my $p = $m->partition($part);
    return scalar grep { $p->finish($_, 's', 100, "$budget:total:0", [$budget],
        detail => $m->detail($project))->[0] eq 'LATE' } @name }
is(tell_all(), $known, "of one the ledger has $known outcomes");
$told += $known;
ok(wait_until(\&is_counted, 30, 0.1), '... and Redis too');

my $again = 0;
$m->{proxies}{redis}->delay(down => 0.01);
($ms, $said) = closed_ms(sub { beat($live);
    return if !$again && ($m->cmd('HGET', sprintf('{p%02d}:m', $part), 'st')
        // '') ne 'adopt';
    $again ||= tell_all();
    say_told($live) });
my $owed = $m->value('SELECT count(*) FROM applies WHERE done_at IS NULL');
$m->{proxies}{redis}->heal;
note("closed for $ms ms, $owed corrections owed");
is($again, $known, 'after a loss it tells them again');
cmp_ok($owed, '>', 0, '... on a slow way to Redis the door does not wait for'
    . ' all corrections');
ok(wait_until(\&is_counted, 60, 0.1), '... which follow: each counts once');
ok(wait_until(sub { beat($dead); !unheard($dead) }, 10, 0.2),
    'the one that was stopped beats again: it is not missed any more');
$m->done;
