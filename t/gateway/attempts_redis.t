# Between two attempts the call waits for Redis: nothing is sent before it
# granted the further hold, and what it grants too late is given back.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use IO::Socket::INET;
use Test::More;
use Time::HiRes qw(sleep);

use Asgard::Files qw(wait_until);
use Asgard::FakeUpstream;
use Asgard::Spool qw(calls);
use Asgard::Stage;

# Slower than what a test does while Redis stands still.
my $s = Asgard::Stage->new(workers => 1, redis_deadline => '3s',
    http_conf => 'asgard_drain_timeout 10s;');
my %up = map { $_ => $s->upstream($_) } qw(a b);
my $project = $s->project(limit => '-');
my $key = $s->key($project);
my @common = (kind => 'openai-compatible', host => '127.0.0.1',
    host_header => 'provider.test', first_byte_timeout_ms => 1500,
    idle_timeout_ms => 1500);
for my $name (qw(a b)) {
    $s->endpoint(id => $name, @common, provider => $name,
        port => $up{$name}->port, connect_timeout_ms => 5000);
    $s->model(route => $name);
}
# Waits less for a connection than Redis may take.
$s->endpoint(id => 'hasty', @common, provider => 'hasty',
    port => $up{b}->port, connect_timeout_ms => 300);
$s->model(route => 'hasty');
my $kept = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 8,
    ReuseAddr => 1) or die "listen: $!";
$s->endpoint(id => 'kept', @common, provider => 'kept',
    port => $kept->sockport, connect_timeout_ms => 5000);
$s->model(route => 'kept');
# Accepts, and never says a word of TLS.
my $mute = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 5)
    or die "listen: $!";
$s->endpoint(id => 'mute', @common, provider => 'mute', scheme => 'https',
    tls_name => 'mute', port => $mute->sockport, connect_timeout_ms => 60_000);
$s->model(route => 'mute');
push @{$s->{names}}, {name => 'a-b', candidates => [0, 1]},
    {name => 'a-mute', candidates => [0, 4]},
    {name => 'a-hasty', candidates => [0, 2]};
$s->publish;
$s->start;
my $part = $s->partition(3);
my $redis = $s->{redis};

my $serial = 0;
my $mark = 0;

# A call whose first attempt is under way; Redis stands still before that one
# ends, and the further hold is asked for.
sub stand_still {
    my ($model) = @_;
    my $asked = $up{a}->count;
    $mark = $up{b}->count;
    $up{a}->script({hang => 4});
    my $http = $s->http;
    my $trace = 'still-' . ++$serial;
    $http->send_raw($http->request_text('POST', '/v1/chat/completions',
        ['Authorization', "Bearer $key->{key}", 'Content-Type',
        'application/json', 'x-asgard-trace-id', $trace],
        $s->chat_body({model => $model})));
    $up{a}->wait_count($asked + 1);
    wait_until(sub { hold_of($trace) }, 5);
    my $hold = hold_of($trace);
    $redis->freeze;
    wait_until(sub { first_of($trace) }, 5);
    return ($http, $trace, $hold);
}

# The id of the call's open hold.
sub hold_of {
    my ($trace) = @_;
    for my $name (@{$redis->cmd('KEYS', '{p03}:h:*')}) {
        return $name =~ s/^.*://r
            if ($redis->cmd('GET', $name) // '') =~ /"trace":"\Q$trace\E"/;
    }
    return undef;
}

sub of { my ($trace) = @_; return grep { $_->{trace} eq $trace } calls($s) }
sub first_of { my ($first) = of($_[0]); return $first }
sub text_of { join ' ', @{$_[0]}{qw(verb ep verdict)}, @{$_[0]{flags}} }

sub reply_of {
    my ($http) = @_;
    my $reply = $http->read_head;
    $http->plan_body($reply);
    return $http->read_body($reply);
}

# What Redis has under an id: its amount, `V`, or nothing.
sub at_rest { (split / /, $redis->cmd('GET', '{p03}:h:' . $_[0]) // '-')[0] }

sub is_first {
    my ($trace, $hold, $what) = @_;
    is(text_of(first_of($trace)), 'x a upstream_timeout',
        "$what: the first is unknown");
    is(at_rest($hold), first_of($trace)->{held},
        "$what: its hold is left to expire");
}

{
    my ($http, $trace, $hold) = stand_still('a-b');
    sleep 0.2;
    is($up{b}->count, $mark, 'nothing is sent before Redis grants it');
    $redis->thaw;
    is(reply_of($http)->status, 200, 'then the second provider serves');
    is_first($trace, $hold, 'granted');
    is(join('; ', map { text_of($_) } of($trace)),
        'x a upstream_timeout; s b ok', 'and is settled');
}

{
    my ($http, $trace, $hold) = stand_still('a-b');
    $http->close;
    sleep 0.2;
    $redis->thaw;
    ok(wait_until(sub { at_rest("$hold.1") eq 'V' || of($trace) == 2 }, 5),
        'a client that leaves while a further hold is asked for');
    ok(wait_until(sub { grep { $_->{i} eq "$hold.1" && $_->{v} eq 'v' }
        $part->events }, 5), 'gets it void');
    is($up{b}->count, $mark, 'and nobody is called for it');
    is_first($trace, $hold, 'left');
}

{
    my ($http, $trace, $hold) = stand_still('a-b');
    my $reply = reply_of($http);
    $redis->thaw;
    is($reply->status . ' ' . $reply->code, '503 budget_unavailable',
        'Redis does not answer in time');
    is(join(' ', map { $reply->header($_) // '-' } qw(x-should-retry
        retry-after)), 'false -', 'not to be tried again');
    like($reply->body, qr/may cost twice/, 'because it may cost twice');
    ok(wait_until(sub { grep { $_->{i} eq "$hold.1" && $_->{v} eq 'v' }
        $part->events }, 5), 'the further hold is given back by its id');
    is($up{b}->count, $mark, 'nothing was sent');
    is_first($trace, $hold, 'lost');
    ok(wait_until(sub { $s->chat($key, {model => 'b'})->status == 200 }, 5),
        'Redis is used again');
}

{
    my ($http, $trace, $hold) = stand_still('a-hasty');
    my $reply = reply_of($http);
    is($reply->status . ' ' . $reply->code, '503 budget_unavailable',
        'no longer than for a connection');
    $redis->thaw;
    ok(wait_until(sub { grep { $_->{i} eq "$hold.1" && $_->{v} eq 'v' }
        $part->events }, 5), 'what comes later is given back');
    is($up{b}->count, $mark, 'nothing was sent');
}

{
    my $asked = $up{a}->count;
    $up{a}->script({cut => 40, delay => 0.5});
    my @got = $s->in_parallel(2, sub {
        my ($i) = @_;
        if ($i) {
            $up{a}->wait_count($asked + 1);
            $redis->connect->cmd('HSET', '{p03}:m', 'st', 'closed');
            return '';
        }
        my $reply = $s->chat($key, {model => 'a-b'});
        return join ' ', $reply->status, $reply->code, $reply->trace,
            $reply->header('x-asgard-cost-usd') // 0;
    });
    my ($status, $code, $trace, $cost) = split / /, $got[0];
    is("$status $code", '503 budget_unavailable',
        'a partition that was closed in between');
    my $first = first_of($trace);
    is(text_of($first), 'e a upstream_error estimated cut no_usage',
        'the first attempt was estimated');
    is($cost * 1e9, $first->{amount}, 'and the error says what it cost');
    $redis->cmd('HSET', '{p03}:m', 'st', 'open');
    ok(wait_until(sub { grep { $_->{i} eq $first->{hold} } $part->events }, 10),
        'which is told when it is open again');
}

# The worker dies while Redis is asked, and while the second provider works.
{
    my ($http, $trace, $hold) = stand_still('a-b');
    sleep 0.1;
    $s->kill_worker;
    $redis->thaw;
    ok(wait_until(sub { grep { $_->{i} eq "$hold.1" && $_->{v} eq 'v' }
        $part->events }, 10), 'a worker that dies before the grant: void');
    is($up{b}->count, $mark, 'nothing was sent');
    is_first($trace, $hold, 'dead in between');
    is((of($trace))[1]{call}, $hold, 'the orphan is of that call');
}

{
    wait_until(sub { $s->chat($key, {model => 'b'})->status == 200 }, 5);
    my ($http, $trace, $hold) = stand_still('a-mute');
    $redis->thaw;
    ok(wait_until(sub { at_rest("$hold.1") =~ /^\d+$/ }, 5),
        'granted, not sent yet');
    $s->kill_worker;
    ok(wait_until(sub { of($trace) == 2 }, 5), 'a worker dies then');
    is_first($trace, $hold, 'dead after the grant');
    is(text_of((of($trace))[1]), 'v mute dead_worker dead_worker',
        'the second is void');
}

for my $case ([{hang => 9}, 'x b dead_worker dead_worker'],
    [{raw => "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
        . "Content-Length: 100\r\n\r\n{\"id\":", stay => 9},
        'e b dead_worker estimated dead_worker'])
{
    my ($script, $expect) = @$case;
    ok(wait_until(sub { $s->chat($key, {model => 'b'})->status == 200 }, 5),
        'service goes on');
    my ($http, $trace, $hold) = stand_still('a-b');
    $up{b}->script($script);
    $redis->thaw;
    $up{b}->wait_count($mark + 1);
    sleep 0.2;
    $s->kill_worker;
    ok(wait_until(sub { of($trace) == 2 }, 5), 'a worker dies later');
    is_first($trace, $hold, 'dead later');
    my $second = (of($trace))[1];
    is(text_of($second), $expect, 'the second ends by what was seen');
    is("$second->{hold} $second->{call}", "$hold.1 $hold",
        'under its own id, of that call');
}

# A kept connection whose end waits in the loop behind Redis' answer.
my $pid = fork() // die "fork: $!";
if (!$pid) {
    my $body = '{"id":"x","object":"chat.completion","choices":[{"message":'
        . '{"role":"assistant","content":"hi"}}],"usage":{"prompt_tokens":1,'
        . '"completion_tokens":1,"total_tokens":2}}';
    local $SIG{USR1} = sub { };
    for (1 .. 2) {
        my $c = $kept->accept;
        my $in = '';
        Asgard::FakeUpstream::read_request($c, \$in);
        syswrite $c, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
            . 'Content-Length: ' . length($body) . "\r\n\r\n$body";
        POSIX::pause();
        close $c;
    }
    POSIX::_exit(0);
}
{
    ok(wait_until(sub { $s->chat($key, {model => 'b'})->status == 200 }, 5),
        'service goes on');
    is($s->chat($key, {model => 'kept'})->status, 200, 'a first call');
    my ($worker) = $s->{gateway}->workers;
    $redis->freeze;
    my $http = $s->http;
    $http->send_raw($http->request_text('POST', '/v1/chat/completions',
        ['Authorization', "Bearer $key->{key}", 'Content-Type',
        'application/json'], $s->chat_body({model => 'kept'})));
    sleep 0.3;
    kill STOP => $worker;
    $redis->thaw;
    sleep 0.2;
    kill USR1 => $pid;
    sleep 0.2;
    kill CONT => $worker;
    my $reply = reply_of($http);
    is($reply->status, 200, 'one that was closed before is not written to');
    my ($call) = grep { $_->{trace} eq $reply->trace } calls($s);
    is(text_of($call), 's kept ok', 'and the call needs no further hold');
}
kill TERM => $pid;
waitpid $pid, 0;

$s->done;
