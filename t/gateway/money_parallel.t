#!/usr/bin/env perl
# N parallel calls on a budget with room for k admit exactly k.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use Test::More;

use Asgard::Files qw(spill wait_until);
use Asgard::Stage;

my $s = Asgard::Stage->new(workers => 2);
my $go = "$s->{dir}/go";
my $up = $s->upstream('main', until => $go);
$s->endpoint(kind => 'openai-compatible', host => '127.0.0.1',
    port => $up->port, host_header => '127.0.0.1');
$s->model(route => 'one');
my $open = $s->project(limit => '-');
my $probe = $s->key($open);
$s->start;
my $part = $s->partition(3);

# What one such call holds.
$up->script({until => undef});
is($s->chat($probe, {model => 'one'})->status, 200, 'an unlimited budget');
wait_until(sub { $s->{gateway}->spool =~ /\n/ });
my $hold = JSON::PP::decode_json($s->{gateway}->spool)->{held};
cmp_ok($hold, '>', 0, 'a call is held for');

my $k = 7;
my $limited = $s->project(limit => $k * $hold + $hold - 1);
my $key = $s->key($limited);
# No call ends, and so makes room, before all that are too many were refused.
my $refused = "$s->{dir}/refused";
my @status = $s->in_parallel(25, sub {
    if ($_[0] == 24) {
        wait_until(sub { (-s $refused // 0) >= 24 - $k }, 20);
        spill($go, '');
        return 'all may go';
    }
    my $reply = $s->chat($key, {model => 'one'});
    if ($reply->status != 200) {
        open my $out, '>>', $refused or die "$refused: $!";
        syswrite $out, '.';
    }
    my $code = $reply->status == 200 ? ''
        : JSON::PP::decode_json($reply->body)->{error}{code};
    return $reply->status . " $code";
});
is(scalar(grep { $_ eq '200 ' } @status), $k,
    'a budget with room for k admits exactly k');
is(scalar(grep { $_ eq '429 budget_exceeded' } @status), 24 - $k,
    'every other one is refused by the budget');
wait_until(sub { $part->field("p.$limited", 'h:total:0') == 0 });
is($part->field("p.$limited", 'h:total:0'), 0, 'and nothing is held after');

my $zero = $s->key($s->project(limit => 0));
my $reply = $s->chat($zero, {model => 'one'});
is($reply->status, 429, 'a budget of 0 refuses');
is($reply->header('x-should-retry'), 'false', 'and says not to try again');
my $error = JSON::PP::decode_json($reply->body)->{error};
is($error->{scope}, 'project', 'it names the scope');
is($error->{window}, 'total', 'the window');
is($error->{limit_usd}, 0, 'the limit');
is($error->{resets_at}, undef, 'and that waiting does not help');

# A key's own budget beside its project's.
my $keyed = $s->key($open, budget => 1);
$part->add("k.$keyed->{id}", total => $hold, '1h' => $hold * 100);
$up->script({delay => 0, prompt_tokens => 1, completion_tokens => 1});
is($s->chat($keyed, {model => 'one'})->status, 200,
    'a key with a budget of its own is served');
$reply = $s->chat($keyed, {model => 'one'});
is($reply->status, 429, 'until it is used up');
$error = JSON::PP::decode_json($reply->body)->{error};
is($error->{scope}, 'key', 'and the refusal names the key');
is($error->{scope_id}, $keyed->{id}, 'by its id');

# An unknown budget is not an empty one.
my $lost = $s->key($s->project(limit => '-'));
$s->{redis}->cmd('DEL', $part->key("b:p.$lost->{record}{project}"));
$reply = $s->chat($lost, {model => 'one'});
is($reply->status, 503, 'a counter that Redis lost is not 0');
is(JSON::PP::decode_json($reply->body)->{error}{code}, 'budget_unavailable',
    'it is not known');

$s->done;
