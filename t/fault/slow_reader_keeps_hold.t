#!/usr/bin/env perl
# A client that hardly reads holds up its stream, not its money: the hold is
# extended while the stream waits, and settled as measured at its end.
#
# Fault row 19.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Time::HiRes qw(sleep);

use Asgard::Files qw(wait_until);
use Asgard::Test;

my $t = Asgard::Test->new(workers => 1, shims => {gateway => 'clock'},
    proxies => ['gateway_redis']);
my $up = $t->upstream('main', prompt_tokens => 10, completion_tokens => 7000,
    chunks => 120_000);     # some 24 MB: more than all buffers on the way
$t->add_model($up, ref => 'model:test/one', route => 'one');
$t->start;
my $project = $t->project(budget_usd => '1');
my $key = $t->key(project => $project);
my $extended = $t->proxy('gateway_redis')->watch(
    match => $t->proxy('gateway_redis')->script('extend'));

my $http = $t->http(rcvbuf => 262_144);
my $reply = $http->start('POST', '/v1/chat/completions',
    ['Authorization', "Bearer $key->{key}",
    'Content-Type', 'application/json'],
    $t->chat_body({model => 'one', stream => \1}));
is($reply->status, 200, 'a stream begins');
$http->read_piece($reply);

sub hold { my ($hold) = map { $t->{redis}->cmd('GET', $_) }
    @{$t->{redis}->cmd('KEYS', '{p*}:h:*')};
    my @part = split / /, $hold;
    return @part }
my ($amount, $created, $expires) = hold();
is($expires - $created, 120, 'its hold would last two minutes');
sleep 2;
is($up->last_request->{outcome}, 'open', 'the client does not read: the '
    . 'provider waits too');

# A third of its life passes, by the clock that timers have.
$t->shim('gateway')->set(0, 41);
ok(wait_until(sub { (hold())[2] > $expires }, 10), 'the hold is extended');
is($t->proxy('gateway_redis')->hits($extended), 1, '... once');
is((hold())[0], $amount, '... as large as before');
is($up->last_request->{outcome}, 'open', '... while the stream still waits');

$http->read_body($reply);
ok($reply->body =~ /\[DONE\]/, 'read on, it ends as it should');
my ($entry) = $t->wait_ledger($project, 1, 10);
is($entry->{cost_usd}, '0.07001', '... and costs what was measured');
is(@{Asgard::Money::read_books($t)->{holds}}, 0, '... nothing stays held');
$t->done;
