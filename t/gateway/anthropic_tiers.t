#!/usr/bin/env perl
# A chat that is said to a provider in the words of another API asks it for no
# service tier: it is neither refused nor priced by the one that it names.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use Test::More;

use Asgard::FakeMessages qw(message);
use Asgard::Spool qw(call_of);
use Asgard::Test;

my $t = Asgard::Test->new(workers => 1, redis_deadline => '5s',
    routing => "num_retries: 0\nfallbacks:\n  - openai: [plain]\n");
my ($claude, $openai) = map { $t->upstream($_) } qw(claude openai);
$t->add_service('claude', $claude, kind => 'anthropic', models => [
    {ref => 'model:test/plain', route => 'plain'},
    {ref => 'model:test/tiers', route => 'tiers', tier_prices =>
        '{flex: {in: 0.5, out: 5}, priority: {in: 2, out: 20}}'}]);
$t->add_service('openai', $openai, models => [
    {ref => 'model:test/openai', route => 'openai'}]);
$t->start;
my $key = $t->key(project => $t->project(budget_usd => '10'));

sub ask {
    my ($model, @tier) = @_;
    $claude->script({body => message([{type => 'text', text => 'so'}],
        'end_turn')});
    my $reply = $t->chat($key, {model => $model, max_tokens => 100, @tier});
    my $call = call_of($t, $reply);
    return join ' ', $reply->status, map { $call->{$_} // '-' } qw(held amount);
}

for my $model (qw(plain tiers)) {
    my $without = ask($model);
    like($without, qr/^200 /, "$model: a call");
    for my $tier (qw(priority flex default auto)) {
        # each byte of the body is held for: these are as many
        my $asked = ask($model, service_tier => $tier);
        my $other = ask($model, user => 'abcdefgh' . $tier);
        is($asked, $other, "$model: $tier is as good as any other word");
        ok(!exists JSON::PP::decode_json($claude->last_request->{body})
            ->{service_tier}, '... and not sent');
    }
}
my $before = $claude->count;
like(ask('openai', service_tier => 'priority'), qr/^200 /,
    'a tier that the first has no price for');
is($openai->count, 0, '... is not asked of it');
is($claude->count, $before + 1, '... and one that has no word for it serves');
$t->done;
