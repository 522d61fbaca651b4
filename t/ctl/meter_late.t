# What a hold held is known to the ledger also when Redis had lost it before its
# end was told: by the word of who tells.  So M1 and M8 hold for it, too.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(wait_until);
use Asgard::Meter;

my ($m, $id, $budget, $p) = Asgard::Meter->with_project(part => 4,
    total => 1000);
my $PINS = "$budget:total:0";

sub late {
    my ($hold, $verb, $amount, $held, %detail) = @_;
    my $r = $p->finish($hold, $verb, $amount, $PINS, [$budget],
        detail => $m->detail($id, %detail),
        meant => [defined $held ? $held : ()]);
    is($r->[0], 'LATE', "$hold is told, and Redis has no hold of it");
    $m->balance($hold);
    my %stream = @{$m->cmd('XINFO', 'STREAM', $p->stream)};
    $m->drained($stream{'entries-added'});
    return;
}

sub record {
    my ($hold) = @_;
    my ($row) = $m->sql("SELECT coalesce(held_nano, -1), balance_nano,"
        . " least_nano FROM holds WHERE hold_id = '$hold'");
    return "@$row";
}

sub audit {
    my ($status, $out, $err) = $m->{control}->run('audit', 'money');
    return ($status, "$out$err");
}

# What is told is kept
late('h1', 's', 70, 100);
is(record('h1'), '100 70 70', 'a settle that is told again says what it held');
late('h2', 'e', 100, 100);
is(record('h2'), '100 100 100', '... an estimate too');
late('h3', 'x', 60, 60);
is(record('h3'), '60 60 60', '... an expiry too');
late('h4', 'v', 0, 80);
is(record('h4'), '80 0 0', '... and a void');

# An older gateway says nothing
late('h5', 's', 20);
is(record('h5'), '-1 20 0', 'of an older gateway\'s settle it is not known');
late('h6', 'x', 30);
is(record('h6'), '30 30 30', '... but what expires was all that was held');
late('h5', 's', 20, 40);
is(record('h5'), '40 20 0', '... it is known when somebody says it');

# What the ledger has stays
late('h1', 's', 70, 300);
is(record('h1'), '100 70 70', 'who says later that it held more says nothing');
my $r = $p->reserve('h7', 90, [$budget], detail => $m->detail($id));
$p->finish('h7', 's', 50, $r->[1], [$budget], detail => $m->detail($id));
$m->balance('h7');
late('h7', 's', 50, 9);
is(record('h7'), '90 50 50', '... nor after an end that Redis knew of');
my ($status, $text) = audit();
is($status, 0, 'the audit is well') or diag($text);

# M8
late('h8', 's', 90, 60);
($status, $text) = audit();
is($status, 1, 'a charge above what was held, as it was told, is found');
like($text, qr/^M8 hold h8: held 60, charged 90/m, '... by M8');
$m->sql("UPDATE holds SET held_nano = 90 WHERE hold_id = 'h8'");

# M1: its room was taken by others, which nothing excuses
my $spent = $p->field($budget, 's:total:0');
my $rest = 1000 - $spent;
$r = $p->reserve('h9', $rest, [$budget], detail => $m->detail($id));
is($r->[0], 'OK', 'all that is left is granted');
($status, $text) = audit();
is($status, 0, '... which is within the limit') or diag($text);
late('h10', 's', 60, 65);
ok(wait_until(sub { $p->field($budget, 's:total:0') == $spent + 60 }, 5,
    0.02), 'a call whose room was given away is charged');
($status, $text) = audit();
is($status, 1, '... which passes the limit');
# 20 of h5, which were first told without what it held, 30 that h8 was above it
like($text, qr/^M1 \Q$PINS\E: .* is 60 above its limit of 1000; a higher/m,
    '... is found') or diag($text);
like($text, qr/explains 0, charges above their holds 50$/m,
    '... and excused by no balance of a hold that is known') or diag($text);
$m->window($budget, 'total', 1100);
$m->sent;
$p->finish('h9', 'v', 0, $r->[1], [$budget], detail => $m->detail($id));
$m->balance('h9');
$m->done;
