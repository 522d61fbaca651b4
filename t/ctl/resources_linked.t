#!/usr/bin/perl
# What somebody else made is linked: the project has it on its list with what is
# said of it, nothing ever touches it, and to end it is to forget it.
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
my %who = map { $_ => $people->person($_) } qw(owner manager stranger);
my $project = $t->project(owner_email => $who{owner}{email},
    manager_email => $who{manager}{email}, budget_usd => 5);
my $at = "/api/projects/$project/resources";

sub put {
    my ($of, %said) = @_;
    return $t->api('POST', "/api/projects/$of/resources/link",
        {resource_type => 'data-lake', name => 'lake',
        reference => 'arn:aws:s3:::lake', %said}, $people->as('owner'));
}

sub is_refused {
    my ($reply, $status, $code, $param, $what) = @_;
    my $json = $reply->json;
    is(join(' ', $reply->status, $json->{code}, $json->{param} // ''),
        "$status $code $param", $what);
}

# --- linked

my $reply = put($project, outputs => {bucket => 'lake', port => 443},
    tags => {team => 'data', project => 'another'}, note => 'of the data team');
is($reply->status, 201, 'what was made elsewhere is linked');
my $made = $reply->json;
is(join(' ', map { $_ // 'none' } @$made{qw(rtype name state backend
    request_id error)}), 'data-lake lake linked linked none none',
    '... without a request and without work');
is_deeply([@$made{qw(spec outputs)}], [{reference => 'arn:aws:s3:::lake'},
    {bucket => 'lake', port => 443}], '... with where it is, and more');
is("$made->{tags}{project} $made->{tags}{team}", "$project data",
    '... under the tags of its project');
is_deeply([@$made{qw(est_monthly_usd actual_usd cost_source)}],
    [undef, undef, undef], '... and at a cost that nobody knows');
is_deeply($t->api_ok('GET', $at, undef, $people->as('manager'))->{resources},
    [$made], 'its people see it');
is($t->api('POST', "$at/link", {}, $people->as('stranger'))->status, 404,
    '... others do not');
my $events = $t->api_ok('GET', "/api/audit?entity=$made->{id}")->{events};
is(join(' ', map { "$_->{action} $_->{actor} $_->{data}{reference}" }
    @$events), "resource.linked user:$who{owner}{id} arn:aws:s3:::lake",
    '... and the audit log says who linked what');

# --- what it costs

my $bucket = put($project, resource_type => 's3-bucket', name => 'b')->json;
is("$bucket->{est_monthly_usd} $bucket->{cost_source}",
    '5 aws-cost-explorer', 'of a service it costs what the manifest says');
$bucket = put($project, resource_type => 's3-bucket', name => 'b',
    est_monthly_usd => 7.5, cost_source => 'invoice')->json;
is("$bucket->{est_monthly_usd} $bucket->{cost_source}", '7.5 invoice',
    '... or what is said');
is(put($project, note => 'moved', reference => 'arn:aws:s3:::sea')->status, 200,
    'linked once more it is the same');
my $now = $t->api_ok('GET', "$at/$made->{id}");
is("$now->{spec}{reference} $now->{note}", 'arn:aws:s3:::sea moved',
    '... of which is said what is new');

# --- what has no place in it

my $leak = 'sk-' . 'a1b2' x 6;
for my $case ([outputs => {api_key => $leak}, 'outputs.api_key'],
    [outputs => {where => "see $leak"}, 'outputs.where'],
    [outputs => {deep => {a => 1}}, 'outputs'],
    [tags => {password => 'h0rsebattery'}, 'tags.password'],
    [tags => {'password=h0rsebattery' => 'x'}, 'tags.password=h0rsebattery'],
    [reference => 'AccountName=x;AccountKey=aGVsbG8xMjM0NTY3OA==',
        'reference'],
    [reference => 'Server=db;Pwd=hunter2x9', 'reference'],
    [reference => 'postgres://user:w0rd@db.example.com/x', 'reference'],
    [note => 'password: h0rsebattery', 'note'],
    [resource_type => 'A B', 'resource_type']) {
    my ($field, $value, $param) = @$case;
    is_refused(put($project, name => 'no', $field => $value), 400,
        'invalid_value', $param, "$field is refused for $param");
}

# --- nothing touches it

my $taken = $t->api('POST', $at, {resource_type => 's3-bucket', name => 'b'},
    $people->as('owner'));
is_refused($taken, 400, 'illegal_transition', 'name',
    'nothing is made over what is linked');
$t->api_ok('POST', $at, {resource_type => 's3-bucket', name => 'own'},
    $people->as('owner'));
is_refused(put($project, resource_type => 's3-bucket', name => 'own'), 409,
    'conflict', '', 'nor is what was made here linked');
is_refused($t->api('POST', "$at/$made->{id}/retry", {}, $people->as('owner')),
    400, 'illegal_transition', '', 'there is nothing to try again');
$t->kill_project($project);
is($t->api_ok('GET', "$at/$made->{id}")->{state}, 'linked',
    'a kill does not reach it');
is_refused(put($project, name => 'other'), 403, 'project_killed', '',
    '... and links nothing more');
$t->unkill_project($project);
is($t->{postgres}->value('SELECT count(*) FROM jobs JOIN resources'
    . " USING (resource_id) WHERE backend = 'linked'"), 0,
    'no job was ever written for it');

# --- forgotten

my $end = $t->api('DELETE', "$at/$made->{id}", undef, $people->as('owner'));
is($end->status . ' ' . $end->json->{resource}{state}, '200 destroyed',
    'to end it is to forget it');
is($end->json->{request}{rule}, 'destroy.nothing-lost', '... by a rule');
isnt(put($project)->json->{id}, $made->{id}, 'its name is free again');
$t->api_ok('PATCH', "/api/projects/$project", {data_class => 'restricted'},
    $people->as('owner'));
is($t->api('DELETE', "$at/$bucket->{id}", undef, $people->as('owner'))->status,
    200, 'nobody has to approve that, whatever the data');
my ($own) = grep { $_->{name} eq 'own' } @{$t->api_ok('GET', $at)->{resources}};
is($t->api('DELETE', "$at/$own->{id}", undef, $people->as('owner'))->status,
    202, '... as they must where something is lost');
put($project, name => 'last');
$t->api_ok('POST', "/api/projects/$project/decommission",
    {reason => 'over'}, $people->as('owner'));
is(scalar(grep { $_->{state} eq 'linked' } @{$t->api_ok('GET',
    "$at?limit=100")->{resources}}), 0, 'links end with their project');
is_refused(put($project, name => 'late'), 403, 'project_inactive', '',
    '... which links nothing more');

$t->done;
