# Usage that a stream said early and then went on without is a floor, never the
# price: cut, silent, killed, ended cleanly, or its worker dead.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use Test::More;
use Time::HiRes qw(sleep);

use Asgard::Files qw(wait_until);
use Asgard::Spool qw(call_of calls money_of);
use Asgard::Stage;

my $s = Asgard::Stage->new(workers => 1, main_conf => '');
my $up = $s->upstream('main');
$s->endpoint(kind => 'openai-compatible', host => '127.0.0.1',
    port => $up->port, host_header => 'provider.test',
    idle_timeout_ms => 1000);
$s->model(route => 'one');
my $project = $s->project(limit => '-');
my $key = $s->key($project);
my $doomed = $s->project(limit => '-');
my $doomed_key = $s->key($doomed);
$s->start;

my $true = JSON::PP::true();
my $head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
    . "Transfer-Encoding: chunked\r\n\r\n";

# An event of the stream as a chunk; 400 bytes of text are 100 tokens.
sub event {
    my ($text, $usage) = @_;
    my $json = '{"id":"c1","object":"chat.completion.chunk","created":1,'
        . '"model":"m","choices":[{"index":0,"delta":{"content":"' . $text
        . '"},"finish_reason":null}]'
        . ($usage ? ",\"usage\":$usage" : '') . '}';
    return chunk("data: $json\n\n");
}
sub chunk { return sprintf "%x\r\n%s\r\n", length $_[0], $_[0] }
sub usage { return "{\"prompt_tokens\":$_[0],\"completion_tokens\":$_[1]}" }

my $early = event('first', usage(10, 1));
my $later = join '', map { event('x' x 400) } 1 .. 3;
my $null = join '', map { event('x' x 400, 'null') } 1 .. 3;
my $done = chunk("data: [DONE]\n\n") . "0\r\n\r\n";
my %ask = (model => 'one', stream => $true, max_tokens => 2000);
my $said = 10 * 1000 + 1 * 10_000;
my $least = 10 * 1000 + 300 * 10_000;

sub flags_of { join ' ', sort @{$_[0]{flags}} }

sub is_estimated {
    my ($call, $what, $flags) = @_;
    is($call->{verb}, 'e', "$what: estimated");
    is(flags_of($call), $flags, "$what: and flagged");
    cmp_ok($call->{amount}, '>=', $least, "$what: by what came");
    cmp_ok($call->{amount}, '<=', $call->{held}, "$what: within the hold");
    is($call->{ct}, undef, "$what: nothing counts as measured");
}

for my $case (
    ['a cut', $early . $later, 'cut estimated'],
    ['a clean end without usage', $early . $later . $done, 'estimated'],
    ['a clean end with null', $early . $null . $done, 'estimated'])
{
    my ($what, $text, $flags) = @$case;
    $up->script({raw => $head . $text});
    is_estimated(call_of($s, $s->chat($key, {%ask})), $what, $flags);
}

# Says no more and stays open.
my $silent = {raw => $head . $early . $later, stay => 5};

{
    $up->script($silent);
    my $reply = $s->chat($key, {%ask});
    ok($reply->{cut}, 'silence: the client sees no clean end');
    is_estimated(call_of($s, $reply), 'silence', 'cut estimated');
}

{
    $up->script($silent);
    my ($http, $reply) = $s->chat_start($doomed_key, {%ask});
    $http->read_piece($reply);
    $s->change_project($doomed, killed => 1);
    $http->read_body($reply);
    is_estimated(call_of($s, $reply), 'a kill', 'cut estimated');
}

{
    $up->script({raw => $head . event('first', usage(10, 1))
        . event('x', usage(10, 40))});
    my $call = call_of($s, $s->chat($key, {%ask}));
    cmp_ok($call->{amount}, '>=', 410_000,
        'the usage that was seen is the least that is charged');
    $up->script({raw => $head . event('x' x 3000, usage(10, 3000))});
    $call = call_of($s, $s->chat($key, {%ask, max_tokens => 16}));
    is($call->{amount}, 30_010_000, 'above the hold too');
    is(flags_of($call), 'cut estimated overshoot', 'and says so');
    $up->script({raw => $head . event('x', usage(50_000, 1))});
    $call = call_of($s, $s->chat($key, {%ask}));
    is($call->{amount}, $call->{held},
        'usage that no such call can have is charged as the whole hold');
    is(flags_of($call), 'bad_usage cut estimated', 'and says so');
}

{
    $up->script({raw => $head . $early . $later . event('', usage(10, 310))
        . $done});
    is(money_of($s, $s->chat($key, {%ask})),
        's ' . (10 * 1000 + 310 * 10_000), 'usage at the end is the price');
}

{
    $up->script({raw => $head . $early . event('x' x 400, usage(10, 90))
        . event('x' x 400, usage(10, 250)), stay => 5});
    my ($http, $reply) = $s->chat_start($key, {%ask});
    $http->read_piece($reply);
    sleep 0.2;
    $s->kill_worker;
    my $call;
    wait_until(sub {
        ($call) = grep { $_->{trace} eq $reply->trace } calls($s);
    }, 5);
    is($call->{verb}, 'e', 'a dead worker: estimated');
    is(flags_of($call), 'dead_worker estimated',
        'a dead worker: flagged');
    cmp_ok($call->{amount}, '>=', 10 * 1000 + 250 * 10_000,
        'a dead worker: by the last usage, not by the first');
    cmp_ok($call->{amount}, '<=', $call->{held}, 'a dead worker: in the hold');
    is($call->{ct}, undef, 'a dead worker: nothing counts as measured');
}

$s->done;
