# A limit that is lowered is in force while a window that came with it, or a
# moment before, waits for the ledger; and the audit tells of a change that
# waits for long.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(wait_until);
use Asgard::Meter;

my ($m, $id, $budget, $p) = Asgard::Meter->with_project(part => 9,
    total => 1_000_000);

sub call {
    my ($hold) = @_;
    my $r = $p->reserve($hold, 3, [$budget], detail => $m->detail($id));
    $p->finish($hold, 's', 2, $r->[1], [$budget], detail => $m->detail($id))
        if $r->[0] eq 'OK';
    return $r->[0];
}
sub limit_is {
    my ($limit) = @_;
    return wait_until(sub { $p->field($budget, 'l:total') eq $limit }, 20,
        0.02);
}

call('a0');
$m->balance('a0');

# The ledger cannot read on: its cursor is locked
my $lock = $m->stay_open('SELECT FROM cursors WHERE partition = 9 FOR UPDATE');
call("b$_") for 1 .. 1_100;
$m->window($budget, '1d', 500_000);
$m->window($budget, 'total', 10);
ok(limit_is(10), 'the lowered limit is in force');
is($p->field($budget, 'c:1d'), undef, '... before the window that waits');
is($p->field($budget, 's:total:0'), 2202, '... and no counter is touched');
is(call('c1'), 'OVER', '... and no call passes it');
$m->window($budget, 'total', 20);
ok(limit_is(20), 'a further change is in force, too');

my $audit = sub { my ($s, $o, $e) = $m->{control}->run('audit', 'money');
    return ($s, "$o$e") };
is(($audit->())[0], 0, 'a change that waits a moment is no finding');
$m->sql('INSERT INTO outbox (kind, target, version, created_at) VALUES'
    . " ('budget', '$budget', 4, now() - interval '6 minutes')");
my ($status, $text) = $audit->();
is($status, 1, 'one that waits for six minutes is');
my $says = qr/Redis lacks its version 4 since 20\S+Z: seed of \Q$budget\E/;
like($text, qr/^M1 \Q$budget\E: $says: BEHIND$/m,
    '... with its version, and why');

$m->give_up($lock);
ok($m->sent(20), 'when the ledger has read on the change is sent');
is($p->field($budget, 'l:total'), 20, '... with the limit');
is($p->field($budget, 'v'), 4, '... as its version');
is($p->field($budget, 'lv'), undef, '... and nothing is left of the wait');
is($p->field($budget, 's:1d:' . $p->field($budget, 'c:1d')), 2202,
    '... and the window opens with what was spent');
$m->done;
