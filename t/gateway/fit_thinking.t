#!/usr/bin/env perl
# Tokens for thoughts and an answer beside them must fit into what a call may
# use: a budget that has no room for both, and a model that says less than was
# thought of, refuse before anything is held or sent.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use Test::More;

use Asgard::FakeMessages qw(message);
use Asgard::Files qw(wait_until);
use Asgard::Test;

my $t = Asgard::Test->new(workers => 1,
    routing => "num_retries: 0\nfallbacks:\n  - brief: [wide]\n");
my ($up, $wide) = map { $t->upstream($_) } qw(claude wide);
my %costs = (cost_in => '0.001', cost_out => '0.01');
$t->add_service('claude', $up, kind => 'anthropic', models => [
    {ref => 'model:test/claude', route => 'claude', %costs,
        max_output_tokens => 4000, allow_fields => '[thinking]'},
    {ref => 'model:test/brief', route => 'brief', %costs,
        max_output_tokens => 64000, default_max_tokens => 900}]);
$t->add_service('wide', $wide, models => [{ref => 'model:test/wide',
    route => 'wide', %costs, max_output_tokens => 100_000}]);
$t->start;

sub project {
    my ($usd) = @_;
    my $project = $t->project(budget_usd => $usd);
    $t->api_ok('PATCH', "/api/projects/$project", '{"fit_to_budget":true}');
    return ($project, $t->key(project => $project));
}
my %ask = (
    messages => sub { my ($key, %body) = @_;
        return $t->post($key, '/v1/messages', $t->encode({model => 'claude',
            messages => [{role => 'user', content => $t->{prompt}}], %body}),
            'anthropic-version', '2023-06-01') },
    chat => sub { my ($key, %body) = @_;
        return $t->chat($key, {model => 'claude', %body}) });
sub thoughts { return (thinking => {type => 'enabled',
    budget_tokens => $_[0]}) }
sub sent { return JSON::PP::decode_json($up->last_request->{body}) }
sub holds_nothing { my ($name, $project) = @_;
    ok(wait_until(sub { !$t->usage($project)->{held_usd} }, 10),
        "$name: nothing is held"); return }

for my $name (sort keys %ask) {
    my ($project, $key) = project('0.03');      # not quite 3,000 tokens
    my $before = $up->count;
    my $reply = $ask{$name}->($key, max_tokens => 3900, thoughts(3500));
    is($reply->status, 429, "$name: thoughts without room are refused")
        or diag($reply->body);
    is($reply->code // $reply->at('error', 'code'), 'budget_exceeded',
        "$name: ... by the budget") if $name eq 'chat';
    is($reply->header('x-asgard-max-tokens'), undef,
        "$name: ... and nothing was lowered");
    is($up->count, $before, "$name: ... and nobody was called");
    holds_nothing($name, $project);

    $reply = $ask{$name}->($key, max_tokens => 3900, thoughts(1024));
    is($reply->status, 200, "$name: fewer thoughts leave room for an answer")
        or diag($reply->body);
    my $told = $reply->header('x-asgard-max-tokens') // 0;
    cmp_ok($told, '>', 1024, "$name: ... above them");
    is(sent()->{max_tokens}, $told, "$name: ... as the provider is asked");
    is(sent()->{thinking}{budget_tokens}, 1024, "$name: ... which thinks");

    # 4,000 are all that the model says
    ($project, $key) = project('5');
    $before = $up->count;
    $reply = $ask{$name}->($key, max_tokens => 9000, thoughts(4000));
    is($reply->status, 400, "$name: more thoughts than the model says at all")
        or diag($reply->body);
    like($reply->body, qr/thinking\.budget_tokens/, "$name: ... by their name");
    is($up->count, $before, "$name: ... are sent to nobody");
    holds_nothing($name, $project);
    is($t->usage($project)->{spent_usd} + 0, 0, "$name: ... and cost nothing");
}

# Without a limit of its own a call has room by its dearest candidate's; what is
# left of that is more than the first one says by itself.
my ($project, $key) = project('0.5');
$up->script({body => message([{type => 'text', text => 'short'}], 'end_turn')});
my $reply = $t->chat($key, {model => 'brief', max_tokens => undef});
is($reply->status, 200, 'a limit that is raised is one of more digits')
    or diag($reply->body);
cmp_ok(sent()->{max_tokens}, '>', 900, '... for which there is room');
$t->done;
