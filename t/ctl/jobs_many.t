#!/usr/bin/perl
# Jobs of two asgard-ctl on one database are done once each, however many.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Control;
use Asgard::FakeCloud;
use Asgard::Files qw(wait_until);
use Asgard::Test;

my $t = Asgard::Test->new;
my $cloud = Asgard::FakeCloud->new(dir => $t->{dir});
my $pg = $t->{postgres};
$t->{control}->write_service('thing', $cloud->service('thing'));
$t->start;
my $project = $t->project(budget_usd => 5);
mkdir "$t->{dir}/other";
my $other = Asgard::Control->new(dir => "$t->{dir}/other",
    key_file => $t->{key_file}, postgres => $pg, redis => $t->{redis});
$other->write_service('thing', $cloud->service('thing'));
$other->{migrated} = 1;
$other->start;
wait_until(sub { $pg->value('SELECT count(DISTINCT pid) FROM pg_stat_activity'
    . " WHERE application_name = 'asgard jobs'") >= 8 }, 20);

my $n = 60;
$t->api_ok('POST', "/api/projects/$project/resources",
    {resource_type => 'thing', name => "n$_"}) for 1 .. $n;
wait_until(sub { $pg->value("SELECT count(*) FROM jobs WHERE state = 'done'")
    == $n }, 60);
is($pg->value("SELECT count(*) FROM jobs WHERE state = 'done'"), $n,
    'all are done');
is(scalar($cloud->calls), $n, '... by one call each');
is(scalar(@{[$cloud->things]}), $n, '... and all are there');
is($pg->value("SELECT count(*) FROM audit_events WHERE action ="
    . " 'resource.provisioned'"), $n, '... with one entry each');
is($pg->value("SELECT count(*) FROM requests WHERE state = 'fulfilled'"), $n,
    '... and one request');
$other->stop;

$t->done;
