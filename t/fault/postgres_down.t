#!/usr/bin/env perl
# PostgreSQL is down: calls go on while the usage stream has room, then they
# are refused; nothing is changed by the control API; when PostgreSQL is back
# every call comes into the ledger once.
#
# Fault row 8.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(wait_until);
use Asgard::Holds qw(open_holds partition_of);
use Asgard::Test;

# So long it is away at least; `make test-fault-long` says 300 s.
my $away = $ENV{ASGARD_LONG} ? 300 : 0;

# Little memory is little room in the stream (a quarter of it).
my $t = Asgard::Test->new(workers => 2);
$t->{redis}->cmd('CONFIG', 'SET', 'maxmemory', '8mb');
my $up = $t->upstream('main');
$t->add_model($up, ref => 'model:test/one', route => 'one');
$t->start;
my $project = $t->project(budget_usd => '100');
my $key = $t->key(project => $project);
is($t->chat($key, {model => 'echo'})->status, 200, 'a call');
$t->wait_ledger($project, 1);
my $part = partition_of($t, $project);
my $cap = $part->meta('cap');

my $died = time;
$t->{postgres}->kill;
my $reply = $t->chat($key, {model => 'one'});
is($reply->status, 200, 'with PostgreSQL down calls go on');
ok(wait_until(sub { $t->get('/readyz')->status == 503 }, 10),
    '... though it is not ready');
is($t->get('/readyz')->json->{postgres} eq 'ok', '',
    '... and says that PostgreSQL is why');
$reply = $t->api('GET', '/api/projects');
is($reply->status . ' ' . $reply->code, '503 postgres_unavailable',
    '... a read of the control API is 503');
$reply = $t->api('POST', '/api/projects', {name => 'new',
    owner_email => 'o@example.com', manager_email => 'm@example.com',
    data_class => 'internal', budget_usd => 1});
is($reply->status . ' ' . $reply->code, '503 postgres_unavailable',
    '... and so is a change');

# As many calls as there is room for, and more.
my @told = $t->in_parallel(4, sub {
    my ($http, %seen) = $t->http;
    my $text = $t->chat_body({model => 'echo'});
    for (1 .. $cap) {
        my $reply = $http->request('POST', '/v1/chat/completions',
            [Asgard::Test::bearer($key), 'Content-Type', 'application/json'],
            $text);
        $seen{$reply->status . ' ' . ($reply->code // '-')}++;
        last if ($seen{'503 budget_unavailable'} // 0) >= 3;
    }
    return join ',', map { "$_=$seen{$_}" } sort keys %seen;
});
my %seen;
for (map { split /,/ } @told) { /^(.*)=(\d+)$/ and $seen{$1} += $2 }
is(join(',', sort keys %seen), '200 -,503 budget_unavailable',
    'when the usage stream is full calls are refused')
    or diag explain \%seen;
my $length = $part->{redis}->cmd('XLEN', $part->stream);
cmp_ok($length, '>=', $cap, '... which has the entries that it may have');
cmp_ok($length, '<=', $cap + 8, '... and those of the calls under way');
like($t->get('/metrics')->body, qr/^asgard_journal_full_total 0$/m,
    '... and no other bound was met before');
my $count = $up->count;
$reply = $t->chat($key, {model => 'one'});
is($reply->status . ' ' . $reply->code, '503 budget_unavailable',
    '... as long as it is full');
is($reply->header('retry-after'), 1, '... and may try again shortly');
is($up->count, $count, '... and nothing goes to the provider');
ok(wait_until(sub { !open_holds($t) }, 10), '... and nothing is held');

# Back again
sleep 1 while time < $died + $away;
is($t->chat($key, {model => 'one'})->status, 503, 'so it is to its end');
$t->{postgres}->start;
ok(wait_until(sub { $t->chat($key, {model => 'one'})->status == 200 }, 20),
    'with PostgreSQL back calls are admitted, when there is room again');
my $calls = 2 + $seen{'200 -'} + 1;
ok(wait_until(sub { $t->{postgres}->value('SELECT count(*) FROM ledger')
    >= $calls }, 20, 0.1), 'every call comes into the ledger');
is($t->{postgres}->value('SELECT count(*) FROM ledger'), $calls, '... once');
is($t->{postgres}->value('SELECT count(*) FROM projects'), 1,
    'the change that was refused was not made');
ok($t->wait_ready, 'it is ready again');
is($t->chat($key, {model => 'one'})->status, 200, '... and calls go on');
$t->done;
