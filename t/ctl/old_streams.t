#!/usr/bin/env perl
# A stream of an older epoch goes a day after the ledger has read it, and not
# before; the stream in use never does.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(wait_until);
use Asgard::Meter;

my $m = Asgard::Meter->new;
$m->start;
$m->wait_open or die "the partitions do not open\n";
my $id = 'proj-2026-0001';
my $budget = $m->project($id, part => 5, total => 1_000_000);
ok($m->sent, 'a project is sent');

sub settle {
    my ($p, $hold) = @_;
    my $r = $p->reserve($hold, 1000, [$budget], detail => $m->detail($id));
    is($p->finish($hold, 's', 300, $r->[1], [$budget],
        detail => $m->detail($id))->[0], 'OK', "$hold is charged");
}
sub ttl { $m->cmd('TTL', $_[0]->stream) }
sub reseed { is(($m->{control}->run('reseed'))[0], 0, 'a reseed');
    return $m->partition(5) }

my $first = $m->partition(5);
settle($first, 'h1');
ok($m->drained(1), '... and read');
is(ttl($first), -1, 'the stream in use stays');
my $second = reseed();
my $day = ttl($first);
ok($day > 86000 && $day <= 86400, '... and goes a day after the epoch ended')
    or diag($day);

# Of what was read, the last 15 minutes are kept.
my $old = ($m->cmd('TIME')->[0] - 1800) * 1000;
$m->cmd('XADD', '{p06}:u:7', "$old-1", 'x', 1);
$m->cmd('XADD', '{p06}:u:7', "$old-2", 'x', 1);
$m->sql('INSERT INTO cursors (partition, epoch, last_id, rows_read)'
    . " VALUES (6, 7, '$old-2', 2)");
# Three of five had gone before they were read; that was told, and mended.
my $new = $m->cmd('TIME')->[0] * 1000;
$m->cmd('XADD', '{p08}:u:7', "$new-$_", 'x', 1) for 1 .. 5;
$m->cmd('XTRIM', '{p08}:u:7', 'MINID', "$new-4");
$m->sql('INSERT INTO cursors (partition, epoch, last_id, rows_read)'
    . " VALUES (8, 7, '$new-5', 2); INSERT INTO stream_gaps (partition, epoch,"
    . " after_id, upto_id, events, closed_at) VALUES (8, 7, '0-0', '$new-4', 3,"
    . ' now())');
# What is looked at again is not kept longer.
$m->cmd('EXPIRE', $first->stream, 1000);
settle($second, 'h2');
$m->{process}->signal('STOP');
settle($second, 'h3');
$m->{process}->signal('CONT');
my $third = reseed();
is($m->cmd('XLEN', '{p06}:u:7'), 0, 'what was read long ago is let go');
is($m->value('SELECT count(*) FROM stream_gaps WHERE partition <> 8'), 0,
    '... and is no gap');
is($m->value('SELECT sum(events) FROM stream_gaps WHERE partition = 8'), 3,
    'a gap that was told is not told again, from behind its end');
cmp_ok(ttl($first), '<=', 1000, 'a further reseed does not keep it longer');
cmp_ok(ttl($second), '>', 86000, 'the next one has its day');
is($m->value('SELECT count(*) FROM ledger'), 3, '... and was read before');
settle($third, 'h4');
is(ttl($third), -1, 'the stream in use stays');

# An epoch whose stream is gone is nothing to wait for, nor a gap.
$m->cmd('DEL', $first->stream);
reseed();
is($m->value('SELECT count(*) FROM stream_gaps'), 1, 'what went is no gap');
is($m->balance('h4'), 300, '... and the calls go on');
$m->done;
