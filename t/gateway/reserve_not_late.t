#!/usr/bin/env perl
# A reserve says until which second of Redis it may be executed, so that one
# that was held up for long is no hold of nobody; a clock of Redis that is
# stepped refuses no call.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(wait_until);
use Asgard::Stage;

my $s = Asgard::Stage->new(workers => 1, shims => {redis => 'clock'});
my $key = $s->key($s->project);
$s->model(route => 'echo');
$s->publish;
$s->start;
my $redis = $s->{redis};

# Calls once, and what its reserves said: not_after, each.
sub said {
    my ($what) = @_;
    my $monitor = $redis->connect;
    $monitor->cmd('MONITOR');
    my $reply = $s->chat($key, {model => 'echo'});
    is($reply->status, 200, $what) or diag($reply->body);
    $redis->cmd('ECHO', 'enough');
    my ($line, @said) = ('');
    while ($line !~ /"enough"/i) {
        $line = $monitor->receive;
        push @said, $1 if $line =~ / "R" "(\d+)" "\{/;
    }
    return @said;
}
sub now { $redis->cmd('TIME')->[0] }
sub is_soon { my ($not_after, $what) = @_;
    my $left = $not_after - now();
    ok($left > 0 && $left <= 61, $what) or diag("$left s") }

is_deeply([grep { $_ } said('the first call of a worker')], [],
    '... is made without knowing the clock of Redis');
my @said = said('a further call');
is(scalar(@said), 1, '... asks once');
is_soon($said[0], '... and not to be held after a minute');

for my $shift (3600, 7200) {
    $s->shim('redis')->set($shift);
    @said = said("with Redis' clock at $shift s ahead a call");
    is(scalar(@said), 2, '... asks again, since its minute was over');
    is($said[1], 0, '... without a bound');
    @said = said('the next call');
    is(scalar(@said), 1, '... asks once');
    is_soon($said[0], '... by the clock that Redis has now');
}
$s->done;
