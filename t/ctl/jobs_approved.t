#!/usr/bin/perl
# An approval and the job that it begins are one transaction: an api that dies
# between them has approved nothing, and the database takes no request that is
# approved and that nobody begins.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use POSIX ();
use Test::More;

use Asgard::Files qw(slurp top wait_until);
use Asgard::People;
use Asgard::Test;

my $t = Asgard::Test->new;
$t->{control}->write_service('asked', slurp(top()
    . '/services/exec-echo/service.yaml') =~ s/^id: \K.*/asked/mr
    =~ s/^auto_approvable: \K.*/false/mr);
$t->start;
my $people = Asgard::People->new($t);
$people->person('judge', role => 'admin');
my $project = $t->project(budget_usd => 5);
my $pg = $t->{postgres};

sub ask {
    my ($type, $name) = @_;
    return $t->api('POST', "/api/projects/$project/resources",
        {resource_type => $type, name => $name});
}

# The api dies while it waits to write into $table what $call asks for.
sub dies_before {
    my ($table, $call) = @_;
    my $holder = fork // die "fork: $!";
    if (!$holder) {
        eval { $pg->psql($pg->owner_url, "BEGIN; LOCK TABLE $table IN"
            . ' EXCLUSIVE MODE; SELECT pg_sleep(600)') };
        POSIX::_exit(0);
    }
    wait_until(sub { $pg->value("SELECT count(*) FROM pg_locks WHERE mode ="
        . " 'ExclusiveLock' AND relation = '$table'::regclass AND granted")
    }, 20) or diag("nobody holds $table");
    my $caller = fork // die "fork: $!";
    if (!$caller) {
        eval { $call->() };
        POSIX::_exit(0);
    }
    ok(wait_until(sub { $pg->value('SELECT count(*) FROM pg_locks WHERE NOT'
        . " granted AND relation = '$table'::regclass") }, 20),
        "the api is about to write into $table");
    my $dead = $t->{control}->roles->{api};
    kill KILL => $dead;
    wait_until(sub { my $now = $t->{control}->roles->{api};
        $now && $now != $dead }, 20) or diag('no api is back');
    waitpid $caller, 0;
    $pg->value('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE'
        . " query LIKE '%pg_sleep(600)%' AND pid <> pg_backend_pid()");
    waitpid $holder, 0;
    wait_until(sub { ($t->api('GET', '/api/auth/me')->status // 0) == 200 },
        20) or diag('the api does not answer');
}

sub what_is { $pg->value("SELECT (SELECT coalesce(string_agg(state, ' '), '')"
    . ' FROM requests) || \' \' || (SELECT count(*) FROM resources)'
    . " || ' ' || (SELECT count(*) FROM jobs)") }

my $request = ask('asked', 'one')->json->{request};
for my $table (qw(jobs request_events)) {
    dies_before($table, sub { $t->api('POST',
        "/api/requests/$request->{id}/approve", {}, $people->as('judge')) });
    is(what_is(), 'requested 0 0', '... and has approved and begun nothing');
}
$t->api_ok('POST', "/api/requests/$request->{id}/approve", {},
    $people->as('judge'));
ok(wait_until(sub { what_is() eq 'fulfilled 1 1' }, 20),
    'approved once more it is made, once') or diag(what_is());

dies_before('jobs', sub { ask('exec-echo', 'two') });
is(what_is(), 'fulfilled 1 1', 'what nobody has to approve is the same');
ask('exec-echo', 'two');
ok(wait_until(sub { what_is() eq 'fulfilled fulfilled 2 2' }, 20),
    '... asked once more it is made') or diag(what_is());

my $insert = 'INSERT INTO requests (kind, project_id, subject, state,'
    . ' requester, person, payload, plan_sha256, rule, tier,'
    . " approvals_needed) VALUES ('%s', '$project', 'x', 'approved',"
    . " 'system:test', 'system', '{}', '', 'test', 'none', 0) RETURNING 1";
for my $kind (qw(provision:asked destroy:asked)) {
    ok(!eval { $pg->value(sprintf $insert, $kind); 1 },
        "the database takes no $kind that nobody begins");
    like($@, qr/an approved request without its job/, '... and says so');
}

$t->done;
