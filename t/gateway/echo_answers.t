# The embedded backend answers like a provider: each API, JSON and SSE, with
# usage that is true and charged.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use MIME::Base64 qw(decode_base64);

use Asgard::Stage;
use Asgard::Spool qw(money_of call_of);

my $s = Asgard::Stage->new(workers => 1);
my $key = $s->key($s->project(limit => '-'));
$s->model(route => 'echo', allow_fields => ['encoding_format']);
$s->publish;
$s->start;

my $true = JSON::PP::true();
my @ask = (model => 'echo', max_tokens => 50);
my @say = (messages => [{role => 'system', content => 'be'},
    {role => 'user', content => 'twelve chars'}]);

{
    my $reply = $s->post($key, '/v1/chat/completions', {@ask, @say});
    is($reply->status, 200, 'a chat is answered');
    is($reply->at('object'), 'chat.completion', 'as a chat completion');
    is($reply->at('choices', 0, 'message', 'content'), 'twelve chars',
        'with the last text of the user');
    is($reply->at('choices', 0, 'finish_reason'), 'stop', 'whole');
    is_deeply($reply->at('usage'), {prompt_tokens => 4,
        completion_tokens => 3, total_tokens => 7},
        'four bytes a token, rounded up over the whole');
    is($reply->header('x-asgard-cost-usd'), '0.000034', 'its cost is told');
    is(money_of($s, $reply), 's 34000', 'and charged');
}

{
    my $reply = $s->post($key, '/v1/chat/completions', {@ask,
        messages => [{role => 'user', content => [
            {type => 'text', text => 'one'}, {type => 'text',
            text => "two \"\x{e9}\x{1f600}\""}]}]});
    is($reply->at('choices', 0, 'message', 'content'),
        "two \"\x{e9}\x{1f600}\"", 'the last text part, unspoilt');
}

{
    my $reply = $s->post($key, '/v1/chat/completions', {@ask, @say,
        max_tokens => 2});
    is($reply->at('choices', 0, 'message', 'content'), 'twelve c',
        'the limit is kept');
    is($reply->at('choices', 0, 'finish_reason'), 'length', 'and said');
    is($reply->at('usage', 'completion_tokens'), 2, 'and counted');
}

{
    my $reply = $s->post($key, '/v1/chat/completions', {@ask, @say,
        stream => $true, stream_options => {include_usage => $true}});
    is($reply->header('content-type'), 'text/event-stream', 'a stream');
    my @events = map { eval { JSON::PP::decode_json($_) } } $reply->events;
    is(join('', map { $_->{choices}[0]{delta}{content} // '' } @events),
        'twelve chars', 'gives the text in pieces');
    is($events[-1]{usage}{completion_tokens}, 3, 'then its usage');
    is(($reply->events)[-1], '[DONE]', 'then its end');
    is(money_of($s, $reply), 's 34000', 'and is charged the same');
}

{
    my $reply = $s->post($key, '/v1/completions',
        {@ask, prompt => 'say this'});
    is($reply->at('object'), 'text_completion', 'a completion');
    is($reply->at('choices', 0, 'text'), 'say this', 'has its text');
    is(money_of($s, $reply), 's 22000', 'and is charged');
}

{
    my $reply = $s->post($key, '/v1/chat/completions', {@ask, @say, n => 3});
    is_deeply([map { $_->{index} . $_->{message}{content} }
        @{$reply->at('choices')}], [map { "${_}twelve chars" } 0 .. 2],
        'as many choices as were asked for');
    is($reply->at('usage', 'completion_tokens'), 9, 'are counted');
    is(money_of($s, $reply), 's 94000', 'and charged');

    $reply = $s->post($key, '/v1/chat/completions', {@ask, @say, n => 3,
        stream => $true});
    my @text = ('') x 3;
    for my $event (map { eval { JSON::PP::decode_json($_) } } $reply->events) {
        $text[$_->{index}] .= $_->{delta}{content} // ''
            for @{$event->{choices}};
    }
    is_deeply(\@text, [('twelve chars') x 3], 'in a stream too');
    is(money_of($s, $reply), 's 94000', 'for the same price');

    $reply = $s->post($key, '/v1/completions',
        {@ask, prompt => ['say this', 'or that!'], n => 2});
    is(scalar @{$reply->at('choices')}, 4, 'n for each prompt');
    is(money_of($s, $reply), 's 84000', 'all are charged');
}

{
    my $reply = $s->post($key, '/v1/embeddings',
        {model => 'echo', input => ['abcd', 'efgh']});
    is(scalar @{$reply->at('data')}, 2, 'an embedding for each input');
    is(scalar @{$reply->at('data', 1, 'embedding')}, 8, 'of eight numbers');
    is_deeply($reply->at('usage'), {prompt_tokens => 2, total_tokens => 2},
        'with its usage');
    is(money_of($s, $reply), 's 2000', 'and is charged');

    $reply = $s->post($key, '/v1/embeddings',
        {model => 'echo', input => 'abcd', encoding_format => 'base64'});
    is_deeply([unpack 'f<*', decode_base64($reply->at('data', 0,
        'embedding'))], [(0.125) x 8], 'in base64 the same');
}

{
    my $reply = $s->post($key, '/api/gateway/chat', {model =>
        'model:test/echo', data_class => 'internal', @say, max_tokens => 50});
    is($reply->status, 200, 'the gateway route answers');
    is($reply->at('object'), 'chat.completion', 'the OpenAI object');
    is($reply->at('content'), 'twelve chars', 'and the content');
    is($reply->at('trace_id'), $reply->trace, 'the trace');
    is($reply->at('model'), 'model:test/echo', 'the model');
    is($reply->at('provider'), 'test', 'the provider');
    is($reply->raw_number('cost_usd'), '0.000034', 'the exact cost');
    is($reply->at('prompt_tokens') . ' ' . $reply->at('completion_tokens'),
        '4 3', 'the tokens');
    is_deeply($reply->at('guardrail_verdicts'), [], 'the verdicts');
    $reply = $s->post($key, '/api/gateway/chat', {model => 'echo', @say,
        max_tokens => 50, stream => $true});
    is(($reply->events)[-1], '[DONE]', 'and streams when asked to');
}

{
    my $text = 'x' x 300_000;
    my $reply = $s->post($key, '/v1/chat/completions', {@ask,
        messages => [{role => 'user', content => $text}]});
    is($reply->status, 200, 'a long prompt passes the socketpair');
    is($reply->at('usage', 'prompt_tokens'), 75_000, 'whole');
}

$s->done;
