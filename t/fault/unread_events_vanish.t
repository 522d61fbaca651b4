#!/usr/bin/env perl
# Usage events that vanish from Redis before the ledger has read them, a stream
# that was deleted or trimmed by somebody, are asked of the gateways again:
# none is lost, none is charged twice.
#
# Fault row 5.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(wait_until);
use Asgard::OneModel qw(one_model);

my ($t, undef, $project, $key) = one_model();
my $redis = $t->{redis};
my $calls = 0;

sub call {
    my $reply = $t->chat($key, {model => 'one'});
    $calls++ if $reply->status == 200;
    return $reply->status;
}
sub is_counted {
    my ($sentence) = @_;
    ok(wait_until(sub { $t->ledger($project) == $calls }, 20, 0.2),
        "$sentence: each call is in the ledger")
        or diag($t->ledger($project) . " of $calls");
    ok(wait_until(sub { $t->usage($project)->{spent_usd}
        == $calls * 0.00021 }, 10, 0.2), '... once');
}

ok(wait_until(sub { call() == 200 }, 10), 'a first call');
is_counted('before');
my ($stream) = grep { $redis->cmd('XLEN', $_) > 0 }
    @{$redis->cmd('KEYS', '{p*}:u:*')};
for (['DEL', sub { $redis->cmd('DEL', $_[0]) }],
    ['XTRIM', sub { $redis->cmd('XTRIM', $_[0], 'MAXLEN', 0) }]) {
    my ($name, $lose) = @$_;
    my $meter = $t->{control}->roles->{meter};
    my ($stream) = sort { $b cmp $a } grep { $redis->cmd('XLEN', $_) > 0 }
        @{$redis->cmd('KEYS', '{p*}:u:*')};
    kill STOP => $meter;
    is(call(), 200, 'a call that nobody drains') for 1 .. 5;
    $lose->($stream);
    is(call(), 200, 'a call after the loss') for 1 .. 2;
    kill CONT => $meter;
    ok(wait_until(sub { $t->{control}->log_text
        =~ /usage events are gone that were not read/ }, 10), "$name is seen");
    is_counted($name);
    ok(wait_until(sub { call() == 200 }, 20, 0.2), '... calls go on');
    is_counted("after $name");
}

# The trimmed stream still counts what it had: the audit names the gap until a
# witness closes it.
$t->{control}->run_ok('replay', "$t->{dir}/log/calls.log");
is_counted('after a replay of the witness');
$t->done;
