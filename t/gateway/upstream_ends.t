# A call that ends in an unusual way is settled by what was seen: the client
# leaves before the answer, the project is killed, the gateway is reloaded.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Time::HiRes qw(time sleep);

use Asgard::Files qw(wait_until);
use Asgard::Stage;
use Asgard::Spool qw(money_of call_of calls);

my $s = Asgard::Stage->new(workers => 1,
    http_conf => 'asgard_drain_timeout 1500ms;');
my $up = $s->upstream('main');
my $project = $s->project(limit => '-');
my $key = $s->key($project);
$s->endpoint(kind => 'openai-compatible', host => '127.0.0.1',
    port => $up->port, host_header => 'provider.test');
$s->model(route => 'one');
$s->endpoint(id => 'echo');
$s->model(route => 'echo');
push @{$s->{names}}, {name => 'both', candidates => [0, 1]};
$s->publish;
$s->start;

my $true = JSON::PP::true();
my $paid = 's ' . (10 * 1000 + 20 * 10000);

# Send a request and leave after a moment, without reading.
sub leave {
    my ($script, $after, $change) = @_;
    $up->script($script);
    my $http = $s->http;
    my $trace = 'leaves-' . ++$s->{left};
    $http->connect if !$http->{socket};
    $http->send_raw($http->request_text('POST', '/v1/chat/completions',
        ['Authorization', "Bearer $key->{key}", 'Content-Type',
        'application/json', 'x-asgard-trace-id', $trace],
        $s->chat_body({model => 'one', %{$change // {}}})));
    sleep $after;
    $http->close;
    return $trace;
}

{
    my $trace = leave({delay => 0.4}, 0.1);
    is(money_of($s, $trace), "$paid client_gone",
        'a client that leaves before the answer is billed the true usage');
    $trace = leave({delay => 0.4}, 0.1, {stream => $true});
    is(money_of($s, $trace), "$paid client_gone", 'of a stream too');
    $trace = leave({delay => 0.4, status => 503}, 0.1, {model => 'both'});
    is(money_of($s, $trace), 'v 0 client_gone',
        'nobody else is called for a client that left');
    $trace = leave({hang => 4}, 0.1);
    unlike(money_of($s, $trace, 3), qr/^[vs] /,
        'silence past the bound of the drain is not void');
}

for my $stream (0, 1) {
    my $t0 = time;
    my @got = $s->in_parallel(2, sub {
        my ($i) = @_;
        if ($i) {
            sleep 0.5;
            $s->change_project($project, killed => 1);
            return 'killed';
        }
        my $reply = $s->chat($key, $stream
            ? {stream => $true,
                model => 'echo:chunks=100,gap_ms=200,tokens=100'}
            : {model => 'echo:latency_ms=9000'});
        return join ' ', $reply->status, $reply->{cut} // 'clean',
            $reply->code // '-', $reply->trace;
    });
    my ($status, $cut, $code, $trace) = split / /, $got[0];
    cmp_ok(time - $t0, '<', 6, 'a kill ends an open call within 5 s');
    if ($stream) {
        is("$status $cut", '200 1', 'a stream is cut');
        like(money_of($s, $trace), qr/^e [1-9]\d* cut estimated no_usage$/,
            'what was produced is estimated');
    } else {
        is("$status $code", '403 project_killed', 'a call is told');
        unlike(money_of($s, $trace, 1), qr/^v /,
            'what was sent is not void');
    }
    $s->change_project($project, killed => 0);
    wait_until(sub { $s->chat($key, {model => 'echo'})->status == 200 }, 5);
}

{
    my ($http, $reply) = $s->chat_start($key, {stream => $true,
        model => 'echo:chunks=10,gap_ms=100,tokens=10'});
    $s->{gateway}->reload;
    $http->read_body($reply);
    is(($reply->events)[-1], '[DONE]', 'a stream outlives a reload');
    is(money_of($s, $reply), 's ' . (8 * 1000 + 10 * 10000),
        'and is charged');
}

{
    my $n = 200;
    my @got = $s->in_parallel(8, sub {
        my ($i) = @_;
        my $http = $s->http;
        my %seen;
        for my $j (1 .. $n / 8) {
            my $kind = ($i + $j) % 4;
            my $reply = $http->request('POST', '/v1/chat/completions',
                ['Authorization', "Bearer $key->{key}", 'Content-Type',
                'application/json'], $s->chat_body({model => $kind == 0
                ? 'echo:status=503' : $kind == 1 ? 'one' : 'echo',
                stream => $kind == 2 ? $true : JSON::PP::false()}));
            $seen{$reply->status}++;
        }
        return join ' ', map { "$_=$seen{$_}" } sort keys %seen;
    });
    my %sum;
    for (@got) { /(\d+)=(\d+)/ and $sum{$1} += $2 for split / / }
    is_deeply(\%sum, {200 => 150, 502 => 50}, 'a mixed load is answered');
    my %holds;
    $holds{$_->{hold}}++ for calls($s);
    cmp_ok(scalar(keys %holds), '>=', $n, 'each is in the witness');
    is((grep { $_ != 1 } values %holds) + 0, 0, 'and one end each');
}

$s->done;
