#!/usr/bin/perl
# Projects over the control API: registration, reading, patching.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Test;

my $t = Asgard::Test->new;
$t->start;

my %base = (name => 'one', owner_email => 'O@Example.com',
    manager_email => 'm@example.com');
my $year = (gmtime)[5] + 1900;

my $made = $t->api('POST', '/api/projects', {%base});
is($made->status, 201, 'a project is registered');
like($made->json->{project_id}, qr/\Aproj-$year-\d{4}\z/,
    'its id is proj-YYYY-NNNN');
is($made->json->{budget_usd}, 250,
    'a budget that is left out is half of the classification\'s ceiling');
is($made->json->{owner}, 'o@example.com', 'e-mail addresses are normalised');
ok($made->header('x-asgard-trace-id'), 'the answer carries a trace id');
my $id = $made->json->{project_id};

like($t->api('POST', '/api/projects', {%base, budget_usd => undef})->body,
    qr/"budget_usd":null/, 'null is unlimited');
like($t->api('POST', '/api/projects',
        $t->encode(\%base) =~ s/\}\z/,"budget_usd":0.000000001}/r)->body,
    qr/"budget_usd":0\.000000001/,
    'an amount keeps its text to the last nano-dollar');

for my $case (
    ['name' => {%base, name => undef}, 'invalid_value'],
    ['owner_email' => {%base, owner_email => 'nobody'}, 'invalid_value'],
    ['classification' => {%base, classification => 'top'}, 'invalid_value'],
    ['data_class' => {%base, data_class => 'secret'}, 'invalid_value'],
    ['group' => {%base, group => 'a b'}, 'invalid_value'],
    ['spent_usd' => {%base, spent_usd => 1}, 'unknown_field'],
    ['actor' => {%base, actor => 'x'}, 'unknown_field'],
) {
    my ($field, $body, $code) = @$case;
    my $reply = $t->api('POST', '/api/projects', $body);
    is($reply->status, 400, "a bad $field is refused");
    is($reply->json->{code}, $code, "... with $code");
    is($reply->json->{param}, $field, '... that names the field');
    ok($reply->json->{trace_id}, '... and the trace id');
}
for my $amount ('1e3', '-5', '"5"', ' 5.', '1,000', '0.0000000001',
    '99999999999') {
    my $reply = $t->api('POST', '/api/projects',
        $t->encode(\%base) =~ s/\}\z/,"budget_usd":$amount}/r);
    is($reply->status, 400, "budget_usd $amount is refused");
}

is($t->api('GET', '/api/projects/proj-2000-0001')->status, 404,
    'an unknown project is 404');
is($t->api('POST', '/api/projects/proj-2000-0001/keys', {name => 'x'})
    ->status, 404, 'no key for an unknown project');
my $other = $t->project;
for my $model ('a b', '', "a\tb", "m\x{e9}", "x\x{7f}") {
    my $reply = $t->api('POST', "/api/projects/$other/keys",
        {name => 'x', models => ['echo', $model]});
    is($reply->status, 400, 'what can be no name of a model is refused');
    is($reply->json->{param}, 'models', '... with the field');
}
is($t->api('POST', "/api/projects/$other/keys", {name => 'x',
    models => ['comes-later']})->status, 201,
    'a model that may come later is not');

my $patched = $t->api('PATCH', "/api/projects/$id",
    {name => 'two', cost_center => 'cc1', owner_email => 'p@example.com'});
is($patched->status, 200, 'a project is patched');
is($patched->json->{name}, 'two', '... its name');
is($patched->json->{cost_center}, 'cc1', '... its cost center');
is($patched->json->{manager}, 'm@example.com', '... and nothing else');

# 30 at once: ids distinct and without a gap
my @ids = sort map { /(proj-\d+-\d+)/ ? $1 : 'none' } $t->in_parallel(30,
    sub { $t->api('POST', '/api/projects', {%base})->body });
my %seen;
is(scalar(grep { !$seen{$_}++ } @ids), 30,
    'ids are unique under parallel registration');
my @numbers = map { /(\d+)\z/; $1 } @ids;
is($numbers[-1] - $numbers[0], 29, '... and without a gap');

my ($page, @all, $cursor);
do {
    $page = $t->api_ok('GET', '/api/projects?limit=7'
        . ($cursor ? "&cursor=$cursor" : ''));
    push @all, map { $_->{project_id} } @{$page->{projects}};
    ok(@{$page->{projects}} <= 7, 'a page holds at most its limit');
    $cursor = $page->{next_cursor};
} while ($cursor);
is_deeply([@all], [sort @all], 'pages come in order');
is(scalar(grep { $_ eq $ids[0] } @all), 1, 'and nothing stands twice');
is($t->api('GET', '/api/projects?limit=1001')->status, 400,
    'a limit above 1,000 is refused');
is($t->api('GET', '/api/projects?colour=1')->json->{code}, 'unknown_field',
    'an unknown query parameter is refused');

my @events = @{$t->api_ok('GET', "/api/audit?entity=$id")->{events}};
is_deeply([map { $_->{action} } @events],
    ['project.registered', 'project.updated', 'project.owner_changed'],
    'every change is in the audit log, found by the bare id');
like($events[0]{actor}, qr/\Atoken:/, '... with who did it');
is($events[0]{data}{manager}, 'm@example.com', '... with what was registered');
is_deeply($events[1]{data}, {name => 'two', cost_center => 'cc1',
    owner => 'p@example.com'}, '... and with what was changed');
is_deeply($events[2]{data}, {owner_before => 'o@example.com',
    owner => 'p@example.com', manager_before => 'm@example.com',
    manager => 'm@example.com'}, '... a transfer with who it was before');
$t->set_budgets($id, ['1d', '0.5'], ['total', undef]);
my ($set) = grep { $_->{action} eq 'project.budget_set' }
    @{$t->api_ok('GET', "/api/audit?entity=$id")->{events}};
is_deeply($set->{data}, {before => 'total=250',
    after => 'total=unlimited 1d=0.5'}, 'a new budget says before and after');

$t->done;
