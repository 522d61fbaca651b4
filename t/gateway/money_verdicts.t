# The witness says how each call ended, and where it went as far as that is
# known: as a refusal that was charged, a stream that was cut, a dead worker's.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use Test::More;
use Time::HiRes qw(sleep);

use Asgard::Files qw(wait_until);
use Asgard::Spool qw(call_of calls);
use Asgard::Stage;

my $s = Asgard::Stage->new(workers => 1, main_conf => '');
my $up = $s->upstream('main');
$s->endpoint(id => 'far', provider => 'acme', kind => 'openai-compatible',
    host => '127.0.0.1', port => $up->port, host_header => 'provider.test',
    idle_timeout_ms => 1000, first_byte_timeout_ms => 1000);
$s->model(route => 'one', provider => 'acme');
my $key = $s->key($s->project(limit => '-'));
my $doomed = $s->project(limit => '-');
my $doomed_key = $s->key($doomed);
$s->start;

my $true = JSON::PP::true();
my $head = "HTTP/1.1 200 OK\r\nContent-Type: ";
my $event = 'data: {"choices":[{"index":0,"delta":{"content":"hello"}}]}'
    . "\n\n";
my $sse = "${head}text/event-stream\r\nContent-Length: 9999\r\n\r\n$event";

sub is_call {
    my ($call, $verb, $verdict, $what) = @_;
    is(($call->{verb} // '-') . ' ' . ($call->{verdict} // '-'),
        "$verb $verdict", $what);
    is(join(' ', map { $_ // '-' } @$call{qw(provider ep)}), 'acme far',
        "$what: with provider and endpoint");
    is(ref $call->{flags}, 'ARRAY', "$what: with a list of flags");
}

{
    $up->script({raw => "${head}application/json\r\nContent-Length: 9\r\n\r\n"
        . 'not JSON!'});
    my $reply = $s->chat($key, {model => 'one'});
    is($reply->status . ' ' . $reply->code, '502 upstream_error', 'refused');
    my $call = call_of($s, $reply);
    is_call($call, 'e', 'upstream_error', 'a refusal that is charged');
    is($reply->header('x-asgard-cost-usd') * 1e9, $call->{amount},
        'says what it cost');
}

{
    $up->script({status => 500});
    my $reply = $s->chat($key, {model => 'one'});
    is_call(call_of($s, $reply), 'v', 'upstream_error', 'a 5xx');
    is($reply->header('x-asgard-cost-usd'), undef, 'which has cost nothing');
    $up->script({hang => 3});
    $reply = $s->chat($key, {model => 'one'});
    is_call(call_of($s, $reply), 'x', 'upstream_timeout', 'silence');
}

for my $stream (0, 1) {
    $up->script({raw => "HTTP/1.1 204 No Content\r\n\r\n"});
    my $reply = $s->chat($key, {model => 'one',
        $stream ? (stream => $true) : ()});
    is($reply->status . ' ' . $reply->code, '502 upstream_error',
        'an answer without a body is none');
    is_call(call_of($s, $reply), 'x', 'upstream_error',
        'and nobody knows what was done for it');
}

{
    $up->script({raw => $sse});
    my $reply = $s->chat($key, {model => 'one', stream => $true});
    is_call(call_of($s, $reply), 'e', 'upstream_error', 'a broken stream');
    $up->script({raw => $sse, stay => 3});
    $reply = $s->chat($key, {model => 'one', stream => $true});
    is_call(call_of($s, $reply), 'e', 'upstream_timeout', 'a silent stream');
    $up->script({raw => $sse, stay => 10});
    (my $http, $reply) = $s->chat_start($doomed_key,
        {model => 'one', stream => $true});
    $http->read_piece($reply);
    $s->change_project($doomed, killed => 1);
    $http->read_body($reply);
    is_call(call_of($s, $reply), 'e', 'project_killed', 'a killed stream');
    $reply = $s->chat($key, {model => 'one', stream => $true});
    is_call(call_of($s, $reply), 's', 'ok', 'a stream that is whole');
}

# Nothing but the hold is left of a call that was sent: it names the provider.
{
    my $asked = $up->count;
    $up->script({hang => 30});
    my $http = $s->http;
    $http->send_raw($http->request_text('POST', '/v1/chat/completions',
        ['Authorization', "Bearer $key->{key}",
         'Content-Type', 'application/json'], $s->chat_body({model => 'one'})));
    $up->wait_count($asked + 1);
    my @holds = grep { !/^V/ } map { $s->{redis}->cmd('GET', $_) }
        @{$s->{redis}->cmd('KEYS', '{p03}:h:*')};
    like($holds[-1], qr/"provider":"acme","ep":"far"/,
        'the hold says where the call goes');
    $s->kill_worker;
    my $call;
    wait_until(sub {
        ($call) = grep { $_->{verdict} eq 'dead_worker' } calls($s);
    }, 5);
    is_call($call, 'x', 'dead_worker', 'sent and nothing seen, worker dead');
    is("@{$call->{flags}}", 'dead_worker', 'and so flagged');
}

$s->done;
