#!/usr/bin/env perl
# What was called under epochs that began after a backup is in the ledger again
# once the backup was restored, though the backup knows of none of them.
#
# Fault row 39.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(wait_until);
use Asgard::Test;

my $t = Asgard::Test->new(workers => 1);
my $up = $t->upstream('main', prompt_tokens => 10, completion_tokens => 20);
$t->add_model($up, ref => 'model:test/one', route => 'one');
$t->start;
my $project = $t->project(budget_usd => '10');
my $key = $t->key(project => $project);

sub in_ledger { my ($n) = @_;
    return wait_until(sub {
        $t->{postgres}->value('SELECT count(*) FROM ledger') == $n }, 15) }

$t->allow_no_control;
$t->admin_token;
$t->{control}->stop;
$t->{postgres}->back_up;
$t->{control}->start;
$t->wait_ready;

for my $n (1 .. 3) {
    is($t->chat($key, {model => 'one'})->status, 200, "call $n is answered");
    ok(in_ledger($n), '... and in the ledger');
    $t->{control}->run_ok('reseed');
}

$t->{control}->stop;
$t->{postgres}->restore;
delete $t->{admin_token};
$t->{control}->start;
$t->wait_ready;
ok(in_ledger(3), 'after the restore the ledger has all of them again');
is($t->{postgres}->value('SELECT sum(delta_nano) FROM ledger'), 3 * 210_000,
    '... once');
$t->done;
