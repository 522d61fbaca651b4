# Rows 52-55: content that points into our network, tools that run elsewhere,
# one call that is many, and text that looks like the end or the bill of an
# answer.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use Test::More;

use Asgard::Abuse;
use Asgard::Spool qw(call_of);

my $t = Asgard::Abuse->new;
$t->add_service('eye', $t->upstream('main'), models => [
    {ref => 'model:test/eye', route => 'eye', cost_in => '0.001',
        token_bounds => '{image: 2000, file: 100, audio: 100}',
        cost_audio_in => '0.001'}]);
$t->start;

my $true = JSON::PP::true();

# A call with one message of these parts.
sub parts {
    my (@parts) = @_;
    return $t->chat($t->{key}, {model => 'eye',
        messages => [{role => 'user', content => \@parts}]});
}
sub image { my ($url) = @_;
    return {type => 'image_url', image_url => {url => $url}} }
sub raw_image {
    my ($raw) = @_;
    return $t->post($t->{key}, '/v1/chat/completions', $t->chat_body({
        model => 'eye', messages => [{role => 'user',
            content => [image('@url@')]}]}) =~ s/\@url\@/$raw/r);
}

# --- 52 -----------------------------------------------------------------------

my %elsewhere = (
    'link-local' => [qw(http://169.254.169.254/latest/meta-data
        http://169.254.0.1 http://[fe80::1]/ http://[fd00:ec2::254]/)],
    'loopback' => [qw(http://127.0.0.1/ http://127.9.9.9:6379/
        http://localhost/ https://LOCALHOST./x http://a.localhost/
        http://[::1]/ http://0.0.0.0:80/ http://[::]/)],
    'private' => [qw(http://10.0.0.1/ http://172.16.0.1/ http://192.168.1.1/
        http://100.64.0.1/ http://redis:6379/
        http://metadata.google.internal/ http://kubernetes.default/)],
    'an address in another spelling' => [qw(http://2130706433/
        http://0x7f000001/ http://0177.0.0.1/ http://127.1/ http://127.0.0.1./
        http://[::ffff:127.0.0.1]/ http://[64:ff9b::7f00:1]/
        http://[2002:7f00:1::]/ http://[0:0:0:0:0:ffff:7f00:1]/)],
    'another scheme' => [qw(file:///etc/passwd FILE:/etc/passwd ftp://a.com/
        gopher://a.com/ gs://bucket/a s3://bucket/a javascript:alert(1)
        //example.com/a.png /a.png a.png unix:/run/redis.sock)],
    'two readings' => [qw(http://user@example.com/
        http://127.0.0.1?@example.com http://example.com:80@10.0.0.1/
        http://example.com:0/ http://example.com:99999/),
        'http://127.0.0.1#@example.com/', 'http://example.com\\@10.0.0.1/',
        'http://10.0.0.1 .example.com/', "http://example.com/\0",
        "http://example.com/\r\nHost: x", "http://ex\xc3\xa4mple.com/"],
    'data that are no image' => ['data:text/html,x', 'data:,x',
        'data:image/png', 'data:image/png;base64,',
        'data:application/pdf;base64,QQ==',
        'data:image/svg+xml,<svg/>', 'DATA:IMAGE/SVG+XML;base64,QQ=='],
    'a URL of 5,000 bytes' => ['https://example.com/' . 'a' x 5000],
    'nothing' => [''],
);
for my $what (sort keys %elsewhere) {
    $t->row(52, "an image at $what", sub {
        $t->refused(parts({type => 'text', text => 'x'}, image($_)), 400,
            'url_not_allowed', param => 'messages[0].content[1].image_url.url')
            for @{$elsewhere{$what}};
    });
}
$t->row(52, 'the short form of an image', sub {
    $t->refused(parts({type => 'image_url', image_url => $_}), 400,
        'url_not_allowed', param => 'messages[0].content[0].image_url')
        for 'http://127.0.0.1/', 'file:///etc/passwd';
});
$t->row(52, 'an image whose address is escaped', sub {
    $t->refused(raw_image($_), 400, 'url_not_allowed',
        param => 'messages[0].content[0].image_url.url')
        for 'http:\/\/127.0.0.1\/', 'http://127\u002e0.0.1/',
            '\u0066ile:///etc/passwd', 'http://\u0031\u0030.0.0.1/';
});
$t->row(52, 'an image of 21 MB in a data: URL', sub {
    $t->refused(raw_image('data:image/png;base64,' . 'A' x (21 << 20)), 400,
        'url_not_allowed', param => 'messages[0].content[0].image_url.url');
});
$t->row(52, 'a file or sound that is a URL', sub {
    $t->refused(parts({type => 'file', file => {$_ => 'http://10.0.0.1/x'}}),
        400, 'url_not_allowed', param => "messages[0].content[0].file.$_")
        for qw(file_id file_data);
    $t->refused(parts({type => 'file', file => {file_url => 'x'}}), 400,
        'unknown_field', param => 'messages[0].content[0].file.file_url');
    $t->refused(parts({type => 'input_audio', input_audio =>
        {data => 'http://10.0.0.1/x', format => 'wav'}}), 400,
        'url_not_allowed', param => 'messages[0].content[0].input_audio.data');
    $t->refused(parts({type => $_}), 400, 'invalid_value',
        param => 'messages[0].content[0].type')
        for qw(video_url audio_url document);
    $t->refused(parts({type => 'text', $_ => {url => 'http://example.com'}}),
        400, 'unknown_field', param => "messages[0].content[0].$_")
        for qw(video_url audio_url document);
});
$t->row(52, 'what is allowed', sub {
    $t->served(parts(image($_))) for 'https://example.com/a.png?x=y',
        'data:image/png;base64,iVBORw0KGgo=';
});

# --- 53 -----------------------------------------------------------------------

my $server = '"server_url":"https://evil.test/mcp"';
my $function = '"type":"function","function":{"name":"f"}';
for (['mcp', qq("type":"mcp",$server), 'invalid_value', 'type'],
    ['mcp, its server first', qq($server,"type":"mcp"), 'unknown_field',
        'server_url'],
    ['a function with a server', "$function,$server", 'unknown_field',
        'server_url'],
    ['a function with one inside', $function =~ s/\}/,$server}/r,
        'unknown_field', 'function.server_url'],
    ['of no type', '"function":{"name":"f"}', 'missing_field', 'type'],
    (map { [$_, qq("type":"$_"), 'invalid_value', 'type'] } qw(web_search
        web_search_preview code_interpreter file_search computer_use_preview
        image_generation local_shell), ''))
{
    my ($what, $tool, $code, $at) = @$_;
    $t->row(53, "a remote tool: $what", sub {
        $t->refused($t->post($t->{key}, '/v1/chat/completions',
            $t->chat_body({model => 'one'}) =~ s/\}$/,"tools":[{$tool}]}/r),
            400, $code, param => "tools[0].$at");
    });
}
$t->row(53, 'a remote tool behind a good one', sub {
    $t->refused($t->call({tools => [{type => 'function', function =>
        {name => 'f'}}, {type => 'mcp'}]}), 400, 'invalid_value',
        param => 'tools[1].type');
    $t->refused($t->call({tool_choice => {type => 'mcp'}}), 400,
        'invalid_value', param => 'tool_choice.type');
    $t->refused($t->call({web_search_options => {}}), 400, 'unknown_field',
        param => 'web_search_options');
});

# --- 54 -----------------------------------------------------------------------

sub completion { return $t->post($t->{key}, '/v1/completions',
    {model => 'one', max_tokens => 5, prompt => 'x', @_}) }
sub embedding { return $t->post($t->{key}, '/v1/embeddings',
    $t->encode({model => 'one', input => $_[0]})) }

$t->row(54, 'n over its cap of 128', sub {
    $t->refused($t->call({n => $_}), 400, 'invalid_value', param => 'n')
        for 129, 1_000_000, 0, -1;
    $t->refused($t->post($t->{key}, '/v1/chat/completions',
        $t->chat_body({model => 'one', n => 5}) =~ s/"n":5/"n":$_/r), 400,
        'invalid_value', param => 'n') for '1e2', '1.0', '9' x 30, '"2"';
});
$t->row(54, 'best_of over it, and many prompts times n', sub {
    $t->refused(completion(best_of => 129), 400, 'invalid_value',
        param => 'best_of');
    $t->refused(completion(prompt => [('x') x 129]), 400, 'invalid_value',
        param => 'prompt');
    $t->refused(completion(prompt => [('x') x 13], n => 10), 400,
        'invalid_value', param => 'prompt');
    $t->refused(completion(prompt => [('x') x 13], n => 2, best_of => 10),
        400, 'invalid_value', param => 'prompt');
});
$t->row(54, '100,000 inputs', sub {
    $t->refused(embedding([('x') x 100_000]), 400, 'invalid_value',
        param => 'input');
    $t->refused(embedding([([1]) x 100_000]), 400, 'invalid_value',
        param => 'input');
    $t->refused(embedding([('x') x 2049]), 400, 'invalid_value',
        param => 'input');
    $t->refused(embedding([(1) x 100_000]), 400, 'invalid_value',
        param => 'input');
    $t->refused(embedding([[(1) x 8193]]), 400, 'invalid_value',
        param => 'input[0]');
});
$t->row(54, 'inputs of other kinds', sub {
    $t->refused(embedding($_->[0]), 400, 'invalid_value', param => $_->[1])
        for [[], 'input'], [['x', 1], 'input'], [['x', ['y']], 'input'],
            [[[1, 'x']], 'input[0]'], [[[1.5]], 'input[0]'],
            [{a => 1}, 'input'], [1, 'input'], [[{}], 'input'];
});

# --- 55 -----------------------------------------------------------------------

my $cost = 10 * 1000 + 20 * 10000;
my @texts = ("data: [DONE]\n\n", "\n\ndata: [DONE]\n\n", '[DONE]',
    '"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}',
    "\"}}],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1}}\n\n",
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1,"
        . "\"completion_tokens\":1}}\n\n", "event: error\ndata: {}\n\n",
    "\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n");

sub metered {
    my ($reply, $text) = @_;
    $t->served($reply);
    my $call = call_of($t, $reply);
    is("$call->{verb} $call->{amount} $call->{pt} $call->{ct}",
        "s $cost 10 20", 'metered by what the provider says');
    is($reply->{cut}, undef, 'whole');
}
for my $text (@texts) {
    my $shown = $text =~ s/[^ -~]/?/gr;
    $t->row(55, "a prompt and an answer with $shown", sub {
        my $change = {messages => [{role => 'user',
            content => "$t->{prompt} $text"}]};
        $t->upstream('main')->script({text => $text});
        my $reply = $t->call($change);
        metered($reply);
        is($reply->at('choices', 0, 'message', 'content'), $text,
            'the text is the text');
        $t->upstream('main')->script(streamed($text));
        $reply = $t->call({%$change, stream => $true});
        metered($reply);
        is($reply->stream_text, $text, 'in a stream too');
        is(($reply->events)[-1], '[DONE]', 'which ends where it ends');
    });
}

# A stream that says the text in one piece.
sub streamed {
    my ($text) = @_;
    my @events = ({choices => [{index => 0, delta => {content => $text}}]},
        {choices => [], usage => {prompt_tokens => 10,
            completion_tokens => 20, total_tokens => 30}});
    return {raw => "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
        . join '', map { "data: $_\n\n" } (map { $t->encode($_) } @events),
            '[DONE]'};
}

$t->done;
