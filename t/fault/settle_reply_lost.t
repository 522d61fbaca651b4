#!/usr/bin/env perl
# Redis took a settlement and its reply was lost: it is told again and charged
# once; lost before it arrived, it is told again and charged at all.
#
# Fault row 3.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(wait_until);
use Asgard::OneModel qw(one_model);

my ($t, $up, $project, $key) = one_model(redis_deadline => '1s',
    proxies => ['gateway_redis']);
my $proxy = $t->proxy('gateway_redis');
my $settle = $proxy->script('finish', '.* s 210000 ');
my $told = $proxy->watch(match => $settle);

sub stream_events {
    my ($hold) = @_;
    return grep { my %e = @{$_->[1]}; $e{i} eq $hold } map {
        @{$t->{redis}->cmd('XRANGE', $_, '-', '+')} }
        grep { /:u:/ } @{$t->{redis}->cmd('KEYS', '{p*}:u:*')};
}

my $n = 0;
for my $what (qw(drop_reply drop_request)) {
    for my $then (qw(hang rst)) {
        my $before = $proxy->hits($told);
        $proxy->$what(match => $settle, then => $then);
        is($t->chat($key, {model => 'one'})->status, 200,
            "$what, $then: the client has its answer");
        $n++;
        ok(wait_until(sub { $proxy->hits($told) >= $before + 2 }, 15, 0.1),
            '... the settlement is told again');
        my @entries = $t->wait_ledger($project, $n, 15);
        is(@entries, $n, '... and charged once');
        is($entries[0]{cost_usd}, '0.00021', '... as measured');
        my ($hold) = $t->{postgres}->value("SELECT hold_id FROM holds"
            . ' ORDER BY first_seen DESC LIMIT 1');
        my @moved = grep { $_->{d} } map { +{@{$_->[1]}} }
            stream_events($hold);
        is(@moved, 1, '... one of its events moved the counters');
        $proxy->cut;
        wait_until(sub { $t->get('/metrics')->body
            =~ /^asgard_redis_up 1/m }, 20);
    }
}
is($t->usage($project)->{spent_usd} // $t->usage($project)->{total_usd} // '',
    '0.00084', 'four calls cost four times as much');
$t->done;
