#!/usr/bin/env perl
# The calls of a killed worker are ended by another, by what the journal says.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use IO::Socket::INET;
use JSON::PP ();
use Test::More;
use Time::HiRes qw(sleep time);

use Asgard::Files qw(wait_until);
use Asgard::Stage;

my $s = Asgard::Stage->new(workers => 1, main_conf => '');
my $up = $s->upstream('main', prompt_tokens => 10, completion_tokens => 20);
$s->endpoint(kind => 'openai-compatible', host => '127.0.0.1',
    port => $up->port, host_header => '127.0.0.1');
# Accepts, and never says a word of TLS.
my $mute = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 5)
    or die "listen: $!";
$s->endpoint(id => 'far', kind => 'openai-compatible', scheme => 'https',
    host => '127.0.0.1', host_header => 'far', tls_name => 'far',
    port => $mute->sockport, connect_timeout_ms => 60000);
$s->model(route => 'one', endpoint => 'e0');
$s->model(route => 'far', endpoint => 'far');
my $project = $s->project(limit => '-');
my $key = $s->key($project);
$s->start;
my $part = $s->partition(3);

sub held  { $part->field("p.$project", 'h:total:0') }
sub spent { $part->field("p.$project", 's:total:0') }

# The one new event after $what and the death of the worker.
sub after_death {
    my ($what) = @_;
    my $before = $part->events;
    my ($http) = $what->();
    $s->kill_worker;
    my $died = time;
    wait_until(sub { $part->events > $before }, 4);
    my @all = $part->events;
    return undef if @all == $before;
    return {%{$all[-1]}, count => @all - $before, after => time - $died,
        detail => JSON::PP::decode_json($all[-1]{x})};
}

sub flags_of { join ' ', sort @{$_[0]{detail}{flags}} }

# Sent as bytes, so that the test goes on while the call waits.
sub send_chat {
    my ($change) = @_;
    my $http = $s->http;
    $http->send_raw($http->request_text('POST', '/v1/chat/completions',
        ['Authorization', "Bearer $key->{key}",
         'Content-Type', 'application/json'], $s->chat_body($change)));
    return $http;
}

is($s->chat($key, {model => 'one'})->status, 200, 'a first call');
wait_until(sub { held() == 0 });

my $e = after_death(sub {
    my $http = send_chat({model => 'far'});
    wait_until(sub { held() > 0 });
    return $http;
});
is($e->{v}, 'v', 'held but not sent: given back');
is($e->{count}, 1, 'once');
is(flags_of($e), 'dead_worker', 'by another worker');
is(held(), 0, 'nothing is held any more');
cmp_ok($e->{after}, '<', 2, 'and soon');

$up->script({chunks => 10, chunk_delay => 0.4});
my $spent = spent();
$e = after_death(sub {
    my ($http, $reply) = $s->chat_start($key, {model => 'one',
        stream => JSON::PP::true});
    $http->read_piece($reply) for 1 .. 3;
    return $http;
});
is($e->{v}, 'e', 'bytes came back: settled by an estimate');
is(flags_of($e), 'dead_worker estimated', 'and flagged');
cmp_ok($e->{a}, '>', 0, 'it is not free');
is(spent(), $spent + $e->{a}, 'the estimate is charged');
is(held(), 0, 'and the hold is gone');

$up->script({hang => 30});
my $before = $part->events;
my $http = send_chat({model => 'one'});
wait_until(sub { $up->count >= 3 }, 5);
wait_until(sub { held() > 0 });
$s->kill_worker;
sleep 1.5;
cmp_ok(held(), '>', 0, 'sent and nothing seen: the hold stays');
is(scalar(my @same = $part->events), $before, 'and no event is made up');
my ($line) = grep { /"verb":"x"/ } split /\n/, $s->{gateway}->spool;
ok($line, 'the witness has it as left to expire');

my $metrics = $s->get('/metrics')->body;
like($metrics, qr/^asgard_dead_worker_calls_total 3$/m,
    'the calls of dead workers are counted');
is($s->chat($key, {model => 'one'})->status, 200, 'and service goes on');

$s->done;
