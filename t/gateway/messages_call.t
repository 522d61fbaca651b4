# A program speaks Anthropic's Messages API: what arrives is what it sent but
# for the model, the project and the key; what comes back too; and it costs what
# the usage says, whole or as a stream, however that is cut.
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
    inference => {anthropic_beta => '[first-beta, second-beta]'},
    models => [{ref => 'model:test/claude', route => 'claude',
        aliases => '[claude-sonnet-4-5]', served => 'claude-served',
        cost_in => '0.003', cost_out => '0.015', cost_cached => '0.0003',
        cost_cache_write => '0.00375', cost_cache_write_1h => '0.006',
        max_output_tokens => 1000, token_bounds => '{image: 1000}'}]);
my $openai = $t->upstream('openai');
$t->add_model($openai, ref => 'model:test/gpt', route => 'gpt');
$t->start;
my $project = $t->project(budget_usd => '5');
my $key = $t->key(project => $project);

sub arrived { return $json->decode($up->last_request->{body}) }
sub header { return Asgard::FakeUpstream->header_of($up->last_request, $_[0]) }

my $n = 0;
sub cost_of_next {
    my @entries = $t->wait_ledger($project, ++$n);
    return $entries[-1]{cost_usd};
}

my %least = (model => 'claude', max_tokens => 100,
    messages => [{role => 'user', content => 'Hello'}]);
sub ask {
    my ($change, @headers) = @_;
    return $t->post(undef, '/v1/messages', {%least, %{$change // {}}},
        'x-api-key', $key->{key}, @headers);
}

# --- JSON ---

my $schema = {type => 'object', properties => {api_base => {type => 'string'}}};
my %said = (model => 'claude', max_tokens => 100,
    system => [{type => 'text', text => 'Be brief.',
        cache_control => {type => 'ephemeral', ttl => '1h'}}],
    messages => [
        {role => 'user', content => [
            {type => 'text', text => "Z\x{fc}rich?"},
            {type => 'image', source => {type => 'base64',
                media_type => 'image/png', data => 'iVBORw0KGgo='}}]},
        {role => 'assistant', content => [
            {type => 'thinking', thinking => 'Hm.', signature => 'c2ln'},
            {type => 'tool_use', id => 'toolu_1', name => 'weather',
                input => {api_base => 'Bern'}}]},
        {role => 'user', content => [{type => 'tool_result',
            tool_use_id => 'toolu_1', content => [
                {type => 'text', text => '18 C'}]}]}],
    tools => [{name => 'weather', description => 'tells it',
        input_schema => $schema, cache_control => {type => 'ephemeral'}}],
    tool_choice => {type => 'auto', disable_parallel_tool_use => $true},
    thinking => {type => 'enabled', budget_tokens => 50},
    stop_sequences => ['END'], temperature => 1, top_k => 5,
    service_tier => 'standard_only');
$up->script({prompt_tokens => 140, completion_tokens => 20,
    headers => {'request-id' => 'req_upstream_1'},
    body => message([{type => 'text', text => 'Bonjour.'}], 'end_turn',
        cache_read_input_tokens => 100, cache_creation_input_tokens => 30,
        cache_creation => {ephemeral_5m_input_tokens => 20,
            ephemeral_1h_input_tokens => 10})});
my $reply = $t->post(undef, '/v1/messages', {%said,
    metadata => {user_id => 'mallory'}}, 'x-api-key', $key->{key},
    'anthropic-version', '2024-01-02', 'x-asgard-trace-id', 'tr_mine');
is($reply->status, 200, 'a call is answered');
is($reply->at('content', 0, 'text'), 'Bonjour.', 'in the API\'s own words');
is($reply->at('model'), 'claude', 'under the name that was asked for');
is($reply->at('usage', 'cache_read_input_tokens'), 100, 'with its usage');
is($reply->header('request-id'), 'tr_mine',
    'the trace id is the request id of Anthropic\'s libraries');
unlike($reply->{head} . $reply->body, qr/claude-served/,
    'nothing tells what served it');
is($up->last_request->{path}, '/v1/messages', 'the Messages API was called');
is(header('x-api-key'), $secret, 'with the provider\'s key');
is(header('authorization'), undef, 'and no other');
is(header('anthropic-version'), '2024-01-02', 'and the client\'s version');
is_deeply(arrived(), {%said, model => 'claude-served',
    metadata => {user_id => $project}},
    'the body is the client\'s but for the model and the project');
# 10 x 3000 + 100 x 300 + 20 x 3750 + 10 x 6000 + 20 x 15000 nano-USD
is(cost_of_next(), '0.000495', 'each kind of token costs what its price says');
like($reply->header('x-asgard-cost-usd'), qr/^0\.000495/, 'as it is told');

sub says { {body => message([{type => 'text', text => 'Hi.'}], 'end_turn')} }

# Tools that the provider knows and the client runs.
my @typed = ({type => 'bash_20250124', name => 'bash'},
    {type => 'text_editor_20250728', name => 'str_replace_based_edit_tool',
        max_characters => 5000},
    {type => 'computer_20250124', name => 'computer', display_width_px => 1024,
        display_height_px => 768, display_number => 1},
    {type => 'memory_20250818', name => 'memory',
        cache_control => {type => 'ephemeral'}});
my @done = ({role => 'user', content => 'ls'}, {role => 'assistant',
        content => [{type => 'tool_use', id => 'toolu_2', name => 'bash',
            input => {command => 'ls'}}]},
    {role => 'user', content => [{type => 'tool_result',
        tool_use_id => 'toolu_2', content => 'a.txt'}]});
$up->script(says());
is(ask({tools => \@typed, messages => \@done})->status, 200,
    'tools of the provider\'s types are passed');
is_deeply(arrived()->{tools}, \@typed, 'unchanged');
is_deeply(arrived()->{messages}, \@done, 'with what they gave');
$n++;
my $held = $t->key(project => $t->project(budget_usd => '0.02'));
for my $case ([[@typed[0 .. 1]], 429], [[], 200]) {
    $up->script(says()) if $case->[1] == 200;
    is($t->post($held, '/v1/messages', {%least, tools => $case->[0]})->status,
        $case->[1], scalar(@{$case->[0]}) . ' of them are held by their bound');
}
for my $type (qw(web_search_20250305 code_execution_20250522 web_fetch_20250910
    tool_search_tool_bm25_20251119 bash_1)) {
    my $before = $up->count;
    my $refused = ask({tools => [{type => $type, name => 'x'}]});
    is(join(' ', $refused->status, $refused->at('error', 'param') // '',
        $up->count - $before), '400 tools[0].type 0',
        "$type, which the provider runs and bills by the use, is refused");
}

my $text = " {\"messages\" :[ {\"role\":\"user\",\"content\":\"\\u0041\"}],\n"
    . "\"max_tokens\":\t100, \"metadata\":{\"user_id\":\"x\"},"
    . '"model":"claude"}';
$up->script(says());
is($t->post($key, '/v1/messages', $text)->status, 200,
    'a bearer is taken too');
is($up->last_request->{body}, $text =~ s/"claude"/"claude-served"/r
    =~ s/"x"/"$project"/r, 'and the text of the body is not written anew');
is(cost_of_next(), '0.00033', 'without a cache the usage is two numbers');

for my $case (['no version', []], ['a version that is none',
    ['anthropic-version', "2023-06-01, 'x'"]])
{
    $up->script(says());
    ask({}, @{$case->[1]});
    is(header('anthropic-version'), '2023-06-01', "$case->[0]: ours is sent");
    $n++;
}
for my $case (['', undef], ['none-such', undef],
    ['second-beta, none-such,first-beta,second-beta',
        'second-beta,first-beta'])
{
    $up->script(says());
    ask({}, 'anthropic-beta', $case->[0]);
    is(header('anthropic-beta'), $case->[1],
        "betas of \"$case->[0]\": those that the service allows");
    $n++;
}
$up->script(says());
ask({}, 'anthropic-beta', 'second-beta', 'anthropic-beta', 'none-such',
    'Anthropic-Beta', 'first-beta, second-beta');
is(header('anthropic-beta'), 'second-beta,first-beta',
    'all its lines are one list');
$n++;
$up->script(says());
is($t->post(undef, '/v1/messages?beta=true', \%least, 'x-api-key',
    $key->{key})->status, 200, 'the query of the libraries\' betas is taken');
is($up->last_request->{path}, '/v1/messages', 'and goes no further');
$n++;

$up->script(says());
$reply = ask({model => 'claude-sonnet-4-5', max_tokens => 9999});
is($reply->at('model'), 'claude-sonnet-4-5', 'an alias is a name like another');
is(arrived()->{max_tokens}, 1000, 'above the model\'s limit the limit is sent');
is(cost_of_next(), '0.00033', 'and the bill is the model\'s');

# --- streams ---

my $stream = start_of(cache_read_input_tokens => 100)
    . block(0, {type => 'thinking', thinking => '', signature => ''},
        {type => 'thinking_delta', thinking => 'Hm.'},
        {type => 'signature_delta', signature => 'c2ln'})
    . event({type => 'ping'})
    . block(1, {type => 'text', text => ''},
        map { {type => 'text_delta', text => $_} } 'Let ', "me l\x{f6}\x{f6}k.")
    . block(2, {type => 'tool_use', id => 'toolu_1', name => 'weather',
        input => {}}, map { {type => 'input_json_delta', partial_json => $_} }
        '{"city": ', '"Z', '"}')
    . end_of('tool_use');
my $shown = $stream =~ s/claude-served/claude/r;
for my $how ('whole', 'a byte at a time') {
    $up->script({prompt_tokens => 110, completion_tokens => 20,
        raw => raw_stream($stream), one_byte => $how eq 'whole' ? 0 : 1});
    $reply = ask({stream => $true});
    is($reply->header('content-type'), 'text/event-stream',
        "a stream that comes $how: it is one");
    is($reply->body, $shown, "$how: it is passed on as it came, but for the "
        . 'model');
    # 10 x 3000 + 100 x 300 + 20 x 15000
    is(cost_of_next(), '0.00036', "$how: usage in two parts is one bill");
}
is(arrived()->{stream_options}, undef, 'nothing of OpenAI\'s is added');

# --- what is counted ---

$up->script({body => '{"input_tokens":14}'});
my %count = (%least, system => 'Be brief.');
delete $count{max_tokens};
$reply = $t->post(undef, '/v1/messages/count_tokens', \%count,
    'x-api-key', $key->{key});
is($reply->body, '{"input_tokens":14}', 'tokens are counted');
is($up->last_request->{path}, '/v1/messages/count_tokens', 'by the provider');
is_deeply(arrived(), {%count, model => 'claude-served'},
    'of the client\'s body, and its model');
is($reply->header('x-asgard-cost-usd'), undef, 'it has no cost');
my $poor = $t->key(project => $t->project(budget_usd => '0'));
$up->script({body => '{"input_tokens":14}'});
is($t->post($poor, '/v1/messages/count_tokens', \%count)->status, 200,
    'and needs no budget');
my $metrics = $t->get('/metrics')->body;
like($metrics, qr/^asgard_unpaid_calls_total 2$/m, 'it is counted');
is($t->post($poor, '/v1/messages', \%least)->status, 429,
    'where a call does not fit');

# --- models that speak another API ---

my $before = $up->count + $openai->count;
for my $path ('/v1/messages', '/v1/messages/count_tokens') {
    $reply = $t->post($key, $path,
        {$path =~ /count/ ? %count : %least, model => 'gpt'});
    is($reply->status . ' ' . $reply->at('error', 'code'),
        '404 api_not_supported', "$path: a model without that API is told");
    is($reply->at('error', 'type'), 'not_found_error',
        "$path: in Anthropic's words");
}
is($up->count + $openai->count, $before, 'and nobody was called');

my @entries = $t->wait_ledger($project, $n);
is(scalar(@entries), $n, 'each call is in the ledger once');
$t->done;
