# The options of an echo model make it fail and dawdle like a real provider,
# with the consequences that those have.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Time::HiRes qw(time);

use Asgard::Stage;
use Asgard::Spool qw(money_of call_of);

my $s = Asgard::Stage->new(workers => 1);
my $key = $s->key($s->project(limit => '-'));
$s->endpoint(first_byte_timeout_ms => 800);
$s->model(route => 'echo');
$s->model(route => 'talk', paths => {chat => '/v1/chat/completions'});
$s->publish;
$s->start;

my $true = JSON::PP::true();

sub asked {
    my ($options, %more) = @_;
    my $begun = time;
    my $reply = $s->chat($key, {model => "echo:$options",
        messages => [{role => 'user', content => 'some words'}], %more});
    return ($reply, time - $begun);
}

{
    my ($reply, $took) = asked('latency_ms=300');
    is($reply->status, 200, 'latency_ms: answered');
    cmp_ok($took, '>', 0.28, 'late');
    is($reply->at('model'), 'echo:latency_ms=300',
        'under the whole name that was asked for');
    ($reply) = asked('latency_ms=2000');
    is($reply->code, 'upstream_timeout', 'latency_ms: too late');
    isnt(money_of($s, $reply, 1), 'v 0', 'is not void: it was sent');
}

{
    my ($reply) = asked('status=503');
    is($reply->status . ' ' . $reply->code, '502 upstream_error', 'status');
    is(money_of($s, $reply), 'v 0', 'status: void');
    ($reply) = asked('status=429', stream => $true);
    is($reply->code . ' ' . $reply->header('retry-after'),
        'upstream_rate_limited 1', 'status=429 with its Retry-After');
}

{
    my ($reply) = asked('chunks=100', stream => $true);
    my @events = $reply->events;
    is(scalar @events, 102, 'chunks: so many, an end and [DONE]');
    is(money_of($s, $reply), 's ' . (3 * 1000 + 25 * 10000),
        'chunks: charged what was sent');
}

for my $usage (qw(none bad zero)) {
    for my $stream (0, 1) {
        my ($reply) = asked("usage=$usage", $stream ? (stream => $true) : ());
        my $flag = $usage eq 'none' ? 'estimated no_usage'
            : 'bad_usage estimated';
        is($reply->status, 200, "usage=$usage: served");
        like(money_of($s, $reply), qr/^e [1-9]\d* $flag$/,
            "usage=$usage: estimated");
    }
}

{
    my ($reply) = asked('chunks=20,cut=10', stream => $true);
    ok($reply->{cut}, 'cut: no clean end of a stream');
    is(scalar(my @events = $reply->events), 10, 'cut: after so many chunks');
    like(money_of($s, $reply), qr/^e [1-9]\d* cut estimated no_usage$/,
        'cut: estimated');
    ($reply) = asked('cut=10');
    is($reply->code, 'upstream_error', 'cut: a clean error for JSON');
    like(money_of($s, $reply), qr/^e [1-9]\d* cut estimated no_usage$/,
        'cut: estimated');
}

{
    my ($reply) = asked('tokens=500', max_tokens => 5);
    is($reply->at('usage', 'completion_tokens'), 500,
        'tokens: so many, whatever the limit');
    is(money_of($s, $reply), 's ' . (3 * 1000 + 500 * 10000) . ' overshoot',
        'tokens: charged as measured, above the hold');
}

{
    my $begun = time;
    my ($http, $reply) = $s->chat_start($key, {stream => $true,
        model => 'echo:chunks=5,gap_ms=100'});
    $http->read_piece($reply);
    cmp_ok(time - $begun, '<', 0.2, 'gap_ms: the first chunk at once');
    $http->read_body($reply);
    cmp_ok(time - $begun, '>', 0.45, 'gap_ms: the others later');
}

for my $odd ('status=', 'status=9', 'status=600', 'chunks=-1', 'chunks=0',
    'cut=99999999999999999999', 'tokens=0', 'latency_ms=1e3', 'usage=',
    'latency_ms=60001', 'gap_ms=60001', 'usage=some', 'delay_ms=5',
    'chunks=3,', 'chunks=3,odd', 'chunks=3,,cut=1') {
    my ($reply) = asked($odd);
    is($reply->status . ' ' . $reply->code, '400 invalid_value',
        "the options '$odd' are refused");
    is($reply->at('error', 'param'), 'model', 'by the name of the field');
}

# One that is to have some of the APIs.
is($s->chat($key, {model => 'talk'})->status, 200, 'an API that it has');
for my $path (qw(/v1/completions /v1/embeddings)) {
    my $reply = $s->post($key, $path, {model => 'talk',
        $path =~ /emb/ ? (input => 'x') : (prompt => 'x')});
    is($reply->status . ' ' . $reply->code, '404 api_not_supported',
        "$path: one that it lacks");
}

$s->done;
