# What a model says is looked at too: noted as it passes, or redacted or refused
# where that is asked for, whole or as a stream, however that is cut; and it
# costs what it costs.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use Test::More;

use Asgard::FakeMessages qw(event block start_of end_of raw_stream);
use Asgard::Files qw(wait_until);
use Asgard::OneModel qw(one_model_stage);
use Asgard::Spool qw(money_of);
use Asgard::Stage;

my ($s, $up, $project, $key) = one_model_stage();
my $true = JSON::PP::true();
my $json = JSON::PP->new->canonical;
my $aws = 'AKIA' . 'IOSFODNN7EXAMPLE';
my $cost = 's 210000';

sub metric { my ($rule, $action) = @_;
    my ($n) = $s->get('/metrics')->body =~ /^asgard_guardrail_calls_total
        \{in="answer",rule="$rule",action="$action"\}\s(\d+)$/mx;
    return $n }
sub told { my ($text, $path, %more) = @_;
    $up->script({text => $text});
    return $s->post($key, $path // '/v1/chat/completions', {model => 'one',
        max_tokens => 50, messages => [{role => 'user', content => 'hi'}],
        %more}) }
sub delta { return 'data: ' . $json->encode({id => 'c', model => 'hidden',
    choices => [{index => 0, delta => $_[0]}]}) . "\n\n" }
sub said { return delta({content => $_[0]}) }
my $usage = 'data: {"id":"c","model":"hidden","choices":[],"usage":'
    . '{"prompt_tokens":10,"completion_tokens":20}}' . "\n\n";
sub streamed { my ($events, %how) = @_;
    $up->script({raw => raw_stream("$events${usage}data: [DONE]\n\n"), %how});
    return $s->chat($key, {model => 'one', stream => $true}) }
sub restart_with { my ($line) = @_;
    my ($old) = $s->{gateway}->workers;
    $s->{gateway}->write_conf(http_conf => $line);
    $s->{gateway}->reload;
    return wait_until(sub { !grep { $_ == $old } $s->{gateway}->workers }, 10)
}

# --- flagged, unless said otherwise ---

my $reply = told("it is $aws");
is($reply->at('choices', 0, 'message', 'content'), "it is $aws",
    'an answer passes as it is');
is(metric('secret-aws-access-key', 'flag'), 1, '  … and what it has is noted');
$reply = told("it is $aws", '/api/gateway/chat');
is_deeply($reply->at('guardrail_verdicts'), [{
    rule_id => 'secret-aws-access-key', category => 'secret',
    action => 'flag', matches => 1, in => 'answer'}],
    '  … in the verdicts of /api/gateway/chat too');
my $events = said('it is ' . substr $aws, 0, 9) . said(substr $aws, 9);
$reply = streamed($events);
is($reply->stream_text, "it is $aws", 'a stream passes as it is');
is(metric('secret-aws-access-key', 'flag'), 3,
    '  … and what stands in two events is noted');

$up->script({raw => "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
    . "\r\n" . said('Hello'), stay => 1});
my ($http, $begun) = $s->chat_start($key, {model => 'one', stream => $true});
like($http->read_piece($begun), qr/Hello/, '  … each event at once');
$http->abort;

# --- redacted ---

restart_with('asgard_guardrails_answers pii-email=redact '
    . 'secret-aws-access-key=block secret-github-pat=allow;');

$reply = told('write to jane@example.com, now');
is($reply->at('choices', 0, 'message', 'content'),
    'write to [REDACTED:pii-email], now', 'an answer can be redacted');
is($reply->at('model'), 'one', '  … and has the name that was asked for');
is(money_of($s, $reply), $cost, '  … at the same cost');
is(metric('pii-email', 'redact'), 1, '  … and is counted');
$reply = told('jane@example.com', '/api/gateway/chat');
is($reply->at('content'), '[REDACTED:pii-email]',
    '  … in /api/gateway/chat too');
is($reply->at('guardrail_verdicts', 0, 'action'), 'redact',
    '  … which says so');

my $mail = said('to ja') . said('ne@exam') . said('ple.com') . said(' now');
for my $how (['at once'], ['a byte at a time', one_byte => 1]) {
    my ($name, @how) = @$how;
    $reply = streamed($mail, @how);
    is($reply->stream_text, 'to [REDACTED:pii-email] now',
        "a stream that comes $name is redacted over its events");
    is(money_of($s, $reply), $cost, '  … at the same cost');
}
$reply = streamed(delta({tool_calls => [{index => 0, function => {
        arguments => '{"to":"jane@ex'}}]})
    . delta({tool_calls => [{index => 0, function => {
        arguments => 'ample.com"}'}}]}));
is(join('', map { $_->{choices}[0]{delta}{tool_calls}[0]{function}{arguments}
        // '' } grep { @{$_->{choices}} } $reply->event_objects),
    '{"to":"[REDACTED:pii-email]"}', 'arguments of tools too, which stay JSON');

# --- refused ---

my $before = $up->count;
$reply = told("it is $aws");
is(Asgard::Stage::verdict($reply), '400 guardrail_blocked',
    'an answer can be refused');
is($reply->at('error', 'rule_id'), 'secret-aws-access-key',
    '  … by the rule that is named');
unlike($reply->body, qr/$aws/, '  … without what it said');
is($reply->header('x-asgard-cost-usd'), '0.00021', '  … and has its cost');
is(money_of($s, $reply), $cost, '  … which is settled');
is($up->count, $before + 1, '  … and no other is asked');

$reply = streamed($events . said(' more'));
is($reply->status, 200, 'a stream is refused');
unlike($reply->body, qr/AKIA|more|DONE/, '  … before any of it comes out');
my ($last) = reverse $reply->event_objects;
is($last->{error}{code}, 'guardrail_blocked', '  … by an error at its end');
is(money_of($s, $reply), $cost, '  … and costs what it costs');

# --- however a stream ends, what waited comes out ---

sub ended { my ($how, $sse) = @_;
    my $head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n";
    return "${head}Connection: close\r\n\r\n$sse" if $how eq 'close';
    return "${head}Content-Length: " . length($sse) . "\r\n\r\n$sse"
        if $how eq 'length';
    return raw_stream($sse, cut => $how eq 'cut') }
sub ends_by { my ($how, @texts) = @_;
    $up->script({raw => ended($how, join '', map { said($_) } @texts)});
    return $s->chat($key, {model => 'one', stream => $true}) }

for my $how (qw(close length chunks cut)) {
    $reply = ends_by($how, 'hello', ' world');
    is($reply->stream_text, 'hello world',
        "a stream without [DONE] that ends by $how is whole");
    is(!!$reply->{cut}, $how eq 'cut', '  … and told as it was');
    $reply = ends_by($how, 'to jane@exam', 'ple.com');
    is($reply->stream_text, 'to [REDACTED:pii-email]', '  … it is redacted');
    $reply = ends_by($how, 'it is ' . substr($aws, 0, 9), substr $aws, 9);
    ($last) = reverse $reply->event_objects;
    is($last->{error}{code}, 'guardrail_blocked', '  … or refused');
    unlike($reply->body, qr/AKIA/, '  … before any of it comes out');
}

$up->script({raw => ended('close', said('hello') . substr said(' world'), 0,
    -1)});
$reply = $s->chat($key, {model => 'one', stream => $true});
is($reply->stream_text, 'hello world',
    'the last event may have no blank line behind it');

$s->endpoint(id => 'claude', kind => 'anthropic', host => '127.0.0.1',
    port => $up->port, host_header => '127.0.0.1',
    anthropic_version => '2023-06-01', auth_header => 'x-api-key',
    auth_scheme => '');
$s->model(route => 'claude', paths => {messages => '/v1/messages'});
$s->wait_version($s->publish);
sub messages { my ($text) = @_;
    my $sse = start_of() . block(0, {type => 'text', text => ''},
        {type => 'text_delta', text => $text}) . end_of('end_turn');
    $up->script({raw => ended('close', substr $sse, 0, -1)});
    return $s->post($key, '/v1/messages', {model => 'claude',
        max_tokens => 50, stream => $true,
        messages => [{role => 'user', content => 'Hi'}]}) }
$reply = messages('Hello world');
is(join(' ', map { $_->{type} } $reply->event_objects), 'message_start '
    . 'content_block_start content_block_delta content_block_stop '
    . 'message_delta message_stop', 'a stream of messages too');
like($reply->body, qr/Hello world/, '  … with its text');
$reply = messages("it is $aws");
($last) = reverse $reply->event_objects;
is($last->{error}{code}, 'guardrail_blocked', '  … or an error at its end');
is(money_of($s, $reply), $cost, '  … which costs what it costs');

# --- monitor ---

restart_with('asgard_guardrails monitor; '
    . 'asgard_guardrails_answers secret-aws-access-key=block;');
$before = metric('secret-aws-access-key', 'flag');
is(told("it is $aws")->status, 200, 'in monitor mode answers pass');
is(metric('secret-aws-access-key', 'flag'), $before + 1,
    '  … and are noted');

$s->done;
