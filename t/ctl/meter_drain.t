# What gateways settle comes into the ledger, once, in any order.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use List::Util qw(shuffle);
use Test::More;
use Time::HiRes qw(time sleep);

use Asgard::Files qw(wait_until);
use Asgard::Meter;

my $m = Asgard::Meter->new;
my $began = time;
$m->start;
ok($m->wait_open(10), 'a first start opens all partitions');
note(sprintf 'after %.1f s', time - $began);

my $id = 'proj-2026-0001';
$began = time;
my $budget = $m->project($id, part => 3, total => 1_000_000);
ok($m->sent, 'a new project is sent');
cmp_ok(time - $began, '<', 1, '... within a second');
my $p = $m->partition(3);
is($p->field($budget, 'l:total'), 1_000_000, '... its budget stands in Redis');
like($m->cmd('GET', "{asg}:project:$id"), qr/"state":"active"/,
    '... and its record');

# A settle
my $r = $p->reserve('h1', 500, [$budget], detail => $m->detail($id));
is($r->[0], 'OK', 'a hold is granted');
my $pins = $r->[1];
$began = time;
$p->finish('h1', 's', 210, $pins, [$budget], detail => $m->detail($id,
    pt => 10, ct => 20));
is($m->balance('h1'), 210, 'a settle is in the ledger');
cmp_ok(time - $began, '<', 1, '... within a second');
my ($entry) = $m->sql("SELECT kind, delta_nano, project_id, detail->>'ct'"
    . " FROM ledger WHERE hold_id = 'h1'");
is_deeply($entry, ['settle', 210, $id, 20], '... with what it says');
ok(wait_until(sub { ($p->meta('dur') // '') eq ($p->events)[-1]{id} }),
    '... and gateways hear that it is durable');

# A void
$p->reserve('h2', 500, [$budget]);
$p->finish('h2', 'v', 0, '', [$budget]);
is($m->balance('h2'), 0, 'a void costs nothing');
is($m->value("SELECT state FROM holds WHERE hold_id = 'h2'"), 'voided',
    '... and is known');
is($m->value("SELECT count(*) FROM ledger WHERE hold_id = 'h2'"), 0,
    '... and has no entry');

# Expiry, then the settle after all
$p->reserve('h3', 400, [$budget], ttl => 1, detail => $m->detail($id));
is($m->balance('h3'), 400, 'a hold that nobody ends is charged in full');
is($m->value("SELECT kind FROM ledger WHERE hold_id = 'h3'"), 'unknown',
    '... as unknown');
is($p->finish('h3', 's', 150, $pins, [$budget],
    detail => $m->detail($id))->[0], 'LATE', 'its settle comes late');
ok(wait_until(sub { $m->value(
    "SELECT balance_nano FROM holds WHERE hold_id = 'h3'") == 150 }),
    '... and corrects the balance');
is($m->value("SELECT delta_nano FROM ledger WHERE hold_id = 'h3'"
    . " AND kind = 'adjust'"), -250, '... by an adjustment');
ok(wait_until(sub { $p->field($budget, 's:total:0') == 360 }),
    '... that Redis hears of');

# Any order, three times over
my @events;
for my $n (1 .. 40) {
    my $hold = "r$n";
    $p->reserve($hold, 300, [$budget], detail => $m->detail($id));
    my @verbs = ([s => 100 + $n], [e => 250], [v => 0], [s => 90]);
    push @events, [$hold, @{$verbs[$_]}] for 0 .. $n % 4;
}
for (1 .. 3) {
    $p->finish($_->[0], $_->[1], $_->[2], $pins, [$budget],
        detail => $m->detail($id)) for shuffle @events;
}
ok(wait_until(sub { ($p->meta('dur') // '') eq ($p->events)[-1]{id} }),
    'events in any order, three times, come in');
my %best;
my %rank = (e => 1, v => 2, s => 3);
for (@events) {
    my ($hold, $verb, $amount) = @$_;
    my $now = [$rank{$verb}, $verb eq 'v' ? 0 : $amount];
    my $old = $best{$hold} // [-1, 0];
    $best{$hold} = $now if $now->[0] > $old->[0]
        || $now->[0] == $old->[0] && $now->[1] > $old->[1];
}
my %is = map { @$_ } $m->sql("SELECT hold_id, balance_nano FROM holds"
    . " WHERE hold_id LIKE 'r%'");
is_deeply(\%is, {map { ($_ => $best{$_}[1]) } keys %best},
    '... and each hold has the balance of its best evidence');
my $sum = 360;
$sum += $_->[1] for values %best;
ok(wait_until(sub { $p->field($budget, 's:total:0') == $sum }),
    '... and Redis has spent their sum') or diag($p->field($budget,
    's:total:0') . " is not $sum");
is($p->field($budget, 'h:total:0'), 0, '... and holds nothing');

# Many at once
$p->reserve("x$_", 2, [$budget], ttl => 1, detail => $m->detail($id))
    for 1 .. 350;
ok(wait_until(sub { $m->value("SELECT count(*) FROM holds"
    . " WHERE hold_id LIKE 'x%' AND state = 'unknown'") == 350 }, 5),
    'hundreds of holds that end at once are all charged');

# What is no usage event
$m->cmd('XADD', $p->stream, '*', 'i', 'bad id', 'v', 's', 'a', 'x');
$p->reserve('h9', 10, [$budget], detail => '{"a":"\u0000"}');
$p->finish('h9', 's', 7, $pins, [$budget]);
is($m->balance('h9'), 7, 'an entry that is none keeps no other back');
is($m->value("SELECT project_id FROM holds WHERE hold_id = 'h9'"), $id,
    '... nor does a detail that cannot be stored');

$p->finish('h11', 's', 6, $budget, [$budget], detail => $m->detail($id));
is($m->balance('h11'), 6, 'a settle on pins that are none is charged');
is($m->value("SELECT length(pins) FROM holds WHERE hold_id = 'h11'"), 0,
    '... and moves no counter');

# What the ledger has is kept for a while, should the ledger be set back.
my $kept = $m->cmd('XLEN', $p->stream);
cmp_ok($kept, '>', 300, 'Redis keeps what the ledger has');
$m->stop;
$m->start;
ok($m->wait_open, 'another meter takes over');
$p->reserve('h12', 10, [$budget], detail => $m->detail($id));
$p->finish('h12', 's', 7, $pins, [$budget]);
is($m->balance('h12'), 7, '... and drains');
sleep 3;                                # longer than between two trims
is($m->cmd('XLEN', $p->stream), $kept + 1, '... and trims no more than before');

$m->done;
