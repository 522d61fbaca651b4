#!/usr/bin/perl
# Keys, budgets, usage and the ledger over the control API.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Test;

my $t = Asgard::Test->new;
$t->start;

my $project = $t->project(budget_usd => '2');
my $key = $t->key(project => $project, budgets => [['1h', '0.5']]);
like($key->{key}, qr/\Aasg_[0-9a-f]{64}\z/, 'a key is asg_ and 64 hex');
is($key->{prefix}, substr($key->{key}, 0, 12), 'its prefix is shown');

my $called = $t->chat($key, {model => 'echo', max_tokens => 10});
is($called->status, 200, 'a key works as soon as its 201 was sent')
    or diag($called->body);

my @keys = @{$t->api_ok('GET', "/api/projects/$project/keys")->{keys}};
is_deeply([sort keys %{$keys[0]}], [qw(aliases created_at expires_at id
    last_used_at max_parallel_requests name networks not_before prefix
    revoked_at rpm_limit tpm_limit)],
    'a listed key shows its record, not the key');

my ($entry) = $t->wait_ledger($project, 1);
is($entry->{kind}, 'settle', 'the call is in the ledger');
is($entry->{key_id}, $key->{id}, '... with its key');
is($entry->{owner}, 'o@example.com', '... and the owner as of the call');
is($entry->{classification}, 'poc', '... and the classification');
is($entry->{cost_usd}, $called->header('x-asgard-cost-usd'),
    '... and costs what the reply said');
is($entry->{trace_id}, $called->header('x-asgard-trace-id'),
    '... under the reply\'s trace id');

my $usage = $t->usage($project);
is($usage->{spent_usd}, $entry->{cost_usd}, 'usage shows what was spent');
is($usage->{held_usd}, 0, '... and no hold');
my ($hour) = grep { $_->{scope} eq 'key' && $_->{window} eq '1h' }
    @{$usage->{windows}};
is($hour->{limit_usd}, 0.5, 'the key\'s window has its limit');
is($hour->{spent_usd}, $entry->{cost_usd}, '... and what was spent in it');
like($hour->{resets_at}, qr/\A\d{4}-\d\d-\d\dT\d\d:00:00Z\z/,
    '... and when it ends');

# changing budgets
my $set = $t->set_budgets($project, ['1d', '0']);
is_deeply([map { $_->{window} } @{$set->{budgets}}], ['total', '1d'],
    'PUT replaces the list and total stays');
is($set->{budgets}[0]{limit_usd}, 2, '... with its limit');
my $refused = $t->chat($key, {model => 'echo', max_tokens => 10});
is($refused->status, 429, 'a limit of 0 refuses');
my $error = $refused->json->{error};
is($error->{code}, 'budget_exceeded', '... as budget_exceeded');
is($error->{scope}, 'project', '... naming the scope');
is($error->{scope_id}, $project, '... its id');
is($error->{window}, '1d', '... and the window');
is($refused->header('x-should-retry'), 'false', '... and no retry');
is($refused->header('retry-after'), undef, '... and no Retry-After');

my ($day) = grep { $_->{window} eq '1d' } @{$t->usage($project)->{windows}};
is($day->{spent_usd}, $entry->{cost_usd},
    'a window that is added starts with what its period has spent');

$t->set_budgets($project, ['1d', undef], ['total', '1']);
is($t->chat($key, {model => 'echo', max_tokens => 10})->status, 200,
    'null is unlimited');
for my $bad (['5x', '1'], ['0h', '1'], ['2mo', '1']) {
    is($t->api('PUT', "/api/projects/$project/budgets",
        '{"budgets":' . Asgard::Admin::budgets_text([$bad]) . '}')->status,
        400, "the window $bad->[0] is refused");
}
is($t->api('PUT', "/api/projects/$project/budgets", '{"budgets":'
    . Asgard::Admin::budgets_text([['1w', '1'], ['7d', '2']]) . '}')
    ->json->{code}, 'conflicting_fields', 'one window under two names too');

# filters of the ledger
$t->wait_ledger($project, 2);
my $all = $t->api_ok('GET', '/api/ledger?limit=1');
is(scalar @{$all->{entries}}, 1, 'a page of the ledger holds its limit');
ok($all->{next_cursor}, '... and says that there is more');
is($t->api('GET', '/api/ledger?since=yesterday')->json->{param}, 'since',
    'a bad time is refused by name');
is(scalar @{$t->api_ok('GET', '/api/ledger?until=2020-01-01T00:00:00Z')
    ->{entries}}, 0, 'until is respected');

$t->done;
