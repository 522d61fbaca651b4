#!/usr/bin/env perl
# Fifty reloads under load: no call is lost, no hold leaks, the zone with its
# counters and records is inherited, and no old worker stays behind.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Time::HiRes qw(sleep);

use Asgard::Files qw(wait_until);
use Asgard::Load;
use Asgard::Test;

# An old worker may stay for longer than the test: one that stays is seen.
my $t = Asgard::Test->new(workers => 2, redis_deadline => '2s',
    shutdown_timeout => '120s');
my $up = $t->upstream('main', prompt_tokens => 10, completion_tokens => 20,
    delay => 0.05);
$t->add_model($up, ref => 'model:test/one', route => 'one');
$t->start;
my $project = $t->project(budget_usd => '100');
my $key = $t->key(project => $project);

sub metric { my ($name) = @_;
    return $t->get('/metrics')->body =~ /^\Q$name\E (\d+)$/m ? $1 : -1 }

$up->script(({chunks => 30, chunk_delay => 0.3}) x 4);
my @open = map { [$t->chat_start($key, {model => 'one', stream => \1})] }
    1 .. 4;
my $load = Asgard::Load->new($t, $key, callers => 4, pause => 0.03,
    change => {model => 'one'});
my $reloads = grep { sleep 0.1; $t->{gateway}->reload } 1 .. 50;
is($reloads, 50, 'each reload gives new workers');
my $told = $load->stop;
is_deeply([keys %$told], [200], 'no call was lost or refused')
    or diag explain $told;
is((grep { my ($http, $reply) = @$_; $http->read_body($reply);
    $reply->body =~ /\[DONE\]/ } @open), 4,
    'streams of before the first reload end as they should');

my $calls = $told->{200} + @open;
ok(wait_until(sub { metric('asgard_settled_total') == $calls }, 10),
    'the zone is inherited: it counted every call')
    or diag metric('asgard_settled_total'), " of $calls";
is(metric('asgard_journal_full_total'), 0, '... no slot was lost');
is(metric('asgard_dead_worker_calls_total'), 0,
    '... no call was taken for a dead worker\'s');
ok(wait_until(sub { $t->{gateway}->workers == 2 }, 15),
    'no old worker stays: nothing of ours holds it');
ok(wait_until(sub { $t->{postgres}->value('SELECT count(*) FROM ledger')
    == $calls }, 15, 0.1), 'every call is in the ledger, once');
is(@{Asgard::Money::read_books($t)->{holds}}, 0, 'no hold leaked');
$t->done;
