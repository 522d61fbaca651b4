#!/usr/bin/env perl
# A call of the Messages API that is lowered to what a budget has left asks the
# provider for that, whole and as a stream, and costs no more.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use Test::More;

use Asgard::FakeMessages qw(message);
use Asgard::Files qw(wait_until);
use Asgard::Test;

my $t = Asgard::Test->new(workers => 1);
my $up = $t->upstream('claude');
$t->add_service('claude', $up, kind => 'anthropic', models => [{
    ref => 'model:test/claude', route => 'claude', cost_in => '0.001',
    cost_out => '0.01', max_output_tokens => 4000}]);
$t->start;
my $project = $t->project(budget_usd => '0.01');
$t->api_ok('PATCH', "/api/projects/$project", '{"fit_to_budget":true}');
my $key = $t->key(project => $project);

sub ask {
    my (%change) = @_;
    $up->script({});
    return $t->post($key, '/v1/messages', $t->encode({model => 'claude',
        max_tokens => 2000, messages => [{role => 'user',
        content => $t->{prompt}}], %change}), 'anthropic-version',
        '2023-06-01');
}
sub sent { return JSON::PP::decode_json($up->last_request->{body}) }

for my $how ([], [stream => JSON::PP::true], [max_tokens => 100_000]) {
    my $reply = ask(@$how);
    my $name = @$how ? $how->[0] : 'whole';
    is($reply->status, 200, "$name: it is served") or diag($reply->body);
    my $told = $reply->header('x-asgard-max-tokens');
    cmp_ok($told // 0, '<', 2000, "$name: with less than it asked for");
    is(sent()->{max_tokens}, $told, "$name: as the provider is asked");
    ok(wait_until(sub { !$t->usage($project)->{held_usd} }, 5),
        "$name: it ends");
    cmp_ok($t->usage($project)->{spent_usd}, '<=', 0.01,
        "$name: within the budget");
}
my $whole = $t->project(budget_usd => '5');
$t->api_ok('PATCH', "/api/projects/$whole", '{"fit_to_budget":true}');
$key = $t->key(project => $whole);
is(ask()->header('x-asgard-max-tokens'), undef, 'with room it is left alone');
is(sent()->{max_tokens}, 2000, '... as it was written');
$t->done;
