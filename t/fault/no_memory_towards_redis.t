#!/usr/bin/env perl
# An allocation of the gateway fails, whichever of a call it is: that call is
# refused or served, the worker lives, and no hold and no money is lost.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Time::HiRes qw(sleep);

use Asgard::Files qw(is_sanitized wait_until);
use Asgard::Test;

my $t = Asgard::Test->new(workers => 1, shims => {gateway => 'alloc'},
    proxies => ['gateway_redis']);
$t->allow_alert(qr/(?:malloc|posix_memalign|memalign)\(\d*,? ?\d+\) failed/,
    qr/Cannot allocate memory/);
my $up = $t->upstream('main', prompt_tokens => 10, completion_tokens => 20);
$t->add_model($up, ref => 'model:test/one', route => 'one');
$t->start;
my $project = $t->project(budget_usd => '100');
my $key = $t->key(project => $project);
my $shim = $t->shim('gateway');
my ($worker) = $t->{gateway}->workers;

sub call { eval { $t->chat($key, {model => 'one'})->status } // 0 }
is(call(), 200, 'a first call');

# The n-th allocation fails, for every n that a call has; every other time the
# connection to Redis is new.
my (%met, $hits);
my $first_dead;
for my $n (1 .. 120) {
    $t->proxy('gateway_redis')->cut if $n % 2;
    $shim->fail_at($n);
    $met{call()}++;
    $hits += $shim->failed;
    $shim->fail_at(0);
    wait_until(sub { call() == 200 }, 5, 0.02);
    my ($now) = $t->{gateway}->workers;
    $first_dead //= $n if ($now // 0) != $worker;
    last if $first_dead;
}
is($first_dead, undef, 'no worker died of it')
    or diag $t->{gateway}->error_log =~ s{.*(?=.{2000})}{}sr;
# A sanitizer brings its own allocator, which no other can stand before.
cmp_ok($hits, '>=', is_sanitized() ? 0 : 40,
    'allocations failed again and again') or diag $hits;
is_deeply([grep { !/^(?:0|200|500|503)$/ } keys %met], [],
    'a call met nothing but service, a refusal, or a closed connection')
    or diag explain \%met;
note explain \%met, $hits;
is(call(), 200, 'calls go through after all that');
ok(wait_until(sub { !@{Asgard::Money::read_books($t)->{holds}} }, 20, 0.1),
    'nothing stays held');
$t->done;
