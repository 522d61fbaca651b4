#!/usr/bin/env perl
# Thousands of end users whom a default holds: a reseed writes all of them anew
# and the door opens within 10 s, while other partitions serve; whatever of them
# is lost is noticed and written again by itself.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Digest::SHA qw(sha256_hex);
use Time::HiRes qw(sleep time);

use Asgard::Files qw(wait_until);
use Asgard::Meter;

my ($PART, $OTHER, $MANY) = (5, 6, 4_000);

# The day must not turn while this runs.
sleep(86400.5 - time() % 86400) if time() % 86400 > 86400 - 240;
my $day = int(time() / 86400) * 86400;

my ($m, $id, $budget, $p) = Asgard::Meter->with_project(part => $PART);
my $beside = $m->project('proj-2026-0002', part => $OTHER);
my $default = 'e.' . substr sha256_hex("$id/*"), 0, 16;
$m->sql(<<"SQL");
WITH b AS (INSERT INTO budgets (budget_id, scope, scope_id, project_id,
        partition)
    VALUES ('$default', 'end_user', '$id/*', '$id', $PART) RETURNING 1),
w AS (INSERT INTO budget_windows (budget_id, window_name, limit_nusd)
    VALUES ('$default', 'total', NULL), ('$default', '1d', 1000) RETURNING 1)
INSERT INTO outbox (kind, target, version) VALUES ('budget', '$default', 1)
SQL
$m->notify;
ok($m->sent, 'a project has a default for its end users');

my $calls = 0;
sub user { my ($n) = @_;
    return 'e.' . substr sha256_hex(sprintf '%s/eu_%032x', $id, $n), 0, 16 }
sub call { my ($user, $amount) = @_;
    my $hold = 'h' . ++$calls;
    my $r = $p->reserve($hold, $amount, [$budget, $user], users => $default,
        detail => $m->detail($id));
    $p->finish($hold, 's', $amount, $r->[1], [$budget, $user])
        if $r->[0] eq 'OK';
    return $r }
sub spent { my ($user, $window, $start) = @_;
    return $p->field($user, "s:$window:$start") }
sub known { return $m->cmd('ZCARD', $p->key("e:$default")) }
sub epoch { return $m->value(
    "SELECT epoch FROM partitions WHERE partition = $PART") }

# Until it is open again under another epoch; calls of the other partition that
# were refused meanwhile are counted.
sub reopens {
    my ($before, $what) = @_;
    my ($began, $refused, $n) = (time, 0, 0);
    my $q = $m->partition($OTHER);
    ok(wait_until(sub {
        $refused++ if $q->reserve('o' . time, 1, [$beside])->[0] ne 'OK';
        return epoch() > $before && $m->is_open;
    }, 40, 0.02), "$what: the partition is seeded again");
    my $took = time - $began;
    $p = $m->partition($PART);
    is($refused, 0, '... and meanwhile each call of another is let in');
    return $took;
}
sub doubt { $m->cmd('SADD', '{asg}:doubt', $PART) }

call(user($_), 1 + $_ % 500) for 1 .. $MANY;
ok($m->drained($MANY), 'each of thousands has made a call');
is(known(), $MANY, '... and is known');

# --- a reseed -----------------------------------------------------------------

my $epoch = epoch();
$m->sql("UPDATE partitions SET step = 'new' WHERE partition = $PART");
my $took = reopens($epoch, 'somebody asks for it');
cmp_ok($took, '<', 10, '... within 10 s');
note(sprintf '%.1f s for %d end users', $took, $MANY);
note($1) if $m->log_text =~ /(partition $PART was closed for .*)/;
is(known(), $MANY, '... all are known');
is_deeply([map { spent(user($_), '1d', $day) } 1, 777, $MANY],
    [map { 1 + $_ % 500 } 1, 777, $MANY], '... and what they have spent');
is_deeply([@{call(user(499), 501)}[0 .. 5]],
    ['OVER', user(499), '1d', 1000, 500, 0], '... which counts');

# --- one key is lost ----------------------------------------------------------

for my $lost (['an end user', 'b:' . user(9)], ['who they are', "e:$default"],
    ['one of them there', "e:$default", user(11)]) {
    my ($what, $key, $member) = @$lost;
    $epoch = epoch();
    $m->cmd(defined $member ? ('ZREM', $p->key($key), $member)
        : ('DEL', $p->key($key)));
    is(call(user(9), 1)->[0], 'UNSEEDED', "$what is lost: nobody takes it for "
        . 'nothing');
    doubt();
    cmp_ok(reopens($epoch, $what), '<', 15, '... soon after a gateway doubts');
    is_deeply([@{call(user(9), 991)}[0 .. 5]],
        ['OVER', user(9), '1d', 1000, 10, 0], '... and its end users have '
        . 'spent what they had');
}
$epoch = epoch();
$m->cmd('HDEL', $p->key('b:' . user(10)), 'd');
doubt();
reopens($epoch, 'one field of an end user');

# --- one who is under way when it is lost -------------------------------------

my $new = user($MANY + 1);
my $r = $p->reserve('open', 300, [$budget, $new], users => $default,
    detail => $m->detail($id));
is($r->[0], 'OK', 'a first call of an end user is under way');
$epoch = epoch();
$m->cmd('DEL', $p->key("b:$new"));
doubt();
reopens($epoch, 'an end user without an entry in the ledger is lost');
is_deeply([@{call($new, 701)}[0 .. 5]], ['OVER', $new, '1d', 1000, 0, 300],
    '... and what it holds is held');
is($p->finish('open', 's', 100, $r->[1], [$budget, $new])->[0], 'OK',
    '... until its call ends');
is(spent($new, '1d', $day), 100, '... which costs what it costs');

# --- a window that is taken away and given back -------------------------------

$m->window($default, '2d', 400);
ok($m->sent, 'the default gets another window');
is(call($new, 150)->[0], 'OK', 'a call counts in it');
my $two = int((time() - 345600) / 172800) * 172800 + 345600;
is(spent($new, '2d', $two), 150, '... from when it was made');
is($m->balance("h$calls"), 150, '... and is in the ledger');
$m->sql("DELETE FROM budget_windows WHERE budget_id = '$default' AND"
    . " window_name = '2d'");
$m->window($default, '1d', 1001);
ok($m->sent, 'it is taken away');
$epoch = epoch();
$m->sql("UPDATE partitions SET step = 'new' WHERE partition = $PART");
reopens($epoch, '... and all is seeded');
$m->window($default, '2d', 400);
ok($m->sent, 'it is given back');
is_deeply([@{call($new, 251)}[0 .. 5]], ['OVER', $new, '2d', 400, 150, 0],
    '... with what the ledger has of it');
is(call($new, 250)->[0], 'OK', '... and no more');

# --- what is well stays as it is ----------------------------------------------

$epoch = epoch();
doubt();
ok(wait_until(sub { !$m->cmd('EXISTS', '{asg}:doubt') }, 20),
    'a doubt of a partition that is well');
sleep 6;
is(epoch(), $epoch, '... changes nothing');
unlike($m->log_text, qr/were owed|internal/, 'and nothing else was said');
$m->done;
