#!/usr/bin/env perl
# A call is held before it leaves, and settled or given back exactly once.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use Test::More;

use Asgard::Files qw(wait_until);
use Asgard::Stage;

my $s = Asgard::Stage->new(workers => 2);
my $up = $s->upstream('main', prompt_tokens => 10, completion_tokens => 20);
$s->endpoint(kind => 'openai-compatible', host => '127.0.0.1',
    port => $up->port, host_header => '127.0.0.1');
$s->model(route => 'one');
my $project = $s->project(limit => 1_000_000_000);
my $key = $s->key($project);
$s->start;
my $part = $s->partition(3);

sub counters {
    return map { $part->field("p.$project", "$_:total:0") } qw(s h);
}

# The events that came since the last look, once there are $n.
my $seen = 0;
sub new_events {
    my ($n) = @_;
    my @all;
    wait_until(sub { @all = $part->events; @all >= $seen + $n }, 5);
    my @new = @all[$seen .. $#all];
    $seen = @all;
    return map { {%$_, detail => JSON::PP::decode_json($_->{x})} } @new;
}

sub last_line {
    my ($id) = @_;
    my ($line) = grep { /"hold":"\Q$id\E"/ } split /\n/, $s->{gateway}->spool;
    return $line ? JSON::PP::decode_json($line) : {};
}

# 10 prompt tokens at 1,000 nano-USD, 20 completion tokens at 10,000.
my $reply = $s->chat($key, {model => 'one'});
is($reply->status, 200, 'a call with room in its budget is answered');
my @events = new_events(1);
is(scalar @events, 1, 'one call is one event');
my $e = $events[0];
is($e->{v}, 's', 'measured usage settles');
is($e->{a}, 210_000, 'the amount is tokens times price, in nano-USD');
is($e->{d}, 210_000, 'the event says what Redis moved');
is_deeply([counters()], [210_000, 0],
    'spent rose by the cost, held is 0 again');
like($e->{i}, qr/^h[0-9a-f]{24}$/, 'the hold id is ours');
is($e->{p}, "p.$project:total:0", 'the event names the windows');
is($e->{detail}{pt}, 10, 'prompt tokens stand in the event');
is($e->{detail}{ct}, 20, 'completion tokens stand in the event');
is($e->{detail}{model}, 'model:test/one', 'and the model');
is($e->{detail}{card}, 'model:test/one', 'and the card that priced it');
is($e->{detail}{project}, $project, 'and the project');
is($e->{detail}{trace}, $reply->header('x-asgard-trace-id'),
    'and the trace id that the client saw');
is_deeply($e->{detail}{flags}, [], 'nothing is flagged');

my $line = last_line($e->{i});
is($line->{verb}, 's', 'the witness has the call');
is($line->{amount}, 210_000, 'with its amount');
is($line->{epoch}, 1, 'its epoch');
is($line->{pins}, $e->{p}, 'and its pins');
cmp_ok($line->{held}, '>=', 210_000, 'and what was held');
is($line->{verdict}, 'ok', 'and the verdict');

$up->script({status => 500});
is($s->chat($key, {model => 'one'})->status, 502,
    'an error of the provider is ours to tell');
($e) = new_events(1);
is($e->{v}, 'v', 'a 5xx before content gives the hold back');
is_deeply([counters()], [210_000, 0], 'nothing is spent or held by it');

$up->script({usage => 'none'});
is($s->chat($key, {model => 'one'})->status, 200, 'no usage, still an answer');
($e) = new_events(1);
is($e->{v}, 'e', 'missing usage is estimated');
ok((grep { $_ eq 'estimated' } @{$e->{detail}{flags}}),
    'and flagged as estimated');
ok((grep { $_ eq 'no_usage' } @{$e->{detail}{flags}}), 'with the reason');
cmp_ok($e->{a}, '<=', last_line($e->{i})->{held},
    'an estimate is never above the hold');
cmp_ok($e->{a}, '>', 0, 'nor nothing');
is($e->{detail}{ct}, undef, 'tokens that were not measured are absent');

$up->script({usage => {prompt_tokens => -1, completion_tokens => 20,
    total_tokens => 19}});
$s->chat($key, {model => 'one'});
($e) = new_events(1);
is($e->{v}, 'e', 'impossible usage is estimated');
ok((grep { $_ eq 'bad_usage' } @{$e->{detail}{flags}}), 'with the reason');

$up->script({completion_tokens => 5000, prompt_tokens => 10,
    text => 'x' x 5000});
$s->chat($key, {model => 'one'});
($e) = new_events(1);
is($e->{v}, 's', 'usage above the hold, for a text as long, is measured usage');
is($e->{a}, 50_010_000, 'and charged as measured');
ok((grep { $_ eq 'overshoot' } @{$e->{detail}{flags}}), 'with a flag');

my ($spent) = counters();
my $sum = 0;
$sum += $_->{d} for $part->events;
is($spent, $sum, 'spent is the sum of what the events moved');

my %once;
$once{$_->{i}}++ for $part->events;
is_deeply([grep { $_ > 1 } values %once], [], 'no call ended twice');
is(scalar(split /\n/, $s->{gateway}->spool), scalar keys %once,
    'the witness has one line a call');

$s->done;
