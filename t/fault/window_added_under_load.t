#!/usr/bin/env perl
# A window that is added while two gateways serve opens within seconds, and
# counts each call of its period once: those that ended before it was there in
# its opening, those that name it when they end.  Only the calls that were in
# flight then stay outside.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

use Asgard::Files qw(spill wait_until);
use Asgard::Holds qw(open_holds partition_of);
use Asgard::Test;

my ($CLIENTS, $OPEN_S, $COST) = (6, 20, 210_000);

# No hour and no midnight may pass while this runs.
wait_until(sub { time % 900 < 700 }, 220, 1);

my $t = Asgard::Test->new(workers => 2, gateways => 2, redis_deadline => '5s');
my $up = $t->upstream('main', prompt_tokens => 10, completion_tokens => 20);
$t->add_model($up, ref => 'model:test/one', route => 'one');
$t->start;
my $project = $t->project(budget_usd => '1000');
my $key = $t->key(project => $project);
my $budget = "p.$project";
my $p = partition_of($t, $project);
is($t->at($_)->get('/v1/models', Asgard::Test::bearer($key))->status, 200,
    'the key is known to gateway ' . ($_ + 1)) for 0, 1;

# One call after the other, until the file is there.
my $stop = "$t->{dir}/stop";
sub client {
    my ($i) = @_;
    my $http = $t->at($i % 2)->http;
    my $until = time + 120;
    my $bad = 0;
    while (!-e $stop && time < $until) {
        $bad++ if $http->request('POST', '/v1/chat/completions',
            [Asgard::Test::bearer($key), 'Content-Type', 'application/json'],
            $t->chat_body({model => 'one'}))->status != 200;
        sleep 0.01;
    }
    return $bad;
}
my @clients = map { my $i = $_; my $pid = fork() // die "fork: $!";
    POSIX::_exit(client($i) > 0) if !$pid; $pid } 0 .. $CLIENTS - 1;

sub entries { $t->{postgres}->value('SELECT count(*) FROM ledger') }
sub goes_on {
    my $n = entries();
    return wait_until(sub { entries() > $n + 2 * $CLIENTS }, 30);
}

my @set;
sub is_opened {
    my ($name, @windows) = @_;
    @set = @windows;
    my $began = time;
    # what Redis has not heard of yet, the meter sends again and again
    my $put = $t->api('PUT', "/api/projects/$project/budgets",
        '{"budgets":' . Asgard::Admin::budgets_text(\@set) . '}');
    ok($put->status == 200 || $put->code eq 'delivery_pending', "$name is set");
    ok(wait_until(sub { my $w = $p->field($budget, 'w');
        !grep { $w !~ /(?:^|,)$_->[0]:/
            || !defined $p->field($budget, "c:$_->[0]") } @set }, $OPEN_S,
        0.01), "$name is open while calls go on");
    note(sprintf '%s after %.2f s', $name, time - $began);
    return;
}

ok(goes_on(), 'calls go on');
my @limits = (['1h', '900'], ['2h', '900'], ['1d', '900', 'Asia/Kolkata'],
    ['1mo', '900', 'America/New_York'], ['6h', '900']);
for my $window (@limits) {
    is_opened("the window $window->[0]" . ($window->[2] // ''), @set, $window);
}
ok(goes_on(), 'calls go on in them');
is_opened('a window in another zone', grep { $_->[0] ne '1d' } @set);
is_opened('... of the same day', @set, ['1d', '900', 'Europe/Berlin']);
is_opened('the rest', grep { $_->[0] ne '1h' } @set);
ok(goes_on(), 'calls go on without a window that is taken away');
is_opened('a window that comes back in its period', @set, ['1h', '900']);
is_opened('one that comes back at once', grep { $_->[0] ne '2h' } @set);
is_opened('... at once', @set, ['2h', '900']);
ok(goes_on(), 'calls go on in all of them');
spill($stop, '');
for my $pid (@clients) {
    waitpid $pid, 0;
    is($?, 0, 'no call of a client was refused');
}
ok(wait_until(sub { !open_holds($t) }, 30), 'no hold is open any more');
my $stream = $t->{redis}->cmd('XREVRANGE', $p->stream, '+', '-', 'COUNT', 1);
ok(wait_until(sub { $t->{postgres}->value('SELECT last_id FROM cursors JOIN'
    . ' partitions USING (partition, epoch) WHERE partition = ' . $p->{part})
    eq $stream->[0][0] }, 30), 'the ledger has read all');
ok(wait_until(sub { !$t->{postgres}->value('SELECT count(*) FROM outbox'
    . ' WHERE sent_at IS NULL') }, 10), 'every change was sent');

# Every hold of the budget: balance, pins; and where its event stands.
my %hold = map { $_->[0] => {balance => $_->[1], pins => $_->[2]} }
    $t->{postgres}->rows("SELECT hold_id, balance_nano, ',' || pins || ','"
        . " FROM holds WHERE project_id = '$project'");
my $n = 0;
$hold{$_->{i}}{at} = ++$n, $hold{$_->{i}}{id} = $_->{id} for $p->events;
my $all = 0;
$all += $_->{balance} for values %hold;
is($all, $n * $COST, 'every call is in the ledger once');

for my $window (map { $_->[0] } @limits) {
    my $id = $p->field($budget, "c:$window");
    my $pin = "$budget:$window:$id";
    my ($opening) = $t->{postgres}->value('SELECT amount_nusd FROM openings'
        . " WHERE budget_id || ':' || window_name || ':' || window_id"
        . " = '$pin'");
    my ($oid, $outside, $upto) = split /:/, $p->field($budget, "o:$window");
    is("$oid $outside", "$id $opening",
        "$window: the ledger has the opening that Redis took");
    my ($cut) = map { $_->{at} } grep { $_->{id} eq $upto } values %hold;
    my %sum = (named => 0, before => 0, flight => 0);
    my $flight = 0;
    for my $hold (values %hold) {
        my $is = $hold->{pins} =~ /,\Q$pin\E,/ ? 'named'
            : $hold->{at} <= $cut ? 'before' : 'flight';
        $sum{$is} += $hold->{balance};
        $flight++ if $is eq 'flight';
    }
    is($outside, $sum{before},
        '... it is what had ended without the window when that was there');
    is($p->field($budget, "s:$window:$id"), $sum{before} + $sum{named},
        '... the counter is that and what calls came to that name it');
    cmp_ok($flight, '<=', $CLIENTS, '... and only calls in flight are in none');
    cmp_ok($sum{named}, '>', 0, '... and calls ran in it');
}

$t->done;
