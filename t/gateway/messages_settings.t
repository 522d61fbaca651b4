# What a manifest says of the Messages API: which models have it, by which
# paths; what the echo answers to it; and how much such a call holds.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use Test::More;

use Asgard::Spool qw(call_of);
use Asgard::Test;

my $json = JSON::PP->new->utf8->canonical;
my $true = JSON::PP::true();
my $t = Asgard::Test->new(workers => 1);
my $up = $t->upstream('main');
my %price = (cost_in => '0.003', cost_out => '0.015', cost_cached => '0.0003',
    cost_cache_write => '0.00375');
$t->add_service('whole', $up, kind => 'anthropic', models => [
    {%price, ref => 'model:test/both', route => 'both',
        cost_cache_write_1h => '0.006', token_bounds => '{image: 1000}'},
    {%price, ref => 'model:test/brief', route => 'brief'},
    {%price, ref => 'model:test/chat', route => 'chat', apis => '[chat]'},
    {%price, ref => 'model:test/own', route => 'own', apis => '[messages]',
        send_user => 'false'}]);
$t->add_service('part', $up, kind => 'anthropic',
    inference => {chat_path => '/anthropic/v1/messages',
        count_tokens_path => 'null', query => 'v=1'},
    models => [{%price, ref => 'model:test/part', route => 'part'}]);
$t->start;
my $project = $t->project(budget_usd => '5');
my $key = $t->key(project => $project);

my @hello = (messages => [{role => 'user', content => 'Hello'}]);
sub ask {
    my ($model, %more) = @_;
    return $t->post($key, '/v1/messages',
        {model => $model, max_tokens => 100, @hello, %more});
}
sub count { $t->post($key, '/v1/messages/count_tokens',
    {model => $_[0], @hello}) }
sub status { join ' ', $_[0]->status, $_[0]->at('error', 'code') // () }

# --- which models have it ---

is(status(ask('both')), 200, 'a model of the kind anthropic has it');
is(status($t->chat($key, {model => 'own'})), '404 api_not_supported',
    'one may have it alone');
is(status(ask('chat')), '404 api_not_supported', 'or not have it');
is(status(count('chat')), '404 api_not_supported',
    'then its tokens are not counted either');
is(status(ask('own')), 200, 'one without a user is answered');
is($json->decode($up->last_request->{body})->{metadata}, undef,
    'and not told whose call it is');
is(status(ask('part')), 200, 'a path of its own is taken');
is($up->last_request->{path}, '/v1/anthropic/v1/messages?v=1',
    'with its query');
is(status(count('part')), '404 api_not_supported',
    'a service may not count tokens');
$up->script({body => '{"input_tokens":1}'});
is(status(count('own')), 200, 'another does');

# --- the hold: all of the prompt at the dearest price of input, and all of the
# output, thoughts among it ---

sub tokens_held {
    my ($model, $nano, %more) = @_;
    my $reply = ask($model, %more);
    is($reply->status, 200, "$model is answered");
    my $tokens = (call_of($t, $reply)->{held} - 100 * 15_000) / $nano;
    is($tokens, int $tokens, "$model: held at $nano nano-USD a token");
    return $tokens;
}

my $cached = {type => 'ephemeral', ttl => '1h'};
my $plain = tokens_held('both', 6000);
cmp_ok($plain, '>', length $json->encode({model => 'both', max_tokens => 100,
    @hello}), 'a token for each byte, and more');
is(tokens_held('part', 3750), $plain,
    'where an hour costs no more, at the price for five minutes');
cmp_ok(tokens_held('both', 6000, cache_control => $cached), '>', $plain,
    'what is to be cached is held like the rest');
cmp_ok(tokens_held('both', 6000, tools => [{name => 'f', input_schema => {}}]),
    '>', $plain + 50, 'tools add to it');
my $image = {type => 'image', source => {type => 'base64',
    media_type => 'image/png', data => 'A' x 6000}};
my $seen = tokens_held('both', 6000, messages => [{role => 'user',
    content => [$image]}]);
cmp_ok($seen, '>', $plain + 1000, 'an image by its bound');
cmp_ok($seen, '<', $plain + 1500, 'and not by its bytes');
is(tokens_held('both', 6000, thinking => {type => 'enabled',
    budget_tokens => 99}) > $plain, 1, 'thoughts are within the output');

# --- the echo ---

my $reply = ask('echo', max_tokens => 3);
is($reply->at('content', 0, 'text'), 'Hello',
    'the echo answers in those words');
is($reply->at('model'), 'echo', 'under its name');
is_deeply($reply->at('usage'), {input_tokens => 2, output_tokens => 2},
    'with its usage');
is($reply->at('stop_reason'), 'end_turn', 'and its end');
is(ask('echo', max_tokens => 1)->at('stop_reason'), 'max_tokens',
    'also at its limit');
is(count('echo')->body, '{"input_tokens":2}', 'it counts tokens');
$reply = ask('echo:chunks=3', stream => $true);
my @events = $reply->event_objects;
is(join(' ', map { $_->{type} } @events), 'message_start content_block_start '
    . 'content_block_delta content_block_delta content_block_delta '
    . 'content_block_stop message_delta message_stop', 'it streams');
is(join('', map { $_->{delta}{text} // '' } @events), 'Hello', 'its words');
is($events[0]{message}{model}, 'echo:chunks=3', 'under the name asked for');
is(status(ask('echo:status=503')), '502 upstream_error', 'it can fail');
for my $how ('usage=none', 'usage=bad') {
    is(status(ask("echo:$how")), 200, "with $how it answers");
    like(ask("echo:$how", stream => $true)->body, qr/message_stop/,
        "and streams");
}

my @entries = $t->wait_ledger($project, 16);
is(scalar(@entries), 16, 'each call is in the ledger');
is(scalar(grep { $_->{cost_usd} == 0 } @entries), 0, 'and none was free');
$t->done;
