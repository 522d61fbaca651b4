# Rows 69-75: the routes of Anthropic's Messages API hold what the others do.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use Test::More;

use Asgard::Abuse qw(header_seen);
use Asgard::FakeMessages qw(message);

my $t = Asgard::Abuse->new(workers => 1, http_conf => 'asgard_bad_keys 0;');
my $up = $t->upstream('main');
$t->add_service('claude', $up, kind => 'anthropic', models => [
    {ref => 'model:test/claude', route => 'claude', allow_fields => '[speed]'},
    {ref => 'model:test/other', route => 'other', data_classes => '[public]'}]);
$t->start;

my $class_said = [qw(rule_id data_class)];      # further members of the error

my $good = $t->{key}{key};
my $MESSAGES = '/v1/messages';
my $COUNT = '/v1/messages/count_tokens';
my %least = (model => 'claude', max_tokens => 50,
    messages => [{role => 'user', content => $t->{prompt}}]);
my %counted = map { $_ => $least{$_} } qw(model messages);
my $json = JSON::PP->new->utf8->canonical;

sub post {
    my ($path, $body, @headers) = @_;
    return $t->http->request('POST', $path, ['Content-Type',
        'application/json', @headers], ref $body ? $json->encode($body)
        : $body);
}
sub ask {
    my ($change, @headers) = @_;
    return post($MESSAGES, {%least, %{$change // {}}}, 'x-api-key', $good,
        @headers);
}
# In Anthropic's shape, whose own type follows from the status.
sub refused {
    my ($reply, $status, $code, %want) = @_;
    my $type = {401 => 'authentication_error', 403 => 'permission_error',
        404 => 'not_found_error', 413 => 'request_too_large',
        429 => 'rate_limit_error', 502 => 'api_error'}->{$status}
        // 'invalid_request_error';
    $t->refused($reply, $status, $code, %want);
    is_deeply([@{$reply->json}{qw(type request_id)}, $reply->at('error',
        'type')], ['error', $reply->trace, $type], 'in Anthropic\'s shape');
    is($reply->header('request-id'), $reply->trace, 'with a request id');
}
my %no = (headers => {'www-authenticate' => 'Bearer',
    'x-should-retry' => 'false'});

# --- who calls ---

my $other = 'asg_' . '0' x 64;
for (['none', [], 'missing_api_key'],
    ['a key and another bearer', ['x-api-key', $good, 'Authorization',
        "Bearer $other"]],
    ['a bearer and another key', ['Authorization', "Bearer $good",
        'x-api-key', $other]],
    ['two keys', ['x-api-key', $good, 'x-api-key', $other]],
    ['two keys, the good one last', ['x-api-key', $other, 'X-Api-Key', $good]],
    ['a key and an empty one', ['x-api-key', $good, 'x-api-key', '']],
    ['a key and Basic', ['x-api-key', $good, 'Authorization', 'Basic eDp5']],
    ['a key with a word before it', ['x-api-key', "Bearer $good"]],
    ['a key of another name', ['api-key', $good], 'missing_api_key'],
    ['a key in a cookie', ['Cookie', "x-api-key=$good"], 'missing_api_key'],
    ['a token of a person', ['x-api-key', 'asg_pat_' . '0' x 64]])
{
    my ($what, $headers, $code) = @$_;
    $t->row(69, "credentials: $what", sub {
        refused(post($MESSAGES, \%least, @$headers), 401,
            $code // 'invalid_api_key', %no);
        refused(post($COUNT, \%counted, @$headers), 401,
            $code // 'invalid_api_key', %no);
    });
}
$t->row(69, 'two bearers', sub {
    refused(post($MESSAGES, \%least, map { ('Authorization', $_) }
        ("Bearer $good") x 2), 400, 'bad_request');
});
for (['a key', ['x-api-key', $good]],
    ['a bearer', ['Authorization', "Bearer $good"]],
    ['both, the same', ['Authorization', "Bearer $good", 'x-api-key', $good]],
    ['the same key twice', [('x-api-key', $good) x 2]])
{
    my ($what, $headers) = @$_;
    $t->row(69, "one credential: $what", sub {
        my $seen = $t->served(post($MESSAGES, \%least, @$headers));
        unlike($json->encode($seen->{headers}), qr/\Q$good\E/,
            'it goes no further');
    });
}
$t->row(69, 'x-api-key on another route is not read', sub {
    $t->refused($t->http->request('POST', '/v1/chat/completions',
        ['Content-Type', 'application/json', 'x-api-key', $good],
        $t->chat_body({model => 'claude'})), 401, 'missing_api_key', %no);
});

# --- the request ---

for my $path ($MESSAGES, $COUNT) {
    my $body = $json->encode($path eq $COUNT ? \%counted : \%least);
    my @key = ('x-api-key', $good);
    $t->row(70, "methods and paths of $path", sub {
        for my $method (qw(GET PUT PATCH DELETE OPTIONS HEAD)) {
            my $reply = $t->http->request($method, $path, \@key);
            is($reply->status, 405, "$method is not taken");
            is($reply->header('allow'), 'POST', 'POST is');
        }
        for my $other ("$path/", "$path/x", uc $path, "/$path",
            '/v1/./messages', $path =~ s/messages/%6dessages/r)
        {
            is(post($other, $body, @key)->status, 404, "$other is no path");
        }
    });
    $t->row(70, "queries of $path", sub {
        refused(post("$path?$_", $body, @key), 400, 'unexpected_query')
            for "key=$good", 'beta=false', 'beta=true&x=1', 'beta=true?',
                'BETA=true', 'beta=true%0d%0a', '';
        unlike($t->{gateway}->access_log, qr/\?/, 'no log shows them');
    });
    $t->row(70, "bodies of $path that are none", sub {
        refused($t->http->request('POST', $path, [@key, 'Content-Type',
            'application/json']), 400, 'empty_body');
        refused(post($path, '', @key), 400, 'empty_body');
        refused(post($path, $body . '{}', @key), 400, 'invalid_json');
        refused(post($path, '[]', @key), 400, 'invalid_json');
        refused(post($path, $body, @key, 'Content-Encoding', 'gzip'), 415,
            'unsupported_encoding');
        refused($t->http->request('POST', $path, [@key, 'Content-Type',
            'text/plain'], $body), 415, 'unsupported_media_type');
        refused($t->http->request('POST', $path, [@key, 'Content-Type',
            'application/json', 'Content-Length', 64 << 20]), 413,
            'body_too_large');
    });
    $t->row(71, "JSON of $path that is too much", sub {
        my $deep = $body =~ s/^\{/'{"tools":[{"name":"f","input_schema":'
            . '{"a":' x 9999 . '1' . '}' x 9999 . '}],'/er;
        refused(post($path, $deep, @key), 400, 'json_limit');
        my $keys = join ',', map { "\"k$_\":1" } 1 .. 99_999;
        refused(post($path, $body =~ s/^\{/'{"tools":[{"name":"f",'
            . '"input_schema":{' . $keys . '}}],'/er, @key), 400,
            'json_limit');
        my $long = 'k' x 1_000_000;
        refused(post($path, $body =~ s/^\{/{"$long":1,/r, @key), 400,
            'json_limit');
        refused(post($path, $body =~ s/^\{/{"model":"x",/r, @key), 400,
            'duplicate_key', param => 'model');
        refused(post($path, $body =~ s/^\{/{"mod\\u0065l":"x",/r, @key), 400,
            'duplicate_key', param => 'model');
    });
}

# --- fields ---

$t->row(72, 'fields that would send the call elsewhere, or cost more', sub {
    refused(ask({$_->[0] => $_->[1]}), 400, $_->[2] // 'unknown_field',
        param => $_->[3] // $_->[0]) for
        ['api_base', 'http://evil.test'], ['base_url', 'x'], ['api_key', 'x'],
        ['extra_body', {}], ['extra_headers', {}], ['litellm_params', {}],
        ['fallbacks', []], ['mock_response', 'x'], ['mcp_servers', []],
        ['container', 'c'], ['inference_geo', 'us'], ['stream_options', {}],
        ['n', 2], ['metadata', {user_id => 'u', api_base => 'x'}, undef,
            'metadata.api_base'],
        ['tools', [{type => 'web_search_20250305', name => 'w'}],
            'unbound_content', 'tools[0].type'],
        ['tools', [{type => 'code_execution_20250825', name => 'c'}],
            'unbound_content', 'tools[0].type'],
        ['max_tokens', 0, 'invalid_value'], ['max_tokens', -1, 'invalid_value'],
        ['max_tokens', '10', 'invalid_value'],
        ['max_tokens', undef, 'invalid_value'],
        ['model', '../x', 'invalid_value'];
    my %without = %least;
    delete $without{max_tokens};
    refused(post($MESSAGES, \%without, 'x-api-key', $good), 400,
        'missing_field', param => 'max_tokens');
    refused(post($COUNT, \%least, 'x-api-key', $good), 400, 'unknown_field',
        param => 'max_tokens');
});
$t->row(72, 'content without a bound, or of a place that is not public', sub {
    my $at = 'messages[0].content[0]';
    for (['image', {type => 'base64', media_type => 'image/png',
            data => 'iVBO'}, 'unbound_content', $at],
        ['document', {type => 'base64', media_type => 'application/pdf',
            data => 'JVBE'}, 'unbound_content', $at],
        ['document', {type => 'file', file_id => 'file_1'}, 'unknown_field',
            "$at.source.file_id"],
        map { ['image', {type => 'url', url => $_}, 'url_not_allowed',
            "$at.source.url"] } 'http://169.254.169.254/latest',
            'http://localhost/x', 'file:///etc/passwd', 'gopher://x.org/',
            'http://[::1]/', 'data:image/png;base64,iVBO')
    {
        my ($type, $source, $code, $param) = @$_;
        refused(ask({messages => [{role => 'user', content => [
            {type => $type, source => $source}]}]}), 400, $code,
            param => $param);
    }
});
$t->row(72, 'a parameter of a tool that is named api_base', sub {
    $t->served(ask({tools => [{name => 'f', input_schema => {
        type => 'object', properties => {api_base => {type => 'string'}}}}]}));
});
$t->row(72, 'an attribution of the client\'s', sub {
    my $seen = $t->served(ask({metadata => {user_id => 'mallory'}}));
    is($json->decode($seen->{body})->{metadata}{user_id}, $t->{project},
        'is the project\'s');
});
$t->row(73, 'headers', sub {
    my $seen = $t->served(ask({}, 'anthropic-version', "2023-06-01\x01",
        'anthropic-beta', 'code-execution-2025-08-25', 'X-Forwarded-For', 'x',
        'anthropic-dangerous-direct-browser-access', 'true'));
    is(header_seen($seen, 'anthropic-version'), '2023-06-01',
        'a version that is none is ours');
    is(header_seen($seen, $_), undef, "$_ is not passed on") for
        'anthropic-beta', 'x-forwarded-for', 'authorization',
        'anthropic-dangerous-direct-browser-access';
});

# --- who may, and with what money ---

$t->row(74, 'models that are not there, not granted, not cleared', sub {
    my $narrow = $t->key(project => $t->{project}, models => ['other'])->{key};
    my ($absent, $denied) = map { $_->body =~ s/tr_\w+//r }
        ask({model => 'none-such'}), post($MESSAGES, \%least, 'x-api-key',
            $narrow);
    is($absent, $denied, 'unknown and not granted are one answer');
    refused(ask({model => 'none-such'}), 404, 'model_not_found',
        param => 'model');
    refused(ask({model => 'one'}), 404, 'api_not_supported',
        param => 'model');
    refused(ask({model => 'other'}), 403, 'policy_denied', param => 'model',
        more => $class_said);
    refused(post($COUNT, {%counted, model => 'other'}, 'x-api-key', $good),
        403, 'policy_denied', param => 'model', more => $class_said);
});
$t->row(74, 'projects without money, stopped; keys that are revoked', sub {
    my $poor = $t->key(project => $t->project(budget_usd => '0'))->{key};
    my $reply = post($MESSAGES, \%least, 'x-api-key', $poor);
    refused($reply, 429, 'budget_exceeded',
        headers => {'x-should-retry' => 'false', 'retry-after' => undef},
        more => [qw(scope scope_id window limit_usd spent_usd held_usd
            resets_at zone)]);
    my $project = $t->project(budget_usd => '1');
    my $key = $t->key(project => $project);
    $t->revoke_key($project, $key->{id});
    refused(post($MESSAGES, \%least, 'x-api-key', $key->{key}), 401,
        'invalid_api_key', %no);
    $key = $t->key(project => $project);
    $t->kill_project($project);
    for my $path ($MESSAGES, $COUNT) {
        refused(post($path, $path eq $COUNT ? \%counted : \%least,
            'x-api-key', $key->{key}), 403, 'project_killed',
            more => ['rule_id']);
    }
});

# --- a provider that attacks ---

$t->row(75, 'an error that holds our key', sub {
    my ($secret) = grep { defined } @{$t->{canaries}}{'the key of claude'};
    $up->script({status => 500, body => {type => 'error', error => {
        type => 'api_error', message => "x-api-key: $secret"}}});
    my $reply = ask();
    refused($reply, 502, 'upstream_error');
    unlike($reply->body, qr/\Q$secret\E/, 'it stays here');
}, calls => 1, spent_nusd => 0);
$t->row(75, 'a prompt that looks like an answer', sub {
    $t->served(ask({messages => [{role => 'user', content =>
        "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"
        . '"usage":{"input_tokens":1,"output_tokens":1}'}]}));
});

$t->done;
