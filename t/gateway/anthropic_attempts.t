# A model of kind anthropic among other candidates: each is sent its own body,
# one that cannot be said is passed over; answers that are large, cut, or no
# message; memory that is charged and given back.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use Test::More;

use Asgard::FakeMessages qw(message block start_of raw_stream);
use Asgard::Stage;
use Asgard::Spool qw(money_of);

my $json = JSON::PP->new->utf8->canonical;
my $true = JSON::PP::true();
my $s = Asgard::Stage->new(workers => 1,
    http_conf => 'asgard_body_memory 32m;');
my ($openai, $claude) = map { $s->upstream($_) } qw(openai claude);
my $key = $s->key($s->project(limit => '-'));
my @common = (host => '127.0.0.1', connect_timeout_ms => 400,
    first_byte_timeout_ms => 2000, idle_timeout_ms => 2000);

$s->endpoint(id => 'openai', kind => 'openai-compatible', @common,
    port => $openai->port, host_header => 'openai.test');
$s->model(route => 'openai');
$s->endpoint(id => 'claude', kind => 'anthropic', @common,
    anthropic_version => '2023-06-01', auth_header => 'x-api-key',
    auth_scheme => '', port => $claude->port, host_header => 'claude.test');
$s->model(route => 'claude', paths => {chat => '/v1/messages'});
push @{$s->{names}}, {name => 'both', candidates => [0, 1]},
    {name => 'reverse', candidates => [1, 0]};
$s->publish;
$s->start;

my $cost = 's ' . (10 * 1000 + 20 * 10000);

sub says { message([{type => 'text', text => $_[0]}], 'end_turn') }

# --- from one to the other ---

$openai->script({status => 503});
$claude->script({body => says('from claude')});
my $reply = $s->chat($key, {model => 'both'});
is($reply->at('choices', 0, 'message', 'content'), 'from claude',
    'the next candidate may speak another API');
is($json->decode($claude->last_request->{body})->{messages}[0]{content}[0]
    {type}, 'text', 'and is sent a body of its own');
is(money_of($s, $reply), $cost, 'charged as the one that served');

$claude->script({status => 529});
$reply = $s->chat($key, {model => 'reverse'});
is($reply->status, 200, 'and the other way, when it is overloaded');
is(ref $json->decode($openai->last_request->{body})->{messages}[0]{content},
    '', 'with the body as the client wrote it');

my $before = $claude->count;
$reply = $s->chat($key, {model => 'reverse', n => 2});
is($reply->status, 200, 'what it cannot be asked, another is asked');
is($claude->count, $before, 'without a call to it');

# --- its answers ---

for my $kb (1, 20, 300) {
    my $text = 'x' x ($kb * 1024);
    $claude->script({body => says($text)});
    $reply = $s->chat($key, {model => 'claude'});
    ok($reply->at('choices', 0, 'message', 'content') eq $text,
        "an answer of $kb KiB is whole");
    my $money = money_of($s, $reply);
    is($money, $cost, "$kb KiB: measured") if $kb == 1;
    like($money, qr/^e \d+ bad_usage estimated$/,
        "$kb KiB: more than its tokens can spell") if $kb > 1;
}

my $whole = $json->encode(says('x' x 3000));
$claude->script({raw => "HTTP/1.1 200 OK\r\nContent-Type: application/json"
    . "\r\n\r\n$whole"});
$reply = $s->chat($key, {model => 'claude'});
is($reply->status, 200, 'one that ends with its connection too');
is($s->chat($key, {model => 'openai'})->status, 200,
    'and the next call finds nothing wrong');

$claude->script({raw => "HTTP/1.1 200 OK\r\nContent-Type: application/json"
    . "\r\nContent-Length: 5000\r\n\r\n" . substr $whole, 0, 2000});
is($s->chat($key, {model => 'claude'})->status, 502,
    'one that is cut is an error');

$claude->script({raw => raw_stream(start_of() . block(0,
    {type => 'text', text => ''}, {type => 'text_delta', text => 'cut off'}),
    cut => 1)});
$reply = $s->chat($key, {model => 'claude', stream => $true});
like($reply->body, qr/cut off/, 'a stream that is cut: what came is shown');
unlike($reply->body, qr/\[DONE\]/, 'without a clean end');
like(money_of($s, $reply), qr/^e [1-9]\d* cut/, 'and charged by what came');

# --- memory ---

my $long = 'x' x (12 * 1024 * 1024);
for my $round (1 .. 6) {
    $claude->script({body => says('long')});
    $reply = $s->chat($key, {model => 'claude',
        messages => [{role => 'user', content => $long}]});
    is($reply->status, 200, "round $round: a long prompt and its translation "
        . 'have room');
}
is(length $json->decode($claude->last_request->{body})->{messages}[0]{content}
    [0]{text}, length $long, 'and all of it arrived');
$before = $claude->count;
$reply = $s->chat($key, {model => 'claude',
    messages => [{role => 'user', content => 'x' x (20 * 1024 * 1024)}]});
is($reply->status, 503, 'where there is room for one of the two alone, the '
    . 'call is refused');
is($reply->code, 'overloaded', 'for want of room');
is($claude->count, $before, 'and nobody was called');
is(money_of($s, $reply), 'v 0', 'or charged');

sub fell { [$s->get('/metrics')->body =~ /^asgard_fallback_total (\d+)$/m,
    $s->get('/metrics')->body
    =~ /^asgard_endpoint_failures_total\{endpoint="claude"\} (\d+)$/m] }
my $fell = fell();
$before = $claude->count;
$reply = $s->chat($key, {model => 'reverse',
    messages => [{role => 'user', content => 'x' x (20 * 1024 * 1024)}]});
is($reply->status, 200, 'where another needs no translation, it is asked')
    or diag($reply->body);
is($claude->count, $before, '... alone');
is(money_of($s, $reply), $cost, '... and charged');
is_deeply(fell(), $fell, 'which is no failure of the first, and no fallback');
is($s->chat($key, {model => 'claude'})->status, 200, 'it is called as before');

$s->done;
