#!/usr/bin/env perl
# A call of unknown outcome is charged in full, also when Redis loses the hold
# before it expires, or is away when it does.
#
# Fault row 5.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Time::HiRes qw(sleep time);

use Asgard::Files qw(wait_until);
use Asgard::Test;

my $t = Asgard::Test->new(workers => 2,
    http_conf => 'asgard_hold_ttl 8s;');
my $up = $t->upstream('main');
$t->add_service('main', $up, models => [{ref => 'model:test/one',
    route => 'one'}], inference => {first_byte_timeout => '1s'});
$t->start;
my $project = $t->project(budget_usd => '10');
my $key = $t->key(project => $project);
my $redis = $t->{redis};
my ($budget) = grep { /:b:p\./ } @{$redis->cmd('KEYS', '*:b:p.*')};

sub field { $redis->cmd('HGET', $budget, $_[0]) // '' }
sub open_again {
    my $meta = $budget =~ s/:b:.*/:m/r;
    return wait_until(sub { ($redis->cmd('HGET', $meta, 'st') // '') eq 'open'
        && field('h:total:0') ne '' }, 20, 0.02);
}
sub row {
    my ($n) = @_;
    return $t->{postgres}->value("SELECT kind || ' ' || delta_nano FROM ledger"
        . " ORDER BY id OFFSET $n LIMIT 1") // '';
}

sub silent_call {
    my ($why) = @_;
    $up->script({hang => 3});
    is($t->chat($key, {model => 'one'})->status, 504, "no answer comes $why");
    return field('h:total:0');
}

my $held = silent_call('and Redis is well');
cmp_ok($held, '>', 0, 'the hold stays');
ok(wait_until(sub { row(0) eq "unknown $held" }, 30),
    'and is charged in full when it expires') or diag(row(0));
is(field('h:total:0'), 0, '... and held no more');

sub no_slot_is_used { wait_until(sub { $t->get('/metrics')->body
    =~ /^asgard_journal_slots_used 0$/m }, 10) }
ok(no_slot_is_used(), '... and its slot is free once the ledger has it');

is(silent_call('before Redis loses all'), $held, 'the hold stays');
$redis->cmd('FLUSHALL');
ok(open_again(), 'the door opens');
is(field('h:total:0'), $held, 'with the hold of the unknown call');
ok(wait_until(sub { row(1) eq "unknown $held" }, 30),
    'which is charged in full when it expires') or diag(row(1));
ok(no_slot_is_used(), '... and its slot is free');

is(silent_call('before Redis goes away'), $held, 'the hold stays');
$redis->stop;
sleep 10;                               # longer than the hold would live
system('rm', '-rf', glob "$redis->{dir}/appendonlydir");
$redis->start;
ok(open_again(), 'Redis is back without its data, and the door opens');
ok(wait_until(sub { row(2) eq "unknown $held" }, 30),
    'the call is charged in full') or diag(row(2));
is($t->{postgres}->value('SELECT count(*) FROM ledger'), 3,
    'each call was charged once');
$t->done;
