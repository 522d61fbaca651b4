#!/usr/bin/env perl
# The set of expiries is lost: the holds that it named are still held after a
# reseed, and each is charged once when its time is over.
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
my $budget = $m->project($id, part => 5, total => 1_000_000);
ok($m->sent, 'a project is sent');

my $p = $m->partition(5);
my %held = (h1 => 1000, h2 => 300, 'h1.1' => 7);
for my $hold (sort keys %held) {
    is($p->reserve($hold, $held{$hold}, [$budget], ttl => 8,
        detail => $m->detail($id))->[0], 'OK', "$hold is held");
}
is($p->finish('h9', 'v', 0, '', [])->[0], 'LATE', 'a marker is there');
is($m->cmd('DEL', $p->key('x')), 1, 'the set is lost');
is($p->reserve('h3', 50, [$budget], ttl => 8, detail => $m->detail($id))->[0],
    'OK', '... and another hold begins it anew');
is(($m->{control}->run('reseed'))[0], 0, 'the counters are made anew');
$p = $m->partition(5);
is($p->field($budget, 'h:total:0'), 1357, 'with every hold that there is');
my %named = @{$m->cmd('ZRANGE', $p->key('x'), 0, -1, 'WITHSCORES')};
is_deeply([sort keys %named], ['h1', 'h1.1', 'h2', 'h3'],
    '... which the set names again');
is($named{$_}, (split / /, $m->cmd('GET', $p->key("h:$_")))[2],
    "... $_ with its time") for sort keys %named;
ok(wait_until(sub { $m->value("SELECT count(*) FROM holds"
    . " WHERE state = 'unknown'") == 4 }, 20, 0.1), 'when that is over, each '
    . 'is charged') or diag($m->log_text);
is($m->value('SELECT sum(balance_nano) FROM holds'), 1357, '... in full');
is($m->value('SELECT count(*) FROM ledger'), 4, '... once');
ok(wait_until(sub { $p->field($budget, 'h:total:0') == 0
    && $p->field($budget, 's:total:0') == 1357 }, 5, 0.02),
    '... and held no more');
$m->done;
