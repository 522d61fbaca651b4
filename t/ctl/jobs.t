#!/usr/bin/perl
# What was approved is done by a job: step by step, again after failures by the
# manifest's policy, once more when a human says so, undone with its project.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::FakeCloud;
use Asgard::Files qw(wait_until);
use Asgard::Test;

my $t = Asgard::Test->new(backends => {CLOUD_TOKEN => 'ct-' . 'a' x 20,
    OTHER_TOKEN => 'ot-' . 'b' x 20});
my $cloud = Asgard::FakeCloud->new(dir => $t->{dir});
my $retry = "retry: {max_attempts: 3, base_secs: 0, cap_secs: 0}\n";
$t->{control}->write_service('thing', $cloud->service('thing',
    config => ['environment: [PLAIN_TOKEN]', 'timeout_secs: 1',
        'actions: [make, destroy, suspend, resume]'], more => $retry));
$t->{control}->write_service('slow', $cloud->service('slow'));
$t->{control}->write_service('bare', $cloud->service('bare',
    config => ['environment: [NOT_SET]']));
$t->{control}->write_backends(PLAIN_TOKEN => 'pt-' . 'c' x 20);
$t->{control}->write_service('keyed', $cloud->service('keyed',
    config => ['environment: [CLOUD_TOKEN]',
        'actions: [make, destroy, rotate]'],
    more => "secret_outputs: [token]\nsecret_rotation_days: 2\n"));
$t->start;
my $project = $t->project(budget_usd => 5);

sub url { "/api/projects/" . ($_[1] // $project) . "/resources/$_[0]" }

sub ask {
    my ($name, $spec, %arg) = @_;
    return $t->api_ok('POST', '/api/projects/' . ($arg{project} // $project)
        . '/resources', {resource_type => $arg{type} // 'thing',
        name => $name, spec => $spec // {}});
}

sub now_is {
    my ($id, $state, $what, $of) = @_;
    my $r;
    wait_until(sub { ($r = $t->api_ok('GET', url($id, $of)))->{state}
        eq $state }, 20);
    is($r->{state}, $state, $what);
    return $r;
}

# --- made

my $asked = ask('one', {mark => 'a'});
like($asked->{request}{state}, qr/^(?:approved|fulfilled)$/,
    'what needs nobody is approved at once');
my $one = now_is($asked->{provisioned}{id}, 'provisioned', 'a job makes it');
is($one->{dry_run}, JSON::PP::false(), '... in earnest');
is($one->{backend}, 'exec', '... by its connector');
is_deeply([$cloud->things], ['one'], '... and it is there');
is(join(' ', @{$one->{outputs}}{qw(action generation mark words group
    descriptors)}), 'make 1 a --as given words own ', '... by a command with '
    . 'its own words, group and nothing that was open');
is($one->{outputs}{environment}, 'HOME LANG PATH PLAIN_TOKEN',
    '... that sees what its manifest names');
is($t->api_ok('GET', "/api/requests/$asked->{request}{id}")->{state},
    'fulfilled', 'the request is fulfilled');
is(join(' ', map { $_->{event} } @{$t->api_ok('GET',
    "/api/requests/$asked->{request}{id}")->{history}}),
    'submit provisioning fulfil', '... step by step');
is($t->{postgres}->value("SELECT count(*) FROM audit_events WHERE entity_ref ="
    . " 'resource:$one->{id}' AND action IN ('resource.provisioning',"
    . " 'resource.provisioned')"), 2, '... with an audit entry each');

is(ask('one', {mark => 'b'})->{provisioned}{id}, $one->{id},
    'another spec is for the same resource');
wait_until(sub { ($t->api_ok('GET', url($one->{id}))->{outputs}{mark} // '')
    eq 'b' }, 20);
is($t->api_ok('GET', url($one->{id}))->{outputs}{before}, 'a',
    '... whose command hears what was');
is($cloud->made('one'), 1, '... and which is made once');

my $keyed = now_is(ask('keyed', {}, type => 'keyed')->{provisioned}{id},
    'provisioned', 'one with a secret output is made');
is($keyed->{outputs}{token}{secret_ref}{version}, 1,
    '... of which the output is a reference');
is($t->api_ok('POST', "/api/projects/$project/secrets/keyed-token/read", {})
    ->{value}, 'ct-' . 'a' x 20, '... to what the command said');

# A keeper that begins looks for what is too old; later it does each minute.
$t->{postgres}->value('UPDATE secrets SET active_at = now()'
    . " - interval '49 hours' RETURNING 1");
kill KILL => $t->{control}->roles->{keeper};
ok(wait_until(sub { $keyed = $t->api_ok('GET', url($keyed->{id}));
    $keyed->{outputs}{token}{secret_ref}{version} == 2 }, 30),
    'a secret that is too old is rotated by itself');
is(scalar(grep { $_->[0] eq 'rotate' } $cloud->calls), 1, '... once');

# --- tried again

my $two = now_is(ask('two', {fails => 2})->{provisioned}{id}, 'provisioned',
    'what fails twice is tried three times');
is($two->{attempts}, 3, '... and says so');
is($two->{error}, undef, '... without an error in the end');
my $request = $t->api_ok('GET', "/api/requests/$two->{request_id}");
is(join(' ', map { $_->{event} } @{$request->{history}}),
    'submit provisioning retry retry fulfil', '... told on the way');
like($request->{history}[2]{reason}, qr/^exec_failed: .* 75: not today$/,
    '... with what the command said');
is(now_is(ask('poll', {polls => 3})->{provisioned}{id}, 'provisioned',
    'what takes its time is asked again')->{attempts}, 1, '... as one attempt');
is(scalar(grep { $_->[1] eq 'poll' } $cloud->calls), 4, '... so often');

my $three = ask('three', {fails => 3})->{provisioned};
my $dead = now_is($three->{id}, 'failed', 'after three it is given up');
is($dead->{attempts}, 3, '... and says so');
is($dead->{needs_attention}, JSON::PP::true(), '... and who should look');
like($dead->{error}, qr/^exec_failed: /, '... with the last error');
is($t->api_ok('GET', "/api/requests/$dead->{request_id}")->{history}[-1]
    {event}, 'failed', '... which its request tells');
$t->api_ok('POST', url($dead->{id}) . '/retry', {reason => 'mended'});
my $back = now_is($dead->{id}, 'provisioned', 'a human tries it once more');
is($back->{needs_attention}, JSON::PP::false(), '... and it is well again');
is($t->api_ok('GET', "/api/requests/$dead->{request_id}")->{state},
    'fulfilled', '... with its request');
my $none = $t->api('POST', url($back->{id}) . '/retry', {});
is($none->status . $none->json->{code}, '400illegal_transition',
    'what has not failed is not tried again');

my $waits = ask('waits', {fails => 1}, type => 'slow')->{provisioned};
wait_until(sub { $t->api_ok('GET', url($waits->{id}))->{next_retry_at} }, 20);
$waits = $t->api_ok('GET', url($waits->{id}));
is($waits->{state}, 'provisioning', 'between two attempts it is at work');
my $late = $t->api('POST', "/api/requests/$waits->{request_id}/cancel", {});
is($late->status . $late->json->{code}, '400illegal_transition',
    '... and its request is not cancelled under it');
my $in = $t->{postgres}->value('SELECT round(extract(epoch FROM'
    . " '$waits->{next_retry_at}'::timestamptz - updated_at)) FROM resources"
    . " WHERE resource_id = '$waits->{id}'");
ok($in >= 60 && $in <= 75, "... again after a minute and a quarter ($in)");
$t->api_ok('POST', url($waits->{id}) . '/retry', {});
now_is($waits->{id}, 'provisioned', '... or when somebody says so');

my @bad = map { [$_->[0], ask($_->[0], $_->[1])->{provisioned}{id},
    @$_[2, 3]] } (['final', {exit => 65}, 1, qr/^exec_failed: .* 65: never/],
    ['flood', {flood => 300_000}, 1, qr/^invalid_output: /],
    ['list', {says => '[1]'}, 1, qr/^invalid_output: /],
    ['twice', {says => '{"a":1,"a":2}'}, 1, qr/^invalid_output: /],
    ['nul', {says => '{"a":"\u0000"}'}, 1, qr/^invalid_output: /],
    ['again', {says => '{"again_in_secs":9999}'}, 1, qr/^invalid_output: /],
    ['late', {sleep_s => 30}, 3, qr/^exec_timeout: /]);
for (@bad) {
    my ($name, $id, $attempts, $error) = @$_;
    my $r = now_is($id, 'failed', "$name fails");
    is($r->{attempts}, $attempts, '... after so many attempts');
    like($r->{error}, $error, '... and says why');
}

# --- overtaken, suspended, ended

my $over = ask('over', {fails => 1}, type => 'slow')->{provisioned};
wait_until(sub { $t->api_ok('GET', url($over->{id}))->{next_retry_at} }, 20);
$t->api_ok('DELETE', url($over->{id}));
now_is($over->{id}, 'destroyed', 'who waits to be made can be ended');
is($t->api_ok('GET', "/api/requests/$over->{request_id}")->{state},
    'cancelled', '... and what made it is over');
my $held = ask('held', {hold => 'h'}, type => 'slow')->{provisioned};
wait_until(sub { grep { $_->[1] eq 'held' } $cloud->calls }, 20);
$t->api_ok('DELETE', url($held->{id}));
$cloud->release('h');
now_is($held->{id}, 'destroyed', 'so can who is just being made');
ok(!grep({ $_ eq 'held' } $cloud->things), '... and nothing of it stays');

$t->api_ok('POST', "/api/projects/$project/kill", {});
now_is($one->{id}, 'suspended', 'with its project it is suspended');
is((grep { $_->[1] eq 'one' } $cloud->calls)[-1][0], 'suspend',
    '... by its connector');
now_is($waits->{id}, 'suspended', '... and one that knows no suspending, too');
is(scalar(grep { $_->[1] eq 'waits' && $_->[0] eq 'suspend' } $cloud->calls),
    0, '... without a call');
$t->api_ok('POST', "/api/projects/$project/unkill", {});
now_is($_->{id}, 'provisioned', '... and resumed with it') for $one, $waits;

$t->api_ok('POST', "/api/projects/$project/decommission", {reason => 'over'});
wait_until(sub { !grep { $_->{state} ne 'destroyed' } @{$t->api_ok('GET',
    "/api/projects/$project/resources")->{resources}} }, 20);
is_deeply([grep { $_->{state} ne 'destroyed' } @{$t->api_ok('GET',
    "/api/projects/$project/resources")->{resources}}], [],
    'with its project all ends');
is_deeply([$cloud->things], [], '... outside, too');

# --- not armed

my $bare = $t->api_ok('GET', '/api/services/bare');
is("$bare->{backend} $bare->{unarmed}", 'stub NOT_SET is not set',
    'without its variable a service is a stub, and says why');
is(ask('b', {}, type => 'bare', project => $t->project(budget_usd => 5))
    ->{provisioned}{dry_run}, JSON::PP::true(), '... as does what it makes');

$t->done;
