# An error that stands in the place of a stream's first event is an answer of
# its status: nothing has reached the client, so it is tried elsewhere.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use Test::More;

use Asgard::FakeMessages qw(event raw_stream);
use Asgard::Spool qw(call_of money_of);
use Asgard::Stage;

my $s = Asgard::Stage->new(workers => 1);
my ($first, $second, $claude) = map { $s->upstream($_) }
    qw(first second claude);
my $key = $s->key($s->project(limit => '-'));
my @common = (host => '127.0.0.1', first_byte_timeout_ms => 800,
    idle_timeout_ms => 800);
$s->endpoint(id => 'first', provider => 'first', kind => 'openai-compatible',
    port => $first->port, host_header => 'first.test', @common);
$s->model(route => 'first');
$s->endpoint(id => 'second', provider => 'second', kind => 'openai-compatible',
    port => $second->port, host_header => 'second.test', @common);
$s->model(route => 'second');
$s->endpoint(id => 'claude', provider => 'claude', kind => 'anthropic',
    port => $claude->port, host_header => 'claude.test', @common,
    anthropic_version => '2023-06-01', auth_header => 'x-api-key',
    auth_scheme => '');
$s->model(route => 'claude', paths => {messages => '/v1/messages',
    chat => '/v1/messages'});

sub name {
    my ($name, $candidates, %how) = @_;
    push @{$s->{names}}, {name => $name, candidates => $candidates, groups =>
        [map { {n => 1, retries => 0, allowed_fails => 100, %how} }
            @$candidates]};
}
name('both', [0, 1]);
name('again', [0, 1], retries => 2);
name('alone', [0]);
name('saved', [2, 1]);
push @{$s->{names}}, {name => 'ill', candidates => [0, 1], groups => [{n => 2,
    retries => 0, strategy => 'ordered', allowed_fails => 1,
    cooldown_ms => 60_000}]};
$s->publish;
$s->start;

my $true = JSON::PP::true();
my $cost = 10 * 1000 + 20 * 10000;
my %by = (first => $first, second => $second, claude => $claude);
my %mark;
sub mark { %mark = map { $_ => $by{$_}->count } keys %by }
sub since { join ' ', map { $by{$_}->count - $mark{$_} } @_ }
sub ask {
    my ($model) = @_;
    mark();
    return $s->chat($key, {model => $model, stream => $true});
}
sub error {
    return 'data: {"error":{' . $_[0] . ',"detail":"secret words"}}' . "\n\n";
}
sub is_served {
    my ($reply, $what) = @_;
    is($reply->status, 200, $what);
    like($reply->body, qr/"content":"w1 ".*data: \[DONE\]/s, '... whole');
    unlike($reply->body, qr/error|secret words/, '... without an error');
    is(money_of($s, $reply), "s $cost", '... and paid once');
    return;
}

for my $said ('"code":429', '"code":"503"', '"type":"server_error"',
    '"code":"rate_limit_exceeded"', '"code":"upstream_overloaded"')
{
    $first->script({raw => raw_stream(error($said))});
    is_served(ask('both'), "$said: the next candidate serves");
    is(since('first', 'second'), '1 1', '... after one try');
}

$first->script(map { {raw => raw_stream(error('"code":529'))} } 1 .. 2);
is_served(ask('again'), 'it is tried again like an answer of that status');
is(since('first', 'second'), '3 0', '... as often as its group says');

$claude->script({raw => raw_stream(event({type => 'error', error => {
    type => 'overloaded_error', message => 'secret words'}}))});
is_served(ask('saved'), 'an error of Anthropic\'s: the next one serves');
is(since('claude', 'second'), '1 1', '... after one try');

# Cut into reads, a byte each.
$first->script({one_byte => 1, byte_delay => 0.002,
    raw => raw_stream(error('"code":503'))});
is_served(ask('both'), 'an error that comes byte by byte is one, too');

# With nobody else it is told as an answer of that status is.
for my $case (['"code":400', '400 upstream_rejected'],
    ['"code":"429"', '429 upstream_rate_limited'],
    ['"code":529', '503 upstream_overloaded'],
    ['"code":401', '502 upstream_error'],
    ['"message":"no"', '502 upstream_error'])
{
    my ($said, $told) = @$case;
    $first->script({raw => raw_stream(error($said))});
    my $reply = ask('alone');
    is($reply->status . ' ' . $reply->code, $told, "$said alone is $told");
    unlike($reply->body, qr/secret words/, '... in our words');
    is(money_of($s, $reply), 'v 0', '... and costs nothing');
}
$first->script({raw => raw_stream(error('"code":400'))});
is(ask('both')->status, 400, 'one of the client\'s own is told at once');
is(since('first', 'second'), '1 0', '... and nobody else asked');

# It counts as a failure of its endpoint, though its head said 200.
for (1 .. 2) {
    $first->script({raw => raw_stream(error('"code":503'))});
    is(ask('ill')->status, 200, 'an endpoint that fails so');
}
is(ask('ill')->status, 200, '... more often than it may');
is(since('first', 'second'), '0 1', '... is left alone');

# What may have been work, or was passed on, is not tried again.
my $text = 'data: {"choices":[{"index":0,"delta":{"content":"Hello."}}]}'
    . "\n\n";
for my $case (['behind content', $text . error('"code":503'), 'e'],
    ['with usage', 'data: {"error":{"code":503},"usage":{"prompt_tokens":10,'
        . '"completion_tokens":2}}' . "\n\n", 's'])
{
    my ($what, $sse, $verb) = @$case;
    $first->script({raw => raw_stream($sse)});
    my $reply = ask('both');
    is($reply->status, 200, "an error $what: begun");
    like($reply->body, qr/"code":"upstream_error"/, '... and told as an event');
    is(since('first', 'second'), '1 0', '... to which nobody else is asked');
    is(call_of($s, $reply)->{verb}, $verb, "... and ends as $verb");
}

$s->done;
