#!/usr/bin/env perl
# An allocation of the meter fails while it reseeds, whichever: the partitions
# open all the same, with what was spent and held, and no process dies.
#
# Fault row 36.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Time::HiRes qw(time);

use Asgard::Files qw(is_sanitized wait_until);
use Asgard::Shim;
use Asgard::Test;

plan skip_all => 'a sanitizer has the memory for itself' if is_sanitized();

my $t = Asgard::Test->new(workers => 1,
    shims => {control => 'alloc:!libcrypto'});
my $up = $t->upstream('main', prompt_tokens => 10, completion_tokens => 20);
$t->add_model($up, ref => 'model:test/one', route => 'one');
$t->{postgres}{options} = '?sslmode=disable';
$t->{control}->write_conf;
$t->start;
my $project = $t->project(budget_usd => '100');
my $key = $t->key(project => $project);
my $shim = $t->shim('control');
my $meter = $t->{control}->roles->{meter};
my $calls = 0;

sub call { $calls++; return $t->chat($key, {model => 'one'})->status }
is(call(), 200, 'a call is served');

my $far = 1_000_000_000;
$shim->fail_at($far, $meter);
is(($t->{control}->run('reseed'))[0], 0, 'with memory a reseed succeeds');
my $n = $far - $shim->left;
cmp_ok($n, '>', 100, "... of $n allocations of the meter");

# All of them, for `make torture`, take more than an hour.
my ($runs, $hits, @odd) = (0, 0);
for my $at (Asgard::Shim::points($n, 6)) {
    my $served = call();
    $shim->fail_at($at, $meter);
    my ($status, $out, $err) = $t->{control}->run('reseed');
    $hits += $shim->failed;
    $runs++;
    $shim->fail_at(0);
    push @odd, "$at: $status, a call $served: $err"
        if $status != 0 || $served != 200;
}
is_deeply(\@odd, [], "with one of $runs failed it succeeds too");
cmp_ok($hits, '>', $runs / 2, '... and allocations did fail');

# The door is shut once more, with nobody there to ask for it.
$shim->fail_at(int($n / 2), $meter);
$t->{redis}->cmd('FLUSHALL');
ok(wait_until(sub { $t->chat($key, {model => 'one'})->status == 200
    && ++$calls }, 30, 0.1), 'a Redis that forgot all is seeded again');
$shim->fail_at(0);
is(scalar(@{[$t->wait_ledger($project, $calls, 20)]}), $calls,
    'every call is in the ledger, once');
is($t->usage($project)->{spent_usd} * 1, $calls * 0.00021,
    '... and is what the budget has spent');
is($t->{control}->roles->{meter}, $meter, 'the meter is the same process');
$t->done;
