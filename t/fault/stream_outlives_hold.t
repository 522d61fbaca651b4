#!/usr/bin/env perl
# A stream that lasts longer than its hold extends it as long as it is open: to
# a client that reads slowly, and from a provider that has fallen silent.  One
# whose gateway cannot reach Redis is charged in full when the time of its hold
# is over, and what it is found to have cost later is a further entry that names
# the hold.
#
# Fault row 19.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Time::HiRes qw(sleep time);

use Asgard::Files qw(wait_until);
use Asgard::Holds qw(ended open_holds);
use Asgard::Spool qw(call_of);
use Asgard::Test;

my $t = Asgard::Test->new(workers => 2,
    http_conf => 'asgard_hold_ttl 5s;', proxies => ['gateway_redis']);
my $up = $t->upstream('main', chunks => 24, chunk_delay => 0.5);
$t->add_model($up, ref => 'model:test/one', route => 'one');
$t->add_model($t->upstream('silent'), ref => 'model:silent/silent',
    route => 'silent', proxy => 1);
$t->start;
my $project = $t->project(budget_usd => '100');
my $key = $t->key(project => $project);
my %stream = (stream => JSON::PP::true);

sub begin { my ($http, $reply) = $t->chat_start($key, {@_, %stream});
    $http->read_piece($reply);
    return [$http, $reply] }
sub kinds { my ($reply) = @_;
    my $ended = ended($t, call_of($t, $reply)->{hold}, 10) // {};
    return $ended->{kinds} }

# --- they go on ---------------------------------------------------------------

my $end = $t->stalled_stream($key, 'silent');
my ($hold) = open_holds($t);
ok($hold, 'a stream whose provider falls silent');
my $begun = time;
my @streams = map { begin(model => 'one') } 1 .. 4;
my ($http, $slow) = @{$streams[0]};
is(open_holds($t), 5, 'streams begin');

# Twice the time of a hold; the meter looks for holds whose time is over.
while (time - $begun < 10) {
    sleep 0.5;
    $http->read_piece($slow) if time - $begun > 8;
}
is(open_holds($t), 5, '... and are held after twice the time of a hold');
is($t->{postgres}->value('SELECT count(*) FROM ledger'), 0,
    '... none was charged meanwhile');
$_->[0]->read_body($_->[1]) for @streams;
cmp_ok(time - $begun, '>', 11, '... they last twelve seconds');
is((grep { $_->[1]->body =~ /\[DONE\]/ } @streams), 4, '... to their end');
is(join(' ', map { kinds($_->[1]) } @streams), 'settle settle settle settle',
    '... and are settled, once each');

is(join(' ', map { $_->{id} } open_holds($t)), $hold->{id},
    'the one whose provider is silent is held still');

# --- the gateway loses Redis --------------------------------------------------

$t->proxy('gateway_redis')->freeze;
my $ended = ended($t, $hold->{id}, 20);
is($ended->{kinds}, 'unknown', 'it is charged when its hold is over, which its'
    . ' gateway cannot extend');
is($ended->{balance}, $hold->{amount}, '... in full');
$t->proxy('gateway_redis')->thaw;
my $reply = $end->();
ok($reply->body =~ /\[DONE\]/, '... and when it ends after all');
ok(wait_until(sub { ($ended = ended($t, $hold->{id}))->{kinds}
    eq 'unknown adjust' }, 15, 0.1), '... a further entry names the hold')
    or diag $ended->{kinds};
is($ended->{balance}, 210_000, '... and brings it to what it cost');
ok(wait_until(sub { !open_holds($t) }, 5), 'nothing stays held');
$t->done;
