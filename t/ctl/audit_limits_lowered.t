#!/usr/bin/env perl
# M1: a higher limit of before explains only what was spent and held when it was
# lowered, however long ago or short.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(slurp top wait_until);
use Asgard::Meter;

my ($m, $id, $budget, $p) = Asgard::Meter->with_project(part => 4,
    total => 10_000);
my $other = $m->project('proj-2026-0002', part => 4, total => 'NULL');
$m->sent or die "the other project is not sent\n";

sub reserve {
    my ($hold, $amount, $of) = @_;
    my $r = $p->reserve($hold, $amount, [$of], detail => detail($of));
    is($r->[0], 'OK', "$hold is granted");
    return $r->[1];
}

sub detail { my ($of) = @_; return $m->detail($of =~ s/^p\.//r) }

sub settle {
    my ($hold, $amount, $pins, $of, @meant) = @_;
    $p->finish($hold, 's', $amount, $pins, [$of], detail => detail($of),
        @meant);
    return $m->balance($hold);
}

sub lower {
    my ($of, $limit) = @_;
    $m->window($of, 'total', $limit);
    return ok($m->sent, "$of is limited to $limit");
}

sub is_well {
    my ($name) = @_;
    my ($status, $out, $err) = $m->{control}->run('audit', 'money');
    return is($status, 0, $name) || diag("$out$err");
}

sub is_found {
    my ($of, $text, $name) = @_;
    my ($status, $out, $err) = $m->{control}->run('audit', 'money');
    is($status, 1, $name);
    return like($out, qr/^\QM1 $of:total:0: $text\E$/m, '... with its amounts');
}

# Usage that no hold was there for: all of it is in the ledger and in Redis
sub forge {
    my ($hold, $amount, $pins, $of) = @_;
    settle($hold, $amount, $pins, $of, meant => [$amount]);
    return ok(wait_until(sub { !$m->value('SELECT count(*) FROM applies'
        . ' WHERE done_at IS NULL') }, 5, 0.02), "$amount is charged");
}

my $pins = reserve('h1', 500, $budget);
settle('h1', 500, $pins, $budget);
lower($budget, 1000);
is_well('what is below the lower limit is well');
forge('h2', 600, $pins, $budget);
is_found($budget, 'spent 1100 + held 0 is 100 above its limit of 1000; a higher'
    . ' limit explains 0, charges above their holds 0',
    'a limit that was passed since it was lowered is found');
lower($budget, 900);
is_found($budget, 'spent 1100 + held 0 is 200 above its limit of 900; a higher'
    . ' limit explains 100, charges above their holds 0',
    '... and no second lowering hides it');
lower($budget, 1100);
is_well('a limit that is raised over it does');

# Lowered while calls run
my @pins = map { reserve($_, 2000, $other) } qw(k1 k2);
settle('k1', 2000, $pins[0], $other);
lower($other, 1000);
is_well('spent and held when the limit was lowered are no break of it');
settle('k2', 1999, $pins[1], $other);
is_well('... nor when the calls have ended');
forge('k3', 2, $pins[0], $other);
is_found($other, 'spent 4001 + held 0 is 3001 above its limit of 1000; a higher'
    . ' limit explains 3000, charges above their holds 0',
    'but one nano-dollar more is, though it had none before');
lower($other, 500);
is_found($other, 'spent 4001 + held 0 is 3501 above its limit of 500; a higher'
    . ' limit explains 3500, charges above their holds 0',
    '... also after another one');

# Who knows no more than the limits of before falls back to those
is($m->value("SELECT has_table_privilege('asgard', 'limit_starts', 'UPDATE')"),
    'f', 'who runs writes down what there was, and changes it never');
$m->sql('DELETE FROM limit_starts');
is_well('without that record any limit of before explains it');

# Limits that were lowered before the record was kept are sent again, once
my ($sql) = map { slurp($_) }
    glob top() . '/asgard-ctl/store/migrations/0016_*.sql';
my $never = $m->project('proj-2026-0003', part => 4, total => 5);
$m->sent or die "the third project is not sent\n";
my $newest = $m->value('SELECT max(id) FROM outbox');
$m->sql("BEGIN; DROP TABLE limit_starts; $sql; COMMIT"
    =~ s/:"runtime"/asgard/gr);
is(join(' ', map { $_->[0] } $m->sql('SELECT target FROM outbox'
    . " WHERE id > $newest ORDER BY target")), "$budget $other",
    'the two that were lowered are sent again');
$m->notify;
ok($m->sent, '... by the meter');
is_well('... with what was used');
forge('k4', 1, $pins[0], $other);
is_found($other, 'spent 4002 + held 0 is 3502 above its limit of 500; a higher'
    . ' limit explains 3501, charges above their holds 0',
    '... and the next nano-dollar is found');
is($m->value("SELECT count(*) FROM limit_starts WHERE budget_id = '$never'"),
    0, 'of a limit that was never lowered nothing is written down');
$m->window($other, 'total', 5000);
ok($m->sent, 'a limit is raised over what is used');

$m->done;
