#!/usr/bin/env perl
# A client that leaves a stream after k of its events, for every k, pays what
# was produced: never nothing, never more than that, never above the hold.
#
# Fault row 18.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use Test::More;

use Asgard::Holds qw(ended open_holds);
use Asgard::Spool qw(call_of);
use Asgard::Test;

my $t = Asgard::Test->new(workers => 2,
    http_conf => 'asgard_drain_timeout 700ms;');
my $up = $t->upstream('main', chunks => 5, chunk_delay => 0.02);
$t->add_model($up, ref => 'model:test/one', route => 'one');
$t->start;
my $project = $t->project(budget_usd => '100');
my $key = $t->key(project => $project);
my $true = JSON::PP::true();
my $cost = 10 * 1000 + 20 * 10000;          # by the usage at its end
my $events = 5 + 3;                         # words, stop, usage, [DONE]

# Leave when k events have come; k = 0: as soon as the head has.
sub leave_after {
    my ($k, $how) = @_;
    my ($http, $reply) = $t->chat_start($key,
        {model => 'one', stream => $true});
    while ((() = $reply->body =~ /\n\n/g) < $k) {
        last if !defined $http->read_piece($reply, 5);
    }
    $how eq 'reset' ? $http->abort : $http->close;
    return $reply;
}

# The provider ends soon: it is read to its end, and its usage is the price.
for my $how (qw(close reset)) {
    for my $k (0 .. $events) {
        my $call = call_of($t, leave_after($k, $how));
        is("$call->{verb} $call->{amount}", "s $cost",
            "$how after $k of $events events: what was produced");
        my $end = ended($t, $call->{hold});
        is("$end->{kinds} $end->{balance}", "settle $cost",
            '... and so it stands in the ledger, once');
    }
}

# The provider goes on for longer than anybody waits: an estimate of what came.
my $n = 12;
$up->script(({chunks => 60, chunk_delay => 0.1}) x ($n + 1));
my @trace = $t->in_parallel($n + 1, sub {
    return leave_after($_[0], 'close')->trace;
});
my $hold;
for my $k (0 .. $n) {
    my $call = call_of($t, $trace[$k], 10);
    my $end = ended($t, $call->{hold});
    is($call->{verb}, 'e', "left after $k events of a long stream: estimated");
    cmp_ok($end->{balance}, '>=', $k * 10000,
        '... not less than a token for each event that it had');
    cmp_ok($end->{balance}, '<=', $call->{held}, '... within its hold');
    ok((grep { $_ eq 'client_gone' } @{$call->{flags}}), '... flagged');
}
is(scalar open_holds($t), 0, 'nothing is held any more');
is(scalar $t->wait_ledger($project, $up->count), $up->count,
    'every stream that the provider began is in the ledger');
$t->done;
