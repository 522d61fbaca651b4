# The meter dies, its stores go away, another one leads: nothing is lost and
# nothing is counted twice.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Time::HiRes qw(time sleep);

use Asgard::Files qw(wait_until);
use Asgard::Meter;
use Asgard::Process;

my $m = Asgard::Meter->new;
$m->start;
$m->wait_open or die "the partitions do not open\n";
my $id = 'proj-2026-0001';
my $budget = $m->project($id, part => 2, total => 'NULL');
$m->sent or die "the project is not sent\n";

my ($p, $n, $sum) = ($m->partition(2), 0, 0);
sub call {
    my ($verb) = @_;
    my $hold = 'c' . ++$n;
    my $r = $p->reserve($hold, 1000, [$budget], detail => $m->detail($id));
    die "@$r" if $r->[0] ne 'OK';
    $p->finish($hold, $verb, $n, $r->[1], [$budget],
        detail => $m->detail($id));
    $sum += $n if $verb ne 'v';
}

# What the ledger and Redis say, when both are at rest.
sub agrees {
    my ($what) = @_;
    my $ok = wait_until(sub {
        my $ledger = eval { $m->value(
            'SELECT coalesce(sum(delta_nano), 0) FROM ledger') } // -1;
        my $spent = eval { $p->field($budget, 's:total:0') } // -1;
        return $ledger == $sum && $spent == $sum;
    }, 15);
    ok($ok, "$what: ledger and Redis have each call once") or diag(
        "expected $sum, ledger " . $m->value('SELECT sum(delta_nano)'
        . ' FROM ledger') . ', Redis ' . $p->field($budget, 's:total:0'));
}

# Killed again and again, at no chosen moment
for my $round (1 .. 6) {
    call($_ % 5 ? 's' : 'v') for 1 .. 40;
    sleep(rand(0.05));
    $m->stop('KILL');
    call('s') for 1 .. 10;
    $m->start;
    sleep(0.5 + rand(0.3)) if $round < 6;
}
agrees('after six kills');
is($m->value('SELECT count(*) FROM holds'), $n, '... and each has one row');

# Another leader's token makes the old one harmless
my $other = Asgard::Process->new(name => 'other meter',
    command => [$m->{control}->binary, '-c', $m->{control}->conf, 'role',
        'meter'], log => "$m->{dir}/log/other.out",
    env => {ASAN_OPTIONS => 'detect_leaks=0'});
$m->{process}->signal('STOP');
call('s') for 1 .. 20;
agrees('with a leader held still another one leads');
$m->{process}->signal('CONT');
call('s') for 1 .. 20;
agrees('with the old leader back');
sleep 1.2;
is($m->value('SELECT count(DISTINCT leader) FROM partitions'), 1,
    '... one leads');
$other->stop('TERM', 10);
call('s') for 1 .. 20;
agrees('after the other one left');

# Killed in the middle of a reseed, with a call open
my $open = $p->reserve('open', 1000, [$budget], ttl => 600,
    detail => $m->detail($id));
for (1 .. 6) {
    $m->cmd('DEL', $p->key('m'));
    $m->stop('KILL');
    $m->start;
    sleep(0.05 + rand(0.5));
}
ok($m->wait_open, 'after kills within reseeds the partitions open');
$p = $m->partition(2);
is($p->field($budget, 'h:total:0'), 1000, '... an open call is still held');
$p->finish('open', 's', 333, $open->[1], [$budget],
    detail => $m->detail($id));
$sum += 333;
agrees('after kills within reseeds');
is($p->field($budget, 'h:total:0'), 0, '... and nothing is held');

# PostgreSQL goes away under load
my $before = () = $m->log_text =~ /\n/g;
$m->{postgres}->stop;
call('s') for 1 .. 50;
sleep 2;
$m->{postgres}->start;
agrees('after PostgreSQL was away');
my $lines = (() = $m->log_text =~ /\n/g) - $before;
cmp_ok($lines, '<=', 12, '... and the log has a line or two of each thread');

# Redis hangs
$m->{redis}->freeze;
sleep 3;
$m->{redis}->thaw;
call('s') for 1 .. 20;
agrees('after Redis hung');

$m->done;
