#!/usr/bin/env perl
# An end user's first own budget opens with what its calls had spent that the
# default held, also in windows that the default has not, and also of calls that
# the ledger has not read yet.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Digest::SHA qw(sha256_hex);
use Time::HiRes qw(sleep time);

use Asgard::Files qw(wait_until);
use Asgard::Meter;

my $PART = 4;

# The hour must not turn while this runs.
sleep(3600.5 - time() % 3600) if time() % 3600 > 3600 - 120;
my $hour = int(time() / 3600) * 3600;
my $day = int(time() / 86400) * 86400;

my ($m, $id, $budget, $p) = Asgard::Meter->with_project(part => $PART);
my $default = 'e.' . substr sha256_hex("$id/*"), 0, 16;
my ($anna, $bert) = map { sprintf '%s/eu_%032x', $id, $_ } 1, 2;
my ($own, $other) = map { 'e.' . substr sha256_hex($_), 0, 16 } $anna, $bert;

sub budget { my ($budget_id, $who, @windows) = @_;
    my $rows = join ', ', map { "('$budget_id', '$_', 1000)" } @windows;
    $m->sql(<<"SQL");
WITH b AS (INSERT INTO budgets (budget_id, scope, scope_id, project_id,
        partition)
    VALUES ('$budget_id', 'end_user', '$who', '$id', $PART) RETURNING 1),
w AS (INSERT INTO budget_windows (budget_id, window_name, limit_nusd)
    VALUES $rows RETURNING 1)
INSERT INTO outbox (kind, target, version) VALUES ('budget', '$budget_id', 1)
SQL
    $m->notify;
    return }
my $calls = 0;
sub call { my ($user, $amount) = @_;
    my $hold = 'h' . ++$calls;
    my $r = $p->reserve($hold, $amount, [$budget, $user], users => $default,
        detail => $m->detail($id));
    $p->finish($hold, 's', $amount, $r->[1], [$budget, $user])
        if $r->[0] eq 'OK';
    return $r }
sub spent { my ($user) = @_;
    return [map { $p->field($user, "s:$_") } 'total:0', "1h:$hour",
        "1d:$day"] }

budget($default, "$id/*", 'total', '1d');
$m->sql("UPDATE budget_windows SET limit_nusd = NULL WHERE budget_id ="
    . " '$default' AND window_name = 'total'");
ok($m->sent, 'a project has a default for its end users');
call($own, 30);
is($m->balance('h1'), 30, 'a call that the ledger has');

my $lock = $m->stay_open("SELECT FROM partitions WHERE partition = $PART"
    . ' FOR UPDATE');
call($own, 7);
call($other, 100);
is($m->value('SELECT count(*) FROM holds'), 1, 'one that it has not');
budget($own, $anna, 'total', '1h', '1d');
ok(wait_until(sub { $p->field($own, 'v') }, 10),
    'the end user gets a budget of its own');
is_deeply(spent($own), [37, 37, 37],
    '... and both count in each of its windows');
$m->give_up($lock);
ok($m->sent(20), '... which is written down');
is($m->balance('h2'), 7, 'the ledger reads on');
is(call($own, 963)->[0], 'OK', 'a call that fits');
is(call($own, 1)->[0], 'OVER', '... and no more');
is($m->balance('h4'), 963, '... is in the ledger');
is_deeply(spent($own), [1000, 1000, 1000], '... and each counts once');

# Once more, with a Redis that has lost all.
budget($other, $bert, 'total', '1h');
ok($m->sent(20), 'another gets one');
is_deeply([@{spent($other)}[0, 1]], [100, 100], '... with what it had spent');
$m->cmd('FLUSHALL');
ok($m->wait_open(30), 'Redis loses all');
$p = $m->partition($PART);
is_deeply(spent($own), [1000, 1000, 1000], '... and has what was spent');
is_deeply([@{spent($other)}[0, 1]], [100, 100], '... by each');
is($p->field($other, "s:1d:$day"), undef, '... in its own windows');
$m->done;
