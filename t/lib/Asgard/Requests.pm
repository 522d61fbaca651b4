# Each change that people make of requests, ready to be tried while something is
# away: register, ask, approve, agree, reject, cancel, set a budget.
#
#     my $requests = Asgard::Requests->new($t);
#     for my $change ($requests->changes('first')) {
#         $requests->try($change)->status;
#         $requests->rows($change);       # what it made: 0 or 1
#     }
package Asgard::Requests;

use strict;
use warnings;

use Asgard::People;

sub new {
    my ($class, $t) = @_;
    my $people = Asgard::People->new($t);
    my %who = map { $_ => $people->person($_) } qw(owner manager pat);
    my $project = $t->project(owner_email => $who{owner}{email},
        manager_email => $who{manager}{email}, budget_usd => 5);
    $t->api_ok('POST', '/api/approver-groups/platform/members',
        {username => 'pat'});
    return bless {t => $t, people => $people, project => $project}, $class;
}

sub resource {
    my ($name) = @_;
    return {resource_type => 'databricks-job', name => $name,
        spec => {notebook_path => '/n'}};
}

# One that waits; `agreed`: by its group already.
sub waiting {
    my ($self, $name, $agreed) = @_;
    my ($t, $people) = @$self{qw(t people)};
    my $id = $t->api_ok('POST', "/api/projects/$self->{project}/resources",
        resource($name), $people->as('owner'))->{request}{id};
    $t->api_ok('POST', "/api/requests/$id/approve", {}, $people->as('pat'))
        if $agreed;
    return $id;
}

# New ones, whose names begin with $series: {name, who, call, status, sql}.
sub changes {
    my ($self, $series) = @_;
    my ($project, $n) = ($self->{project}, 0);
    my $made = "SELECT count(*) FROM request_events WHERE request_id = '%s'"
        . " AND event = '%s'";
    my @of = map {
        my ($verb, $who, $agreed) = @$_;
        my $id = $self->waiting("$series-" . ++$n, $agreed);
        {name => "$verb by $who", who => $who, status => 200,
            call => ['POST', "/api/requests/$id/$verb", {reason => 'r'}],
            sql => sprintf $made . ($verb eq 'approve' ? " AND actor LIKE"
                . " 'user:%%' AND state = '"
                . ($agreed ? 'approved' : 'requested') . "'" : ''), $id, $verb}
    } (['approve', 'pat', 0], ['approve', 'manager', 1],
        ['reject', 'manager', 0], ['cancel', 'owner', 0]);
    my $limit = ++$self->{limit} / 1000;
    return ({name => 'a registration', who => 'owner', status => 201,
        call => ['POST', '/api/projects', {name => "$series-new",
            owner_email => 'owner@example.com',
            manager_email => 'manager@example.com', data_class => 'internal'}],
        sql => "SELECT count(*) FROM projects WHERE name = '$series-new'"},
        {name => 'a request', who => 'owner', status => 202,
        call => ['POST', "/api/projects/$project/resources",
            resource("$series-ask")], sql => 'SELECT count(*) FROM requests'
            . " WHERE payload->>'name' = '$series-ask'"},
        @of,
        {name => 'a budget', who => 'owner', status => 200,
        call => ['PUT', "/api/projects/$project/budgets",
            {budgets => [{window => 'total', limit_usd => $limit}]}],
        sql => 'SELECT count(*) FROM budget_windows WHERE budget_id ='
            . " 'p.$project' AND window_name = 'total' AND limit_nusd ="
            . " $limit * 1000000000"});
}

sub try {
    my ($self, $change) = @_;
    my $key = "$change->{name}-$change->{sql}" =~ s/\W+/-/gr;
    return $self->{t}->api(@{$change->{call}},
        $self->{people}->as($change->{who}),
        'Idempotency-Key', substr($key, -200));
}

sub rows {
    my ($self, $change) = @_;
    return $self->{t}{postgres}->value($change->{sql});
}

# What the audit log has of requests, projects and budgets, once each?
sub audited_twice {
    my ($self) = @_;
    return $self->{t}{postgres}->value('SELECT count(*) FROM (SELECT 1 FROM'
        . " audit_events WHERE action IN ('workflow.submitted',"
        . " 'workflow.approved', 'workflow.approval', 'workflow.rejected',"
        . " 'workflow.cancelled', 'workflow.fulfilled') GROUP BY action,"
        . ' entity_ref, actor HAVING count(*) > 1) twice');
}

1;
