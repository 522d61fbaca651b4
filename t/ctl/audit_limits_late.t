#!/usr/bin/env perl
# M1: a limit that was on record long before Redis had it does not turn the
# calls between into a break.
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
my $budget = $m->project($id, part => 4, total => 'NULL');
$m->window($budget, '1d', 1000);
$m->sent or die "the window is not sent\n";
my $p = $m->partition(4);
my $r = $p->reserve('h1', 600, [$budget], detail => $m->detail($id));
is($r->[0], 'OK', 'a call is granted within the limit');
$p->finish('h1', 's', 600, $r->[1], [$budget], detail => $m->detail($id));
$m->balance('h1');
$m->window($budget, '1d', 400);
ok($m->sent, 'the limit is lowered');
my $row = $m->value("SELECT max(id) FROM outbox WHERE target = '$budget'");
# the newest row is what a restored database is known by: it stays as it is
$m->window($budget, 'total', 5000);
ok($m->sent, 'and another one changed');

my $day = "date_trunc('day', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'";

# The lower limit was set ten minutes before the day, the other one long before.
sub lowered_before_the_day {
    my ($sent) = @_;
    $m->sql("UPDATE budget_limits SET at = $day - CASE limit_nusd WHEN 400"
        . " THEN interval '10 minutes' ELSE interval '1 hour' END"
        . " WHERE window_name = '1d'");
    $m->sql("UPDATE outbox SET created_at = $day - interval '10 minutes',"
        . " sent_at = $sent WHERE id = $row");
}

sub audit {
    my ($status, $out, $err) = $m->{control}->run('audit', 'money');
    return ($status, "$out$err");
}

lowered_before_the_day("$day + interval '1 minute'");
my ($status, $text) = audit();
is($status, 0, 'what was granted before Redis had the limit is explained')
    or diag($text);

lowered_before_the_day("$day - interval '9 minutes'");
($status, $text) = audit();
is($status, 1, 'had it been sent before the day, the same is found');
like($text, qr/^M1 $budget:1d:\d+: .* a higher limit explains 0,/m,
    '... with its amounts');
lowered_before_the_day("$day + interval '1 minute'");

# Long after, too: what the outbox forgets after a week was sent in time.
my $other = $m->value("SELECT min(id) FROM outbox WHERE target = '$budget'"
    . ' AND sent_at IS NOT NULL');
$m->sql("UPDATE outbox SET created_at = now() - interval '9 days',"
    . " sent_at = now() - interval '9 days' + CASE WHEN id = $row"
    . " THEN interval '1 day' ELSE interval '1 second' END"
    . " WHERE id IN ($row, $other)");
$m->stop;
$m->start;
ok(wait_until(sub { !$m->value("SELECT count(*) FROM outbox"
    . " WHERE id = $other") }, 20),
    'a change of last week that was sent is gone');
is($m->value("SELECT count(*) FROM outbox WHERE id = $row"), 1,
    'one that was late is kept');
lowered_before_the_day("$day + interval '1 minute'");

$m->done;
