#!/usr/bin/env perl
# An end user that has spent most of its project's default, or of a budget of
# its own, is told of once, by its id.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(wait_until);
use Asgard::OneModel qw(one_model $COST);

my ($t, undef, $project, $key) = one_model(budget_usd => '10');
my %name = map { $_ => $t->canary("the end user $_", "$_-user-canary") }
    qw(anna bert cora);
my $calls = 0;

sub ask { my ($who) = @_;
    my $status = $t->chat($key, {model => 'one', user => $name{$who}})->status;
    $calls++ if $status eq '200';
    return $status }
sub put { my ($who, $budget) = @_;
    my $r = $t->api('PUT', '/api/budgets', qq({"scope":"end_user","scope_id":)
        . qq("$project/$who","budgets":[$budget]}));
    is($r->status, 200, 'a budget is set') or diag($r->body);
    ok(wait_until(sub { !$t->{postgres}->value('SELECT count(*) FROM outbox'
        . ' WHERE sent_at IS NULL') }, 10), '... which is sent');
    return }
sub limit { my ($n, $more) = @_;
    return sprintf '{"window":"1d","limit_usd":%.9f%s}', $n * $COST / 1e9,
        $more // '' }
sub told { return grep { $_->{action} eq 'gateway.budget_warn' }
    @{$t->api_ok('GET', "/api/audit?entity=$project&limit=1000")->{events}} }
sub tells { my ($n, $name) = @_;
    $t->wait_ledger($project, $calls);
    wait_until(sub { told() >= $n }, 5, 0.1);
    return is(scalar told(), $n, $name) }

is(ask('anna'), 200, 'a call');
$t->wait_ledger($project, 1);
my $anna = ($t->ledger($project))[0]{user_id};
is(ask('bert'), 200, 'a call of another');
my ($bert) = grep { $_ ne $anna } map { $_->{user_id} }
    $t->wait_ledger($project, 2);

put('*', limit(100, ',"soft_pct":3'));
my $held = sub { $t->{postgres}->value('SELECT count(*) FROM end_users') };
ok(wait_until(sub { ask('cora'); $held->() }, 10), 'the gateway is told');
tells($calls - 2 >= 3 ? 1 : 0, 'below the threshold nothing is told');
my $before = told();
is(ask('anna'), 200, 'a call') for 1 .. 2;
tells($before, 'two calls of one of them are below it, too');
is(ask('anna'), 200, 'the third reaches it');
tells($before + 1, '... which is told');
my ($event) = grep { $_->{entity_ref} eq "end_user:$project/$anna" } told();
ok($event, '... of the end user, by its id');
is($event->{data}{window}, '1d', '... with the window');
is(sprintf('%.0f', $event->{data}{limit_usd} * 1e9), 100 * $COST,
    '... the limit of the default');
is(sprintf('%.0f', $event->{data}{spent_usd} * 1e9), 3 * $COST,
    '... what this one has spent');
is($event->{data}{soft_pct}, 3, '... and the threshold');
is(ask('anna'), 200, 'a call above it passes');
tells($before + 1, '... and nothing more is told');

put('*', limit(100, ',"soft_pct":0'));
is(ask('bert'), 200, 'calls of one whose default never warns') for 1 .. 4;
tells($before + 1, '... are not told of');

put($bert, limit(100, ',"soft_pct":8'));
is(ask('bert'), 200, 'calls of one with a budget of its own') for 1 .. 3;
tells($before + 1, '... below its threshold');
is(ask('bert'), 200, 'the eighth of a hundred');
tells($before + 2, '... is told');
($event) = grep { $_->{entity_ref} eq "end_user:$project/$bert" } told();
is($event->{data}{soft_pct}, 8, '... of that end user');
unlike(join("\n", map { explain($_) } told()), qr/user-canary/,
    'no name of anybody is in it');
$t->done;
