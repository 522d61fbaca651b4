#!/usr/bin/perl
# Who becomes an administrator, the manager of a project or a member of a group
# of approvers is told of what waits for them already: the oldest first, so many
# at most, once.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::XS ();
use MIME::Base64 qw(encode_base64);
use Test::More;

use Asgard::FakeMail;
use Asgard::Files qw(random_hex spill wait_until);
use Asgard::People;
use Asgard::Test;

my $t = Asgard::Test->new;
my $ctl = $t->{control};
my $server = Asgard::FakeMail->new(dir => $t->{dir});
my $hook = $t->upstream('hook', body => 'thanks');
my $secret = $t->canary('a secret of the webhook',
    'whsec_' . encode_base64(pack('H*', random_hex(32)), ''));
spill("$t->{dir}/webhook.secret", "$secret\n", 0600);
$ctl->{conf} = join "\n", 'mail_url ' . $server->url,
    'mail_from asgard@example.com', 'notify_internal on', 'notify_links off',
    'webhook_url ' . $hook->url . '/', "webhook_secret_file "
    . "$t->{dir}/webhook.secret";
$ctl->write_conf;
$t->start;
my $pg = $t->{postgres};
my $people = Asgard::People->new($t);
my %who = map { $_ => $people->person($_) } qw(owner manager heir pat);
my $project = $t->project(owner_email => $who{owner}{email},
    manager_email => $who{manager}{email}, budget_usd => 5);
ok(wait_until(sub { $pg->value('SELECT count(*) FROM notice_channels') == 2 },
    20), 'mail and webhook are on');

my $jobs = 0;
sub job {
    return $t->api_ok('POST', "/api/projects/$project/resources",
        {resource_type => 'databricks-job', name => 'j' . ++$jobs,
        spec => {notebook_path => '/n'}}, $people->as('owner'))->{request}{id};
}

# Nothing is left to send: then what came has come.
sub sent {
    return wait_until(sub { !$pg->value('SELECT count(*) FROM notices WHERE'
        . " state = 'waiting'") }, 60);
}

sub mails { my ($to) = @_;
    return [sort map { $_->{text} =~ m{/api/requests/(\S+?)\r?$}m } grep {
        $_->{taken} && $_->{to} eq "$to\@example.com" } $server->books] }

sub calls { my ($name) = @_;
    return [sort map { $_->{data}{request_id} }
        grep { "@{$_->{data}{tell}}" eq $name
            && $_->{type} eq 'request.waiting' }
        map { JSON::XS::decode_json($_->{body}) } $hook->books] }

my $generic = $t->api_ok('POST', '/api/requests', {project_id => $project,
    title => 'More'}, $people->as('owner'))->{id};
my $job = job();
my $own = $t->api_ok('POST', "/api/projects/$project/resources",
    {resource_type => 'databricks-job', name => 'own',
    spec => {notebook_path => '/n'}}, $people->as('manager'))->{request}{id};
my $over = job();
$t->api_ok('POST', "/api/requests/$over/reject", {});
ok(sent(), 'what was asked is told');
is_deeply([map { @{mails($_)} } qw(heir pat)], [], '... to nobody else');

# --- a group

sub add { $t->api_ok('POST', '/api/approver-groups/platform/members',
    {username => $_[0]}) }
sub remove { $t->api_ok('DELETE', '/api/approver-groups/platform/members/'
    . $_[0]) }

add('pat');
ok(sent(), 'a new member of a group');
is_deeply(mails('pat'), [sort $job, $own],
    '... gets a mail of each open request that they may decide');
is_deeply(calls('pat'), [sort $job, $own],
    '... and the webhook is told whom it is for');
is(scalar(@{mails('manager')}), 3, 'who knew of it gets nothing more');
remove('pat');
add('pat');
add('owner');
ok(sent(), 'a member who comes again');
is(scalar(@{mails('pat')}), 2, '... is not told once more');
is(scalar(grep { $_ eq $job } @{calls('owner')}), 0,
    'nor who asked for it themselves');
remove('owner');

# --- a manager

my $patch = sub { $t->api_ok('PATCH', "/api/projects/$project", {@_}) };
$patch->(manager_email => $who{heir}{email});
ok(sent(), 'a new manager');
is_deeply(mails('heir'), [sort $generic, $job, $own],
    '... is told of all of it');
is_deeply(calls('heir'), [sort $generic, $job, $own],
    '... by the webhook, too');
$patch->(manager_email => 'late@example.com');
$patch->(manager_email => $who{heir}{email});
ok(sent(), 'who manages it again');
is(scalar(@{mails('heir')}), 3, '... is told nothing twice');
$patch->(manager_email => 'late@example.com');
$people->person('late');
ok(sent(), 'who gets an account after they were named manager');
is_deeply(mails('late'), [sort $generic, $job, $own], '... is told with it');

# --- an administrator

$people->person('ann', role => 'admin');
ok(sent(), 'who gets the account of an administrator');
is_deeply(mails('ann'), [sort $generic, $job, $own],
    '... is told with it of what waits');
my $clerk = $people->person('clerk');
my $role = sub { $t->api_ok('POST', "/api/users/$clerk->{id}/role",
    {role => $_[0]}) };
my $active = sub { $t->api_ok('POST', "/api/users/$clerk->{id}/active",
    {active => $_[0]}) };
$role->('finance');
ok(sent(), 'whose role is finance');
is_deeply(mails('clerk'), [], '... is told nothing');
$active->(JSON::XS::false);
$role->('admin');
ok(sent(), 'who becomes an administrator without an active account');
is_deeply(mails('clerk'), [], '... is told nothing yet');
$active->(JSON::XS::true);
ok(sent(), '... and once it is active');
is_deeply(mails('clerk'), [sort $generic, $job, $own], '... of all that waits');
is_deeply(calls('clerk'), [sort $generic, $job, $own],
    '... by the webhook, too');
my $boss = $people->person('boss');
$t->api_ok('POST', "/api/users/$boss->{id}/role", {role => 'admin'});
ok(sent(), 'whose role becomes that of an administrator');
is_deeply(mails('boss'), [sort $generic, $job, $own], '... is told at once');
$role->('member');
$role->('admin');
ok(sent(), 'an administrator who comes again');
is(scalar(@{mails('clerk')}), 3, '... is not told once more');

# --- so many at most

my @more = map { job() } 1 .. 21;
remove('pat');
$people->person('kim');
add('kim');
ok(sent(), 'a member of whom much waits');
is_deeply(mails('kim'), [sort $job, $own, @more[0 .. 17]],
    '... is told of the oldest twenty');

$hook->forget;                     # what it answered was no call to a model
$t->done;
