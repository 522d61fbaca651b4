# Whatever Redis loses, it is told again what the ledger knows.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Time::HiRes qw(time sleep);

use Asgard::Files qw(wait_until);
use Asgard::Meter;

my $m = Asgard::Meter->new;
$m->start;
$m->wait_open or die "the partitions do not open\n";
my $id = 'proj-2026-0001';
my $budget = $m->project($id, part => 5, total => 1_000_000);
$m->window($budget, '1h', 500_000);
$m->sql("INSERT INTO keys (project_id, name, pepper_id, digest, prefix)"
    . " VALUES ('$id', 'k', 'p1', decode(repeat('ab', 32), 'hex'),"
    . " 'asg_abababab')");
$m->sql("INSERT INTO outbox (kind, target, version)"
    . " SELECT 'key', key_id, version FROM keys");
ok($m->sent, 'a project and its key are sent');
my $key = '{asg}:key:p1:' . 'ab' x 32;

my $hour = int(time / 3600) * 3600;
sub settle {
    my ($p, $hold, $amount) = @_;
    my $r = $p->reserve($hold, 1000, [$budget], detail => $m->detail($id));
    is($r->[0], 'OK', "$hold is granted") or diag("@$r");
    $p->finish($hold, 's', $amount, $r->[1], [$budget],
        detail => $m->detail($id));
    return $r->[1];
}

sub spent {
    my ($p) = @_;
    return $p->field($budget, 's:total:0');
}

my $p = $m->partition(5);
settle($p, 'a1', 300);
is($m->balance('a1'), 300, 'a call is in the ledger');

# Everything is lost
my $epoch = $p->{epoch};
my $began = time;
$m->cmd('FLUSHALL');
ok($m->wait_open(10), 'after FLUSHALL the partitions open again');
note(sprintf 'after %.1f s', time - $began);
$p = $m->partition(5);
cmp_ok($p->{epoch}, '>', $epoch, '... with a higher epoch');
is(spent($p), 300, '... and what was spent');
is($p->field($budget, 'l:1h'), 500_000, '... and every limit');
like($m->cmd('GET', $key) // '', qr/"revoked":0/, '... and the keys');
ok(wait_until(sub { ($m->cmd('GET', '{asg}:filled') // '')
    eq $p->{redis}->run_id }), '... and that all records stand');
ok($m->cmd('EXISTS', "{asg}:project:$id"), '... and the projects');

# A settle whose hold was lost with the data
$p->reserve('a2', 1000, [$budget], detail => $m->detail($id));
my $pins = "$budget:1h:$hour,$budget:total:0";
$m->cmd('FLUSHALL');
$m->wait_open(10);
$p = $m->partition(5);
is($p->finish('a2', 's', 250, $pins, [$budget],
    detail => $m->detail($id))->[0], 'LATE',
    'a call whose hold was lost settles late');
is($m->balance('a2'), 250, '... is charged');
ok(wait_until(sub { spent($p) == 550 }), '... and counted');

# Another process with the same data: an open hold survives
$p->reserve('a3', 1000, [$budget], detail => $m->detail($id));
$epoch = $p->{epoch};
$m->{redis}->stop;
$m->{redis}->start;
$began = time;
ok($m->wait_open(10), 'after a restart of Redis the partitions open again');
note(sprintf 'after %.1f s', time - $began);
$p = $m->partition(5);
cmp_ok($p->{epoch}, '>', $epoch, '... with a higher epoch');
is($p->field($budget, 'h:total:0'), 1000, '... an open hold is still held');
is(spent($p), 550, '... what was spent is spent once');
$p->finish('a3', 's', 50, $pins, [$budget], detail => $m->detail($id));
ok(wait_until(sub { spent($p) == 600 }), '... and the hold settles');
is($p->field($budget, 'h:total:0'), 0, '... and is held no more');

# Data older than the ledger: the settle is lost, the hold is back
$p->reserve('a4', 1000, [$budget], detail => $m->detail($id), ttl => 3);
my %old = map { ($_ => $m->cmd('DUMP', $_)) } @{$m->cmd('KEYS', '*')};
$p->finish('a4', 's', 70, $pins, [$budget], detail => $m->detail($id));
is($m->balance('a4'), 70, 'a call settles');
$m->stop('KILL');
$m->cmd('FLUSHALL');
$m->cmd('RESTORE', $_, 0, $old{$_}) for keys %old;
$m->{redis}->stop;
$m->{redis}->start;
$m->start;
ok($m->wait_open(10), 'on older data the partitions open again');
$p = $m->partition(5);
is($p->field($budget, 'h:total:0'), 0,
    '... a hold that has an end in the ledger does not come back');
sleep 3.5;
is($m->value("SELECT balance_nano FROM holds WHERE hold_id = 'a4'"), 70,
    '... and is not charged again at its old expiry');
is(spent($p), 670, '... and all is counted once');

# Asked for
$epoch = $p->{epoch};
my ($status, $out, $err) = $m->{control}->run('reseed');
is($status, 0, 'a reseed can be asked for') or diag("$out$err");
$p = $m->partition(5);
cmp_ok($p->{epoch}, '>', $epoch, '... and gives a higher epoch');
is(spent($p), 670, '... and the same sums');

# A counter is lost or tampered with: the fence is gone
$m->cmd('DEL', $p->key('m'));
ok($m->wait_open(10), 'a partition whose fence is lost is seeded again');
is(spent($m->partition(5)), 670, '... with the same sums');

# More was spent than one amount can say
my $free = 'proj-2026-0009';
my $free_budget = $m->project($free, part => 5, total => undef);
my $many = $m->partition(5);
ok(wait_until(sub { defined $many->field($free_budget, 'l:total') }, 5),
    'a project without a limit');
my %pins = map { ($_ => $many->reserve($_, 1000, [$free_budget],
    detail => $m->detail($free))->[1]) } qw(big1 big2);
$many->finish($_, 's', 9007199254740991, $pins{$_}, [$free_budget],
    detail => $m->detail($free, flags => '["overshoot"]')) for keys %pins;
is($m->balance($_), 9007199254740991, 'an unlimited budget is spent far')
    for qw(big1 big2);
$m->cmd('FLUSHALL');
ok($m->wait_open(10), '... and its partition opens again after a loss');
$many = $m->partition(5);
is($many->field($free_budget, 's:total:0'), '18014398509481982',
    '... with every nano-dollar of it');
is($many->reserve('big3', 1, [$free_budget])->[0], 'OVER',
    '... and no more is admitted than can be counted');
is($many->reserve('small', 1, [$budget])->[0], 'OK',
    '... while the others go on');

$m->done;
