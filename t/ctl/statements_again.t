#!/usr/bin/env perl
# Statements are prepared once on a connection: when a table is altered under
# one of them, a call is told to come again at worst, and then has its answer.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Test;

# One thread: one connection, which comes to know every question.
my $t = Asgard::Test->new(without_money => 1, conf => 'api_threads 1');
$t->start;
my $project = $t->project(budget_usd => '1');
my $pg = $t->{postgres};

sub name { return $t->api_ok('GET', "/api/projects/$project")->{name} }
sub prepared {
    return $pg->value(q{SELECT count(*) FROM pg_stat_activity
        WHERE application_name = 'asgard-ctl api' AND usename = 'asgard'}) }

my $name = name();
is(name(), $name, 'a project is told again') for 1 .. 3;
ok(prepared(), '... by a connection of the API');
$pg->rows('ALTER TABLE projects ALTER COLUMN name TYPE varchar(200)');
my $status = $t->api('GET', "/api/projects/$project")->status;
like($status, qr/^(?:200|503)$/, 'its table has another type now: come again');
is(name(), $name, '... and it is told') for 1 .. 3;
$pg->rows('ALTER TABLE projects ALTER COLUMN name TYPE text');
$t->api('GET', "/api/projects/$project");
is($t->api_ok('PATCH', "/api/projects/$project", {name => 'Another'})->{name},
    'Another', 'and it is changed');
$pg->super(q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE usename = 'asgard'});
$t->api('GET', "/api/projects/$project") for 1 .. 2;
is(name(), 'Another', 'a new connection knows none of them, and answers')
    for 1 .. 3;
$t->done;
