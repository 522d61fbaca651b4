#!/usr/bin/env perl
# Somebody who may write to Redis adds usage events to the stream again, as they
# stand: nothing moves, neither in the ledger nor, for one moment, in Redis.
# Numbers that do not follow each other lose nothing and have the partition
# seeded again.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Time::HiRes qw(sleep);

use Asgard::Files qw(wait_until);
use Asgard::Meter;

my $m = Asgard::Meter->new;
$m->start;
ok($m->wait_open, 'all partitions open');
my $id = 'proj-2026-0001';
my $budget = $m->project($id, part => 3, total => 1_000_000);
ok($m->sent, 'a project is sent');
my $p = $m->partition(3);
my $pins = "$budget:total:0";

sub call {
    my ($hold, $nusd) = @_;
    $p->reserve($hold, 500, [$budget], detail => $m->detail($id));
    $p->finish($hold, 's', $nusd, $pins, [$budget], detail => $m->detail($id,
        pt => 10, ct => 20));
    return is($m->balance($hold), $nusd, "$hold is in the ledger");
}
sub add {
    my ($event, %with) = @_;
    my %e = (%$event, %with);
    delete $e{id};
    return $m->cmd('XADD', $p->stream, '*',
        map { ($_ => $e{$_}) } grep { defined $e{$_} } qw(i v a d p x n h));
}
sub cursor {
    my ($what) = @_;
    return $m->value("SELECT $what FROM cursors WHERE partition = 3"
        . ' ORDER BY epoch DESC LIMIT 1');
}
sub all_read {
    my $last = ($p->events)[-1]{id};
    return wait_until(sub { cursor('last_id') eq $last }, 10, 0.02);
}
sub owed { $m->value("SELECT string_agg(hold_id || ' ' || delta_nano,"
    . " ', ') FROM applies") // '' }
sub is_spent {
    my ($nusd, $name) = @_;
    ok(wait_until(sub { $p->field($budget, 's:total:0') == $nusd }, 10),
        $name) or diag($p->field($budget, 's:total:0') . " is not $nusd");
}

# The partition has another epoch: nothing is lost, the counters are right.
sub is_seeded_again {
    my ($nusd, $name) = @_;
    my $before = $p->{epoch};
    ok(wait_until(sub { $m->value("SELECT epoch > $before AND step = 'open'"
        . ' FROM partitions WHERE partition = 3') eq 't' }, 15, 0.02), $name);
    $p = $m->partition(3);
    cmp_ok($p->{epoch}, '>', $before, '... under a new epoch');
    is($p->field($budget, 's:total:0'), $nusd, '... with the right counters');
    return is($p->field($budget, 'h:total:0'), 0, '... and nothing held');
}

call("h$_", 100 + $_) for 1 .. 3;
$p->reserve('h4', 500, [$budget]);
$p->finish('h4', 'v', 0, '', [$budget]);
is($m->balance('h4'), 0, 'a void is known');
my @events = $p->events;
is_deeply([map { $_->{n} } @events], [map { "$p->{epoch}:$_" } 1 .. 4],
    'the events have numbers');

# --- verbatim copies ----------------------------------------------------------

add($_) for @events, reverse @events;
ok(all_read(), 'copies of all events are read');
is(owed(), '', '... and move nothing');
is_spent(306, '... and Redis has spent what the calls cost');
is($m->value('SELECT count(*) FROM ledger'), 3, '... nor the ledger');
is(cursor('copies'), 8, '... and they are counted');
like($m->log_text, qr/usage events stood in the stream again/, '... and told');

$m->stop;
$m->start;
ok($m->wait_open, 'another meter leads');
add($_) for @events;
ok(all_read(), '... and reads copies');
is(owed(), '', '... which move nothing either');
my $epoch = $p->{epoch};
is($m->partition(3)->{epoch}, $epoch, '... and nothing had to be seeded');
call('h5', 200);
is_spent(506, 'a call behind the copies counts');
is(owed(), '', '... and nothing is owed');

# --- copies from another life -------------------------------------------------

my @old = $p->events;
$m->sql("UPDATE partitions SET step = 'new' WHERE partition = 3");
is_seeded_again(506, 'the partition is seeded again');
call('h6', 10);
is(($p->events)[-1]{n}, "$p->{epoch}:1", 'its numbers begin at 1');
$epoch = $p->{epoch};
add($old[1]);
ok(all_read(), 'a copy of an older epoch, with the next number, is read');
is(owed(), '', '... and moves nothing');
is($m->partition(3)->{epoch}, $epoch, '... and nothing had to be seeded');
is_spent(516, '... in Redis too');

# --- events without a number --------------------------------------------------

$p->reserve('h7', 500, [$budget], detail => $m->detail($id));
add({i => 'h7', v => 's', a => 40, d => 0, p => $pins, x => $m->detail($id)});
is($m->balance('h7'), 40, 'an event of an older script is taken');
is_spent(556, '... and Redis is told what it has not moved');
$p->finish('h7', 's', 40, $pins, [$budget]);
ok(all_read(), '... and what it moved then');
is_spent(556, '... is taken back');
call('h8', 4);

# --- numbers that do not follow -----------------------------------------------

my ($last) = grep { $_->{i} eq 'h8' } $p->events;
my ($n) = $last->{n} =~ /:(\d+)$/;
add($last, n => "$p->{epoch}:" . ($n + 7));
is_seeded_again(560, 'a number that was skipped has it seeded again');
call('h9', 40);

$m->cmd('HDEL', $p->key('m'), 'n');
call('h10', 400);
is_seeded_again(1000, 'so has a number that was there, with news');
$m->cmd('HSET', $p->key('m'), 'n', 'x');
call('h11', 1);
is(($p->events)[-1]{n}, "$p->{epoch}:1",
    'a number that is none is counted from its beginning');
is_spent(1001, '... and the call counts');

$m->done;
