#!/usr/bin/env perl
# A window that passes its threshold is told of exactly once, by whichever of
# two asgard-ctl leads, also when the one that leads is killed meanwhile.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(wait_until);
use Asgard::OneModel qw(one_model $COST);

my ($t, undef, $first) = one_model(budget_usd => '10', workers => 2);
my $second = $t->another_control;
$second->{migrated} = 1;
$second->start;

# Of other partitions, and of a group that shares one.
my @projects = ($first, map { $t->project(budget_usd => '10', @$_) } [],
    ([group => 'platform']) x 2);
my @keys = map { $t->key(project => $_) } @projects;
# Twelve calls of each pass one percent of what 400 cost, none of 10 USD.
my $budgets = '"budgets":[{"window":"1mo","limit_usd":10,"soft_pct":1},'
    . '{"window":"total","limit_usd":' . sprintf('%.9f', 400 * $COST / 1e9)
    . ',"soft_pct":1}]';
$t->api_ok('PUT', '/api/budgets', "{\"scope\":\"$_->[0]\",\"scope_id\":"
    . "\"$_->[1]\",$budgets}") for (map { ['project', $_] } @projects),
    ['group', 'platform'];

my @status = $t->in_parallel(4, sub {
    my ($i) = @_;
    return join ',', map { $t->chat($keys[$i], {model => 'one'})->status }
        1 .. 6;
});
my $leader = $t->{postgres}->value(
    "SELECT split_part(max(leader), ':', 2) FROM partitions");
kill KILL => $leader;
push @status, $t->in_parallel(4, sub {
    my ($i) = @_;
    return join ',', map { $t->chat($keys[$i], {model => 'one'})->status }
        1 .. 6;
});
is_deeply([grep { $_ ne '200' } map { split /,/ } @status], [],
    'calls of all of them go on while a leader dies');
is(scalar $t->wait_ledger($_, 12, 20), 12, "$_ has its calls in the ledger")
    for @projects;

sub told { my ($entity) = @_;
    my %n;
    $n{"$_->{entity_ref} $_->{data}{window}"}++
        for grep { $_->{action} eq 'gateway.budget_warn' }
        @{$t->api_ok('GET', "/api/audit?entity=$entity&limit=1000")->{events}};
    return \%n }
for my $project (@projects) {
    wait_until(sub { told($project)->{"project:$project total"} }, 5);
    my %own = map { $_ => told($project)->{$_} }
        grep { /^project:/ } keys %{told($project)};
    is_deeply(\%own, {"project:$project total" => 1},
        "$project was told of once, with the window that passed");
}
is_deeply(told('platform'), {'group:platform total' => 1},
    'so was the group');
$second->stop;
$t->done;
