# Rows 43-51: models that are not granted, numbers out of range, names by which
# a backend would be led elsewhere, and what is said of the caller.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use Test::More;

use Asgard::Abuse;

my $t = Asgard::Abuse->new;
$t->add_service('other', $t->upstream('main'), models => [
    {ref => 'model:test/two', route => 'two'},
    {ref => 'model:test/public', route => 'public',
        data_classes => '[public]'},
    {ref => 'model:test/lax', route => 'lax',
        allow_fields => '[top_k, extra_body, fallbacks, litellm_metadata]'}]);
$t->start;

my $denied = [qw(rule_id data_class)];      # further members of the error

my $good = $t->chat_body({model => 'one'});

sub sent {
    my ($body, $path) = @_;
    return $t->post($t->{key}, $path // '/v1/chat/completions', $body);
}
sub with { my ($members, $body) = @_; return ($body // $good)
    =~ s/\}$/,$members}/r }
sub text_call {
    my ($members) = @_;
    return qq({"model":"one","prompt":"x",$members});
}
sub seen_body { return JSON::PP::decode_json($_[0]{body}) }

# --- 43 -----------------------------------------------------------------------

my $narrow = $t->key(project => $t->{project}, models => ['model:test/one']);
$t->row(43, 'a model that does not exist, and one that is not granted', sub {
    my @replies = map { $t->refused($t->chat($narrow, {model => $_}), 404,
        'model_not_found', param => 'model') } 'two', 'model:test/two',
        'no-such', 'model:test/no-such', '__proto__', '%s%n', "' OR 1=1--";
    is($_->body, $replies[0]->body, 'in the same bytes') for @replies;
    my $names = sub { join ' ', map { $_->[0] } @{$_[0]{headers}} };
    is($names->($_), $names->($replies[0]), 'and headers') for @replies;
});
$t->row(43, 'the one that is granted', sub {
    $t->served($t->chat($narrow, {model => 'one'}));
});

# --- 44 -----------------------------------------------------------------------

my $secret = $t->project(budget_usd => '1', data_class => 'confidential');
my $secret_key = $t->key(project => $secret);
$t->row(44, 'a class of data that the model is not cleared for', sub {
    $t->refused($t->chat($secret_key, {model => 'public'}), 403,
        'policy_denied', param => 'model', more => $denied);
    $t->refused($t->post($t->{key}, '/api/gateway/chat', with(
        '"data_class":"restricted"')), 403, 'policy_denied',
        param => 'model', more => $denied);
});
$t->row(44, 'a class that is none', sub {
    $t->refused($t->post($t->{key}, '/api/gateway/chat', with(
        qq("data_class":$_))), 400, 'invalid_value', param => 'data_class')
        for '"none"', '""', '["public"]', '1';
    $t->refused(sent(with('"data_class":"public"')), 400, 'unknown_field',
        param => 'data_class');
});

# --- 45 -----------------------------------------------------------------------

for my $name (qw(max_tokens max_completion_tokens)) {
    for my $value (qw(-1 0 1.5 1e309 1e2 -0 9223372036854775808
        18446744073709551617 1000000001), '9' x 400, '"10"', '""', 'true',
        '[10]', '{"a":1}')
    {
        my $shown = length $value > 30 ? '400 digits' : $value;
        $t->row(45, "$name: $shown", sub {
            my $body = $good =~ s/"max_tokens":50/"$name":$value/r;
            $t->refused(sent($body), 400, 'invalid_value', param => $name);
            $t->refused(sent(text_call(qq("$name":$value)),
                '/v1/completions'), 400, 'invalid_value', param => $name);
        });
    }
}
$t->row(45, 'no numbers at all', sub {
    $t->refused(sent($good =~ s/"max_tokens":50/"max_tokens":$_/r), 400,
        'invalid_json') for qw(+5 NaN Infinity .5 5. 1e);
});
$t->row(45, 'both spellings', sub {
    $t->refused(sent($_), 400, 'conflicting_fields',
            param => 'max_completion_tokens')
        for with('"max_completion_tokens":50'),
            with('"max_completion_tokens":60'),
            with('"max_\u0063ompletion_tokens":50');
});
$t->row(45, 'both spellings, one of them null', sub {
    my $seen = $t->served(sent(with('"max_completion_tokens":null')));
    is(seen_body($seen)->{max_tokens}, 50, 'the other one counts');
    ok(!exists seen_body($seen)->{max_completion_tokens}, 'alone');
});

# --- 46, 47, 48 ---------------------------------------------------------------

my $url = '"http://169.254.169.254/latest"';
sub field_row {
    my ($row, $what, $members, $path, %in) = @_;
    $t->row($row, $what, sub {
        for my $model (@{$in{models} // [qw(one lax)]}) {
            $t->refused(sent(with($members, $good =~ s/"one"/"$model"/r)),
                400, 'unknown_field', param => $path);
        }
    });
}
field_row(46, "$_ at the top", qq("$_":$url), $_)
    for qw(api_base base_url api_key api_version);
field_row(46, 'api_base at the top, escaped', qq("api_b\\u0061se":$url),
    'api_base');
for my $case (['completions', '"prompt":"x"'], ['embeddings', '"input":"x"']) {
    my ($route, $members) = @$case;
    $t->row(46, "api_base, $route", sub {
        $t->refused(sent(qq({"model":"one",$members,"api_base":$url}),
            "/v1/$route"), 400, 'unknown_field', param => 'api_base');
    });
}

for my $name (qw(api_base base_url api_key user_config model_list fallbacks
    mock_response extra_headers user_api_key_auth litellm_params))
{
    field_row(47, "$name in metadata", qq("metadata":{"$name":$url}),
        "metadata.$name");
}
for my $name (qw(api_base base_url api_key extra_headers fallbacks
    aws_secret_access_key custom_llm_provider))
{
    field_row(47, "$name in extra_body", qq("extra_body":{"$name":$url}),
        "extra_body.$name");
    field_row(47, "$name in litellm_params",
        qq("litellm_params":{"$name":$url}), "litellm_params.$name");
}
field_row(47, 'api_base deep in extra_body',
    qq("extra_body":{"a":{"b":[{"c":1},{"api_base":$url}]}}),
    'extra_body.a.b[1].api_base');
field_row(47, 'api_base, escaped, in litellm_metadata, which is allowed',
    qq("litellm_metadata":{"\\u0061pi_base":$url}),
    'litellm_metadata.api_base');
$t->row(47, 'in a message and a part of it', sub {
    $t->refused(sent($good =~ s/"role"/"api_base":$url,"role"/r), 400,
        'unknown_field', param => 'messages[0].api_base');
    my $part = qq({"type":"text","text":"x","api_base":$url});
    $t->refused(sent($good =~ s/"content":"[^"]*"/"content":[$part]/r), 400,
        'unknown_field', param => 'messages[0].content[0].api_base');
});

field_row(48, $_, qq("$_":[{"model":"two","api_base":$url}]), $_,
    models => ['one'])
    for qw(fallbacks context_window_fallbacks mock_response
        mock_tool_calls guardrails cache caching num_retries metadata_extra
        proxy_server_request secret_fields
        thinking plugins provider transforms models route web_search_options
        background previous_response_id);
field_row(48, $_, qq("$_":[{"model":"two","api_base":$url}]), $_)
    for qw(user_config model_list extra_headers);

# --- 49 -----------------------------------------------------------------------

my $schema = '{"type":"object","properties":{"api_base":{"type":"string"},'
    . '"api_key":{"default":"x"},"fallbacks":{"items":{"base_url":1}}},'
    . '"required":["api_base"],"user_config":{"model_list":[]}}';
$t->row(49, 'a tool whose parameters have these names', sub {
    my $seen = $t->served(sent(with('"tools":[{"type":"function",'
        . qq("function":{"name":"f","parameters":$schema}}],)
        . '"response_format":{"type":"json_schema","json_schema":'
        . qq({"name":"s","schema":$schema}}))));
    my @places = $seen->{body} =~ /\Q$schema/g;
    is(scalar @places, 2, 'both passed on in the same bytes');
});
$t->row(49, 'arguments of a call that hold them', sub {
    $t->served(sent($good =~ s/"messages":\[/"messages":[{"role":"assistant",
        "tool_calls":[{"id":"c","type":"function","function":{"name":"f",
        "arguments":"{\\"api_base\\":\\"x\\"}"}}]},/r));
});

# --- 50 -----------------------------------------------------------------------

my $spoofed = '"user":"someone-else","safety_identifier":"someone-else",'
    . '"metadata":{"user_id":"someone-else"}';
$t->row(50, 'user and other attribution', sub {
    my $seen = $t->served(sent(with($spoofed)));
    is(seen_body($seen)->{user}, $t->{project}, 'the project is the user');
    unlike($seen->{body}, qr/someone-else/, 'nothing else is said');
});
$t->row(50, 'user: other values', sub {
    $t->refused(sent(with("\"user\":$_")), 400, 'invalid_value',
        param => 'user') for '1', '{"a":1}', '["x"]', '"' . 'u' x 513 . '"';
    my $seen = $t->served(sent(with('"user":null')));
    is(seen_body($seen)->{user}, $t->{project}, 'null says nothing');
});
$t->row(50, 'attribution by headers', sub {
    my $seen = $t->served($t->call(undef, 'OpenAI-Organization', 'someone-else',
        'OpenAI-Project', 'someone-else', 'x-litellm-end-user-id',
        'someone-else', 'x-litellm-tags', 'someone-else'));
    is(seen_body($seen)->{user}, $t->{project}, 'the project is the user');
    unlike(JSON::PP::encode_json($seen->{headers}), qr/someone-else|litellm/,
        'and no header passes');
});

# --- 51 -----------------------------------------------------------------------

for my $options ('{"include_usage":false}', '{}', 'null',
    '{"include_usage":null}', '{"include\u005fusage":false}', undef)
{
    my $what = $options // 'none';
    $t->row(51, "a stream with the options $what", sub {
        my $reply = sent(with('"stream":true'
            . ($options ? qq(,"stream_options":$options) : '')));
        my $seen = $t->served($reply);
        is(seen_body($seen)->{stream_options}{include_usage}, 1,
            'the provider is asked for usage');
        is_deeply([grep { $_->{usage} } $reply->event_objects], [],
            'which the client does not get');
        is(($reply->events)[-1], '[DONE]', 'but a clean end');
    });
}
$t->row(51, 'asked for, it comes', sub {
    my $reply = sent(with('"stream":true,"stream_options":'
        . '{"include_usage":true}'));
    $t->served($reply);
    is(scalar(grep { $_->{usage} } $reply->event_objects), 1,
        'one event of usage');
});
$t->row(51, 'options that are none', sub {
    $t->refused(sent(with('"stream":true,"stream_options":'
        . '{"include_usage":"false"}')), 400, 'invalid_value',
        param => 'stream_options.include_usage');
    $t->refused(sent(with('"stream":true,"stream_options":{"api_base":1}')),
        400, 'unknown_field', param => 'stream_options.api_base');
});

$t->done;
