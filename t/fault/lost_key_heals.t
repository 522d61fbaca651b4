#!/usr/bin/env perl
# One key of a partition is deleted while calls run, whichever it is: the door
# is open again within seconds, and each call is charged once.
#
# Fault row 5.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Time::HiRes qw(sleep time);

use Asgard::Files qw(wait_until);
use Asgard::Holds qw(ended open_holds);
use Asgard::Load;
use Asgard::Test;

my $COST = 210_000;

my $t = Asgard::Test->new(workers => 2, http_conf => 'asgard_hold_ttl 9s;');
my $up = $t->upstream('main', prompt_tokens => 10, completion_tokens => 20);
$t->add_model($up, ref => 'model:test/one', route => 'one');
my $slow = $t->upstream('slow', prompt_tokens => 10, completion_tokens => 20);
$t->add_service('slow', $slow, proxy => 1, models => [{
    ref => 'model:test/slow', route => 'slow'}]);
$t->start;
my $redis = $t->{redis};
my $meter = $t->{control}->roles->{meter};

# A project in a partition of its own: {project, key, part}.
my %taken;
sub place {
    my ($project, $part);
    do {
        $project = $t->project(budget_usd => '10');
        $part = $t->{postgres}->value(
            "SELECT partition FROM projects WHERE project_id = '$project'");
    } while ($taken{$part}++);
    return {project => $project, part => $part,
        key => $t->key(project => $project, budgets => [['1h', '10']])};
}

sub name { my ($at, $rest) = @_; return sprintf '{p%02d}:%s', $at->{part},
    $rest }
sub epoch { my ($at) = @_; return $t->{postgres}->value(
    "SELECT epoch FROM partitions WHERE partition = $at->{part}") }
sub state { my ($at) = @_; return $redis->cmd('HGET', name($at, 'm'), 'st')
    // '' }
sub held { my ($at) = @_; return $redis->cmd('HGET',
    name($at, "b:p.$at->{project}"), 'h:total:0') // '' }
sub status { my ($at) = @_; return $t->chat($at->{key}, {model => 'one'})
    ->status }

# Seconds until the partition is seeded anew and a call is answered.
sub healed {
    my ($at, $epoch, $what) = @_;
    my $began = time;
    ok(wait_until(sub { epoch($at) > $epoch && state($at) eq 'open'
        && status($at) == 200 }, 30, 0.05), "$what: the door is open again")
        or diag($t->{control}->log_text);
    note(sprintf '%s: %.1f s', $what, time - $began);
}

sub met_no_else {
    my ($load) = @_;
    my $told = $load->stop;
    is_deeply([grep { !/^(?:200|503 budget_unavailable)$/ } keys %$told], [],
        '... and callers met nothing else than an answer or 503')
        or diag explain $told;
}

# --- keys without which no call is admitted -----------------------------------

my %lost = (
    'the budget of a project' => sub { name($_[0], "b:p.$_[0]{project}") },
    'the budget of a key' => sub { name($_[0], "b:k.$_[0]{key}{id}") },
    'the head' => sub { name($_[0], 'm') },
    'the stream of usage events' => sub {
        name($_[0], 'u:' . epoch($_[0])) },
);
for my $what (sort keys %lost) {
    my $at = place();
    my $load = Asgard::Load->new($t, $at->{key}, callers => 2, pause => 0.05,
        change => {model => 'one'});
    ok(wait_until(sub { ($load->told->{200} // 0) > 5 }, 10),
        "$what: calls run");
    my $epoch = epoch($at);
    is($redis->cmd('DEL', $lost{$what}->($at)), 1, '... it is lost');
    healed($at, $epoch, $what);
    met_no_else($load);
}

# --- who has told what it holds, lost while the meter waits for that ----------

my $at = place();
is(status($at), 200, 'the set of those who have told: calls run');
my $epoch = epoch($at);
$t->{postgres}->rows("UPDATE partitions SET step = 'new' WHERE partition ="
    . " $at->{part}");
ok(wait_until(sub { state($at) eq 'adopt' && kill STOP => $meter }, 15, 0.001),
    '... the meter is held while gateways tell') or diag(state($at));
my $set = name($at, 'a:' . epoch($at));
ok(wait_until(sub { ($redis->cmd('SCARD', $set) // 0) >= 2 }, 10, 0.02),
    '... both workers have told');
$redis->cmd('DEL', $set);
kill CONT => $meter;
healed($at, $epoch, 'the set of those who have told');

# --- a hold of a call that goes on --------------------------------------------

$at = place();
my $end = $t->stalled_stream($at->{key}, 'slow');
my ($hold) = open_holds($t);
$epoch = epoch($at);
is($redis->cmd('DEL', $hold->{key}), 1, 'the hold of an open call is lost');
ok(wait_until(sub { epoch($at) > $epoch && state($at) eq 'open' }, 25, 0.05),
    '... its next extension finds that, and the counters are made anew');
($hold) = open_holds($t);
ok($hold && held($at) == $hold->{amount}, '... with the hold, once')
    or diag(held($at));
is($end->()->status, 200, '... the call ends');
is(ended($t, $hold->{id})->{balance}, $COST, '... and is charged its cost');
is(held($at), 0, '... nothing is held any more');

# --- a hold of a call that ends before that is seen ---------------------------

$at = place();
$end = $t->stalled_stream($at->{key}, 'slow');
($hold) = open_holds($t);
$epoch = epoch($at);
$redis->cmd('DEL', $hold->{key});
is($end->()->status, 200, 'a call whose hold was lost ends');
is(ended($t, $hold->{id})->{balance}, $COST, '... and is charged its cost');
ok(wait_until(sub { held($at) eq '0' }, 15, 0.05),
    '... what it held is free again soon') or diag(held($at));
ok(wait_until(sub { status($at) == 200 }, 15, 0.05), '... calls go on');

# --- a hold of a call whose outcome nobody knows ------------------------------

$at = place();
$slow->script({hang => 60});
$t->proxy('up_slow')->freeze('down');
my $http = $t->http;
$http->send_raw($http->request_text('POST', '/v1/chat/completions',
    [Asgard::Test::bearer($at->{key}), 'Content-Type', 'application/json'],
    $t->chat_body({model => 'slow'})));
ok(wait_until(sub { ($hold) = open_holds($t) }, 5), 'a call is sent');
$redis->cmd('DEL', $hold->{key});
$t->kill_worker($_) for $t->{gateway}->workers;
my $row = ended($t, $hold->{id}, 40);
is($row && $row->{state}, 'unknown', 'nobody knows its end: it is charged '
    . 'though its hold was lost');
is($row && $row->{balance}, $hold->{amount}, '... what it held');
is($row && $row->{kinds}, 'unknown', '... once');
$t->proxy('up_slow')->thaw('down');
ok(wait_until(sub { held($at) eq '0' }, 90, 0.5),
    '... and it is held no more');
ok(wait_until(sub { status($at) == 200 }, 15), '... calls go on');
$t->done;
