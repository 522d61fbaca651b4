#!/usr/bin/perl
# Who loses the right to decide, or is not enough any more, in the very moment
# of an approval is refused in words that say so; nothing of it is kept.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(wait_until);
use Asgard::People;
use Asgard::Test;

my $t = Asgard::Test->new;
$t->start;
my $pg = $t->{postgres};
my $people = Asgard::People->new($t);
my %who = map { $_ => $people->person($_, role => $_ eq 'admin' ? 'admin'
    : 'member') } qw(owner manager heir pat admin);
my $project = $t->project(owner_email => $who{owner}{email},
    manager_email => $who{manager}{email}, budget_usd => 5);
my $count = 0;

sub member {
    my ($name) = @_;
    $t->api_ok('POST', '/api/approver-groups/platform/members',
        {username => $name});
}

sub ask {
    return $t->api_ok('POST', "/api/projects/$project/resources",
        {resource_type => 'databricks-job', name => 'j' . ++$count,
        spec => {notebook_path => '/n'}}, $people->as('owner'))->{request}{id};
}

# An approval that has looked at who approves, and waits for `lock` meanwhile;
# then `change` happens, and it goes on.
sub approve_while {
    my ($id, $who, $lock, $change) = @_;
    open my $psql, '|-', 'psql', '-Xqo', '/dev/null', $pg->owner_url
        or die "psql: $!\n";
    syswrite $psql, "BEGIN; $lock;\n";
    ok(wait_until(sub { $pg->value('SELECT count(*) FROM pg_stat_activity'
        . " WHERE state = 'idle in transaction' AND application_name = 'psql'")
        }, 30), 'somebody holds what an approval needs');
    my $http = $t->http;
    $http->connect;
    $http->send_raw($http->request_text('POST', "/api/requests/$id/approve",
        [$people->as($who), 'Content-Type' => 'application/json'], '{}'));
    ok(wait_until(sub { $pg->value('SELECT count(*) FROM pg_locks'
        . ' WHERE NOT granted') }, 30), '... which waits for it');
    syswrite $psql, "$change; COMMIT;\n";
    close $psql;
    my $reply = $http->read_head;
    $http->plan_body($reply);
    $http->read_body($reply);
    unlike($reply->body, qr/approver may not|has not the approvals|ZA4/,
        '... and no text of the database is told');
    return join ' ', $reply->status, $reply->json->{code}
        // $reply->json->{state};
}

sub given {
    my ($id) = @_;
    return $t->api_ok('GET', "/api/requests/$id")->{approvals_given};
}

my $row = "SELECT 1 FROM projects WHERE project_id = '$project' FOR UPDATE";
my $one = ask();
is(approve_while($one, 'admin', $row, 'UPDATE users SET role ='
    . " 'member' WHERE user_id = '$who{admin}{id}'"), '403 forbidden',
    'an administrator who is none any more approves nothing');
is(approve_while($one, 'manager', $row, 'UPDATE projects SET manager_email ='
    . " '$who{heir}{email}' WHERE project_id = '$project'"), '403 forbidden',
    '... nor a manager');
member($_) for qw(pat heir);
my $two = ask();
is(approve_while($two, 'pat', $row, "DELETE FROM approvers WHERE user_id ="
    . " '$who{pat}{id}'"), '403 forbidden', '... nor a member of a group');
is(given($_), 0, '... and no approval is kept') for $one, $two;

# --- what was enough is not

member('pat');
my $three = ask();
is($t->api_ok('POST', "/api/requests/$three/approve", {},
    $people->as('pat'))->{state}, 'requested', 'one of two has approved');
is(approve_while($three, 'heir', 'LOCK TABLE requests IN SHARE MODE',
    "DELETE FROM approvers WHERE user_id = '$who{pat}{id}'"), '409 conflict',
    'and is no member any more when the other does');
is($t->api_ok('GET', "/api/requests/$three")->{state}, 'requested',
    '... so it waits as before');
is($t->api_ok('POST', "/api/requests/$three/approve", {},
    $people->as('heir'))->{state}, 'requested', '... for another approval');
member('pat');
is($t->api_ok('POST', "/api/requests/$three/approve", {})->{state},
    'fulfilled', '... which is given');

$t->done;
