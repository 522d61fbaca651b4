#!/usr/bin/env perl
# Redis hangs, dies, comes back: refused at once, nothing free, nothing twice.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use Test::More;
use Time::HiRes qw(sleep time);

use Asgard::Files qw(wait_until is_sanitized);
use Asgard::OneModel qw(one_model_stage);

my ($s, $up, $project, $key, $part) = one_model_stage(
    redis_deadline => '100ms');

sub code { JSON::PP::decode_json($_[0]->body)->{error}{code} // '' }
sub held { $part->field("p.$project", 'h:total:0') }
sub calls_with { my ($verb) = @_; grep { $_->{v} eq $verb } $part->events }

is($s->chat($key, {model => 'one'})->status, 200, 'a first call');

# Hangs before the reserve: whether it was executed is not known.
sleep 1.2;                                  # records are fresh for 1 s
$s->chat($key, {model => 'one'});
$s->{redis}->freeze;
my $begun = time;
my $reply = $s->chat($key, {model => 'one'});
my $took = time - $begun;
is($reply->status, 503, 'a Redis that hangs refuses the call');
is(code($reply), 'budget_unavailable', 'because the budget is not known');
is($reply->header('retry-after'), 1, 'and a client may try again shortly');
cmp_ok($took, '<', is_sanitized() ? 1 : 0.4, 'within the deadline');
$s->chat($key, {model => 'one'}) for 1 .. 3;
$begun = time;
is($s->chat($key, {model => 'one'})->status, 503, 'the breaker is open');
cmp_ok(time - $begun, '<', 0.09, 'and refuses without waiting');
my $n = $up->count;
$s->{redis}->thaw;
ok(wait_until(sub { held() == 0 && calls_with('v') >= 1 }, 5),
    'a reserve without an answer is given back by its own id');
is($up->count, $n, 'no refused call reached the provider');
ok(wait_until(sub { $s->chat($key, {model => 'one'})->status == 200 }, 3),
    'calls go through again');

# Hangs between reserve and finish: the outcome is told when it is back.
ok(wait_until(sub { held() == 0 }, 5), 'the calls before are settled');
my $settled = calls_with('s');
$up->script({delay => 0.5});
my @answer = $s->in_parallel(2, sub {
    my ($i) = @_;
    return $s->chat($key, {model => 'one'})->status if $i == 0;
    sleep 0.25;
    $s->{redis}->freeze;
    sleep 1.5;
    $s->{redis}->thaw;
    return 'thawed';
});
is($answer[0], 200, 'the client has its answer though Redis hangs');
ok(wait_until(sub { calls_with('s') > $settled }, 8),
    'the settle arrives later');
ok(wait_until(sub { held() == 0 }, 5), 'and leaves nothing held');
my %moved;
$moved{$_->{i}} += $_->{d} for calls_with('s');
is_deeply([grep { $_ != 210_000 } values %moved], [],
    'told once or more, it moved the counters once');
is($part->field("p.$project", 's:total:0'), 210_000 * keys %moved,
    'and spent is the sum of the calls');

# Another process with the same data: not believed.
$s->{redis}->cmd('CONFIG', 'SET', 'save', '3600 1');
$s->{redis}->cmd('SAVE');
$s->{redis}->stop;
$begun = time;
is($s->chat($key, {model => 'one'})->status, 503, 'without Redis: refused');
cmp_ok(time - $begun, '<', is_sanitized() ? 0.5 : 0.1, 'at once');
$s->{redis}->start;
sleep 1;
$n = $up->count;
$reply = $s->chat($key, {model => 'one'});
is($reply->status, 503, 'a Redis of another run id is not believed');
is(code($reply), 'budget_unavailable', 'though its data looks the same');
is($up->count, $n, 'and nothing went to the provider');

# A new epoch, opened by ctl, is taken over.
my $new = Asgard::Partition->new(redis => $s->{redis}->connect, part => 3,
    epoch => 2, token => 2);
$new->open;
ok(wait_until(sub { $s->chat($key, {model => 'one'})->status == 200 }, 3),
    'the new epoch is learned from the refusal');
ok(wait_until(sub { my @e = $new->events; @e >= 1 }, 3),
    'and its stream has the call');

$s->done;
