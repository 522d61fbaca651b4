#!/usr/bin/env perl
# An allocation towards Redis fails, whichever of a call it is: the call is
# refused, no reply is told to the wrong call, no hold and no money is lost, and
# the worker lives.
#
# Fault row 36.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(is_sanitized wait_until);
use Asgard::Test;

my $t = Asgard::Test->new(workers => 2, redis_deadline => '1s',
    shims => {gateway => 'alloc:libhiredis'}, proxies => ['gateway_redis']);
my $up = $t->upstream('main', prompt_tokens => 10, completion_tokens => 20);
$t->add_model($up, ref => 'model:test/one', route => 'one');
$t->start;
my $project = $t->project(budget_usd => '100');
my $poor = $t->project(budget_usd => '0.000001');
my ($key, $none) = map { $t->key(project => $_) } $project, $poor;
my $shim = $t->shim('gateway');
my @workers = sort $t->{gateway}->workers;

sub call { my ($with) = @_;
    my $reply = eval { $t->chat($with, {model => 'one'}) } or return 'lost';
    return $reply->status ? join ' ', $reply->status, $reply->code // ()
        : 'lost' }

is(call($key), '200', 'a call is served');
is(call($none), '429 budget_exceeded', '... one without budget is not');

# The n-th allocation fails, for every n that some calls have together; every
# other time the connections to Redis are new.
my (%met, $hits);
for my $n (1 .. 40) {
    $t->proxy('gateway_redis')->cut if $n % 2;
    $shim->fail_at($n);
    my @all = $t->in_parallel(4, sub {
        my ($i) = @_;
        return ($i % 2 ? 'poor ' : 'rich ') . call($i % 2 ? $none : $key);
    });
    $met{$_}++ for @all;
    $hits += $shim->failed;
    $shim->fail_at(0);
    wait_until(sub { call($key) eq '200' }, 10, 0.02);
}
# A sanitizer brings its own allocator, which no other can stand before.
cmp_ok($hits, '>=', is_sanitized() ? 0 : 20,
    'allocations failed again and again') or diag $hits;
is_deeply([grep { !/^(?:poor|rich) 503 budget_unavailable$/
    && $_ ne 'poor 429 budget_exceeded' && $_ ne 'rich 200' } sort keys %met],
    [], 'each call met its own answer, or a refusal') or diag explain \%met;
is_deeply([sort $t->{gateway}->workers], \@workers, 'no worker died of it');
ok(wait_until(sub { call($key) eq '200' }, 10), 'calls go through after it');
ok(wait_until(sub { $t->get('/metrics')->body =~ /^asgard_channel_up 1$/m },
    10), '... and changes are heard of');
ok(wait_until(sub { !@{Asgard::Money::read_books($t)->{holds}} }, 20, 0.1),
    'nothing is held');
is($t->usage($poor)->{spent_usd} * 1, 0, 'who had no budget spent nothing');
$t->done;
