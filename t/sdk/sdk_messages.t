#!/usr/bin/env perl
# Anthropic's official SDKs, Python and Node, work through Asgard: messages,
# streams, tools there and back, images, counting, errors of each class.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use Test::More;

use Asgard::FakeMessages qw(message event block start_of end_of raw_stream);
use Asgard::FakeUpstream;
use Asgard::Sdk;
use Asgard::Test;

my $json = JSON::PP->new->utf8;
my @programs = map { [Asgard::Sdk::program("messages.$_")] } qw(py cjs);

my $t = Asgard::Test->new(workers => 1);
my $up = $t->upstream('claude', prompt_tokens => 10, completion_tokens => 20);
$t->add_service('claude', $up, kind => 'anthropic',
    inference => {anthropic_beta => '[first-beta]'}, models => [{
        ref => 'model:test/claude', route => 'claude',
        token_bounds => '{image: 1000}'}]);
$t->add_model($t->upstream('gpt'), ref => 'model:test/gpt', route => 'gpt');
$t->start;
my $sdk = bless {test => $t}, 'Asgard::Sdk';
$sdk->make_keys;

sub says { {body => message([{type => 'text', text => $_[0]}], 'end_turn')} }
sub error {
    my ($status, $type) = @_;
    return {status => $status, body => {type => 'error', error => {
        type => $type, message => 'secret words'}}};
}

my $text = block(0, {type => 'text', text => ''},
    map { {type => 'text_delta', text => $_} } 'Let ', 'me look.');
my $arguments = "{\"city\": \"Z\x{fc}rich \\\"x\\\"\\n\"}";
my $call = block(1, {type => 'tool_use', id => 'toolu_1', name => 'weather',
    input => {}}, map { {type => 'input_json_delta', partial_json => $_} }
    $arguments =~ /(.{1,4})/gs);
my @script = (says('Bonjour.'), says('Bonjour.'),
    {raw => raw_stream(start_of() . $text . end_of('end_turn'))},
    {raw => raw_stream(start_of() . $text . $call . end_of('tool_use'))},
    says('Sunny.'), says('A dot.'), {body => '{"input_tokens":14}'},
    says('Bonjour.'),
    {raw => raw_stream(start_of() . $text . event({type => 'error',
        error => {type => 'api_error', message => 'secret words'}}))},
    error(529, 'overloaded_error'), error(429, 'rate_limit_error'),
    error(400, 'invalid_request_error'), error(500, 'api_error'),
    error(529, 'overloaded_error'), says('Bonjour.'));

for my $program (@programs) {
    my $before = $up->count;
    $up->script(@script);
    $sdk->checks(@$program);

    my @seen = $up->books;
    splice @seen, 0, $before;
    is(scalar(@seen), 15, 'what is refused never left, and nothing twice');
    my @bodies = map { $json->decode($_->{body}) } @seen;
    is_deeply([map { $_->{path} } @seen[0, 6, 7]], ['/v1/messages',
        '/v1/messages/count_tokens', '/v1/messages'],
        'each call went to its path');
    is($bodies[0]{metadata}{user_id}, $sdk->{projects}{good},
        'each call is the project\'s');
    is_deeply($bodies[4]{messages}[2]{content}[0]{tool_use_id}, 'toolu_1',
        'the tool\'s answer arrived');
    is($bodies[5]{messages}[0]{content}[1]{source}{data}, 'iVBORw0KGgo=',
        'and the image');
    is(Asgard::FakeUpstream->header_of($seen[7], 'anthropic-beta'),
        'first-beta', 'a beta that is allowed arrived, and no other');
}

$t->done;
