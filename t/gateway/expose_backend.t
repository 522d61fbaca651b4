# An answer does not tell which provider it is from.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use Test::More;

use Asgard::Spool qw(call_of money_of);
use Asgard::Stage;

my $true = JSON::PP::true();
my %tells = (system_fingerprint => 'fp_secret', provider => 'Secret',
    x_groq => {id => 'req_secret'}, prompt_filter_results => [{a => 'secret'}],
    provider_specific_fields => {a => 'secret'}, nvext => {a => 'secret'},
    kv_transfer_params => {a => 'secret'}, timings => {secret => 1.5});
my %stays = (service_tier => 'default', citations => ['https://source.test/'],
    new_feature => {a => [1]});
my $tool = {id => 'toolu_01', type => 'function', function => {name => 'f',
    arguments => '{}'}};
my $json = JSON::PP->new->canonical;

sub answer {
    my ($object, $choice, %with) = @_;
    return {id => 'theirs-1', object => $object, created => 1_763_719_200,
        model => 'served', choices => [{index => 0, %$choice}], %tells, %stays,
        %with};
}
my %usage = (usage => {prompt_tokens => 10, completion_tokens => 20,
    total_tokens => 30});
my $whole = answer('chat.completion', {message => {role => 'assistant',
    content => 'Hello.', tool_calls => [$tool]}, finish_reason => 'stop'},
    %usage);
my $stream = join '', map { 'data: ' . (ref ? $json->encode($_) : $_) . "\n\n" }
    (map { answer('chat.completion.chunk', {delta => {content => "w$_ "}}) }
        1 .. 4),
    answer('chat.completion.chunk', {delta => {tool_calls => [$tool]}}),
    {%{answer('chat.completion.chunk', {}, %usage)}, choices => []}, '[DONE]';

my $s = Asgard::Stage->new(workers => 1);
my $up = $s->upstream('main');
my $key = $s->key($s->project(limit => '-'));
$s->endpoint(kind => 'openai-compatible', host => '127.0.0.1',
    port => $up->port, host_header => 'provider.test');
$s->model(route => 'one');
$s->publish;
$s->start;

sub streamed {
    $up->script({raw => "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream"
        . "\r\nContent-Length: " . length($stream) . "\r\n\r\n$stream"});
    return $s->chat($key, {model => 'one', stream => $true,
        stream_options => {include_usage => $true}});
}

$up->script({body => $whole});
my $reply = $s->chat($key, {model => 'one'});
my $id = 'chatcmpl-' . $reply->trace;
is($reply->at('id'), $id, 'an answer has an id of ours');
is($reply->at('model'), 'one', '... and the name that was asked for');
ok(!exists $reply->json->{$_}, "$_ is left out") for sort keys %tells;
is_deeply($reply->json->{$_}, $stays{$_}, "$_ stays") for sort keys %stays;
is($reply->at('choices', 0, 'message', 'tool_calls', 0, 'id'), 'toolu_01',
    'a tool call keeps its id');
unlike($reply->body, qr/secret|theirs/i, 'nothing else tells');
is(money_of($s, $reply), 's ' . (10 * 1000 + 20 * 10000),
    'it is metered all the same');

for my $case (['/api/gateway/chat', 'chatcmpl-', messages => [{role => 'user',
    content => 'Hi'}]], ['/v1/completions', 'cmpl-', prompt => 'Hi'])
{
    my ($path, $prefix, @ask) = @$case;
    $up->script({body => $whole});
    $reply = $s->post($key, $path, {model => 'one', max_tokens => 50, @ask});
    is($reply->at('id'), $prefix . $reply->trace, "$path: likewise");
}
$up->script({body => {%$whole, object => 'list', data => []}});
$reply = $s->post($key, '/v1/embeddings', {model => 'one', input => 'Hi'});
is($reply->at('id'), 'embd-' . $reply->trace, '/v1/embeddings: likewise');

$reply = streamed();
$id = 'chatcmpl-' . $reply->trace;
my @events = $reply->event_objects;
is(scalar @events, 6, 'all events of a stream come');
is(scalar(grep { $_->{id} eq $id } @events), 6,
    '... each with the same id');
unlike($reply->body, qr/secret|theirs|fingerprint/i,
    '... and tell nothing');
is_deeply([map { $_->{new_feature} } @events],
    [($stays{new_feature}) x 6], '... and keep what is not known');
like($reply->body, qr/"toolu_01".*data: \[DONE\]\n\n\z/s, '... to the end');
is(call_of($s, $reply)->{rid}, 'theirs-1',
    'the witness has the id of the provider');
$s->done;
