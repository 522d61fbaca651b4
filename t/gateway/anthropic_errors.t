# The errors of Anthropic's API, a row each: what an OpenAI client is told, and
# what a client of the Messages API is; none costs anything, and no word of the
# provider's comes through.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use Test::More;

use Asgard::FakeMessages qw(message);
use Asgard::Spool qw(call_of money_of);
use Asgard::Stage;

my $json = JSON::PP->new->utf8->canonical;
my $s = Asgard::Stage->new(workers => 1);
$s->allow_alert(qr/answered 40[134]: is its key right/);
my $up = $s->upstream('claude');
my $other = $s->upstream('other');
my @common = (host => '127.0.0.1', connect_timeout_ms => 1000,
    first_byte_timeout_ms => 20_000, idle_timeout_ms => 20_000);
for (['claude', $up], ['other', $other]) {
    my ($name, $fake) = @$_;
    $s->endpoint(id => $name, kind => 'anthropic', provider => $name, @common,
        anthropic_version => '2023-06-01', auth_header => 'x-api-key',
        auth_scheme => '', port => $fake->port, host_header => "$name.test");
    $s->model(route => $name, paths => {chat => '/v1/messages',
        messages => '/v1/messages',
        count_tokens => '/v1/messages/count_tokens'});
}
push @{$s->{names}}, {name => 'both', candidates => [0, 1]};
my $key = $s->key($s->project(limit => '-'));
$s->publish;
$s->start;

sub ask {
    my ($path, $model) = @_;
    return $s->post($key, $path, {model => $model // 'claude',
        max_tokens => 50, messages => [{role => 'user', content => 'Hello'}]});
}

my $no_credit = 'Your credit balance is too low to access the Anthropic API.';
my @rows = (
    # status, its type, its message: OpenAI's status and code; the other's
    [400, 'invalid_request_error', 'max_tokens: secret words',
        '400 upstream_rejected', '400 invalid_request_error'],
    [400, 'invalid_request_error', "$no_credit secret words",
        '502 upstream_error', '502 api_error'],
    [401, 'authentication_error', 'secret words',
        '502 upstream_error', '502 api_error'],
    [402, 'billing_error', 'secret words',
        '502 upstream_error', '502 api_error'],
    [403, 'permission_error', 'secret words',
        '502 upstream_error', '502 api_error'],
    [404, 'not_found_error', 'model: secret words',
        '502 upstream_error', '502 api_error'],
    [409, 'conflict_error', 'secret words',
        '502 upstream_error', '502 api_error'],
    [413, 'request_too_large', 'secret words',
        '400 upstream_rejected', '400 invalid_request_error'],
    [429, 'rate_limit_error', 'secret words',
        '429 upstream_rate_limited', '429 rate_limit_error'],
    [500, 'api_error', 'secret words',
        '502 upstream_error', '502 api_error'],
    [504, 'timeout_error', 'secret words',
        '504 upstream_timeout', '504 timeout_error'],
    [529, 'overloaded_error', 'secret words',
        '503 upstream_overloaded', '529 overloaded_error'],
    # the type counts before the status; without one the status counts
    [500, 'overloaded_error', 'secret words',
        '503 upstream_overloaded', '529 overloaded_error'],
    [529, 'none_such', 'secret words',
        '503 upstream_overloaded', '529 overloaded_error'],
    [418, 'none_such', 'secret words',
        '502 upstream_error', '502 api_error'],
);
for my $row (@rows) {
    my ($status, $type, $message, $openai, $messages) = @$row;
    my $name = "$status $type";
    my %script = (status => $status,
        headers => {'Retry-After' => 7, 'X-Request-Id' => ''},
        body => {type => 'error', error => {type => $type,
            message => $message}, request_id => "req_$status"});
    for my $path ('/v1/chat/completions', '/v1/messages') {
        $up->script({%script});
        my $reply = ask($path);
        my $chat = $path =~ /chat/;
        is($reply->status . ' ' . $reply->at('error', $chat ? 'code' : 'type'),
            $chat ? $openai : $messages, "$name on $path");
        is($reply->at('error', 'code'), ($openai =~ / (.*)/)[0],
            "$name on $path: the code is the same") if !$chat;
        unlike($reply->body . $reply->{head}, qr/secret words|claude\.test/,
            "$name on $path: in our words");
        is($reply->header('retry-after'),
            $openai =~ /^429|overloaded/ ? 7 : undef,
            "$name on $path: when to come again");
        is($reply->header('x-should-retry'),
            $openai =~ /^429|overloaded/ || $status >= 500 ? undef : 'false',
            "$name on $path: whether to");
        is(money_of($s, $reply), 'v 0', "$name on $path: it is free");
        is(call_of($s, $reply)->{rid}, "req_$status",
            "$name on $path: the ledger knows its request id");
    }
}

# --- bodies that say nothing ---

for my $case (['no JSON', {status => 529, body => '<html>secret words</html>'}],
    ['another type of content', {raw => "HTTP/1.1 529 X\r\nContent-Type: "
        . "text/html\r\nContent-Length: 2\r\n\r\nno"}],
    ['a body without end', {raw => "HTTP/1.1 529 X\r\nContent-Type: "
        . "application/json\r\n\r\n{\"x\":\"" . 'x' x 100_000}],
    ['a body that stops', {raw => "HTTP/1.1 529 X\r\nContent-Type: "
        . "application/json\r\nContent-Length: 900\r\n\r\n{\"type\":",
        stay => 15}],
    ['a body that is coded', {raw => "HTTP/1.1 529 X\r\nContent-Type: "
        . "application/json\r\nContent-Encoding: gzip\r\nContent-Length: 2"
        . "\r\n\r\n{}"}])
{
    $up->script($case->[1]);
    my $reply = ask('/v1/messages');
    is($reply->status . ' ' . $reply->at('error', 'code'),
        '529 upstream_overloaded', "$case->[0]: the status counts");
    is(money_of($s, $reply), 'v 0', "$case->[0]: and it is free");
}

# --- the next candidate ---

for my $path ('/v1/messages', '/v1/messages/count_tokens') {
    my $count = $path =~ /count/;
    $up->script({status => 529, body => {type => 'error', error => {
        type => 'overloaded_error', message => 'secret words'}}});
    $other->script({body => $count ? '{"input_tokens":3}'
        : message([{type => 'text', text => 'from the other'}], 'end_turn')});
    my $reply = $s->post($key, $path, {model => 'both',
        $count ? () : (max_tokens => 50),
        messages => [{role => 'user', content => 'Hello'}]});
    is($reply->status, 200, "$path: the next candidate is asked");
    like($reply->body, $count ? qr/:3\}/ : qr/from the other/, 'and answers');
    is($json->decode($other->last_request->{body})->{model}, 'other',
        'under its own name');
}

# --- a provider that is silent, where nothing is charged ---

$up->script({raw => ''});
$other->script({body => '{"input_tokens":3}'});
my $reply = $s->post($key, '/v1/messages/count_tokens', {model => 'both',
    messages => [{role => 'user', content => 'Hello'}]});
is($reply->body, '{"input_tokens":3}',
    'counting goes on at another without a hold');
$up->script({raw => ''});
$reply = $s->post($key, '/v1/messages/count_tokens', {model => 'claude',
    messages => [{role => 'user', content => 'Hello'}]});
is($reply->status . ' ' . $reply->at('error', 'type'), '502 api_error',
    'and ends as an error where there is none');

$s->done;
