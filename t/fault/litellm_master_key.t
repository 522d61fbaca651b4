#!/usr/bin/perl
# Fault row 38.
# A LiteLLM that comes back with another master key, under load: no client is
# told that its own key is wrong, people are told whose is, and with the new one
# in place calls and keys are as before.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(wait_until);
use Asgard::LiteLLMKeys;
use Asgard::Load;
use Asgard::People;
use Asgard::Test;

my $t = Asgard::Test->new;
my $keys = Asgard::LiteLLMKeys->new($t);
my $proxy = $keys->proxy;
$proxy->set(models => ['router']);
$t->{uncounted_calls} = 1;
$t->start;
my $project = $t->project(budget_usd => 50);
my $key = $t->key(project => $project);

sub call { my $reply = $t->chat($key, {model => 'model:litellm/router'});
    return $reply->status . ' ' . ($reply->code // '') }
sub metric { my ($n) = $t->get('/metrics')->body =~ /^$_[0] (\d+)/m;
    return $n // 0 }

is(call(), '200 ', 'calls go to LiteLLM with its master key');
my $id = $keys->make($project, 'old', max_budget_usd => 1);
my $old = $keys->wait_state($project, $id, 'provisioned');
my $refused = metric('asgard_upstream_auth_failures_total');
my $load = Asgard::Load->new($t, $key, callers => 3, pause => 0.05,
    change => {model => 'model:litellm/router'});
sleep 1;

# --- another master key

my $master = $t->canary('another master key', 'sk-' . 'n3w' x 9);
$proxy->stop;
$proxy->set(master => $master);
$proxy->start;
ok(wait_until(sub { metric('asgard_upstream_auth_failures_total') > $refused },
    20), 'what a provider says of our key is counted, for an alert');
is(call(), '502 upstream_error', 'a call is refused as a fault of ours');
my $late = $keys->make($project, 'late', max_budget_usd => 1);
ok(wait_until(sub { ($keys->get($project, $late)->{error} // '')
    =~ /^litellm_denied: / }, 20), 'a key is not minted, with the reason');
ok(wait_until(sub { ($t->api_ok('GET', '/api/services/litellm-key')->{unready}
    // '') =~ /LITELLM_MASTER_KEY/ }, 20), '... which the service has, too');
my ($status, $out) = $t->{control}->run('status');
like($out, qr/^litellm   LiteLLM does not accept LITELLM_MASTER_KEY/m,
    '... and `status`');

# --- which the keeper hears of

$t->{control}->write_backends(LITELLM_MASTER_KEY => $master);
$t->{control}->run_ok('reload');
ok(wait_until(sub { call() eq '200 ' }, 20),
    'after a reload calls are as before');
$keys->wait_state($project, $late, 'provisioned');
$keys->check('... and one key is minted (M12)');
is($keys->get($project, $id)->{outputs}{key_hash}, $old->{outputs}{key_hash},
    '... the other one is what it was');
my $told = $load->stop;
is(join(', ', grep { !/^(?:200|502 upstream_error)\b/ } sort keys %$told), '',
    'no caller was told of a key, by any other answer than 502')
    or diag(explain($told));
ok($told->{$_ // ''}, "$_ was among them")
    for grep { /^(?:200|502)/ } sort keys %$told;

$t->done;
