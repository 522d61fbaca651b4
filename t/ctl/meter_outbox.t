# Changes reach Redis: windows with their openings, limits, records, the
# catalog, heartbeats.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Time::HiRes qw(time sleep);

use Asgard::Files qw(wait_until);
use Asgard::Meter;

my ($m, $id, $budget, $p) = Asgard::Meter->with_project(part => 9,
    total => 1_000_000, proxies => ['redis']);

sub call {
    my ($hold, $amount) = @_;
    my $r = $p->reserve($hold, $amount, [$budget], detail => $m->detail($id));
    return $r if $r->[0] ne 'OK';
    $p->finish($hold, 's', $amount, $r->[1], [$budget],
        detail => $m->detail($id));
    $m->balance($hold);
    return $r;
}

sub current { my ($w) = @_; return $p->field($budget, "c:$w") }
sub spent {
    my ($w) = @_;
    return $p->field($budget, "s:$w:" . current($w));
}

# A window that is added in the middle of its period knows what was spent
call('b1', 300);
$p->reserve('flight', 100, [$budget], detail => $m->detail($id));
my $began = time;
$m->window($budget, '7d', 1000);
ok($m->sent, 'a new window is sent');
cmp_ok(time - $began, '<', 1, '... within a second');
is(spent('7d'), 300, '... with what the period had spent already');
is($p->field($budget, 'l:7d'), 1000, '... and its limit');
is($p->field($budget, 's:total:0'), 300, '... and no counter in use moved');
call('b2', 250);
is(spent('7d'), 550, 'a call counts in it');
$p->finish('flight', 's', 40, "$budget:total:0", [$budget],
    detail => $m->detail($id));
$m->balance('flight');
is(spent('7d'), 550, 'a call that was open before it stays outside');
is(call('b3', 800)->[0], 'OVER', 'its limit refuses');

# Taken away and brought back within the period
$m->sql("DELETE FROM budget_windows WHERE window_name = '7d'");
$m->window($budget, 'total', 1_000_000);
ok($m->sent && !defined $p->field($budget, 'l:7d'), 'a window goes');
call('b4', 60);
$m->window($budget, '7d', 2000);
$m->sent;
is(spent('7d'), 650, 'when it is back it knows all of the period');

# Brought back while Redis is owed a correction of it: a row of before a crash
my $pin = "$budget:7d:" . current('7d');
$m->sql("DELETE FROM budget_windows WHERE window_name = '7d'");
$m->window($budget, 'total', 1_000_000);
$m->sent;
$m->sql('WITH b AS (UPDATE balances SET spent_nano = spent_nano - 50'
    . " WHERE budget_id || ':' || window_name || ':' || window_id = '$pin')"
    . ' INSERT INTO applies (partition, seq, hold_id, delta_nano, pins)'
    . " SELECT 9, coalesce(max(seq), 0) + 1, 'b2', -50, '$pin' FROM applies"
    . ' WHERE partition = 9');
$m->window($budget, '7d', 2000);
ok(wait_until(sub { ($m->value('SELECT max(last_error) FROM outbox'
    . ' WHERE sent_at IS NULL') // '') =~ /GAP/ }),
    'a window does not come back while Redis is owed a correction of it');
is(current('7d'), undef,
    '... and nobody is admitted by an opening that has it');
$m->stop;
$m->start;
$m->wait_open;
$p = $m->partition(9);
ok($m->sent, 'when the correction is applied it comes back');
is(spent('7d'), 600, '... which counts once');
$m->sql("UPDATE balances SET spent_nano = spent_nano + 50 WHERE budget_id"
    . " || ':' || window_name || ':' || window_id = '$pin'");
$m->cmd('HINCRBY', $p->key("b:$budget"), 's:7d:' . current('7d'), 50);

# Brought back while the ledger has not read what a call of before came to
my $late = $p->reserve('late', 70, [$budget], detail => $m->detail($id));
$m->sql("DELETE FROM budget_windows WHERE window_name = '7d'");
$m->window($budget, 'total', 1_000_000);
$m->sent;
call('b4b', 0);
$m->sql('INSERT INTO budget_windows (budget_id, window_name, limit_nusd,'
    . " added_at) VALUES ('$budget', '7d', 2000, now() - interval '65 s')");
my $reader = $m->stay_open('SELECT FROM cursors WHERE partition = 9'
    . ' FOR UPDATE');
$p->finish('late', 's', 70, $late->[1], [$budget],
    detail => $m->detail($id));
$m->window($budget, '7d', 2000);
ok(wait_until(sub { defined current('7d') }, 10),
    'a window comes back before the ledger has read all');
is($m->value("SELECT count(*) FROM holds WHERE hold_id = 'late'"), 0,
    '... a call that named it');
is(spent('7d'), 720, '... and knows of that call');
$m->give_up($reader);
is($m->balance('late'), 70, 'the ledger reads on');
ok($m->sent(10), '... and hears of the window');
is(spent('7d'), 720, '... and the call counts once');

# What the ledger has not read of calls without the window is in it
call('b4c', 0);
$reader = $m->stay_open('SELECT FROM cursors WHERE partition = 9 FOR UPDATE');
my $unread = $p->reserve('unread', 15, [$budget], detail => $m->detail($id));
$p->finish('unread', 's', 15, $unread->[1], [$budget],
    detail => $m->detail($id));
$m->window($budget, '5d', 3000);
ok(wait_until(sub { defined current('5d') }, 10),
    'a window opens though the ledger has not read all');
is($m->value("SELECT count(*) FROM holds WHERE hold_id = 'unread'"), 0,
    '... a call that did not name it');
is(spent('5d'), 735, '... and knows of that call');
$m->give_up($reader);
ok($m->sent(10), 'when the ledger has read on it is sent');
is(spent('5d'), 735, '... and the call counts once');
is($m->value("SELECT amount_nusd FROM openings WHERE window_name = '5d'"),
    735, '... and so says the ledger');

# Of a call whose hold was gone only the ledger knows how much is new: nothing
$reader = $m->stay_open('SELECT FROM cursors WHERE partition = 9 FOR UPDATE');
$p->finish('unread', 's', 15, $unread->[1], [$budget],
    detail => $m->detail($id));
$m->window($budget, '8d', 3000);
ok(wait_until(sub { ($m->value('SELECT max(last_error) FROM outbox'
    . ' WHERE sent_at IS NULL') // '') =~ /BEHIND/ }, 10),
    'a window waits for the ledger where it alone knows how much is new');
is(current('8d'), undef, '... so that it does not open with too much');
$m->give_up($reader);
ok($m->sent(10), 'when the ledger has read on it is sent');
is(spent('8d'), 735, '... with what the call came to');

# Sent in vain: its opening is of the attempt that arrives
my $proxy = $m->{proxies}{redis};
my $lost = $proxy->drop_request(match => $proxy->script('seed', '.* limit '),
    then => 'rst', count => 0);
$m->window($budget, '6d', 1000);
ok(wait_until(sub { $proxy->hits($lost) >= 1 }, 10),
    'a window is sent and does not arrive');
is(call('b4d', 20)->[0], 'OK', '... and a call runs without it');
$proxy->heal;
ok($m->sent(10), 'then it arrives');
is(spent('6d'), 755, '... with what was spent meanwhile');
is($m->value("SELECT amount_nusd FROM openings WHERE window_name = '6d'"),
    755, '... and so says the ledger');
is(call('b4e', 250)->[0], 'OVER', '... and its limit refuses');

# Taken, but its answer is lost: what was taken is what the ledger says
$lost = $proxy->drop_reply(match => $proxy->script('seed', '.* limit '),
    then => 'rst', count => 0);
$m->window($budget, '4d', 3000);
ok(wait_until(sub { defined current('4d') }, 10),
    'a window is taken, its answer is lost');
is(call('b4f', 5)->[0], 'OK', '... and a call counts in it');
$proxy->heal;
ok($m->sent(10), 'it is sent again');
is(spent('4d'), 760, '... and counts once');
is($m->value("SELECT amount_nusd FROM openings WHERE window_name = '4d'"),
    755, '... on the opening that was taken');

# Months
$m->window($budget, '1mo', 5000);
ok($m->sent, 'a window of a month is sent');
my @boundaries = $p->field($budget, 'w') =~ /1mo:c:([\d\/]+)/;
cmp_ok(scalar(split m{/}, $boundaries[0]), '>', 12,
    '... with boundaries for more than a year');
is(spent('1mo'), 760, '... and what the month had spent');
is((call('b5', 5))->[0], 'OK', '... and calls go on');

# The same after everything is lost
$m->cmd('FLUSHALL');
$m->wait_open;
$p = $m->partition(9);
is(spent('7d'), 765, 'after a reseed the windows know the same');
is(spent('1mo'), 765, '... the month too');
is($p->field($budget, 's:total:0'), 765, '... and the total');

# A budget that Redis lost alone is not added as if nothing ran on it
$p->reserve('held', 45, [$budget], detail => $m->detail($id));
$m->cmd('DEL', $p->key("b:$budget"));
$m->window($budget, 'total', 900_000);
ok($m->sent, 'a change of a budget that Redis has lost is sent');
$m->wait_open;
$p = $m->partition(9);
is($p->field($budget, 'h:total:0'), 45, '... and what is held is still held');
is($p->field($budget, 's:total:0'), 765, '... and what was spent, spent');
$p->finish('held', 'v', 0, "$budget:total:0", [$budget],
    detail => $m->detail($id));
$m->balance('held');

# Limits
$m->window($budget, 'total', 700);
$m->sent;
is($p->field($budget, 'l:total'), 700, 'a lower limit is sent');
is(call('b6', 100)->[0], 'OVER', '... and refuses');

# Records are announced, never replaced by an older one
my $listener = $m->{redis}->connect;
$listener->send('SUBSCRIBE', 'asg:changes');
$listener->receive;
$m->sql("UPDATE projects SET killed = true, version = 2");
$m->sql("INSERT INTO outbox (kind, target, version)"
    . " VALUES ('project', '$id', 2)");
$m->notify;
my ($message, $hearts) = ('', 0);
for (1 .. 20) {
    $message = $listener->receive->[2];
    last if $message =~ /^project/;
    $hearts++ if $message =~ /^hb \d+$/;
}
is($message, "project $id 2", 'a kill is announced');
like($m->cmd('GET', "{asg}:project:$id"), qr/"killed":1/, '... and stored');
$began = time;
$hearts++ while $hearts < 4 && $listener->receive->[2] =~ /^hb \d+$/;
is($hearts, 4, 'heartbeats come');
cmp_ok(time - $began, '<', 3, '... every half second');

$m->sql("INSERT INTO catalog_snapshots (version, body, modules)"
    . " VALUES (7, 'ASGC1 body', '[]')");
$m->sql("INSERT INTO outbox (kind, target, version)"
    . " VALUES ('catalog', '7', 7)");
$m->notify;
ok($m->sent, 'a catalog is sent');
is($m->cmd('GET', '{asg}:catalog'), 'ASGC1 body', '... as it is');

# A row that cannot be sent holds up no other
$m->sql("INSERT INTO outbox (kind, target, version)"
    . " SELECT 'budget', 'p.nobody', 1 FROM generate_series(1, 80)");
sleep 0.3;
$m->sql("INSERT INTO outbox (kind, target, version)"
    . " VALUES ('project', '$id', 2)");
$m->notify;
ok(wait_until(sub { !$m->value("SELECT count(*) FROM outbox"
    . " WHERE kind = 'project' AND sent_at IS NULL") }, 2),
    'rows that cannot be sent hold up no other');
like($m->value('SELECT max(last_error) FROM outbox'), qr/no budget/,
    '... and say why');
$m->sql("DELETE FROM outbox WHERE target = 'p.nobody'");

# Break glass: no meter runs
$m->stop;
$m->sql("UPDATE projects SET killed = false, version = 3");
my ($status, $out, $err) = $m->{control}->run('project', 'kill', $id);
is($status, 0, 'a kill without a meter is done') or diag("$out$err");
like($m->cmd('GET', "{asg}:project:$id"), qr/"v":4.*"killed":1/,
    '... and stands in Redis');
$m->start;
$m->wait_open;
$m->done;
