#!/usr/bin/env perl
# The connection to PostgreSQL is cut at COMMIT: whether that was executed or
# not, every call and every change ends as one row.
#
# Fault row 9.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(wait_until);
use Asgard::OneModel qw(one_model);

my ($t, $up, $project, $key) = one_model(budget_usd => '100', tokens => 0,
    workers => 2, proxies => ['ctl_postgres']);
my $proxy = $t->proxy('ctl_postgres');
is($t->chat($key, {model => 'one'})->status, 200, 'a call');
$t->wait_ledger($project, 1);

sub holds { return $t->{postgres}->value('SELECT count(*) FROM holds') }
sub projects { my ($name) = @_; return $t->{postgres}->value(
    "SELECT count(*) FROM projects WHERE name = '$name'") }

sub create {
    my ($name) = @_;
    return $t->api('POST', '/api/projects', {name => $name,
        owner_email => 'o@example.com', manager_email => 'm@example.com',
        data_class => 'internal', budget_usd => 1},
        'Idempotency-Key', "create-$name");
}

# The change of $name while all COMMITs are lost, then again without a fault.
sub change {
    my ($name, $made) = @_;
    my $lost = create($name);
    is($lost->status, 503, '... a change is 503');
    is(projects($name), $made, '... and is ' . ($made ? 'there' : 'not there'));
    return sub {
        my $again;
        wait_until(sub { $again = create($name);
            return $again->status == 201 }, 10, 0.2);
        is($again->status, 201, "$name: repeated, it is made");
        is(projects($name), 1, '... once');
        is($t->{postgres}->value('SELECT count(*) FROM audit_events WHERE'
            . " action = 'project.registered'"),
            $t->{postgres}->value('SELECT count(*) FROM projects'),
            '... and stands in the audit log once');
    };
}

# --- executed, and the reply is lost ------------------------------------------

$proxy->drop_reply(match => 'COMMIT', count => 0, then => 'rst');
is($t->chat($key, {model => 'one'})->status, 200, 'replies of COMMIT are'
    . ' lost: a call is answered');
ok(wait_until(sub { holds() == 2 }, 10), '... and is in the ledger all the'
    . ' same');
my $again = change('replied', 1);
ok($proxy->wait_hits(n => 10), '... while every COMMIT is cut off');
$proxy->heal;
$again->();
is($t->chat($key, {model => 'one'})->status, 200, 'a call after that');
ok(wait_until(sub { holds() == 3 }, 10), '... comes into the ledger');
is(scalar $t->wait_ledger($project, 3), 3, '... and each call is there once');

# --- not executed -------------------------------------------------------------

$proxy->drop_request(match => 'COMMIT', count => 0, then => 'rst');
is($t->chat($key, {model => 'one'})->status, 200, 'COMMITs themselves are'
    . ' lost: a call is answered');
$again = change('lost', 0);
my $tried = $proxy->hits;
ok($proxy->wait_hits(n => $tried + 10), '... while every COMMIT is cut off');
is(holds(), 3, '... the ledger does not have the call');
$proxy->heal;
$again->();
is(scalar $t->wait_ledger($project, 4, 10), 4, 'then it has, once');
is(holds(), 4, '... as one hold');

# --- once in a while, under load ----------------------------------------------

my ($children, $each) = (3, 15);
my @told = $t->in_parallel($children + 1, sub {
    my ($i) = @_;
    if ($i == $children) {
        for my $how ((qw(drop_reply drop_request)) x 4) {
            $proxy->$how(match => 'COMMIT', then => 'rst');
            $proxy->wait_hits(seconds => 3);
        }
        return '0';
    }
    return scalar grep { $t->chat($key, {model => 'one'})->status == 200 }
        1 .. $each;
});
my $calls = 4;
$calls += $_ for @told;
is($calls, 4 + $children * $each, 'with a COMMIT lost now and then all calls'
    . ' are answered');
ok(wait_until(sub { holds() == $calls }, 15), '... and come into the ledger');
is(scalar $t->wait_ledger($project, $calls), $calls, '... once');
$t->done;
