# A model of kind anthropic: an OpenAI client speaks to it, in JSON and in
# streams, with tools; what arrives is Anthropic's, and what it costs is right.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use Test::More;

use Asgard::FakeMessages qw(message event block start_of end_of raw_stream);
use Asgard::FakeUpstream;
use Asgard::Test;

my $json = JSON::PP->new->utf8->canonical;
my $true = JSON::PP::true();

my $t = Asgard::Test->new(workers => 1);
my $up = $t->upstream('claude');
my $secret = $t->add_service('claude', $up, kind => 'anthropic',
    models => [{ref => 'model:test/claude', route => 'claude',
        served => 'claude-served', cost_in => '0.003', cost_out => '0.015',
        cost_cached => '0.0003', cost_cache_write => '0.00375',
        cost_cache_write_1h => '0.006', default_max_tokens => 777,
        allow_fields => '[top_k]'}]);
my $strict = $t->upstream('strict');
$t->add_service('strict', $strict, kind => 'anthropic',
    inference => {unsupported => 'refuse'},
    models => [{ref => 'model:test/strict', route => 'strict'}]);
$t->start;
my $project = $t->project(budget_usd => '5');
my $key = $t->key(project => $project);

sub arrived { return $json->decode($up->last_request->{body}) }

sub entry_of {
    my ($n) = @_;
    my @entries = $t->wait_ledger($project, $n);
    return $entries[-1];
}

# --- JSON ---

$up->script({prompt_tokens => 140, completion_tokens => 20,
    headers => {'request-id' => 'req_upstream_1'},
    body => message([{type => 'text', text => 'Bonjour.'}], 'end_turn',
        cache_read_input_tokens => 100, cache_creation_input_tokens => 30,
        cache_creation => {ephemeral_5m_input_tokens => 20,
            ephemeral_1h_input_tokens => 10})});
my $reply = $t->chat($key, {model => 'claude', user => 'mallory',
    temperature => 1.5, stop => ['END'], seed => 7, max_tokens => undef,
    messages => [{role => 'system', content => 'Be brief.'},
        {role => 'user', content => 'Hello'}]});
is($reply->status, 200, 'a call is answered');
is($reply->at('choices', 0, 'message', 'content'), 'Bonjour.',
    'with the text');
is($reply->at('choices', 0, 'finish_reason'), 'stop',
    'and OpenAI\'s word for its end');
is($reply->at('model'), 'claude', 'under the name that was asked for');
is($reply->at('usage', 'prompt_tokens'), 140,
    'the whole prompt is counted, cached or not');
is($reply->at('usage', 'prompt_tokens_details', 'cached_tokens'), 100,
    'and what of it was cached');
unlike($reply->{head} . $reply->body, qr/msg_secret|claude-served|anthropic/i,
    'nothing tells who served it');

my $seen = $up->last_request;
is($seen->{path}, '/v1/messages', 'the Messages API was called');
is(Asgard::FakeUpstream->header_of($seen, 'x-api-key'), $secret,
    'with the provider\'s key in its header');
is(Asgard::FakeUpstream->header_of($seen, 'anthropic-version'), '2023-06-01',
    'and the version');
is(Asgard::FakeUpstream->header_of($seen, 'authorization'), undef,
    'and no other authorization');
is_deeply(arrived(), {model => 'claude-served', max_tokens => 777,
    system => [{type => 'text', text => 'Be brief.'}],
    messages => [{role => 'user',
        content => [{type => 'text', text => 'Hello'}]}],
    temperature => 1, stop_sequences => ['END'],
    metadata => {user_id => $project}},
    'the body is the API\'s, for the project, and without the seed');

# 10 x 3000 + 100 x 300 + 20 x 3750 + 10 x 6000 + 20 x 15000 nano-USD
is(entry_of(1)->{cost_usd}, '0.000495',
    'each kind of token costs what its price says');

# --- tools, there and back ---

my $tools = [{type => 'function', function => {name => 'weather',
    description => 'tells it', parameters => {type => 'object',
        properties => {city => {type => 'string'}}}}}];
$up->script({prompt_tokens => 10, completion_tokens => 20,
    body => message([{type => 'text', text => 'Let me look.'},
        {type => 'tool_use', id => 'toolu_1', name => 'weather',
            input => {city => "Z\x{fc}rich \"x\"\n"}}], 'tool_use')});
$reply = $t->chat($key, {model => 'claude', tools => $tools,
    tool_choice => 'required', parallel_tool_calls => JSON::PP::false(),
    messages => [{role => 'user', content => 'weather?'}]});
my $call = $reply->at('choices', 0, 'message', 'tool_calls', 0);
is($reply->at('choices', 0, 'finish_reason'), 'tool_calls',
    'an answer can be a call of a tool');
is_deeply($json->decode(do { my $text = $call->{function}{arguments};
        utf8::encode($text); $text }), {city => "Z\x{fc}rich \"x\"\n"},
    'its arguments are the input as text');
is_deeply(arrived()->{tools}, [{name => 'weather', description => 'tells it',
    input_schema => {type => 'object',
        properties => {city => {type => 'string'}}}}], 'tools arrive');
is_deeply(arrived()->{tool_choice}, {type => 'any',
    disable_parallel_tool_use => $true}, 'and whether one must be called');

$up->script({prompt_tokens => 10, completion_tokens => 20,
    body => message([{type => 'text', text => 'Sunny.'}], 'end_turn')});
$reply = $t->chat($key, {model => 'claude', tools => $tools,
    messages => [{role => 'user', content => 'weather?'},
        $reply->at('choices', 0, 'message'),
        {role => 'tool', tool_call_id => $call->{id}, content => '18 C'}]});
is($reply->at('choices', 0, 'message', 'content'), 'Sunny.',
    'the answer of the tool is answered');
is_deeply(arrived()->{messages}, [
    {role => 'user', content => [{type => 'text', text => 'weather?'}]},
    {role => 'assistant', content => [
        {type => 'text', text => 'Let me look.'},
        {type => 'tool_use', id => 'toolu_1', name => 'weather',
            input => {city => "Z\x{fc}rich \"x\"\n"}}]},
    {role => 'user', content => [{type => 'tool_result',
        tool_use_id => 'toolu_1',
        content => [{type => 'text', text => '18 C'}]}]}],
    'what the answer said goes back as it came');

# --- streams ---

my $start = start_of();
my $arguments = "{\"city\": \"Z\x{fc}rich \\\"x\\\"\\n\", \"n\": [1, 2.50]}";
my @pieces = $arguments =~ /(.{1,5})/gs;
my $stream = $start
    . block(0, {type => 'text', text => ''},
        map { {type => 'text_delta', text => $_} } 'Let ', 'me look.')
    . event({type => 'ping'})
    . block(1, {type => 'tool_use', id => 'toolu_1', name => 'weather',
        input => {}},
        map { {type => 'input_json_delta', partial_json => $_} } @pieces)
    . end_of('tool_use');
sub streamed {
    my ($sse, $ask, %script) = @_;
    $up->script({prompt_tokens => 10, completion_tokens => 20, %script,
        raw => raw_stream($sse)});
    return $t->chat($key, {model => 'claude', stream => $true, %$ask});
}

my $n = 3;
for my $how ('whole', 'a byte at a time') {
    $reply = streamed($stream, {tools => $tools},
        one_byte => $how eq 'whole' ? 0 : 1);
    my @chunks = $reply->event_objects;
    my @deltas = map { $_->{choices}[0]{delta} } @chunks;
    is(join('', map { $_->{content} // '' } @deltas), 'Let me look.',
        "a stream that comes $how: its text");
    is(join('', map { $_->{tool_calls}
            ? $_->{tool_calls}[0]{function}{arguments} : () } @deltas),
        $arguments,
        "$how: the arguments are intact");
    is_deeply([map { $_->{tool_calls} && $_->{tool_calls}[0]{id}
            ? [@{$_->{tool_calls}[0]}{qw(id index)}] : () } @deltas],
        [['toolu_1', 0]], "$how: one call, named once");
    is($chunks[-1]{choices}[0]{finish_reason}, 'tool_calls',
        "$how: and its end");
    like($reply->body, qr/data: \[DONE\]\n\n\z/, "$how: a clean one");
    unlike($reply->body, qr/prompt_tokens|msg_secret/,
        "$how: usage that was not asked for is not shown");
    is(entry_of(++$n)->{cost_usd}, '0.00033', "$how: and what it costs");
}
is(arrived()->{stream}, $true, 'a stream was asked for');
is(arrived()->{stream_options}, undef, 'without OpenAI\'s options');

$reply = streamed($stream, {stream_options => {include_usage => $true}});
is(($reply->event_objects)[-1]{usage}{prompt_tokens}, 10,
    'usage that was asked for is shown');
$n++;

$reply = streamed($start . block(0, {type => 'text', text => ''},
        {type => 'text_delta', text => 'Let '})
    . event({type => 'error', error => {type => 'overloaded_error',
        message => 'secret words'}}), {});
unlike($reply->body, qr/\[DONE\]|secret words/,
    'an error in a stream is no clean end, and is told in our words');
like($reply->body, qr/"code":"upstream_overloaded"/,
    'but told, with the code of what it was');
$n++;

# --- errors, and what cannot be said ---

my $before = $up->count;
$up->script({status => 529, body => {type => 'error', error => {
    type => 'overloaded_error', message => 'secret words'}}});
$reply = $t->chat($key, {model => 'claude'});
is($reply->status . ' ' . $reply->code, '503 upstream_overloaded',
    'an overloaded provider is our 503');
is($reply->header('x-should-retry'), undef, 'which may be tried again');
unlike($reply->body, qr/secret words/, 'its words stay here');
is($up->count, $before + 1, 'it was asked once');

$up->script({body => {id => 'chatcmpl-1', object => 'chat.completion'},
    usage => 'none'});
$reply = $t->chat($key, {model => 'claude'});
is($reply->status . ' ' . $reply->code, '502 upstream_error',
    'an answer that is no message is none');

$before = $up->count;
for my $case ([{n => 2}, 'n'],
    [{messages => [{role => 'user', content => 'x'}, {role => 'assistant',
        tool_calls => [{id => 'c', type => 'function', function => {
            name => 'f', arguments => '{oops'}}]}]},
        'messages[1].tool_calls[0].function.arguments'])
{
    $reply = $t->chat($key, {model => 'claude', %{$case->[0]}});
    is($reply->status, 400, "$case->[1] cannot be said to it");
    is($reply->at('error', 'param'), $case->[1], 'and it is told where');
}
$reply = $t->chat($key, {model => 'strict', seed => 7});
is($reply->status . ' ' . $reply->code . ' ' . $reply->at('error', 'param'),
    '400 unsupported_field seed',
    'a service can refuse what others drop');
is($up->count + $strict->count, $before, 'nobody was called');

$t->done;
