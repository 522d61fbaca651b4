#!/usr/bin/env perl
# Fifty reloads under load: no call is lost, no hold leaks, the zone with its
# counters and records is inherited, and no old worker stays behind.
#
# nginx closes kept connections when it reloads.  Who writes to one just then
# gets no byte of an answer and sends again on a new one, to a bare proxy of the
# same nginx as to us; such a call was never seen by anybody.
#
# Fault row 13.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Time::HiRes qw(sleep);

use Asgard::Files qw(wait_until);
use Asgard::Load;
use Asgard::Test;

# An old worker may stay for longer than the test: one that stays is seen.
my $t = Asgard::Test->new(workers => 2, redis_deadline => '2s',
    shutdown_timeout => '120s');
$t->{gateway}->write_conf(server_conf => 'location = /bare { proxy_pass '
    . $t->url . '/own; } location = /own { return 200 "{}"; }');
my $up = $t->upstream('main', prompt_tokens => 10, completion_tokens => 20,
    delay => 0.05);
$t->add_model($up, ref => 'model:test/one', route => 'one');
$t->start;
my $project = $t->project(budget_usd => '100');
my $key = $t->key(project => $project);

sub metric { my ($name) = @_;
    return $t->get('/metrics')->body =~ /^\Q$name\E (\d+)$/m ? $1 : -1 }

$up->script(({chunks => 30, chunk_delay => 0.3}) x 4);
my @open = map { [$t->chat_start($key, {model => 'one', stream => \1})] }
    1 .. 4;
my %how = (callers => 2, pause => 0.03, change => {model => 'one'});
my %load = (fresh => Asgard::Load->new($t, $key, %how),
    kept => Asgard::Load->new($t, $key, %how, kept => 1),
    bare => Asgard::Load->new($t, $key, %how, kept => 1, call => sub {
        $_[0]->request('POST', '/bare',
            ['Content-Type', 'application/json'], $t->chat_body) }));
my $reloads = grep { sleep 0.1; $t->{gateway}->reload } 1 .. 50;
is($reloads, 50, 'each reload gives new workers');
my %told = map { $_ => $load{$_}->stop } sort keys %load;
my %again = map { $_ => delete $told{$_}{again} // 0 } keys %told;
is_deeply([keys %{$told{fresh}}], [200], 'no call was lost or refused')
    or diag explain \%told;
is($again{fresh}, 0, '... and none sent twice');
is_deeply([keys %{$told{$_}}], [200], "$_: nor one on a kept connection")
    or diag explain \%told for qw(kept bare);
note "sent again on a new connection: ours $again{kept}, bare $again{bare}";
is((grep { my ($http, $reply) = @$_; $http->read_body($reply);
    $reply->body =~ /\[DONE\]/ } @open), 4,
    'streams of before the first reload end as they should');

my $calls = $told{fresh}{200} + $told{kept}{200} + @open;
is($up->count, $calls, 'the provider saw each call once, and no other');
ok(wait_until(sub { metric('asgard_settled_total') == $calls }, 10),
    'the zone is inherited: it counted every call')
    or diag metric('asgard_settled_total'), " of $calls";
is(metric('asgard_journal_full_total'), 0, '... no slot was lost');
is(metric('asgard_dead_worker_calls_total'), 0,
    '... no call was taken for a dead worker\'s');
ok(wait_until(sub { $t->{gateway}->workers == 2 }, 15),
    'no old worker stays: nothing of ours holds it');
ok(wait_until(sub { $t->{postgres}->value('SELECT count(*) FROM ledger')
    == $calls }, 15, 0.1), 'every call is in the ledger, once');
is(@{Asgard::Money::read_books($t)->{holds}}, 0, 'no hold leaked');
$t->done;
