#!/usr/bin/perl
# Whom a request concerns is told by a signed webhook, once for each event, also
# when the receiver fails first or the sender is killed; never at an internal
# address, nor where a redirect leads.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Digest::SHA qw(hmac_sha256);
use JSON::XS ();
use MIME::Base64 qw(encode_base64);
use Test::More;

use Asgard::Files qw(random_hex spill wait_until);
use Asgard::People;
use Asgard::Test;

my $t = Asgard::Test->new;
my $ctl = $t->{control};
my $hook = $t->upstream('hook', body => 'thanks');
my $secret_file = "$t->{dir}/webhook.secret";
my @keys = map { pack 'H*', random_hex(32) } 1, 2;
my @secrets = map { $t->canary('a secret of the webhook',
    'whsec_' . encode_base64($_, '')) } @keys;

sub configure {
    my (%setting) = @_;
    $ctl->{conf} = join "\n", map { "$_ $setting{$_}" } sort keys %setting;
    $ctl->write_conf;
}

my %on = (webhook_url => $hook->url . '/asgard',
    webhook_secret_file => $secret_file, notify_internal => 'on',
    notify_timeout => '1s', notify_attempts => 3);
spill($secret_file, "$secrets[0]\n", 0600);
configure(%on);
$t->start;
my $people = Asgard::People->new($t);
my %who = map { $_ => $people->person($_) } qw(owner manager);
my $project = $t->project(owner_email => $who{owner}{email},
    manager_email => $who{manager}{email}, budget_usd => 5);
my $pg = $t->{postgres};
ok(wait_until(sub { $pg->value('SELECT count(*) FROM notice_channels') }, 20),
    'the channel is on');

sub ask {
    my ($title) = @_;
    return $t->api_ok('POST', '/api/requests', {project_id => $project,
        title => $title, details => {why => 'details-stay-inside'},
        reason => 'reasons-stay-inside'}, $people->as('owner'));
}

# Each call that arrived, with what its headers say.
sub calls {
    return map { my $c = $_; +{%$c, (map { $_ => $hook->header_of($c,
        "webhook-$_") } qw(id timestamp signature)),
        said => JSON::XS::decode_json($c->{body})} } $hook->books;
}

sub signed {
    my ($call, @by) = @_;
    return join ' ', map { 'v1,' . encode_base64(hmac_sha256(
        "$call->{id}.$call->{timestamp}.$call->{body}", $_), '') } @by;
}

sub delivered {
    my ($n) = @_;
    return wait_until(sub { $pg->value('SELECT count(*) FROM notices WHERE'
        . " state = 'delivered'") >= $n }, 30);
}

# --- a receiver that fails in three ways, then takes what it is told

$hook->script({status => 500}, {hang => 30}, {cut => 0, close => 1});
my @asked = $t->in_parallel(3, sub { ask("n$_[0]")->{id} });
ok(delivered(3), 'what failed is told again');
my @calls = calls();
is(scalar(@calls), 6, '... each as often as it failed, and once more');
my (%taken, %body);
my $links = 0;
for my $call (@calls) {
    $taken{$call->{id}}++ if $call->{status} == 200
        && $call->{outcome} eq 'whole';
    $t->canary('a link ' . ++$links, $1)
        while $call->{body} =~ /(asg_act_\w+)/g;
    $body{$call->{id}}{$call->{body} =~ s/,"links":\[.*?\]//r} = 1;
}
is_deeply([values %taken], [1, 1, 1], 'each event is taken once, by its id');
is(scalar(grep { keys %$_ != 1 } values %body), 0,
    '... and says the same in each attempt');
is_deeply([sort map { $_->{said}{data}{request_id} } grep { $_->{status} == 200
    && $_->{outcome} eq 'whole' } @calls], [sort @asked], 'none is lost');
is(scalar(grep { $_->{signature} ne signed($_, $keys[0]) } @calls), 0,
    'each call is signed');
is(scalar(grep { abs($_->{timestamp} - $_->{time}) > 60 } @calls), 0,
    '... with its own time');
is($calls[0]{method} . " $calls[0]{path}", 'POST /asgard', 'it is a POST');
my $said = $calls[-1]{said};
is_deeply([sort keys %{$said->{data}}], [qw(event kind links on_behalf_of
    project request_id requested_by state tell url waits_for)],
    'it tells so much');
is("$said->{type} @{$said->{data}}{qw(kind project state requested_by)}",
    "request.submit generic $project requested owner", '... of what was asked');
is($said->{data}{waits_for}, "the project's manager or an administrator",
    '... what it waits for');
is_deeply($said->{data}{tell}, ['manager'], '... of whom');
is_deeply([map { $_->{username} } @{$said->{data}{links}}], ['manager'],
    '... with a link for each of them');
is($said->{data}{url}, $t->url . "/api/requests/$said->{data}{request_id}",
    '... and where to look');
is(scalar(grep { $_->{body} =~ /stay-inside/ } @calls), 0,
    'no reason and no detail leaves the house');

# --- who asked is told what became of it

$hook->forget;
$t->api_ok('POST', "/api/requests/$asked[0]/approve", {},
    $people->as('manager'));
ok(delivered(4), 'a decision is told');
$said = (calls())[-1]{said};
is("$said->{type} $said->{data}{state}", 'request.approve approved',
    '... as it is');
is_deeply($said->{data}{tell}, ['owner'], '... to who asked');

# --- the sender dies while the receiver has the call

$hook->forget;
$hook->script({hang => 30});
ask('killed');
ok($hook->wait_count(1, 20), 'a call hangs');
ok($ctl->kill_role('notify'), 'and its sender is killed');
ok(delivered(5), 'another one tells it');
@calls = calls();
cmp_ok(scalar(@calls), '>=', 2, '... again');
is(scalar(grep { $_->{id} ne $calls[0]{id} } @calls), 0, '... by the same id');

# --- the secret is changed

spill($secret_file, "$secrets[1]\n$secrets[0]\n", 0600);
my $before = $ctl->roles->{notify};
kill HUP => $ctl->pid;
ok(wait_until(sub { my $now = $ctl->roles->{notify};
    $now && $now != $before && !-d "/proc/$before" }, 20), 'a reload');
ask('two');
ok(delivered(6), '... and it goes on');
my $last = (calls())[-1];
is($last->{signature}, signed($last, reverse @keys),
    '... signed by the new secret and the old one');

# --- it is given up

$hook->forget;
$hook->script(({status => 302, headers => {location => $hook->url . '/x'}})
    x 3);
ask('away');
ok(wait_until(sub { $pg->value("SELECT count(*) FROM notices WHERE state ="
    . " 'dead'") }, 30), 'after its attempts it is given up');
is_deeply([map { "$_->{method} $_->{path}" } $hook->books],
    [('POST /asgard') x 3], '... and no redirect was followed');
like($pg->value("SELECT last_error FROM notices WHERE state = 'dead'"),
    qr/^answered 302/, '... and why is noted');
like($ctl->run_ok('status'), qr/^notices\s+0 waiting, 1 given up$/m,
    'status tells it');
like($t->api('GET', '/metrics/ctl')->body, qr/^asgard_notices_dead 1$/m,
    '... and so do the metrics');

# --- an internal address

$hook->forget;
configure(%on, notify_internal => 'off',
    webhook_url => 'https://localhost:' . $hook->port . '/');
kill HUP => $ctl->pid;
ok(wait_until(sub { ($pg->value('SELECT count(*) FROM notices WHERE last_error'
    . " LIKE 'the address is internal%'") || (ask('inside') && 0)) }, 30, 0.2),
    '... but where it leads to an internal address nothing connects');
for ('https://10.0.0.1/', 'http://example.com/', 'https://u:p@example.com/') {
    configure(%on, notify_internal => 'off', webhook_url => $_);
    like(($ctl->run('check'))[1], qr/^FAIL .*webhook_url expects/m,
        "$_ is refused");
}
spill($secret_file, "whsec_c2hvcnQ=\n", 0600);
configure(%on);
like(($ctl->run('check'))[1], qr/^FAIL  notices: .*:1: expects one or two/m,
    'a short secret is refused');

# --- off

configure();
kill HUP => $ctl->pid;
ok(wait_until(sub { !$pg->value('SELECT count(*) FROM notice_channels') }, 20),
    'without the setting it is off');
my $rows = $pg->value('SELECT count(*) FROM notices');
ask('quiet');
is($pg->value('SELECT count(*) FROM notices'), $rows,
    '... and nothing is kept');

$t->done;
