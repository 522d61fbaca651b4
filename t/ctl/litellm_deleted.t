#!/usr/bin/perl
# A key that somebody deletes at LiteLLM is noticed by the sweep: its resource
# has failed with a reason, which the audit log and the metrics have, too; a
# retry makes another one.  What only is away is not taken for deleted.
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
my %id = map { $_ => $keys->make($project, $_, max_budget_usd => 1) }
    qw(gone kept rests);
my %was = map { $_ => $keys->wait_state($project, $id{$_}, 'provisioned') }
    sort keys %id;
$keys->check('each resource has its key (M12)');

sub attention {
    my ($n) = $t->get('/metrics/ctl')->body
        =~ /^asgard_resources_need_attention (\d+)/m;
    return $n;
}

# Two whole sweeps from now on.
sub sweeps {
    my $until = 2 + $proxy->count('/key/list');
    wait_until(sub { $proxy->count('/key/list') > $until }, 30);
}

sub delete_by_hand {
    my ($name) = @_;
    my $hash = $was{$name}{outputs}{key_hash};
    $proxy->locked(sub { delete $_[0]{keys}{$hash} });
}

# --- away, which is not gone

for my $set ([db => 'Not connected', 'connected'],
    [db => 'failing', 'connected']) {
    my ($what, $bad, $good) = @$set;
    $proxy->set($what => $bad);
    sleep 2;
    $proxy->set($what => $good);
}
$proxy->stop;
sleep 2;
$proxy->start;
sleep 6;                        # what was changed before is looked at, too
sweeps();
is(join(' ', map { $keys->get($project, $id{$_})->{state} } sort keys %id),
    'provisioned provisioned provisioned', 'what is away is not gone');

# --- gone

delete_by_hand('gone');
my $lost = $keys->wait_state($project, $id{gone}, 'failed');
is($lost->{error}, 'litellm_key_missing: LiteLLM has its key no more: it was'
    . ' deleted there', 'what was deleted there has failed with the reason');
ok($lost->{needs_attention}, '... and needs attention');
is(attention(), 1, '... which the metrics say');
is($t->{postgres}->value('SELECT string_agg(action, \' \' ORDER BY id) FROM'
    . " audit_events WHERE data->>'key_hash' ="
    . " '$was{gone}{outputs}{key_hash}' OR (action = 'resource.failed' AND"
    . " entity_ref LIKE '%$id{gone}')"), 'litellm.key_missing resource.failed',
    '... and the audit log');
sweeps();
is($t->{postgres}->value("SELECT count(*) FROM audit_events WHERE action ="
    . " 'litellm.key_missing'"), 1, '... once');
is(scalar(keys %{$proxy->keys}), 2, 'nothing is made behind anybody\'s back');
$t->api_ok('POST', "/api/projects/$project/resources/$id{gone}/retry", {});
my $new = $keys->wait_state($project, $id{gone}, 'provisioned');
isnt($new->{outputs}{key_hash}, $was{gone}{outputs}{key_hash},
    'a retry makes another one');
is($keys->chat($keys->value($project, $new)), 200, '... that works');
is(attention(), 0, '... and all is well');
$keys->check('... with one key each (M12)');

# --- gone while its project is killed

$t->kill_project($project);
$keys->wait_state($project, $id{$_}, 'suspended') for qw(rests kept gone);
delete_by_hand('rests');
$keys->wait_state($project, $id{rests}, 'failed');
is($t->api('POST', "/api/projects/$project/resources/$id{rests}/retry", {})
    ->json->{code}, 'project_killed', 'of a killed project nothing is made');
$t->unkill_project($project);
$keys->wait_state($project, $id{$_}, 'provisioned') for qw(kept gone);
$t->api_ok('POST', "/api/projects/$project/resources/$id{rests}/retry", {});
$keys->wait_state($project, $id{rests}, 'provisioned');
$keys->check('... after it there is (M12)');
is($keys->get($project, $id{kept})->{outputs}{key_hash},
    $was{kept}{outputs}{key_hash}, 'a key that nobody deleted stays');

# --- gone, and to be ended

delete_by_hand('kept');
$keys->wait_state($project, $id{kept}, 'failed');
$t->api_ok('DELETE', "/api/projects/$project/resources/$id{kept}");
$keys->wait_state($project, $id{kept}, 'destroyed');
$keys->check('what is gone can be ended (M12)');

$t->done;
