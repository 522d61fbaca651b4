#!/usr/bin/env perl
# The official SDKs of OpenAI, Python and Node, work with a model of kind
# anthropic: chat, streams, tools there and back, images, errors.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use Test::More;

use Asgard::FakeMessages qw(message block start_of end_of raw_stream);
use Asgard::Sdk;
use Asgard::Test;

my $json = JSON::PP->new->utf8;
my @programs = map { [Asgard::Sdk::program("claude.$_")] } qw(py cjs);
my $t = Asgard::Test->new(workers => 1);
my $up = $t->upstream('claude', prompt_tokens => 10, completion_tokens => 20);
$t->add_service('claude', $up, kind => 'anthropic', models => [{
    ref => 'model:test/claude', route => 'claude',
    token_bounds => '{image: 1000}'}]);
$t->start;
my $project = $t->project(budget_usd => '5');
my $sdk = bless {test => $t, keys => {good => $t->key(project => $project)},
    projects => {poor => $project}}, 'Asgard::Sdk';

sub says { {body => message([{type => 'text', text => $_[0]}], 'end_turn')} }

my $text = block(0, {type => 'text', text => ''},
    map { {type => 'text_delta', text => $_} } 'Let ', 'me look.');
my $arguments = "{\"city\": \"Z\x{fc}rich \\\"x\\\"\\n\"}";
my $call = block(1, {type => 'tool_use', id => 'toolu_1', name => 'weather',
    input => {}}, map { {type => 'input_json_delta', partial_json => $_} }
    $arguments =~ /(.{1,4})/gs);
my @script = (says('Bonjour.'),
    {raw => raw_stream(start_of() . $text . end_of('end_turn'))},
    {raw => raw_stream(start_of() . $text . $call . end_of('tool_use'))},
    says('Sunny.'), says('A dot.'), {status => 529});

for my $program (@programs) {
    my $before = $up->count;
    $up->script(@script);
    $sdk->checks(@$program);

    my @seen = map { $json->decode($_->{body}) } $up->books;
    splice @seen, 0, $before;
    is(scalar(@seen), 6, 'what cannot be asked never left');
    is($seen[0]{metadata}{user_id}, $project, 'each call is the project\'s');
    is_deeply($seen[3]{messages}[2], {role => 'user', content => [
        {type => 'tool_result', tool_use_id => 'toolu_1', content => [
            {type => 'text', text => '18 C'}]}]}, 'the tool\'s answer arrived');
    is_deeply($seen[4]{messages}[0]{content}[1], {type => 'image', source => {
        type => 'base64', media_type => 'image/png', data => 'iVBORw0KGgo='}},
        'and the image');
}

$t->done;
