#!/usr/bin/env perl
# M7: an entry whose version or tokens are no numbers is a row of the audit, and
# hides no other.  A partition that is far behind keeps none from being looked
# at, and is named.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Meter;

my $m = Asgard::Meter->new;
$m->start;
$m->wait_open or BAIL_OUT('the partitions do not open');
my %id = (4 => 'proj-2026-0001', 9 => 'proj-2026-0002');
my %budget = map { $_ => $m->project($id{$_}, part => $_, total => 100_000) }
    keys %id;
$m->sent or BAIL_OUT('the projects are not sent');
my $p = $m->partition(9);

sub audit {
    my ($status, $out, $err) = $m->{control}->run('audit', 'money');
    return ($status, "$out$err");
}

my %bad = (version => [cv => '"x"', pt => 1], fraction => [cv => 1.5, pt => 1],
    tokens => [cv => 1, pt => '"many"']);
for my $hold (sort keys %bad) {
    my $r = $p->reserve($hold, 100, [$budget{9}], detail => $m->detail($id{9}));
    $p->finish($hold, 's', 100, $r->[1], [$budget{9}],
        detail => $m->detail($id{9}, card => '"c"', @{$bad{$hold}}));
    is($m->balance($hold), 100, "$hold is in the ledger");
}
my ($status, $text) = audit();
is($status, 1, 'the audit finds them') or diag($text);
like($text, qr/^M7 hold $_: charged 100, its card c is missing$/m,
    "... with a row: $_") for sort keys %bad;

kill STOP => $m->{process}{pid};
$m->cmd('EVAL', "for i = 1, 20001 do redis.call('XADD', KEYS[1], '*', 'i',"
    . " 't' .. i, 'v', 's', 'a', '1', 'd', '0', 'p', '', 'x', '{}') end", 1,
    $p->stream);
$m->cmd('HINCRBY', $m->partition(4)->key("b:$budget{4}"), 's:total:0', 7);
($status, $text) = audit();
is($status, 1, 'beside a partition that is far behind, others are looked at')
    or diag($text);
like($text, qr/^partition 9 could not be compared .* usage events or more beh/m,
    '... it is named, with the cause');
$m->cmd('HINCRBY', $m->partition(4)->key("b:$budget{4}"), 's:total:0', -7);
kill CONT => $m->{process}{pid};
$m->stop;
done_testing;
