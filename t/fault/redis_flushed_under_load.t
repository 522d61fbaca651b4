#!/usr/bin/env perl
# FLUSHALL under load, and the loss of the fences alone: not seeded is 503,
# never zero; the ledger seeds Redis again and every call is charged once.
#
# Fault row 5.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Time::HiRes qw(sleep);

use Asgard::Files qw(wait_until);
use Asgard::Load;
use Asgard::Test;

my $t = Asgard::Test->new(workers => 2, redis_deadline => '1s');
my $up = $t->upstream('main', prompt_tokens => 10, completion_tokens => 20,
    delay => 0.05);
$t->add_model($up, ref => 'model:test/one', route => 'one');
$t->start;
my $project = $t->project(budget_usd => '100');
my $key = $t->key(project => $project);
my $redis = $t->{redis};

sub epochs { $t->{postgres}->value('SELECT min(epoch) FROM partitions') }
sub good { $_[0]->told->{200} // 0 }

my $load = Asgard::Load->new($t, $key, callers => 4, pause => 0.03,
    change => {model => 'one'});
for my $loss (
    ['FLUSHALL', sub { $redis->cmd('FLUSHALL') }],
    ['FLUSHALL, and at once again', sub {
        $redis->cmd('FLUSHALL');
        sleep 0.7;
        $redis->cmd('FLUSHALL');
    }],
    ['the fences alone', sub {
        $redis->cmd('DEL', map { sprintf '{p%02d}:m', $_ } 0 .. 15);
    }],
) {
    my ($what, $do) = @$loss;
    my $before = good($load);
    ok(wait_until(sub { good($load) > $before + 10 }, 10),
        "$what: calls come and go");
    my ($epoch, $refused) = (epochs(),
        $load->told->{'503 budget_unavailable'} // 0);
    $do->();
    ok(wait_until(sub { epochs() > $epoch }, 15), '... it is seeded again');
    $before = good($load);
    ok(wait_until(sub { good($load) > $before + 10 }, 15),
        '... and calls come and go again');
    cmp_ok($load->told->{'503 budget_unavailable'} // 0, '>', $refused,
        '... between them they were refused');
}
my $told = $load->stop;
is_deeply([sort keys %$told], [200, '503 budget_unavailable'],
    'no call met anything else') or diag explain $told;
ok(wait_until(sub { $t->{postgres}->value('SELECT count(*) FROM ledger')
    == $told->{200} }, 20, 0.1), 'every answered call is in the ledger');
is($t->usage($project)->{spent_usd} * 1, $told->{200} * 0.00021,
    '... and what was spent is their sum');
$t->done;
