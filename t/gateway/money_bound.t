#!/usr/bin/env perl
# What nobody gave a bound is refused by name, what has one is held, and how
# much of the holds was used is a metric.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use Test::More;

use Asgard::Stage;

my $s = Asgard::Stage->new(workers => 2);
my $up = $s->upstream('main', prompt_tokens => 10, completion_tokens => 10);
$s->endpoint(kind => 'openai-compatible', host => '127.0.0.1',
    port => $up->port, host_header => '127.0.0.1');
$s->model(route => 'bare');
$s->model(route => 'sees', card => {image_tokens => 100});
$s->model(route => 'hears', card => {audio_tokens => 500,
    audio_in_pusd => 40_000_000});
$s->model(route => 'tools', card => {toolset_tokens => 1000,
    value_tokens => 10});
$s->model(route => 'thinks', card => {reasoning_tokens => 700});
$s->model(route => 'dear', default_max_tokens => 50,
    card => {out_pusd => 1_000_000_000});
$s->model(route => 'long', default_max_tokens => 4000);
push @{$s->{names}}, {name => 'either', alias => 1, candidates => [0, 1]},
    {name => 'mixed', alias => 1, candidates => [5, 6]};
my $project = $s->project(limit => '-');
my $key = $s->key($project);
$s->start;

sub part { return (messages => [{role => 'user', content => [
    {type => 'text', text => 'see'}, {type => $_[0], @_}]}]) }

my @image = part(image_url => {url => 'https://example.com/a.png'});
my @audio = part(input_audio => {data => 'QUJD', format => 'wav'});
my @file = part(file => {file_id => 'file-1'});

sub refused {
    my ($param, $what, @body) = @_;
    my $reply = $s->chat($key, {@body});
    is(Asgard::Stage::verdict($reply), '400 unbound_content', $what);
    is($reply->at('error', 'param'), $param, '  … by its place');
}

refused('messages[0].content[1].image_url',
    'an image that the model has no bound for is refused',
    model => 'bare', @image);
refused('messages[0].content[1].file',
    'a file, which may have a thousand pages', model => 'sees', @file);
refused('messages[0].content[1].input_audio', 'audio', model => 'sees',
    @audio);
refused('modalities[0]', 'an answer in audio, whose price nobody said',
    model => 'hears', modalities => ['audio'], @audio);
is_deeply([$up->books], [], 'and none of them was sent');

is($s->chat($key, {model => 'either', @image})->status, 200,
    'a candidate that has no bound for it is passed over');

my $seen = 1;

# What was held, above what is held for the same bytes without the part.
sub held {
    my ($what, %body) = @_;
    is($s->chat($key, {max_tokens => 10, %body})->status, 200, $what);
    my @lines = split /\n/, $s->{gateway}->spool;
    is(scalar @lines, ++$seen, '  … and has its line');
    return JSON::PP::decode_json($lines[-1])->{held};
}

# 1,000 nano-USD a byte; the dearest input price where it is audio.
my $plain = held('a plain call', model => 'sees');
my $small = held('an image of few bytes', model => 'sees',
    part(image_url => {url => 'data:image/png;base64,QUJD'}));
my $large = held('an image of many bytes', model => 'sees',
    part(image_url => {url => 'data:image/png;base64,' . 'QUJD' x 10_000}));
is($large, $small, 'an image is held by its bound, not by its bytes');
cmp_ok($small, '>', $plain + 100 * 1000, 'which is held indeed');
cmp_ok(held('audio', model => 'hears', @audio), '>', 500 * 40_000,
    'audio is held at its own price');

my $guess = held('a call that predicts its answer', model => 'sees',
    prediction => {type => 'content', content => 'y' x 500});
cmp_ok($guess, '>', $plain + 500 * (1000 + 10_000),
    'a wrong guess is held as input and as output');
my @three = (model => 'sees', n => 3,
    prediction => {type => 'content', content => 'y' x 500});
cmp_ok(held('and three answers of it', @three), '>',
    $plain + 500 * (1000 + 3 * 10_000), 'for each answer');

my $one = held('a call', model => 'tools');
my $with = held('a call with a tool', model => 'tools', tools => [{
    type => 'function', function => {name => 'f', parameters => {
    type => 'object', enum => [(1) x 1000]}}}]);
cmp_ok($with, '>', $one + (1000 + 1000 * (2 + 10)) * 1000,
    'a tool is held with what its backend says of tools, and a schema with '
    . 'the space between its values');
my $calls = held('a history of calls', model => 'tools', messages => [
    {role => 'user', content => 'x'},
    {role => 'assistant', content => undef, tool_calls => [({}) x 50]}]);
cmp_ok($calls, '>', 50 * 64 * 1000, 'each call of a tool is held as one');

is(held('reasoning', model => 'thinks') - held('none', model => 'tools'),
    2 * 1000 * -1 + 700 * 10_000 + (length('thinks') - length('tools') + 2)
    * 1000, 'reasoning that an answer has beside its limit is held too');

# --- the limit

$up->script({completion_tokens => 50});
my $mixed = held('a dear model of short answers before a cheap one of long',
    model => 'mixed', max_tokens => undef);
is(JSON::PP::decode_json($up->last_request->{body})->{max_tokens}, 50,
    'each is sent the limit that was held for with it');
cmp_ok($mixed, '>=', 50 * 1_000_000, 'which the hold covers');

# --- the share that was used

my $text = $s->get('/metrics')->body;
my %bucket = $text =~ /^asgard_hold_used_ratio_bucket\{le="([^"]+)"\} (\d+)$/mg;
is_deeply([sort keys %bucket], [sort qw(0.01 0.02 0.05 0.1 0.2 0.5 1 +Inf)],
    'the share of a hold that was used is a histogram');

sub shares {
    my (%n, $cost, $held);
    for (split /\n/, $s->{gateway}->spool) {
        my $line = JSON::PP::decode_json($_);
        next if $line->{verb} ne 's';
        $cost += $line->{amount};
        $held += $line->{held};
        for my $end (qw(0.01 0.02 0.05 0.1 0.2 0.5 1)) {
            $n{$end}++ if $line->{amount} <= $end * $line->{held};
        }
        $n{'+Inf'}++;
    }
    return ({map { ($_ => $n{$_} // 0) } keys %bucket}, $cost, $held);
}

my ($buckets, $cost, $held) = shares();
is_deeply({map { ($_ => 0 + $bucket{$_}) } keys %bucket}, $buckets,
    'each measured call stands in its bucket and in those above');
is($s->metric('asgard_hold_used_ratio_count'), $seen, 'and is counted');
is($s->metric('asgard_measured_cost_nusd_total'), $cost,
    'what they cost is there to the nano-dollar');
is($s->metric('asgard_measured_held_nusd_total'), $held,
    'and what was held for them');

$up->script({completion_tokens => 3000, prompt_tokens => 10,
    text => 'x' x 3000});
$s->chat($key, {model => 'sees', max_tokens => 10});
$text = $s->get('/metrics')->body;
like($text, qr/_bucket\{le="\+Inf"\} @{[$seen + 1]}$/m,
    'a call above its hold');
like($text, qr/_bucket\{le="1"\} $seen$/m, 'stands above 1');
$up->script({usage => 'none'});
$s->chat($key, {model => 'sees'});
$up->script({status => 500});
$s->chat($key, {model => 'sees'});
is($s->metric('asgard_hold_used_ratio_count'), $seen + 1,
    'an estimate and a void say nothing of it');

$s->done;
