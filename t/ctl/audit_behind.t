#!/usr/bin/env perl
# M3, M4: a partition is compared however far its ledger is behind, up to a
# million events; beyond that it is named, the status is 3, and the others are
# looked at all the same.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Meter;

my ($m, $id, $budget, $p) = Asgard::Meter->with_project(part => 9,
    total => 100_000);
my $other = $m->project('proj-2026-0002', part => 4, total => 1000);
$m->sent or die "the other project is not sent\n";
kill STOP => $m->{process}{pid};

sub call {
    my ($hold, $amount) = @_;
    my $r = $p->reserve($hold, $amount, [$budget], detail => $m->detail($id));
    $p->finish($hold, 's', $amount, $r->[1], [$budget],
        detail => $m->detail($id));
    return is($r->[0], 'OK', "$hold ends");
}

# Events that move nothing
sub events {
    my ($n) = @_;
    for (1 .. $n / 1000) {
        $m->cmd('EVAL', "for i = 1, 1000 do redis.call('XADD', KEYS[1], '*',"
            . " 'i', 't', 'v', 's', 'a', '1', 'd', '0') end", 1, $p->stream);
    }
}

sub audit {
    my ($status, $out, $err) = $m->{control}->run('audit', 'money');
    return ($status, "$out$err");
}

sub finds {
    my ($budget, $amount, $like, $name) = @_;
    my $hash = $m->partition($budget eq $other ? 4 : 9)->key("b:$budget");
    $m->cmd('HINCRBY', $hash, 's:total:0', $amount);
    my ($status, $text) = audit();
    is($status, 1, $name);
    like($text, $like, '... with its amounts');
    $m->cmd('HINCRBY', $hash, 's:total:0', -$amount);
    return $text;
}

call('h1', 300);
events(21_000);
call('h2', 40);
call('h3', 2);
my ($status, $text) = audit();
is($status, 0, 'what the ledger has not read counts, 21,000 events and more')
    or diag($text);
like($text, qr/^every amount is accounted for/m, '... and nothing is missed');
finds($budget, 7, qr/^M4 $budget:total:0: spent 349, the ledger says 342$/m,
    'what no event moved is found behind them');
$m->sql('UPDATE budget_windows SET limit_nusd = 341'
    . " WHERE budget_id = '$budget'");
$m->cmd('HSET', $p->key("b:$budget"), 'l:total', 341);
$m->sql("DELETE FROM budget_limits WHERE limit_nusd = 100000");
($status, $text) = audit();
is($status, 1, '... and a limit that they passed');
like($text, qr/^M1 $budget:total:0: spent 342 \+ held 0 is 1 above its limit/m,
    '... by how much');

events(1_000_000);
($status, $text) = audit();
is($status, 3, 'a million are too many: it could not look') or diag($text);
my $why = 'the ledger is 1000000 usage events or more behind';
like($text, qr/^partition 9 could not be compared with the ledger: $why$/m,
    '... and says so');
unlike($text, qr/^partition (?!9)/m, '... of no other partition');
$text = finds($other, 7, qr/^M4 $other:total:0: spent 7, the ledger says 0$/m,
    'which hides no other one');
like($text, qr/^partition 9 could not be compared/m, '... and is named there');

kill KILL => $m->{process}{pid};
done_testing;
