#!/usr/bin/perl
# What a project gets without anybody's approval ends at the ceilings and at the
# cap that the operator has set; what is above waits, and is made when approved.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::People;
use Asgard::Test;

$ENV{ASGARD_AUTO_APPROVE_CEILINGS} = 'poc=11,light-operational=20';
my $t = Asgard::Test->new(conf => "auto_approve_ceilings poc=500\n"
    . 'auto_approve_resource_cap 6');
$t->start;
my $people = Asgard::People->new($t);
my %who = map { $_ => $people->person($_) } qw(owner manager);
my $project = $t->project(owner_email => $who{owner}{email},
    manager_email => $who{manager}{email}, budget_usd => 100);

sub ask {
    my ($type, $name) = @_;
    my $reply = $t->api('POST', "/api/projects/$project/resources",
        {resource_type => $type, name => $name}, $people->as('owner'));
    my $request = $reply->json->{request};
    return (join(' ', $reply->status, $request->{rule}), $request);
}

my ($said, $dear) = ask('dynamodb-table', 't');
is($said, '202 deploy.resource-cap', 'what is above the cap of one waits');
is((ask('s3-bucket', 'a'))[0], '202 deploy.ceiling',
    '... and counts against the ceiling while it does');
is($t->api('POST', "/api/requests/$dear->{id}/reject", {reason => 'no'},
    $people->as('manager'))->status, 200, 'it is rejected');
is((ask('s3-bucket', 'b'))[0], '201 deploy.auto',
    'what is below both is made');
($said, my $above) = ask('s3-bucket', 'd');
is($said, '202 deploy.ceiling', '... up to the ceiling of the environment');
is($t->api('POST', "/api/requests/$above->{id}/approve", {},
    $people->as('manager'))->json->{state}, 'fulfilled',
    'what is approved is made above it');
is($t->api('PATCH', "/api/projects/$project", {budget_usd => 400},
    $people->as('owner'))->json->{budget_usd}, 400,
    'the ceiling of a budget is another');

$t->done;
