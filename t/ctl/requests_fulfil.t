#!/usr/bin/perl
# What Asgard does nothing for is done by people: who may decide over a request
# says that it is, once, and nobody who asked; who asked is told.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::FakeMail;
use Asgard::Files qw(wait_until);
use Asgard::People;
use Asgard::Test;

my $t = Asgard::Test->new;
my $server = Asgard::FakeMail->new(dir => $t->{dir});
$t->{control}{conf} = join "\n", 'mail_url ' . $server->url,
    'mail_from asgard@example.com', 'notify_internal on', 'notify_links off';
$t->{control}->write_conf;
$t->start;
my $pg = $t->{postgres};
my $people = Asgard::People->new($t);
my %who = map { $_ => $people->person($_, role => /^admin/ ? 'admin'
    : 'member') } qw(owner manager admin other);
my $project = $t->project(owner_email => $who{owner}{email},
    manager_email => $who{manager}{email}, budget_usd => 5);
my $agent = $t->api_ok('POST', '/api/agent-principals', {name => 'helper'},
    $people->as('manager'));
my @agent = (Authorization => 'Bearer '
    . $t->canary('the token of an agent', $agent->{token}));
my @key = (Authorization => 'Bearer ' . $t->key(project => $project)->{key});
my @asker = (Authorization => 'Bearer '
    . $people->token($who{manager}{id}, 'read,request'));
ok(wait_until(sub { $pg->value('SELECT count(*) FROM notice_channels') == 1 },
    20), 'mails are on');

sub ask {
    my ($as) = @_;
    return $t->api_ok('POST', '/api/requests', {project_id => $project,
        title => 'A desk'}, $people->as($as // 'owner'))->{id};
}

sub say {
    my ($id, $verb, $who, $body) = @_;
    return $t->api('POST', "/api/requests/$id/$verb", $body // {},
        ref $who ? @$who : $who eq 'operator' ? () : $people->as($who));
}

sub look {
    my ($id, $who) = @_;
    return $t->api_ok('GET', "/api/requests/$id", undef,
        $people->as($who // 'owner'));
}

sub is_refused {
    my ($reply, $status, $code, $what) = @_;
    is($reply->status . ' ' . $reply->json->{code}, "$status $code", $what);
}

sub approved {
    my $id = ask(@_);
    say($id, 'approve', 'admin');
    return $id;
}

# --- not before it is approved

my $desk = ask();
is_refused(say($desk, 'fulfill', 'manager'), 400, 'illegal_transition',
    'what waits for a decision is not done');
is(say($desk, 'approve', 'admin')->json->{state}, 'approved',
    'what people do stays approved');
my $seen = look($desk, 'manager');
is($seen->{waits}{for}, "the project's manager or an administrator, to do it"
    . ' and say so', '... and says for whom it waits');
is_deeply($seen->{you_may}, [qw(fulfill cancel)], '... who may say that it is');
is_deeply(look($desk)->{you_may}, ['cancel'], '... nobody else');

# --- by whom

is_refused(say($desk, 'fulfill', 'owner'), 403, 'self_approval',
    'who asked does not say that it is done');
is_refused(say($desk, 'fulfill', \@agent), 403, 'forbidden', '... no agent');
is_refused(say($desk, 'fulfill', \@asker), 403, 'insufficient_scope',
    '... no token without the right to decide');
is(say($desk, 'fulfill', \@key)->status, 401, '... no key');
is_refused(say($desk, 'fulfill', 'other'), 404, 'request_not_found',
    '... nobody of another project');
my $theirs = approved('manager');
is_refused(say($theirs, 'fulfill', 'owner'), 403, 'forbidden',
    '... no owner as owner');
is_refused(say($theirs, 'fulfill', 'manager'), 403, 'self_approval',
    '... no manager who asked for it');
is_refused(say($desk, 'fulfill', 'manager', {plan_hash => '0' x 64}), 409,
    'plan_changed', 'another plan than the one shown');
is_refused(say($desk, 'fulfill', 'manager', {actor => 'admin'}), 400,
    'unknown_field', 'who says so is no field');

# --- once

my @done = $t->in_parallel(4, sub {
    my $reply = say($desk, 'fulfill', $_[0] % 2 ? 'manager' : 'admin',
        {reason => 'it stands', plan_hash => $seen->{plan_hash}});
    return join ' ', $reply->status, $reply->json->{state} // 'none';
});
is_deeply(\@done, [('200 fulfilled') x 4],
    'who may decide says that it is done; once more is the same answer');
$seen = look($desk);
is_deeply([map { $_->{event} } @{$seen->{history}}],
    [qw(submit approve fulfil)], '... it happened once');
is($seen->{history}[2]{reason}, 'it stands', '... and how is told');
is($seen->{waits}{for}, undef, '... it waits for nobody');
is_deeply(look($desk, 'manager')->{you_may}, [], '... nothing is left to do');
my ($by) = $seen->{history}[2]{actor} =~ /^user:(.*)/;
is($pg->value('SELECT count(*) FROM request_fulfilments WHERE request_id ='
    . " '$desk' AND user_id = '$by'"), 1, '... by whom is kept');
my $log = $t->api_ok('GET',
    "/api/audit?entity=$desk&action=workflow.fulfilled");
is_deeply([map { "$_->{actor} $_->{reason}" } @{$log->{events}}],
    ["user:$by it stands"], '... and stands in the audit log');
like($t->api('GET', "/api/requests/$desk/events", undef, $people->as('owner'))
    ->body, qr/^event: fulfil\ndata: .*^event: end$/ms,
    '... on the stream of its events, which ends');
ok(wait_until(sub { grep { $_->{taken} && $_->{to} eq $who{owner}{email}
    && $_->{text} =~ /$desk/ && $_->{text} =~ /fulfilled/ } $server->books },
    60), '... and who asked gets a mail');
is(say($theirs, 'fulfill', 'operator')->json->{state}, 'fulfilled',
    'the operator says so, too');
is_refused(say($desk, 'cancel', 'owner'), 400, 'illegal_transition',
    'what is done is not taken back');

# --- not where it is over, is killed, or is Asgard's to do

my $no = ask();
say($no, 'reject', 'admin');
is_refused(say($no, 'fulfill', 'admin'), 400, 'illegal_transition',
    'what was refused is not done');
my $held = approved();
$t->kill_project($project);
is_refused(say($held, 'fulfill', 'admin'), 403, 'project_killed',
    'nor what is for a project that was killed');
$t->api_ok('POST', "/api/projects/$project/unkill", {});
my $given = $pg->value("INSERT INTO requests (kind, project_id, subject, state,"
    . " requester, person, payload, plan_sha256, rule, tier, approvals_needed)"
    . " VALUES ('review-extension', '$project', 's', 'approved',"
    . " 'system:test', 'system', '{}', '', 'test', 'none', 0)"
    . ' RETURNING request_id');
is_refused(say($given, 'fulfill', 'admin'), 400, 'illegal_transition',
    'nor by people what Asgard does itself');

# --- the database itself

sub says {
    my ($sql) = @_;
    return eval { $pg->psql($pg->url, $sql); 1 } ? 'done' : $@;
}

sub forced {
    my ($id, $user, $power) = @_;
    return says('INSERT INTO request_fulfilments (request_id, person,'
        . " plan_sha256, fulfiller, user_id, power) SELECT request_id, person,"
        . " plan_sha256, 'user:$user', '$user', '$power' FROM requests"
        . " WHERE request_id = '$id'");
}
like(says("UPDATE requests SET state = 'fulfilled' WHERE request_id ="
    . " '$held'"), qr/nobody has said/, 'the database refuses it said by none');
like(forced($held, $who{owner}{id}, 'manager'), qr/not_own|may not/,
    '... by who asked');
like(forced($held, $who{manager}{id}, 'admin'), qr/may not/,
    '... in a role that they have not');
like(forced($held, $agent->{id}, 'manager'), qr/may not/, '... by an agent');
like(forced($held, $who{other}{id}, 'manager'), qr/may not/,
    '... by the manager of nothing');

# --- where the owner is the manager

$t->api_ok('PATCH', "/api/projects/$project",
    {owner_email => $who{manager}{email}});
$seen = look($held, 'admin');
is($seen->{waits}{for}, 'an administrator, to do it and say so',
    'where the owner is the manager an administrator says that it is done');
is_refused(say($held, 'fulfill', 'manager'), 403, 'forbidden',
    '... not who is both');
like(forced($held, $who{manager}{id}, 'manager'), qr/may not/,
    '... nor by force');
is(say($held, 'fulfill', 'admin')->json->{state}, 'fulfilled', '... who does');

$t->done;
