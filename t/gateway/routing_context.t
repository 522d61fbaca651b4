# A prompt that a provider finds too long goes on to the models for such
# prompts, and to no others.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(wait_until);
use Asgard::Spool qw(money_of call_of calls);
use Asgard::Stage;

my $s = Asgard::Stage->new(workers => 1);
my @names = qw(small other large larger);
my %up = map { $_ => $s->upstream($_) } @names;
my $key = $s->key($s->project(limit => '-'));
for my $i (0 .. $#names) {
    my $name = $names[$i];
    $s->endpoint(id => $name, provider => $name, port => $up{$name}->port,
        kind => 'openai-compatible', host => '127.0.0.1',
        host_header => "$name.test");
    $s->model(route => $name, card => {in_pusd => 1000000 * ($i + 1),
        out_pusd => 10000000 * ($i + 1)});
}
push @{$s->{names}}, {name => 'chain', candidates => [0 .. 3], groups => [
    {n => 1, retries => 2}, {n => 1}, {n => 1, on_context => 1},
    {n => 1, on_context => 1}]};
$s->publish;
$s->start;

my %mark;
sub mark { %mark = map { $_ => $up{$_}->count } @names }
sub since { join ' ', map { $up{$_}->count - $mark{$_} } @names }
sub too_long {
    my ($status, @more) = @_;
    return {status => $status // 400, body => {error => {
        message => 'This model\'s maximum context length is 8 tokens',
        code => 'context_length_exceeded'}}, @more};
}

for my $case ([400], [413], [422], [400, one_byte => 1],
    [400, headers => {'Content-Type' => 'text/plain'}])
{
    mark();
    $up{small}->script(too_long(@$case));
    my $reply = $s->chat($key, {model => 'chain'});
    is($reply->status, 200, "after such a $case->[0] it is served");
    is(since(), '1 0 1 0', 'by the first model for long prompts');
    is(call_of($s, $reply)->{ep}, 'large', 'which the ledger names');
    is(money_of($s, $reply), 's ' . (10 * 3000 + 20 * 30000),
        'at its price, under the hold that there was');
}

mark();
$up{$_}->script(too_long()) for qw(small large);
is($s->chat($key, {model => 'chain'})->status, 200, 'too long for it too:');
is(since(), '1 0 1 1', 'the next of them');

mark();
$up{$_}->script(too_long()) for qw(small large larger);
my $reply = $s->chat($key, {model => 'chain'});
is($reply->status . ' ' . $reply->code, '400 upstream_rejected',
    'too long for all: the client is told');
is(since(), '1 0 1 1', 'after each was asked once');
is(money_of($s, $reply), 'v 0', 'and nothing is spent');

mark();
$up{small}->script({status => 400});
is($s->chat($key, {model => 'chain'})->status, 400,
    'another refusal is the client\'s');
is(since(), '1 0 0 0', 'and nobody else is asked');

mark();
$up{small}->script(map { {status => 503} } 1 .. 3);
is($s->chat($key, {model => 'chain'})->status, 200, 'a failure');
is(since(), '3 1 0 0', 'goes to the other fallbacks');

mark();
$up{small}->script({status => 400, body => 'x' x 200_000});
is($s->chat($key, {model => 'chain'})->status, 400,
    'a refusal that is huge is not read whole');
is(since(), '1 0 0 0', 'nor taken for it');

mark();
$up{small}->script({%{too_long()}, cut => 5});
is($s->chat($key, {model => 'chain'})->status, 400,
    'one that breaks off is a refusal all the same');

mark();
$up{small}->script({%{too_long()}, raw => "HTTP/1.1 400 Bad Request\r\n"
    . "Content-Type: application/json\r\n\r\n{\"error\":{\"code\":"
    . '"context_length_exceeded"}}'});
is($s->chat($key, {model => 'chain'})->status, 200,
    'one whose end is that of the connection is read');
is(since(), '1 0 1 0', 'and understood');

mark();
$up{small}->script(too_long());
is($s->chat($key, {model => 'chain', stream => \1})->status, 200,
    'a stream goes the same way');
is(since(), '1 0 1 0', 'to the same model');

my %metric = $s->get('/metrics')->body
    =~ /^asgard_model_(\w+\{model="\S+"\}) (\d+)$/mg;
is($metric{'fallback_calls_total{model="model:test/large"}'}, 7,
    'the metrics tell how many calls fell to a model');
is($metric{'fallback_cost_nusd_total{model="model:test/large"}'},
    7 * (10 * 3000 + 20 * 30000), 'and what they cost');
is($metric{'calls_total{model="model:test/other"}'}, 1,
    'and of each model that was called');
ok(!exists $metric{'calls_total{model="model:test/small"}'},
    'one that served nobody is not there');

# The first may be at work, the second finds the prompt too long: one further
# hold is for both who are left.
{
    my $dear = $s->model(route => 'dear', endpoint => 'large',
        card => {in_pusd => 100000000, out_pusd => 1000000000});
    push @{$s->{names}}, {name => 'broken', candidates => [0, 1, 4],
        groups => [{n => 1}, {n => 1}, {n => 1, on_context => 1}]};
    $s->publish;
    $s->wait_version($s->{version});
    $up{small}->script({raw => ''});
    $up{other}->script(too_long());
    my $reply = $s->chat($key, {model => 'broken'});
    is($reply->status, 200, 'after silence and a refusal it is served');
    my @holds;
    wait_until(sub { @holds = grep { $_->{trace} eq $reply->trace } calls($s);
        @holds == 2 }, 5);
    is($holds[1]{model}, $dear, 'by the model for long prompts');
    cmp_ok($holds[1]{held}, '>=', $holds[1]{amount},
        'under a further hold that covers it');
    is((grep { $_ eq 'overshoot' } @{$holds[1]{flags}}), 0,
        'it is no overshoot');
}

# A refusal that was read is no answer: of a call that was under way elsewhere
# when its worker died nobody knows what it did.
{
    my $before = $up{large}->count;
    my $body = $s->encode(too_long()->{body});
    $up{small}->script({stay => 1, raw => "HTTP/1.1 400 Bad Request\r\n"
        . "Content-Type: application/json\r\nTransfer-Encoding: chunked"
        . sprintf "\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", length $body, $body});
    $up{large}->script({hang => 20});
    my $http = $s->chat_ask($key, {model => 'chain'},
        'x-asgard-trace-id' => 'tr-orphan');
    ok($up{large}->wait_count($before + 1), 'the next one is at work');
    $s->kill_worker;
    my $call;
    wait_until(sub { ($call) = grep { $_->{trace} eq 'tr-orphan' }
        calls($s) }, 10);
    is($call->{verb}, 'x', 'when its worker dies the call is unknown');
    is($call->{amount}, $call->{held}, 'and charged in full');
    wait_until(sub { $s->chat($key, {model => 'other'})->status == 200 }, 10);
}

$s->done;
