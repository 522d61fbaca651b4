#!/usr/bin/env perl
# Evidence is not told to a Redis that was started again with older data: it
# waits until the meter has seeded that, and then counts.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use POSIX ();
use Test::More;

use Asgard::Files qw(spill wait_until);
use Asgard::Meter;

my ($m, $id, $budget, $p) = Asgard::Meter->with_project(part => 4,
    total => 100_000);
my $r = $p->reserve('h1', 600, [$budget], detail => $m->detail($id));
$p->finish('h1', 's', 500, $r->[1], [$budget], detail => $m->detail($id));
is($m->balance('h1'), 500, 'a call has its entry in the ledger');

# Nobody has noticed yet: the database still has the fence of these data.
my $old = $p->stream;
my $events = $m->cmd('XLEN', $old);
$m->stop;
$m->{redis}->stop;
$m->{redis}->start;
is($m->cmd('XLEN', $old), $events, 'Redis has the same data in a new process');

my $file = spill("$m->{dir}/records.jsonl",
    qq({"f":1,"hold":"h1","source":"invoice","amount":200}\n));
my $pid = fork() // die "fork: $!";
if (!$pid) {
    my ($status, $out, $err) = $m->{control}->run('evidence', $file);
    print STDERR $out, $err if $status;
    POSIX::_exit($status);
}
ok(wait_until(sub {
    $m->value('SELECT count(*) FROM provider_records') == 1 }, 20, 0.05),
    'the record is written down');
ok(!wait_until(sub { $m->cmd('XLEN', $old) > $events }, 2, 0.05),
    'and not told to a Redis that is not seeded');

$m->start;
waitpid $pid, 0;
is($?, 0, 'when it is, the import ends well');
is($m->balance('h1'), 200, 'and the ledger has what the provider says');
is($m->partition(4)->field($budget, 's:total:0'), 200, '... and Redis');

$m->done;
