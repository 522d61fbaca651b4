#!/usr/bin/env perl
# A limit may be higher up to a time: until then calls have the room, after it
# the limit is what it was, by itself.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use POSIX qw(strftime);
use Test::More;

use Asgard::Files qw(wait_until);
use Asgard::OneModel qw(one_model);

my ($t, undef, $project, $key) = one_model(budget_usd => '0');
$t->{may_overdraw} = 1;

sub at { return strftime('%Y-%m-%dT%H:%M:%SZ', gmtime(time + $_[0])) }
sub put { return $t->api('PUT', '/api/budgets', '{"scope":"project",'
    . qq("scope_id":"$project","budgets":[{"window":"total",$_[0]}]})) }
sub total { my ($w) = grep { $_->{window} eq 'total' } @{$t->api_ok('GET',
    "/api/budgets?scope=project&scope_id=$project")->{budgets}}; return $w }
sub call { return $t->chat($key, {model => 'one'})->status }

is(call(), 429, 'a budget of 0 refuses');
my $until = at(6);
my $set = put(qq("limit_usd":0,"increase_usd":5,"increase_until":"$until"));
is($set->status, 200, 'it is increased for some seconds') or diag($set->body);
is_deeply([@{total()}{qw(limit_usd increase_usd increase_until)}],
    [0, 5, $until], '... which is told beside the limit');
is(call(), 200, '... and a call passes');
ok(wait_until(sub { !defined total()->{increase_usd} }, 20),
    'it ends by itself');
is(total()->{limit_usd}, 0, '... and leaves the limit');
my $after;
ok(wait_until(sub { ($after = call()) == 429 }, 5), '... which holds again');
my @ended = grep { $_->{action} eq 'budget.increase_ended' }
    @{$t->api_ok('GET', "/api/audit?entity=$project")->{events}};
is(scalar @ended, 1, 'the audit log has the end once');
is($ended[0]{data}{increase_usd}, '5', '... and how much it was');

# Setting the limit again ends one, too.
$until = at(3600);
is(put(qq("limit_usd":1,"increase_usd":2,"increase_until":"$until"))->status,
    200, 'another one, for an hour');
is($t->api_ok('PATCH', "/api/projects/$project", '{"budget_usd":3}')
    ->{budget_usd}, 3, 'a project tells its own limit');
is($t->api_ok('GET', "/api/projects/$project")->{budget_usd}, 3,
    '... which can be written back');
is_deeply([@{total()}{qw(limit_usd increase_usd)}], [3, 2],
    'a new limit of the project leaves it on top');
sub patch { return $t->api('PATCH', "/api/projects/$project",
    qq({"budget_usd":$_[0]}))->status }
is(patch('null'), 200, 'a project without a limit');
is_deeply([@{total()}{qw(limit_usd increase_usd)}], [undef, undef],
    '... has no increase any more');
is(put(qq("limit_usd":1,"increase_usd":2,"increase_until":"$until"))->status,
    200, 'another one');
$t->{postgres}->value("UPDATE budget_windows SET increase_until = now()"
    . " - interval '1 second' WHERE budget_id = 'p.$project'"
    . " AND window_name = 'total' RETURNING 1");
is(patch(4), 200, 'a limit is set when one is over, taken back or not');
is_deeply([@{total()}{qw(limit_usd increase_usd)}], [4, undef],
    '... which it alone is then');
is(put('"limit_usd":1')->status, 200, 'a list without it');
is(total()->{increase_usd}, undef, '... takes it away');

for my $bad (['"limit_usd":1,"increase_usd":2', 'missing_field',
        'increase_until'],
    [qq("limit_usd":1,"increase_until":"$until"), 'missing_field',
        'increase_usd'],
    [qq("limit_usd":1,"increase_usd":0,"increase_until":"$until"),
        'invalid_value', 'increase_usd'],
    [qq("limit_usd":null,"increase_usd":1,"increase_until":"$until"),
        'invalid_value', 'increase_usd'],
    ['"limit_usd":1,"increase_usd":2,"increase_until":"' . at(-60) . '"',
        'invalid_value', 'increase_until'],
    ['"limit_usd":1,"increase_usd":2,"increase_until":"tomorrow"',
        'invalid_value', 'increase_until']) {
    my $reply = put($bad->[0]);
    is($reply->status, 400, "$bad->[0] is refused");
    is($reply->json->{code}, $bad->[1], '... with its code');
    is($reply->json->{param}, $bad->[2], '... by name');
}
$t->done;
