#!/usr/bin/env perl
# SCRIPT FLUSH under load: each call is made once more with the script's text
# and the same id, nothing is refused and nothing is held twice.
#
# Fault row 6.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Time::HiRes qw(sleep);

use Asgard::Files qw(wait_until);
use Asgard::Load;
use Asgard::Test;

my $t = Asgard::Test->new(workers => 2, redis_deadline => '1s',
    proxies => ['gateway_redis']);
my $up = $t->upstream('main', prompt_tokens => 10, completion_tokens => 20);
$t->add_model($up, ref => 'model:test/one', route => 'one');
$t->start;
my $project = $t->project(budget_usd => '100');
my $key = $t->key(project => $project);
my $proxy = $t->proxy('gateway_redis');
my %asked = map { $_ => $proxy->watch(match => "^$_ ") } qw(EVALSHA EVAL);

my $load = Asgard::Load->new($t, $key, callers => 4, pause => 0.02,
    change => {model => 'one'});
for (1 .. 40) {
    sleep 0.05;
    $t->{redis}->cmd('SCRIPT', 'FLUSH');
}
my $told = $load->stop;
is_deeply([keys %$told], [200], 'no call is refused') or diag explain $told;
cmp_ok($proxy->hits($asked{EVAL}), '>=', 20,
    'scripts were missing again and again');
cmp_ok($proxy->hits($asked{EVALSHA}), '>', $proxy->hits($asked{EVAL}),
    '... and each call sent its text at most once');
is($up->count, $told->{200}, 'the provider saw each call once');
ok(wait_until(sub { $t->{postgres}->value('SELECT count(*) FROM ledger')
    == $told->{200} }, 15, 0.1), 'each call is in the ledger');
is($t->{postgres}->value('SELECT count(*) FROM holds'), $told->{200},
    '... with one hold');
is(@{Asgard::Money::read_books($t)->{holds}}, 0, 'nothing stays held');
$t->done;
