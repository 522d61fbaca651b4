# How a call of the Messages API can end, for the client and for the money: each
# ending is told once, and costs what was said, what is estimated, or nothing.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use Test::More;

use Asgard::FakeMessages qw(message event block start_of end_of raw_stream);
use Asgard::Spool qw(calls call_of);
use Asgard::Stage;

my $json = JSON::PP->new->utf8->canonical;
my $true = JSON::PP::true();
my $s = Asgard::Stage->new(workers => 1);
my $up = $s->upstream('claude');
$s->endpoint(id => 'claude', kind => 'anthropic', host => '127.0.0.1',
    port => $up->port, host_header => 'claude.test',
    anthropic_version => '2023-06-01', auth_header => 'x-api-key',
    auth_scheme => '', first_byte_timeout_ms => 800, idle_timeout_ms => 800);
$s->model(route => 'claude', paths => {messages => '/v1/messages',
    chat => '/v1/messages'});
my $key = $s->key($s->project(limit => '-'));
$s->publish;
$s->start;

my $MEASURED = 10 * 1000 + 20 * 10000;
my $FLOOR = 10 * 1000 + 1 * 10000;      # what message_start says
my $text = block(0, {type => 'text', text => ''},
    {type => 'text_delta', text => 'Hello.'});
my $whole = start_of() . $text . end_of('end_turn');
my $error = event({type => 'error', error => {type => 'overloaded_error',
    message => 'secret words'}});

sub ask {
    my (%change) = @_;
    return $s->post($key, '/v1/messages', {model => 'claude',
        max_tokens => 50, messages => [{role => 'user', content => 'Hi'}],
        %change});
}

# ends(NAME, SCRIPT, VERB, at least, change of the body): an exact amount for
# `s` and `v`, the hold for `x`, between the least and the hold for `e`.
sub ends {
    my ($name, $script, $verb, $least, %change) = @_;
    $up->script($script);
    my $reply = ask(%change);
    my $call = call_of($s, $reply);
    is($call->{verb}, $verb, "$name: $verb");
    my $amount = $call->{amount};
    if ($verb eq 'e') {
        cmp_ok($amount, '>=', $least, "$name: at least $least");
        cmp_ok($amount, '<=', $call->{held}, "$name: within its hold");
        ok((grep { $_ eq 'estimated' } @{$call->{flags}}), "$name: flagged");
    } else {
        is($amount, $verb eq 'x' ? $call->{held} : $least, "$name: the cost");
    }
    is(scalar(grep { $_->{trace} eq $reply->trace } calls($s)), 1,
        "$name: once");
    unlike($reply->body, qr/secret words/, "$name: in our words");
    return $reply;
}
sub stream_ends {
    my ($name, $sse, $verb, $least, %how) = @_;
    return ends($name, {raw => raw_stream($sse, %how)}, $verb, $least,
        stream => $true);
}
sub says { message([{type => 'text', text => 'Hello.'}], 'end_turn', @_) }

# --- whole answers ---

ends('usage', {body => says()}, 's', $MEASURED);
my %no_usage = %{says()};
delete $no_usage{usage};
my $reply = ends('no usage', {body => $json->encode(\%no_usage)}, 'e', 1);
is($reply->status, 200, 'which the client does not see');
ends('usage that cannot be true', {body => says(input_tokens => -1)}, 'e', 1);
ends('usage without the prompt', {body => $json->encode({%no_usage,
    usage => {output_tokens => 20}})}, 'e', 1);
is(ends('no JSON', {body => '<html>'}, 'e', 1)->at('error', 'type'),
    'api_error', 'an answer that cannot be read is an error');
is(ends('an error with 200', {body => {type => 'error', error => {
    type => 'api_error', message => 'secret words'}}}, 'v', 0)->status, 502,
    'and so is one that says so');
is(ends('silence', {hang => 2}, 'x')->status . '', '504', 'silence is 504');
is(ends('a connection that is closed', {raw => ''}, 'x')->status, 502,
    'no answer is 502');
ends('an answer that is cut', {raw => "HTTP/1.1 200 OK\r\nContent-Type: "
    . "application/json\r\nContent-Length: 999\r\n\r\n"
    . substr $json->encode(says()), 0, 99}, 'e', 1);
ends('a redirect', {raw => "HTTP/1.1 302 F\r\nLocation: http://evil/\r\n"
    . "Content-Length: 0\r\n\r\n"}, 'v', 0);
ends("status $_", {status => $_}, 'v', 0) for 400, 401, 429, 500, 529;

# --- streams ---

$reply = stream_ends('a stream', $whole, 's', $MEASURED);
like($reply->body, qr/message_stop/, 'and it ends as a stream does');
unlike($reply->body, qr/"error"/, 'and with no error');
my $ERROR = qr/\n\nevent: error\ndata: .*"code":"upstream_error".*\n\n\z/;
$reply = stream_ends('a stream without message_stop', start_of() . $text
    . event({type => 'message_delta', delta => {stop_reason => 'end_turn'},
        usage => {output_tokens => 20}}), 's', $MEASURED);
like($reply->body, $ERROR, 'is told as cut');
$reply = stream_ends('a stream without message_delta', start_of() . $text, 'e',
    $FLOOR);
like($reply->body, $ERROR, 'so is this');
stream_ends('a stream that only begins', start_of(), 'e', $FLOOR);
$reply = stream_ends('a stream of pings', event({type => 'ping'}), 'x');
like($reply->body, $ERROR, 'and this');
stream_ends('content behind the last usage', $whole . $text, 'e', $MEASURED);
$reply = stream_ends('a stream that breaks off', start_of() . $text, 'e',
    $FLOOR, cut => 1);
ok($reply->{cut}, 'the client sees it');
stream_ends('one that breaks off behind its usage', $whole, 's', $MEASURED,
    cut => 1);
stream_ends('one that breaks off before an event', '', 'x', undef, cut => 1);
stream_ends('one that is no stream of messages', "data: hello\n\n", 'x');
$reply = stream_ends('an error at once', $error, 'v', 0);
is($reply->status . ' ' . $reply->code, '529 upstream_overloaded',
    'which is an answer of its status');
like($reply->body, qr/"type":"overloaded_error"/, 'and its type');
$reply = stream_ends('an error behind content', start_of() . $text . $error
    . event({type => 'message_stop'}), 'e', $FLOOR);
unlike($reply->body, qr/message_stop/, 'which is no clean end');
$no_usage{content} = [];
ends('a stream without usage', {raw => raw_stream(
    event({type => 'message_start', message => \%no_usage}) . $text
    . event({type => 'message_stop'}))}, 'e', 1, stream => $true);

# --- the same streams as a chat ---

for my $case (['without message_stop', start_of() . $text, 'e'],
    ['with its usage, without message_stop', start_of() . $text . event({
        type => 'message_delta', delta => {stop_reason => 'end_turn'},
        usage => {output_tokens => 20}}), 'e'],
    ['of pings', event({type => 'ping'}), 'x'])
{
    my ($name, $sse, $verb) = @$case;
    $up->script({raw => raw_stream($sse)});
    my $chat = $s->chat($key, {model => 'claude', stream => $true});
    like($chat->body, qr/\n\ndata: .*"code":"upstream_error".*\n\n\z/,
        "a chat of a stream $name is told as cut");
    unlike($chat->body, qr/\[DONE\]/, '... with no clean end');
    is(call_of($s, $chat)->{verb}, $verb, "... and $verb");
}

# --- a client that leaves ---

for my $case (['the provider goes on', {chunks => 8, chunk_delay => 0.1},
        's', $MEASURED],
    ['the provider breaks off', {raw => raw_stream(start_of() . $text,
        cut => 1), stay => 3}, 'e', $FLOOR])
{
    my ($name, $script, $verb, $amount) = @$case;
    $up->script($script);
    my $trace = "tr_left_$verb";
    my $http = $s->http;
    my $begun = $http->start('POST', '/v1/messages', ['x-api-key',
        $key->{key}, 'Content-Type', 'application/json', 'x-asgard-trace-id',
        $trace], $json->encode({model => 'claude', max_tokens => 50,
            stream => $true, messages => [{role => 'user', content => 'Hi'}]}));
    $http->read_piece($begun);
    $http->abort;
    my $call = call_of($s, $trace, 10);
    is($call->{verb}, $verb, "the client leaves, $name: $verb");
    cmp_ok($call->{amount}, $verb eq 's' ? '==' : '>=', $amount,
        "the client leaves, $name: the cost");
    # of one who leaves it is known when there is something to write
    is(scalar(grep { $_ eq ($verb eq 's' ? 'client_gone' : 'cut') }
        @{$call->{flags}}), 1, "the client leaves, $name: flagged");
}

$s->done;
