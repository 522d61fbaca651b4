#!/usr/bin/env perl
# A provider that refuses, dies, stalls, resets or stops in the middle: what it
# cannot have done is free, what it may have done is paid once, what it did is
# paid as far as it is known.
#
# Fault rows 15, 16, 17.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use Test::More;

use Asgard::FaultProxy;
use Asgard::Files qw(wait_until);
use Asgard::Holds qw(ended open_holds partition_of time_out);
use Asgard::Port qw(free_port);
use Asgard::Spool qw(call_of calls later_line);
use Asgard::Test;

my $t = Asgard::Test->new(routing => <<'YAML');
num_retries: 0
strategy: ordered
models:
  closed-then-main:
    candidates: [{model: closed}, {model: main}]
  dies-then-main:
    candidates: [{model: dies}, {model: main}]
YAML
# No connection is kept: whether one was used before is not asked here.
my $up = $t->upstream('main', headers => {Connection => 'close'}, close => 1);
my $line = Asgard::FaultProxy->new(dir => $t->{dir}, name => 'line',
    protocol => 'raw', to => '127.0.0.1:' . $up->port);
my $tls = Asgard::FaultProxy->new(dir => $t->{dir}, name => 'tls',
    protocol => 'raw', to => '127.0.0.1:' . $up->port);
my @bounds = (inference => {first_byte_timeout => '1s',
    idle_timeout => '1s'});
sub service {
    my ($name, $url) = @_;
    $t->add_service($name, $up, base_url => $url, @bounds,
        models => [{ref => "model:$name/$name"}]);
}
service('main', 'http://' . $line->address);
service('closed', 'http://127.0.0.1:' . free_port());
service('dies', 'https://' . $tls->address);
$t->start;
my $project = $t->project(budget_usd => '100');
my $key = $t->key(project => $project);
my $true = JSON::PP::true();
my $cost = 10 * 1000 + 20 * 10000;

sub entries { return scalar $t->ledger($project) }

# --- before a byte was sent ---------------------------------------------------

for my $name (qw(closed dies)) {
    my $before = $up->count;
    $tls->drop_request(match => '', count => 0, then => 'rst');
    my $reply = $t->chat($key, {model => $name});
    is($reply->status, 502, "$name before bytes are sent, alone: 502");
    my $call = call_of($t, $reply);
    is($call->{verb}, 'v', '... nothing is charged');
    my $end = ended($t, $call->{hold});
    is("$end->{state} $end->{kinds}", 'voided ', '... the hold is given back');

    my $n = entries();
    $reply = $t->chat($key, {model => "$name-then-main"});
    is($reply->status, 200, "$name, then another: answered");
    is($up->count, $before + 1, '... by one request');
    $call = call_of($t, $reply);
    is($call->{provider}, 'main', '... of the other one');
    $end = ended($t, $call->{hold});
    is("$end->{kinds} $end->{balance}", "settle $cost", '... with one entry');
    $t->wait_ledger($project, $n + 1);
    is(entries(), $n + 1, '... and no further one');
    $tls->heal;
}
is(scalar open_holds($t), 0, 'nothing is held any more');

# --- after bytes were sent ----------------------------------------------------

sub is_unknown {
    my ($sentence, $status, $code, $reply) = @_;
    is($reply->status . ' ' . $reply->code, "$status $code",
        "$sentence: $status");
    is($reply->header('x-should-retry'), 'false', '... not to be repeated');
    is(call_of($t, $reply)->{verb}, 'x', '... its outcome is unknown');
    my @open = open_holds($t);
    is(scalar @open, 1, '... its hold stays');
    time_out($t, @open);
    my $end = ended($t, $open[0]{id});
    is($end->{kinds}, 'unknown', '... until it is charged as unknown');
    is($end->{balance}, $open[0]{amount}, '... in full');
    cmp_ok($end->{balance}, '>', $cost, '... which is more than it may have'
        . ' cost');
    return $open[0];
}

my $before = $up->count;
$up->script({hang => 3});
is_unknown('accepted and then silent', 504, 'upstream_timeout',
    $t->chat($key, {model => 'main'}));
is($up->count, $before + 1, '... and it was asked once');

$line->drop_reply(match => 'POST ', then => 'rst');
my $unknown = is_unknown('reset after the request was sent', 502,
    'upstream_error', $t->chat($key, {model => 'main'}));
is($up->count, $before + 2, '... and it was asked once');

$line->drop_reply(match => 'POST ', then => 'fin');
is_unknown('closed after the request was sent', 502, 'upstream_error',
    $t->chat($key, {model => 'main'}));
is($up->count, $before + 3, '... and it was asked once');

# --- in the middle of an answer -----------------------------------------------

sub is_estimated {
    my ($sentence, $reply) = @_;
    my $call = call_of($t, $reply);
    my $end = ended($t, $call->{hold});
    is($call->{verb}, 'e', "$sentence: an estimate");
    ok((grep { $_ eq 'estimated' } @{$call->{flags}}), '... that says so');
    cmp_ok($end->{balance}, '>', 0, '... is not free');
    cmp_ok($end->{balance}, '<=', $call->{held}, '... is within its hold');
    is($end->{kinds}, 'settle', '... and is one entry');
    return $call;
}

my @calls;
my @stream = (model => 'main', stream => $true);
for my $case (['a stream that is cut', {cut => 400}, @stream],
    ['a stream that is reset', {cut => 400, reset => 1}, @stream],
    ['a stream that is cut before its usage', {cut => 900}, @stream],
    ['a stream without usage', {usage => 'none'}, @stream],
    ['an answer without usage', {usage => 'none'}, model => 'main'],
    ['an answer whose usage is none', {usage => '{"prompt_tokens":-1}'},
        model => 'main'],
    ['an answer that is cut', {cut => 60}, model => 'main']) {
    my ($sentence, $script, @change) = @$case;
    $up->script($script);
    push @calls, is_estimated($sentence, $t->chat($key, {@change}));
}

# A stream that goes silent is one that is cut.
$up->script({chunk_delay => 2});
push @calls, is_estimated('a stream that goes silent',
    $t->chat($key, {@stream}));

# --- better evidence, later ---------------------------------------------------

my $part = partition_of($t, $project);
my $budget = "p.$project";
sub correct {
    my ($hold, $pins, $completion) = @_;
    my $old = ended($t, $hold);
    my $amount = 10 * 1000 + $completion * 10000;
    my ($call) = grep { $_->{hold} eq $hold } calls($t);
    my $verdict = $part->finish($hold, 's', $amount, $pins, [$budget],
        detail => later_line($t, $call, amount => $amount, pt => 10,
            ct => $completion));
    is($verdict->[0], 'LATE', '... moves no counter by itself');
    ok(wait_until(sub { ended($t, $hold)->{balance} == $amount }, 5),
        '... and corrects the balance');
    my $new = ended($t, $hold);
    is($new->{kinds}, "$old->{kinds} adjust",
        '... by an entry that names the hold');
    is($new->{deltas}, "$old->{deltas} " . ($amount - $old->{balance}),
        '... with the difference');
    return $amount - $old->{balance};
}
my $spent = sub { $part->field($budget, 's:total:0') };
my $was = $spent->();
note('measured usage after an estimate');
my $owed = correct($calls[0]{hold}, $calls[0]{pins}, 31);
note('measured usage after an expiry');
$owed += correct($unknown->{id}, $unknown->{pins}, 20);
ok(wait_until(sub { $spent->() == $was + $owed }, 5),
    'Redis is told of both') or diag($spent->() - $was, " is not $owed");
$t->done;
