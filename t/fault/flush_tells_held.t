#!/usr/bin/env perl
# Redis loses calls that the ledger has not read: the gateway tells them again,
# with what they held.  So the ledger knows as much of them as of any call, and
# takes the provider's record of one.
#
# Fault row 5.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use Test::More;

use Asgard::Files qw(spill wait_until);
use Asgard::Holds qw(ended open_holds);
use Asgard::Spool qw(call_of calls);
use Asgard::Test;

my $t = Asgard::Test->new(workers => 2, redis_deadline => '500ms');
my $up = $t->upstream('main', prompt_tokens => 10, completion_tokens => 20);
$t->add_model($up, ref => 'model:test/one', route => 'one');
$t->start;
my $project = $t->project(budget_usd => '100');
my $key = $t->key(project => $project);
my $redis = $t->{redis};

is($t->chat($key, {model => 'one'})->status, 200, 'a first call');
ok(wait_until(sub { $t->{postgres}->value('SELECT count(*) FROM ledger') == 1 },
    10), 'is in the ledger');

# One of each end, and one that is open when Redis loses all
my $meter = $t->{control}->roles->{meter};
kill STOP => $meter;
$up->script({usage => 'none'});
my $estimate = call_of($t, $t->chat($key, {model => 'one'}));
is($estimate->{verb}, 'e', 'a call is estimated');
$up->script({status => 503});
my $void = call_of($t, $t->chat($key, {model => 'one'}));
is($void->{verb}, 'v', '... one is void');
my $settled = call_of($t, $t->chat($key, {model => 'one'}));
is($settled->{verb}, 's', '... one is measured');
$up->script({chunks => 20, chunk_delay => 0.2});
my ($http, $reply) = $t->chat_start($key, {model => 'one',
    stream => JSON::PP::true});
$http->read_piece($reply);
is(scalar open_holds($t), 1, '... and one is open');
$redis->cmd('FLUSHALL');
kill CONT => $meter;
$http->read_body($reply);
my $open = call_of($t, $reply);

for (['an estimate', $estimate], ['a void', $void], ['a settle', $settled],
    ['a stream that was open', $open]) {
    my ($what, $call) = @$_;
    my $end = ended($t, $call->{hold}, 20);
    is($end->{held}, $call->{held}, "what $what held is in the ledger");
    is($end->{balance}, $call->{amount}, '... and what it came to');
}
is($t->{postgres}->value('SELECT count(*) FROM holds WHERE held_nano IS NULL'),
    0, 'of no hold it is unknown');

# The provider counted less of one than the gateway had
my $record = JSON::PP->new->canonical->encode({f => 1, source => 'usage API',
    hold => $settled->{hold}, pt => 9, ct => 20});
my ($status, $out, $err) = $t->{control}->run('evidence',
    spill("$t->{dir}/records", "$record\n"));
is($status, 0, 'the provider\'s lower record of such a call is taken')
    or diag("$out$err");
my $end;
ok(wait_until(sub { $end = ended($t, $settled->{hold});
    $end->{rank} == 4 }, 10),
    '... and is what the call costs');
cmp_ok($end->{balance}, '<', $settled->{amount}, '... which is less');
($status, $out, $err) = $t->{control}->run('audit', 'money', '--witness',
    "$t->{gateway}{dir}/log/calls.log");
is($status, 0, 'all is as the witness says') or diag("$out$err");

$t->done;
