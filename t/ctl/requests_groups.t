#!/usr/bin/perl
# Where a rule names a group of approvers that has members, one of them must
# agree beside who decides anyway; nobody counts for two, and who asked, who
# owns the project, an agent and a key for nothing.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::People;
use Asgard::Test;

my $t = Asgard::Test->new;
$t->start;
my $people = Asgard::People->new($t);
my %who = map { $_ => $people->person($_, role => /^admin/ ? 'admin'
    : 'member') } qw(owner manager admin admin2 pat sam kim);
my $pg = $t->{postgres};
my $groups = '/api/approver-groups';
my $count = 0;

sub project { return $t->project(owner_email => $who{owner}{email},
    manager_email => $who{manager}{email}, budget_usd => 5, @_) }
my $project = project();
my $secret = project(data_class => 'restricted');

sub job {
    my ($in, $who) = @_;
    return $t->api_ok('POST', "/api/projects/$in/resources",
        {resource_type => 'databricks-job', name => 'j' . ++$count,
        spec => {notebook_path => '/n'}}, $people->as($who // 'owner'))
        ->{request};
}

sub say {
    my ($request, $verb, @as) = @_;
    my $reply = $t->api('POST', "/api/requests/$request->{id}/$verb", {},
        @as == 1 ? $people->as(@as) : @as);
    return join ' ', $reply->status, $reply->json->{code}
        // $reply->json->{state};
}

sub look {
    my ($request, $who) = @_;
    return $t->api_ok('GET', "/api/requests/$request->{id}", undef,
        $people->as($who // 'owner'));
}

sub waits { return look(@_)->{waits}{for} }

sub add {
    my ($group, $name, @as) = @_;
    my $reply = $t->api('POST', "$groups/$group/members",
        {username => $name}, @as);
    return join ' ', $reply->status, $reply->json->{code}
        // join ',', map { $_->{username} } @{$reply->json->{members}};
}

sub remove {
    my ($group, $name) = @_;
    return $t->api('DELETE', "$groups/$group/members/$name");
}

sub deciders {
    return join ' ', map { join '/', @$_{qw(username as)}, @{$_->{groups}} }
        @{look(@_)->{may_decide}};
}

# --- without members nobody is asked beside

my $one = job($project);
is_deeply($one->{group_rules}, {platform => 'deploy.review-tier'},
    'a request says by which rule a group must agree');
is(waits($one), "the project's manager or an administrator",
    'a group without members is not asked');
is(look($one)->{approvals_needed}, 1, '... so one person decides');
is(say($one, 'approve', 'manager'), '200 fulfilled', '... as always');
is_deeply($t->api_ok('POST', '/api/requests', {project_id => $project,
    title => 'n'}, $people->as('owner'))->{group_rules}, {},
    'of a generic one no group must');
is_deeply($t->api_ok('PATCH', "/api/projects/$project",
    {budget_usd => 9000}, $people->as('owner'))->{budget_review}{group_rules},
    {platform => 'set-budget.platform'}, 'of a budget the platform');
$t->api_ok('POST', "/api/projects/$project/extend", {}, $people->as('owner'))
    for 1 .. 2;
my ($more) = @{$t->api_ok('GET', "/api/requests?subject=$project&limit=1")
    ->{requests}};
is_deeply([@$more{qw(kind group_rules)}], ['review-extension',
    {platform => 'extend.platform'}], '... of more time, too');
my $climb = $t->api_ok('POST', "/api/projects/$project/promotion",
    {target => 'light-operational'}, $people->as('owner'))->{request};
is_deeply($climb->{group_rules}, {platform => 'promotion-evidence'},
    '... and of a step that a human looks at');
my $bucket = $t->api_ok('POST', "/api/projects/$secret/resources",
    {resource_type => 's3-bucket', name => 'b'}, $people->as('owner'))
    ->{request};
is_deeply($bucket->{group_rules}, {security => 'deploy.restricted-data'},
    'of restricted data security');
is(waits($bucket), "the project's manager and an administrator",
    '... for which an administrator stands while it has no members');
is(say($bucket, 'approve', 'admin'), '200 requested', '... one says yes');
is(waits($bucket), "the project's manager or an administrator",
    '... and one of the others is left');
is(say($bucket, 'approve', 'manager'), '200 fulfilled', '... and says it');

# --- who is in a group

is(add('platform', 'pat'), '200 pat', 'an administrator names a member');
is(add('platform', 'pat'), '200 pat', '... once');
is(add('security', 'Sam'), '200 sam', '... of the other group');
is(add('platform', 'nobody'), '400 invalid_value', 'not who is nobody');
is(add('none', 'pat'), '404 approver_group_not_found', 'nor into no group');
is(add('platform', 'kim', $people->as('manager')), '403 forbidden',
    'a manager names none');
is(remove('platform', 'kim')->json->{code}, 'approver_not_found',
    'who is not in it is not taken out');
is_deeply([map { "$_->{group} " . join ',', map { $_->{username} }
    @{$_->{members}} } @{$t->api_ok('GET', $groups)->{groups}}],
    ['platform pat', 'security sam'], 'the groups are listed');
is_deeply([map { "$_->{action} $_->{data}{username}" } @{$t->api_ok('GET',
    '/api/audit?entity=platform')->{events}}], ['approvers.added pat'],
    'the audit log has it');

# --- one of its members beside who decides anyway

$one = job($project);
is($one->{approvals_needed}, 2, 'a group with members makes it two people');
is(waits($one), "the project's manager or an administrator and a member of"
    . ' platform', '... which it tells');
is(deciders($one), 'manager/manager pat/member/platform admin/admin'
    . ' admin2/admin', '... and who may');
is(say($one, 'approve', 'manager'), '200 requested', 'the manager says yes');
is(say($one, 'approve', 'manager'), '200 requested', '... which is one yes');
is(waits($one), 'a member of platform', '... and a member is left');
is_deeply(look($one)->{waits}{groups}, ['platform'], '... of which group');
is(deciders($one), 'pat/member/platform', '... that is who may decide now');
is_deeply(look($one, 'manager')->{you_may}, [qw(reject escalate cancel)],
    '... a second yes of the manager is none');
is(say($one, 'approve', 'admin'), '409 already_decided',
    '... nor has an administrator anything to add');
is(say($one, 'approve', 'sam'), '404 request_not_found',
    'who is in another group sees nothing of it');
is_deeply([map { $_->{id} } @{$t->api_ok('GET', '/api/requests?state=requested'
    . '&limit=1', undef, $people->as('pat'))->{requests}}], [$one->{id}],
    'a member finds it in the list');
is_deeply(look($one, 'pat')->{you_may}, [qw(approve reject escalate)],
    '... sees what they may');
my $reading = $people->token($who{pat}{id}, 'read,request');
is(say($one, 'approve', Authorization => "Bearer $reading"),
    '403 insufficient_scope', '... not with a token that cannot decide');
my $agent = $t->api_ok('POST', '/api/agent-principals', {name => 'helper'},
    $people->as('pat'));
is(say($one, 'approve', Authorization => 'Bearer '
    . $t->canary('the token of an agent', $agent->{token})), '403 forbidden',
    '... nor by their agent');
is(say($one, 'approve', 'pat'), '200 fulfilled', '... and says yes');
is_deeply([map { join '/', @$_{qw(username as)}, @{$_->{groups}} }
    @{look($one)->{approvals}}], ['manager/manager', 'pat/member/platform'],
    'the request keeps who agreed as what');
is(look($one)->{approvals_needed}, 2, '... and how many it took');
$one = job($project);
is(say($one, 'approve', 'pat'), '200 requested', 'a member may be first');
is(waits($one), "the project's manager or an administrator",
    '... and another decides');
is(say($one, 'approve', 'admin'), '200 fulfilled', '... also an administrator');
is(say(job($project), 'reject', 'pat'), '200 rejected',
    'a no of a member is a no');

# --- nobody counts for two

add('platform', 'admin');
$one = job($project);
is(say($one, 'approve', 'admin'), '200 requested',
    'an administrator who is in the group is one person');
is(waits($one), "the project's manager or an administrator or a member of"
    . ' platform', '... and any of the others is left');
is(say($one, 'approve', 'admin2'), '200 fulfilled', '... who says yes');
$one = job($project);
say($one, 'approve', 'admin');
is(say($one, 'approve', 'pat'), '200 fulfilled', '... a member as well');
is(remove('platform', 'admin')->status, 200, 'they leave the group');

# --- nor who asked, nor who owns the project

add('platform', 'owner');
$one = job($project);
is(say($one, 'approve', 'owner'), '403 self_approval',
    'who asked does not agree as a member');
$one = job($project, 'manager');
is(say($one, 'approve', 'owner'), '403 forbidden',
    '... nor who owns the project');
like($t->api('POST', "/api/requests/$one->{id}/approve", {},
    $people->as('owner'))->json->{error}, qr/rule approve\.owner/,
    '... by a rule');
is(deciders($one), 'pat/member/platform admin/admin admin2/admin',
    '... which is not who may');
remove('platform', 'owner');

# --- two groups, three people

$one = job($secret);
is_deeply($one->{group_rules}, {security => 'deploy.restricted-data',
    platform => 'deploy.review-tier'}, 'each rule that fits names its group');
is($one->{approvals_needed}, 3, '... one person for each, and who decides');
add('platform', 'kim');
add('security', 'kim');
is(say($one, 'approve', 'kim'), '200 requested',
    'who is in both is one person');
is(say($one, 'approve', 'manager'), '200 requested', '... the manager another');
is(waits($one), 'a member of platform or a member of security',
    '... and one of either is left');
is(say($one, 'approve', 'sam'), '200 fulfilled', '... who says yes');
remove($_, 'kim') for qw(platform security);

# --- what a group says counts while its member is one

$one = job($project);
say($one, 'approve', 'pat');
add('platform', 'kim');
is(remove('platform', $who{pat}{id})->status, 200, 'a member leaves');
is(look($one)->{approvals_given}, 0, '... and has not agreed');
is(say($one, 'approve', 'manager'), '200 requested', '... so another must');
is(waits($one), 'a member of platform', '... of those who are there');
$t->api_ok('POST', "/api/users/$who{kim}{id}/active",
    '{"active":false}');
is(deciders($one), '', 'also while none of them is active');
is(say($one, 'approve', 'admin'), '409 already_decided',
    '... an administrator does not stand for it');
add('platform', 'pat');
is(deciders($one), '', 'who agreed before they left has agreed');
is(look($one)->{approvals_given}, 2, '... and counts again');
add('platform', 'admin2');
is(say($one, 'approve', 'admin2'), '200 fulfilled', '... for what comes next');
remove('platform', $_) for qw(admin2 kim);

# --- handed up

$one = job($project);
is(say($one, 'approve', 'manager'), '200 requested', 'the manager says yes');
is(say($one, 'escalate', 'manager'), '200 reviewing', '... and hands it up');
is(waits($one), 'an administrator and a member of platform',
    '... which makes it an administrator\'s, and the group\'s as before');
is(look($one)->{approvals_given}, 0, '... whose yes is none then');
is(say($one, 'approve', 'pat'), '200 reviewing', 'the member says yes');
is(say($one, 'approve', 'admin'), '200 fulfilled', '... the administrator too');

# --- where the owner is the manager

my $own = project(manager_email => $who{owner}{email});
$one = job($own);
is(waits($one), 'an administrator and a member of platform',
    'an administrator decides where the owner is the manager');
like(look($one)->{waits}{note}, qr/an administrator stands for the manager/,
    '... which it says');

# --- a group that loses its members while something waits for it

$one = job($project);
is(say($one, 'approve', 'manager'), '200 requested', 'one of two says yes');
my $mine = job($project, 'admin');
is($t->api('DELETE', "$groups/platform/members/pat", undef,
    $people->as('admin'))->json->{code}, 'self_approval',
    'who waits for a group takes nobody out of it');
is($t->api_ok('DELETE', "$groups/platform/members/pat", undef,
    $people->as('admin2'))->{group}, 'platform', '... but others do');
is(waits($one), 'somebody who may decide, to approve it once more',
    'what has all that it needs by then says so');
is_deeply(look($one, 'manager')->{you_may},
    [qw(approve reject escalate cancel)], '... to who may');
is(say($one, 'approve', 'manager'), '200 fulfilled',
    '... and goes on when they do, be it again');
is(say($mine, 'cancel', 'admin'), '200 cancelled', 'nothing waits any more');
is(add('platform', 'pat'), '200 pat', 'the member is back');

# --- the database itself

sub says {
    my ($sql) = @_;
    return eval { $pg->psql($pg->url, $sql); 1 } ? 'done' : $@;
}

sub forced {
    my ($request, $name, $power, $groups) = @_;
    return says('INSERT INTO request_approvals (request_id, person,'
        . ' plan_sha256, approver, user_id, power, groups) SELECT request_id,'
        . " person, plan_sha256, 'user:$who{$name}{id}', '$who{$name}{id}',"
        . " '$power', '{$groups}' FROM requests WHERE request_id ="
        . " '$request->{id}'");
}
$one = job($project);
like(forced($one, 'sam', 'member', 'platform'), qr/may not approve/,
    'the database takes nobody for a member');
is(forced($one, 'manager', 'manager', 'platform'), 'done',
    '... but a manager as one');
is($pg->value('SELECT groups FROM request_approvals WHERE request_id ='
    . " '$one->{id}'"), '{}', '... who is in no group, whatever was said');
like(says("UPDATE requests SET state = 'approved' WHERE request_id ="
    . " '$one->{id}'"), qr/has not the approvals/,
    '... approves nothing that a group must agree to');
like(says("UPDATE requests SET group_rules = '{}' WHERE request_id ="
    . " '$one->{id}'"), qr/does not change/,
    '... and which must is not taken back');
$t->api_ok('PATCH', "/api/projects/$project",
    {owner_email => $who{pat}{email}});
like(forced($one, 'pat', 'member', 'platform'), qr/may not approve/,
    '... nor has an owner a voice in a group');

$t->done;
