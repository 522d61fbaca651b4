# What the clients of docs/clients.md send: bodies of their shape, row by row,
# and what becomes of each.  Programs that are run stand in t/sdk/clients.t.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use Test::More;

use Asgard::FakeModel;
use Asgard::Snippets qw(snippet);
use Asgard::Test;

my $json = JSON::PP->new->utf8->canonical;
my ($true, $false) = (JSON::PP::true(), JSON::PP::false());
my $t = Asgard::Test->new(workers => 1, routing =>
    "num_retries: 0\nmodel_alias_map: {default: one, gpt-4o: one}\n");
my $up = Asgard::FakeModel->of($t, 'main');
$t->add_service('main', $up, models => [
    {ref => 'model:test/one', route => 'one', context_window => 128_000},
    {ref => 'model:test/eyes', route => 'eyes', token_bounds =>
        '{image: 1000}'},
    {ref => 'model:test/open', route => 'open', allow_fields => '[top_k]'}]);
$t->start;
my $project = $t->project(budget_usd => '500');
my $key = $t->key(project => $project);

my @say = ({role => 'system', content => 'You help.'},
    {role => 'user', content => $t->{prompt}});
my @usage = (stream => $true, stream_options => {include_usage => $true});
my $pixel = 'data:image/png;base64,iVBORw0KGgo=';

sub tool {
    my ($name, %more) = @_;
    return {type => 'function', function => {name => $name,
        description => 'Reads a file.', parameters => {type => 'object',
            properties => {path => {type => 'string'}},
            required => ['path']}, %more}};
}

# A call of a tool and its result, as the last two messages.
sub round_trip {
    my (%call) = @_;
    return ({role => 'assistant', content => undef, tool_calls => [{
            id => 'call_1', type => 'function', function => {
                name => 'read_file', arguments => '{"path":"a.c"}'}, %call}]},
        {role => 'tool', tool_call_id => 'call_1', content => 'int a;'});
}

# Zed's request takes its model from the settings that the page shows.
my $zed = $json->decode(snippet('Zed', url => $t->url, key => 'none'))
    ->{language_models}{openai_compatible}{Asgard};
my ($zed_model) = @{$zed->{available_models}};
is($zed->{api_url}, $t->url . '/v1', 'the settings of Zed name the address');
my @zed = (model => $zed_model->{name}, stream => $true,
    max_completion_tokens => $zed_model->{max_output_tokens},
    temperature => 1);

# client: what it does | path | body | what must come (200, or status and code,
# and the field)
my @rows = (
    ['Continue: chat in the editor', 'chat/completions', {model => 'default',
        messages => [@say], max_tokens => 4096, temperature => 0.5, @usage}],
    ['Continue: agent, tools', 'chat/completions', {model => 'default',
        messages => [@say, round_trip()], tools => [tool('read_file')],
        parallel_tool_calls => $false, max_tokens => 4096, @usage}],
    ['Continue: a picture, small', 'chat/completions', {model => 'eyes',
        messages => [{role => 'user', content => [
            {type => 'text', text => 'What is it?'}, {type => 'image_url',
                image_url => {url => $pixel, detail => 'auto'}}]}], @usage}],
    ['Continue: apply with a prediction', 'chat/completions', {
        model => 'default', messages => [@say], @usage, prediction => {
            type => 'content', content => 'int a;'}}],
    ['Continue: autocomplete', 'completions', {model => 'default',
        prompt => 'int ma', suffix => '}', max_tokens => 256,
        temperature => 0.01, stop => ["\n\n", '/src/'], stream => $true}],
    ['Continue: index', 'embeddings', {model => 'default',
        input => ['int a;', 'int b;']}],
    ['Continue: autocomplete of Codestral', 'fim/completions', {
        model => 'default', prompt => 'int', suffix => '', stream => $true},
        404, 'not_found'],
    ['Continue: reranking', 'rerank', {model => 'default', query => 'a',
        documents => ['b']}, 404, 'not_found'],

    ['Cline: a step', 'chat/completions', {model => 'default',
        messages => [@say], temperature => 0, @usage}],
    ['Cline: a step with native tools', 'chat/completions', {
        model => 'default', messages => [@say, round_trip()],
        temperature => 0, @usage, tool_choice => 'auto',
        tools => [tool('read_file', strict => $false)]}],
    ['Cline: a reasoning model', 'chat/completions', {model => 'default',
        messages => [{role => 'developer', content => 'You code.'}, $say[1]],
        reasoning_effort => 'medium', @usage}],
    ['Cline: parts of text', 'chat/completions', {model => 'default',
        messages => [$say[0], {role => 'user', content => [
            {type => 'text', text => $t->{prompt}},
            {type => 'text', text => '<environment_details>'}]}], @usage}],
    ['Cline: a screen shot, without a bound', 'chat/completions', {
        model => 'default', messages => [{role => 'user', content => [
            {type => 'image_url', image_url => {url => $pixel}}]}], @usage},
        400, 'unbound_content', 'messages[0].content[0].image_url'],

    ['Zed: agent', 'chat/completions', {@zed, messages => [@say],
        stream_options => {include_usage => $true},
        tool_choice => 'auto', tools => [tool('read_file')]}],
    ['Zed: the result of a tool', 'chat/completions', {@zed,
        messages => [@say, round_trip()], tools => [tool('read_file')]}],
    ['Zed: a thought that is sent back', 'chat/completions', {@zed,
        messages => [@say, {role => 'assistant', content => 'a',
            reasoning_content => 'because'}, $say[1]]}],
    ['Zed: inline assistant', 'chat/completions', {@zed,
        messages => [$say[1]], stop => ['<end>']}],
    ['Zed: a key for the cache', 'chat/completions', {@zed,
        messages => [@say], prompt_cache_key => 'thread-1',
        parallel_tool_calls => $false, tools => [tool('read_file')]}],
    ['Zed: chat_completions false', 'responses', {model => 'default',
        input => 'x', stream => $true}, 404, 'not_found'],

    ['Open WebUI: chat', 'chat/completions', {model => 'default',
        messages => [@say], stream => $true}],
    ['Open WebUI: chat, usage on', 'chat/completions', {model => 'default',
        messages => [@say], @usage, temperature => 0.7, top_p => 0.9,
        max_tokens => 500, seed => 1, frequency_penalty => 0,
        presence_penalty => 0, stop => ['END']}],
    ['Open WebUI: title', 'chat/completions', {model => 'default',
        messages => [$say[1]], stream => $false,
        max_completion_tokens => 1000}],
    ['Open WebUI: native tools', 'chat/completions', {model => 'default',
        messages => [@say, round_trip(index => 0)],
        tools => [tool('read_file')], stream => $true}],
    ['Open WebUI: a picture', 'chat/completions', {model => 'eyes',
        messages => [{role => 'user', content => [
            {type => 'text', text => 'What is it?'},
            {type => 'image_url', image_url => {url => $pixel}}]}],
        stream => $true}],
    ['Open WebUI: knowledge', 'embeddings', {model => 'default',
        input => ['a', 'b']}],
    ['Open WebUI: a parameter of Ollama', 'chat/completions', {
        model => 'default', messages => [@say], stream => $true,
        top_k => 40}, 400, 'unknown_field', 'top_k'],
    ['Open WebUI: the same, allowed', 'chat/completions', {model => 'open',
        messages => [@say], stream => $true, top_k => 40}],
    ['Open WebUI: speech', 'audio/speech', {model => 'tts-1', input => 'a',
        voice => 'alloy'}, 404, 'not_found'],

    ['any: a name that is written into it', 'chat/completions', {
        model => 'gpt-4o', messages => [@say], @usage}],
);

for my $row (@rows) {
    my ($name, $path, $body, $status, $code, $field) = @$row;
    my $before = $up->count;
    my $reply = $t->post($key, "/v1/$path", $body);
    is($reply->status, $status // 200, $name) or diag($reply->body);
    if (defined $code) {
        is($reply->code, $code, "... $code");
        is($reply->at('error', 'param'), $field, '... which names the field');
        is($up->count, $before, '... and reached no provider');
        next;
    }
    if ($body->{stream}) {
        my @events = $reply->events;
        is($events[-1], '[DONE]', '... a whole stream');
        my $usages = grep { /"usage":\{/ } @events;
        is($usages, $body->{stream_options} ? 1 : 0,
            '... with usage as it was asked for');
    }
    my $sent = $json->decode($up->last_request->{body});
    is_deeply($sent->{messages}, $body->{messages},
        '... its messages arrive as they were') if $body->{messages};
    is_deeply($sent->{tools}, $body->{tools}, '... and its tools')
        if $body->{tools};
}

# Open WebUI and Continue (AUTODETECT) ask which models there are.
my $reply = $t->get('/v1/models', Asgard::Test::bearer($key));
is($reply->at('object'), 'list', 'the list of models');
is_deeply([grep { !length $_->{id} || $_->{object} ne 'model' }
    @{$reply->at('data')}], [], '... has a name for each');
is_deeply([sort grep { /^(?:default|gpt-4o|one)$/ } map { $_->{id} }
    @{$reply->at('data')}], ['default', 'gpt-4o', 'one'],
    "... the operator's names among them");

# The other settings of the page are of the form that the programs read.
my %webui = snippet('Open WebUI', url => $t->url, key => $key->{key})
    =~ /^(\w+)=(.*)$/mg;
is($webui{OPENAI_API_BASE_URL}, $t->url . '/v1',
    'the settings of Open WebUI name the address');
is($webui{OPENAI_API_KEY}, $key->{key}, '... and the key');

$t->done;
