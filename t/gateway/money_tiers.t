#!/usr/bin/env perl
# Each kind of token is charged at its own price, and a long prompt at the
# prices of long prompts; what was held covers it.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use Test::More;

use Asgard::Test;

my $t = Asgard::Test->new(workers => 2);
my $up = $t->upstream('main');
$t->add_model($up, ref => 'model:test/one', route => 'one',
    cost_in => '0.001', cost_out => '0.01', cost_cached => '0.0001',
    cost_cache_write => '0.00125', cost_cache_write_1h => '0.002',
    cost_audio_in => '0.04', cost_audio_out => '0.08',
    context_window => 100_000, max_output_tokens => 4000,
    token_bounds => '{audio: 9000}',
    long_context => '{above_tokens: 2000, cost_in: 0.002, cost_out: 0.015,'
        . ' cost_cached: 0.0002}');
$t->start;
my $project = $t->project(budget_usd => '100');
my $key = $t->key(project => $project);

my $calls = 0;

# What the call cost and what was held for it.
sub charged {
    my ($usage, %body) = @_;
    $up->script({usage => $usage});
    is($t->chat($key, {model => 'one', max_tokens => 100, %body})->status,
        200, 'a call is answered');
    my @entries = $t->wait_ledger($project, ++$calls);
    is(scalar @entries, $calls, '  … and stands in the ledger');
    my ($line) = grep { /"pt":$usage->{prompt_tokens},/ }
        split /\n/, $t->{gateway}->spool;
    my $told = JSON::PP::decode_json($line);
    cmp_ok($told->{amount}, '<=', $told->{held}, '  … within its hold');
    return $told->{amount};
}

sub usage {
    my ($prompt, $completion, %more) = @_;
    return {prompt_tokens => $prompt, completion_tokens => $completion,
        total_tokens => $prompt + $completion, %more};
}

is(charged(usage(10, 20)), 10 * 1000 + 20 * 10_000,
    'a short prompt has the prices of short ones');
my $long = 'x' x 2100;
my @messages = (messages => [{role => 'user', content => $long}]);
is(charged(usage(2000, 20), @messages), 2000 * 1000 + 20 * 10_000,
    'at the threshold too');
is(charged(usage(2001, 20), @messages), 2001 * 2000 + 20 * 15_000,
    'above it the whole call has the others, its answer included');
is(charged(usage(2002, 20, prompt_tokens_details => {cached_tokens => 1000}),
        @messages), 1002 * 2000 + 1000 * 200 + 20 * 15_000,
    'and so has what came from the cache');

is(charged(usage(101, 1, cache_creation_input_tokens => 50,
        cache_creation => {ephemeral_5m_input_tokens => 30,
            ephemeral_1h_input_tokens => 20})),
    51 * 1000 + 30 * 1250 + 20 * 2000 + 10_000,
    'a cache write that is kept for an hour has its price');
is(charged(usage(102, 1, cache_creation_input_tokens => 50)),
    52 * 1000 + 50 * 2000 + 10_000,
    'writes that are not told apart are charged at the dearer price');

my @audio = (messages => [{role => 'user', content => [{type => 'input_audio',
    input_audio => {data => 'QUJD', format => 'wav'}}]}],
    modalities => ['text', 'audio'], audio => {voice => 'alloy',
    format => 'wav'});
is(charged(usage(110, 60, prompt_tokens_details => {audio_tokens => 100},
        completion_tokens_details => {audio_tokens => 50}), @audio),
    10 * 1000 + 100 * 40_000 + 10 * 10_000 + 50 * 80_000,
    'audio has its prices on both sides');
is(charged(usage(111, 60, prompt_tokens_details => {audio_tokens => 100,
        cached_tokens => 61}), @audio),
    100 * 40_000 + 11 * 100 + 60 * 10_000,
    'a token that is audio and cached is charged as audio, once');

my ($entry) = grep { $_->{detail}{pt} == 101 } map {
    {detail => JSON::PP::decode_json($_->[0])} } $t->{postgres}->rows(
    "SELECT detail FROM ledger WHERE detail->>'pt' = '101'");
is($entry->{detail}{cwh}, 20, 'the ledger knows which writes were for an hour');

# Beside `done`, which prices every entry anew: what was changed is found.
$t->{postgres}->rows(q[UPDATE ledger SET detail = jsonb_set(detail, '{pt}',
    '2000') WHERE detail->>'pt' = '2001' RETURNING 1]);
my ($status, $out) = $t->{control}->run('audit', 'money');
is($status, 1, 'an audit finds a call that was charged by the wrong tier');
like($out, qr/M7 hold \w+: charged 4302000, its card says 2200000/,
    '  … and says what its card says');
$t->{postgres}->rows(q[UPDATE ledger SET detail = jsonb_set(detail, '{pt}',
    '2001') WHERE detail->>'pt' = '2000' AND delta_nano = 4302000
    RETURNING 1]);

$t->done;
