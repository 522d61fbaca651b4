#!/usr/bin/env perl
# Calls of a key with limits that name an end user are held by the limits and by
# the project's default budget of end users.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(wait_until);
use Asgard::OneModel qw(one_model);
use Asgard::Spool qw(call_of);

my ($t, $up, $project) = one_model(budget_usd => '10');
my $key = $t->key(project => $project, rpm_limit => 4, tpm_limit => 1_000_000,
    max_parallel_requests => 2);
my $user = $t->canary('an end user', 'anna-user-canary');

sub ask { my ($who) = @_;
    my $r = $t->chat($key, {model => 'one', user => $who});
    return join ' ', grep { defined } $r->status,
        $r->status eq '200' ? () : $r->code }

is(ask($user), 200, 'without a default');
$t->api_ok('PUT', '/api/budgets', qq({"scope":"end_user","scope_id":)
    . qq("$project/*","budgets":[{"window":"1d","limit_usd":1}]}));
my $call = $t->chat($key, {model => 'one', user => $user});
ok(wait_until(sub {
    $call = $t->chat($key, {model => 'one', user => $user})
        if ($call->status // 0) != 200; $call->status == 200 }, 5),
    'with one a call is let in as well') or diag($call->body);
is($call->header('x-ratelimit-limit-requests'), 4, '... and told its limits');
like(join(' ', map { $_->spool } $t->gateways), qr/,e\./,
    '... and held by the default');
wait_until(sub { ask($user) ne '200' }, 3);
is(ask($user), '429 rate_limit_exceeded', 'the limit of the key refuses');
$t->done;
