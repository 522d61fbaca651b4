#!/usr/bin/perl
# A key at LiteLLM through its life: minted once with what was approved, used,
# changed, killed, rotated with what is left of its budget, ended, swept.
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
my $keys = Asgard::LiteLLMKeys->new($t);
my $proxy = $keys->proxy;
$t->start;
my $project = $t->project(budget_usd => 5);

# --- minted

my $id = $keys->make($project, 'chat', max_budget_usd => 2,
    models => ['chat-large'], rpm_limit => 120);
my $r = $keys->wait_state($project, $id, 'provisioned');
is($r->{backend} . ($r->{dry_run} ? ' dry' : ''), 'litellm',
    'a key is minted in earnest');
is($proxy->count('/key/generate'), 1, '... once');
my $row = $proxy->keys->{$r->{outputs}{key_hash}};
is(join('|', @$row{qw(key_alias max_budget budget_duration rpm_limit)},
    $row->{models}[0], @{$row->{metadata}}{qw(project_id managed_by)}),
    "asgard-$project-chat-1|2|30d|120|chat-large|$project|asgard",
    '... with what was approved');
is_deeply([sort keys %{$r->{outputs}}], [qw(api_key budget_duration
    budget_reset_at key_alias key_hash litellm_base_url max_budget_usd
    spent_before_usd)], 'its outputs have a reference and no secret');
is($r->{outputs}{litellm_base_url}, $proxy->url, '... and where to call');
my $key = $keys->value($project, $r);
is($keys->chat($key), 200, 'the project calls LiteLLM with it');
is($keys->chat($key, 'chat-small'), 401, '... the models that it may');
$keys->check;

# --- changed

is($keys->make($project, 'chat', max_budget_usd => 3), $id,
    'another spec is for the same key');
wait_until(sub {
    $proxy->keys->{$r->{outputs}{key_hash}}{max_budget} == 3 }, 20);
$r = $keys->wait_state($project, $id, 'provisioned',
    sub { $_[0]{outputs}{max_budget_usd} == 3 });
is($proxy->count('/key/generate'), 1, '... which is not made anew');
is($proxy->keys->{$r->{outputs}{key_hash}}{rpm_limit}, undef,
    '... and a limit that is gone is gone');
is($keys->chat($key, 'chat-small'), 200, '... as is that of its models');
$keys->check;

# --- killed

$t->kill_project($project);
$keys->wait_state($project, $id, 'suspended');
is($keys->chat($key), 401, 'with its project it is blocked');
$t->unkill_project($project);
$keys->wait_state($project, $id, 'provisioned');
is($keys->chat($key), 200, '... and unblocked');

# --- rotated

$keys->rotate($project, $r);
my $new = $keys->wait_state($project, $id, 'provisioned',
    sub { $_[0]{outputs}{key_hash} ne $r->{outputs}{key_hash} });
my $second = $keys->value($project, $new);
is($keys->chat($second), 200, 'a rotated key is another one');
$keys->check('... whose predecessor is gone (M12)');
is($keys->chat($key), 401, '... and refused');
$new = $keys->wait_state($project, $id, 'provisioned',
    sub { $_[0]{outputs}{spent_before_usd} == 0.75 });
is($new->{outputs}{spent_before_usd}, 0.75,
    '... with what is left of its budget');
is($new->{outputs}{api_key}{secret_ref}{version}, 2,
    '... under the same name');
is(scalar(grep { $keys->chat($second) == 200 } 1 .. 9), 8,
    'so both together spent what was approved');
$row = $proxy->keys->{$new->{outputs}{key_hash}};
$proxy->locked(sub { $_[0]{keys}{$row->{token}}{budget_reset_at} = 'later' });
$proxy->new_period($row->{token});
wait_until(sub { $proxy->keys->{$row->{token}}{max_budget} == 3 }, 20);
is($proxy->keys->{$row->{token}}{max_budget}, 3,
    'in its next period it has all of it');
$keys->check;

# --- swept

my @orphans = map { $proxy->add_key(key_alias => $_, metadata =>
    {managed_by => 'asgard'}) } "asgard-$project-chat-7", 'asgard-x-y-1';
my @others = ($proxy->add_key(key_alias => 'asgard-by-hand'),
    $proxy->add_key(key_alias => 'theirs', metadata =>
    {managed_by => 'asgard'}));
ok(wait_until(sub { !grep { $proxy->keys->{$_} } @orphans }, 20),
    'keys of ours that no resource has are swept');
is(scalar(grep { $proxy->keys->{$_} } @others), 2, '... others are not');
is($t->{postgres}->value("SELECT string_agg(DISTINCT action, ' ' ORDER BY"
    . " action) FROM audit_events WHERE data->>'key_alias' = 'asgard-x-y-1'"),
    'litellm.key_blocked litellm.key_deleted', '... blocked first, on record');
$proxy->locked(sub { delete @{$_[0]{keys}}{@others} });

# --- without a database, with another master key

$proxy->set(db => 'Not connected');
my $other = $keys->make($project, 'other', max_budget_usd => 1);
ok(wait_until(sub { ($t->api_ok('GET', '/api/services/litellm-key')->{unready}
    // '') =~ /has no database/ }, 20), 'no database is told of the service');
ok(wait_until(sub { ($keys->get($project, $other)->{error} // '')
    =~ /^litellm_no_database: / }, 20), '... and of the resource');
is($proxy->count('/key/generate'), 2, '... and nothing was asked for');
$proxy->set(db => 'connected');
$keys->wait_state($project, $other, 'provisioned');
$keys->check('then it is made');

my $rotated = $t->canary('another master key', 'sk-' . 'n3w' x 9);
$proxy->set(master => $rotated);
my $late = $keys->make($project, 'late', max_budget_usd => 1);
ok(wait_until(sub { ($keys->get($project, $late)->{error} // '')
    =~ /^litellm_denied: / }, 20), 'another master key is told, too');
$t->{control}->write_backends(LITELLM_MASTER_KEY => $rotated);
$t->{control}->run_ok('reload');
$keys->wait_state($project, $late, 'provisioned');
$keys->check('... and with the new one it is made');

# --- ended

$proxy->next_call('/key/delete', 'lose');
$t->api_ok('DELETE', "/api/projects/$project/resources/$_")
    for $id, $other, $late;
$keys->wait_state($project, $_, 'destroyed') for $id, $other, $late;
is_deeply($proxy->keys, {}, 'nothing is left of what is ended');
is($keys->chat($second), 401, '... which opens nothing');
$keys->check;

$t->done;
