#!/usr/bin/perl
# The keeper: what it publishes, when it refuses, and what stays then.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use Test::More;

use Asgard::Files qw(wait_until);
use Asgard::Test;

my $secret = 'sk-live-' . 'a1b2c3d4' x 4;
my $t = Asgard::Test->new(gateway => 0,
    backends => {OPENAI_MASTER_KEY => $secret});
$t->canary('the provider key', $secret);
my $ctl = $t->{control};
my $pg  = $t->{postgres};

sub row { return $pg->value($_[0]) }

# The newest snapshot: its version, and its JSON.
sub snapshot {
    my $body = row('SELECT body FROM catalog_snapshots'
        . ' ORDER BY version DESC LIMIT 1');
    my ($head, $json) = split /\n/, $body, 2;
    my ($version) = $head =~ /^ASGC1 s1 (\d+) \d+ [0-9a-f]{64}$/;
    return ($version, JSON::PP::decode_json($json));
}

sub info {
    my $text = row(q{SELECT info FROM role_beats WHERE role = 'keeper'});
    return $text ? JSON::PP::decode_json($text) : {};
}

# A reload as the supervisor does it: a new keeper.
sub reload {
    my $old = row(q{SELECT pid FROM role_beats WHERE role = 'keeper'});
    kill HUP => $ctl->pid;
    wait_until(sub {
        my $pid = row(q{SELECT pid FROM role_beats WHERE role = 'keeper'});
        return $pid != $old && info()->{state} ne 'compiling';
    }, 10) or diag('no new keeper: ' . $ctl->log_text);
    return info();
}

$ctl->start;
wait_until(sub { (info()->{state} // '') eq 'ok' }, 10);
my ($version, $first) = snapshot();
is(info()->{version}, $version, 'the keeper tells the version it published');
my %endpoint = map { $_->{id} => $_ } @{$first->{endpoints}};
is_deeply([sort keys %endpoint], [qw(echo openai)],
    'modules whose variables are set are active, the others are not');
is($endpoint{openai}{key}{version}, $version,
    'a key is sealed for the version');
is(index(row('SELECT body FROM catalog_snapshots'), $secret), -1,
    'and stands nowhere in the snapshot');
my ($model) = grep { $_->{ref} eq 'model:default/gpt-5.1' }
    @{$first->{models}};
is($model->{card}{version}, 1, 'the card has its first version');
is(row(q{SELECT count(*) FROM outbox WHERE kind = 'catalog'}), 1,
    'the outbox has it');
is(row(q{SELECT count(*) FROM audit_events
    WHERE action = 'catalog.published'}), 1, 'and the audit log');

my ($status, $out) = $ctl->run('catalog');
is($status, 0, 'asgard-ctl catalog succeeds');
like($out, qr/^openai\s+active/m, '... says what is active');
like($out, qr/^databricks\s+inactive\s+DATABRICKS_TOKEN is not set/m,
    '... and why not');
is(index($out, $secret), -1, '... without a secret');

my $same = reload();
is($same->{state}, 'ok', 'a reload without a change succeeds');
is($same->{version}, $version + 1, '... with a version of its own');
is(row('SELECT count(*) FROM cards'), row('SELECT count(DISTINCT card_id)'
    . ' FROM cards'), '... and no new version of any card');

my $module = <<'YAML';
id: extra
inference:
  kind: echo
  models:
    - ref: model:extra/one
      route: one
      cost_in: 0.001
      cost_out: 0.01
YAML
$ctl->write_service('extra', $module);
reload();
$ctl->write_service('extra', $module =~ s/0\.01$/0.02/mr);
reload();
my (undef, $changed) = snapshot();
my ($one) = grep { $_->{ref} eq 'model:extra/one' } @{$changed->{models}};
is($one->{card}{version}, 2, 'a changed price is a new version of the card');
is($one->{card}{out_pusd}, 20_000_000, '... with the new price');
is(row(q{SELECT card->>'out_pusd' FROM cards
    WHERE card_id = 'model:extra/one' AND version = 1}), 10_000_000,
    '... and the old one is kept');

my ($before) = snapshot();
$ctl->write_service('extra', "$module    bogus: 1\n");
my $refused = reload();
is($refused->{state}, 'refused',
    'a mistake in a module that is in service refuses the reload');
like($refused->{reason}, qr{extra/service\.yaml:9: }, '... with its line');
is((snapshot())[0], $before, '... and the old catalog stays');

$ctl->write_service('extra', $module);
$ctl->write_service('fresh', "id: fresh\na: &x 1\nb: *x\n");
my $alone = reload();
is($alone->{state}, 'ok', 'a bad manifest of a new module is refused alone');
like($alone->{refused}[0], qr{fresh/service\.yaml:2: anchors},
    '... with file and line');
is($alone->{version}, $before + 1, '... and the rest is published');
($status, $out) = $ctl->run('catalog');
like($out, qr/^fresh\s+refused\s+.*:2: anchors/m, 'the command says so too');

$ctl->write_service('fresh', undef);
$ctl->write_routing("model_alias_map:\n  gpt-4o: nobody\n");
my $routing = reload();
is($routing->{state}, 'refused', 'a routing file with an unknown name');
like($routing->{refused}[0], qr/routing\.yaml:2: "nobody"/,
    '... is refused with its line');
is((snapshot())[0], $before + 1, '... and the old catalog stays');
$ctl->write_routing("model_alias_map:\n  gpt-4o: one\n");
is(reload()->{state}, 'ok', 'and corrected it is served');

$t->done;
