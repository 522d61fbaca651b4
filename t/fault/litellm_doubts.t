#!/usr/bin/perl
# Whatever answer of LiteLLM is lost, late, wrong or not there at all, with
# PostgreSQL restarted and two keepers at work: one live key for each resource.
#
# Fault row 27.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(wait_until);
use Asgard::LiteLLMKeys;
use Asgard::People;
use Asgard::Test;

my $t = Asgard::Test->new;
my $keys = Asgard::LiteLLMKeys->new($t, timeout_s => 1);
my $proxy = $keys->proxy;
$t->start;
my $second = $t->another_control;
$second->start;
my $project = $t->project(budget_usd => 5);
my @cases = (['lose', 0], ['drop', 0], ['late', 2], ['slow', 2], ['plain', 0],
    ['not_json', 0], ['validate', 0], ['away', 0]);

# --- one answer of a mint

$proxy->next_call('/key/generate', @$_) for @cases;
my @ids = map { $keys->make($project, "k$_", max_budget_usd => 1) }
    0 .. $#cases;
my $refused;
wait_until(sub { ($refused) = grep { $_->{state} eq 'failed' }
    map { $keys->get($project, $_) } @ids }, 40, 0.2);
like($refused->{error} // '', qr/^litellm_refused: .*status 422/,
    'a refusal is one');
$t->api_ok('POST', "/api/projects/$project/resources/$refused->{id}/retry",
    {});
my @made = map { $keys->wait_state($project, $_, 'provisioned') } @ids;
is(scalar(grep { $_->{state} eq 'provisioned' } @made), scalar @ids,
    'a doubt about a mint ends as a key');
$keys->check('... one each (M12)');

# --- the first answers of a rotation, an end; the proxy away for a while

$proxy->next_call('/key/update', 'lose');
$proxy->next_call('/key/block', 'lose');
$proxy->next_call('/key/delete', 'plain');
$keys->rotate($project, $_) for @made[0 .. 3];
$proxy->stop;
$t->{postgres}->stop;
$t->{postgres}->start;
$proxy->start;
wait_until(sub { 4 == grep {
    my $r = eval { $keys->get($project, $_->{id}) };
    $r && $r->{outputs}{key_hash} ne $_->{outputs}{key_hash}
} @made[0 .. 3] }, 60, 0.2);
$keys->check('both away for a while: one key each (M12)');
$proxy->next_call('/key/delete', $_) for qw(lose drop plain);
$t->api_ok('DELETE', "/api/projects/$project/resources/$_") for @ids;
$keys->wait_state($project, $_, 'destroyed') for @ids;
$keys->check('nothing is left of what is ended');
is_deeply($proxy->keys, {}, '... of no try');

$t->done;
