# A client says how far its call may go, and for how long.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Time::HiRes qw(time);

use Asgard::Spool qw(money_of);
use Asgard::Stage;

my $s = Asgard::Stage->new(workers => 1);
my %up = map { $_ => $s->upstream($_) } qw(a b);
my $project = $s->project(limit => '-');
my $key = $s->key($project);
for my $name (qw(a b)) {
    $s->endpoint(id => $name, provider => $name, port => $up{$name}->port,
        kind => 'openai-compatible', host => '127.0.0.1',
        host_header => "$name.test");
    $s->model(route => $name, $name eq 'b' ? (card => {in_pusd => 90000000,
        out_pusd => 900000000}) : ());
}
push @{$s->{names}}, {name => 'chain', candidates => [0, 1],
    groups => [{n => 1}, {n => 1}]};
$s->publish;
$s->start;

sub call { my (@headers) = @_;
    return $s->chat($key, {model => 'chain'}, @headers) }

for my $value (qw(1 true TRUE)) {
    $up{a}->script({status => 503});
    my $before = $up{b}->count;
    my $reply = call('x-asgard-no-fallback' => $value);
    is($reply->status . ' ' . $reply->code, '502 upstream_error',
        "x-asgard-no-fallback: $value ends with the first group");
    is($up{b}->count, $before, 'nobody else was called');
}
for my $value (qw(0 false)) {
    $up{a}->script({status => 503});
    is(call('x-asgard-no-fallback' => $value)->status, 200,
        "x-asgard-no-fallback: $value changes nothing");
}

{
    my $tight = $s->key($s->project(id => 'proj-tight',
        limit => 5_000_000));
    is($s->chat($tight, {model => 'chain'})->status, 429,
        'the dearest of a chain must fit');
    is($s->chat($tight, {model => 'chain'}, 'x-asgard-no-fallback' => 1)
        ->status, 200, 'of a call without fallbacks only the first group');
}

{
    $up{a}->script({hang => 3});
    $up{b}->script({hang => 3});
    my $begun = time;
    my $reply = call('x-asgard-timeout-ms' => 300);
    is($reply->status . ' ' . $reply->code, '504 upstream_timeout',
        'x-asgard-timeout-ms bounds the wait for an answer');
    cmp_ok(time - $begun, '<', 2.5, 'of all attempts together');
}
# Also of one that has begun, until it is whole.
{
    my $head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
        . "Content-Length: 500\r\n\r\n";
    my %slow = (
        'says nothing' => {raw => $head, stay => 4},
        'says a word and no more' => {raw => $head . '{"id":', stay => 4},
        'drips' => {raw => $head . ' ' x 500, one_byte => 1,
            byte_delay => 0.008},
    );
    for my $how (sort keys %slow) {
        $up{a}->script($slow{$how});
        my $begun = time;
        my $reply = $s->chat($key, {model => 'a'},
            'x-asgard-timeout-ms' => 1200);
        is($reply->status . ' ' . $reply->code, '504 upstream_timeout',
            "an answer that begins and then $how is not waited for longer");
        cmp_ok(time - $begun, '<', 3.5, '... than the client said');
        my ($state) = $s->get('/metrics')->body
            =~ /^asgard_endpoint_state\{endpoint="a"\} (\d+)$/m;
        is($state, 0, '... and says nothing of the endpoint');
    }
    $up{a}->script({chunks => 4, chunk_delay => 0.3});
    like($s->chat($key, {model => 'a', stream => JSON::PP::true()},
        'x-asgard-timeout-ms' => 600)->body, qr/^data: \[DONE\]$/m,
        'a stream that has begun is not bounded by it');
}
# What an SDK says of its patience is the same word.
for my $name (qw(x-stainless-timeout x-stainless-read-timeout)) {
    $up{$_}->script({hang => 3}) for qw(a b);
    my $begun = time;
    my $reply = call($name => '0.3');
    is($reply->status . ' ' . $reply->code, '504 upstream_timeout',
        "$name ends a wait for the first byte");
    cmp_ok(time - $begun, '<', 2.5, '... when its client gives up');
    like(money_of($s, $reply), qr/^x /,
        '... and what was sent is charged as after a timeout of our own');
    $up{b}->script;
}
{
    $up{a}->script({hang => 3});
    my $begun = time;
    is(call('x-stainless-timeout' => 2, 'x-asgard-timeout-ms' => 300)->status,
        504, 'of several times the shortest counts');
    cmp_ok(time - $begun, '<', 1.8, '... which is over first');
    $up{b}->script;
    $up{a}->script({chunks => 4, chunk_delay => 0.3});
    like($s->chat($key, {model => 'a', stream => JSON::PP::true()},
        'x-stainless-timeout' => '0.6')->body, qr/^data: \[DONE\]$/m,
        'a stream that flows is not cut by the patience of an SDK');
}
is(call('x-asgard-timeout-ms' => 5000)->status, 200,
    'a call within its time is served');

for my $case (['x-asgard-no-fallback', 'yes'], ['x-asgard-no-fallback', ''],
    ['x-asgard-timeout-ms', '0'], ['x-asgard-timeout-ms', '-1'],
    ['x-asgard-timeout-ms', 'soon'], ['x-asgard-timeout-ms', '600001'],
    ['x-asgard-timeout-ms', '1.5'])
{
    my ($name, $value) = @$case;
    my $before = $up{a}->count + $up{b}->count;
    my $reply = call($name => $value);
    is($reply->status . ' ' . $reply->code . ' '
        . $reply->at('error', 'param'), "400 invalid_value $name",
        "$name: '$value' is refused by its name");
    is($up{a}->count + $up{b}->count, $before, 'and nobody was called');
}

is(call('x-stainless-timeout' => $_)->status, 200,
    "x-stainless-timeout: $_ is read or passed over")
    for qw(600 600.0 12.3456789 None -1 0 0.0), '';
my $sent = $up{a}->last_request;
is(Asgard::FakeUpstream->header_of($sent, $_) // 'none', 'none',
    "$_ does not go to the provider")
    for qw(x-stainless-timeout x-asgard-timeout-ms x-asgard-no-fallback);

$s->done;
