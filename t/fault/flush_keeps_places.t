#!/usr/bin/env perl
# Redis loses everything while a call of a key with max_parallel_requests is
# under way: the call has its place again before new ones are let in, and what
# a minute had counted begins anew.
#
# Fault row 5.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(spill wait_until);
use Asgard::Test;

my $t = Asgard::Test->new(workers => 2, redis_deadline => '500ms');
my $up = $t->upstream('main');
$t->add_model($up, ref => 'model:test/one', route => 'one');
$t->start;
my $key = $t->key(project => $t->project(budget_usd => '100'),
    max_parallel_requests => 1, rpm_limit => 3);
my $gate = "$t->{dir}/gate";
is($t->chat($key, {model => 'one'})->status, 200, 'a call');
$up->script({until => $gate});
my $open = $t->chat_ask($key, {model => 'one'});
ok(wait_until(sub { $up->count == 2 }, 10), '... and one that stays');
$t->{redis}->cmd('FLUSHALL');

my $reply;
ok(wait_until(sub { $reply = $t->chat($key, {model => 'one'});
    $reply->status != 503 }, 30), 'Redis has lost all, and serves again');
is($reply->code, 'rate_limit_exceeded', 'the place is taken');
is($reply->at('error')->{limit_type}, 'parallel', '... by the call');
is($reply->header('x-ratelimit-remaining-requests'), 3,
    'the minute has begun anew');
spill($gate, '');
is($t->chat_read($open)->status, 200, 'the call ends');
ok(wait_until(sub { $t->chat($key, {model => 'one'})->status == 200 }, 5),
    '... and there is room');

$t->done;
