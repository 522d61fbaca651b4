#!/usr/bin/env perl
# While PostgreSQL or asgard-ctl is down, or the audit log cannot be written, no
# registration, request, decision or budget is made; all are afterwards.
#
# Fault rows 8, 10, 35.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(slurp wait_until);
use Asgard::Requests;
use Asgard::Test;

my $t = Asgard::Test->new;
$t->start;
my $requests = Asgard::Requests->new($t);
my $pg = $t->{postgres};

sub owner_says { my ($sql) = @_;
    return $pg->psql("host=$pg->{dir} port=$pg->{port} user=postgres"
        . ' dbname=asgard', $sql) }

# A catalog that is published again, as at a start, is no change of anybody's.
my @tables = (qw(projects budgets budget_windows requests request_approvals
    request_events notices resources jobs idempotency),
    "(SELECT * FROM audit_events WHERE actor NOT LIKE 'system:%')");
sub all { return join ' ', map { $pg->value("SELECT count(*) || '/' ||"
    . " coalesce(sum(hashtext(q::text)::bigint), 0) FROM $_ q") } @tables }

# Each change, while `away` has been done and until `back` is.
sub is_refused_meanwhile {
    my ($series, $code, $what, $away, $back) = @_;
    my @changes = $requests->changes($series);
    my $before = all();
    $away->();
    for my $change (@changes) {
        my $reply = $requests->try($change);
        is($reply->status . ' ' . ($reply->json->{code} // ''), $code,
            "$what: $change->{name} is refused");
    }
    $back->();
    is(all(), $before, '... and nothing of them is there');
    for my $change (@changes) {
        my $reply;
        wait_until(sub { $reply = $requests->try($change);
            return $reply->status != 503 }, 20, 0.2);
        is($reply->status, $change->{status},
            "afterwards $change->{name} is made");
        is($requests->rows($change), 1, '... once');
    }
}

# What PostgreSQL says when the table can have no further page.
is_refused_meanwhile('full', '500 internal_error',
    'no space for the audit log', sub { owner_says(<<'SQL') },
CREATE FUNCTION public.no_space() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE 'could not extend file: No space left on device'
        USING ERRCODE = 'disk_full';
END $$;
CREATE TRIGGER no_space BEFORE INSERT ON audit_events
    EXECUTE FUNCTION public.no_space();
SQL
    sub { owner_says('DROP TRIGGER no_space ON audit_events') });

is_refused_meanwhile('down', '503 postgres_unavailable', 'PostgreSQL is down',
    sub { $pg->kill },
    sub { $pg->start; $t->wait_ready(30) });

$t->allow_no_control;
is_refused_meanwhile('dead', '503 control_unavailable', 'asgard-ctl is dead',
    sub {
        my $pid = $t->{control}->pid;
        kill KILL => $pid, split ' ', slurp("/proc/$pid/task/$pid/children");
        $t->{control}{process}->wait_end(5);
    },
    sub { $t->{control}->start; $t->wait_ready(30) });
is($requests->audited_twice, 0, 'the audit log has each of them once');

$t->done;
