#!/usr/bin/perl
# The API tells of itself: every route that the manual lists, its fields, and
# no other.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(slurp top);
use Asgard::OneModel qw(one_model);
use Asgard::People;

my ($t, $up, $project, $key) = one_model();
my $reply = $t->get('/api/openapi.json');
is($reply->status, 200, 'anybody reads how the API is called');
like($reply->header('content-type'), qr{^application/json}, '... as JSON');
my $document = $reply->json;
like($document->{openapi}, qr/^3\.1\./, '... of OpenAPI 3.1');

my %told;
for my $path (keys %{$document->{paths}}) {
    $told{uc($_) . " $path"} = $document->{paths}{$path}{$_}
        for keys %{$document->{paths}{$path}};
}
my $page = slurp(top() . '/asgard-ctl/README.md');
my (%manual, @differs);
while ($page =~ /^\| ([A-Z]+) \| `([^`]+)` \| (.*)\| [^|]*\|$/mg) {
    $manual{"$1 $2"} = $3 if $2 !~ m{^/internal/};
}
is_deeply([sort keys %told], [sort keys %manual],
    'it has the routes of the manual');
my @unknown;
for my $route (sort keys %told) {
    my %known = map { $_ => 1 } $manual{$route} =~ /`(\w+)`/g;
    my $body = $told{$route}{requestBody};
    my @fields = map { $_->{in} && $_->{in} eq 'query' ? $_->{name} : () }
        @{$told{$route}{parameters}};
    push @fields, keys %{$body->{content}{'application/json'}{schema}
        {properties}} if $body;
    push @unknown, map { "$route: $_" } grep { !$known{$_} } @fields;
    my @fine = grep { /^2/ } keys %{$told{$route}{responses}};
    push @unknown, "$route: no success" if !@fine;
}
is_deeply(\@unknown, [], '... and fields that stand there');

# Each name that is referred to is there.
my $text = $reply->body;
my %refs = map { $_ => 1 } $text =~ m{"#/components/([\w/]+)"}g;
cmp_ok(scalar(keys %refs), '>', 10, 'schemas are referred to');
for my $ref (sort keys %refs) {
    my ($kind, $name) = split m{/}, $ref;
    ok($document->{components}{$kind}{$name}, "... $name is there");
}

# --- what is answered is what stands there

# Appends to @$faults the fields of an answer that its schema has not, those
# that it demands in vain, and nulls that it does not tell of.
sub compare {
    my ($value, $schema, $where, $faults) = @_;
    $schema = $document->{components}{schemas}{$1}
        if ($schema->{'$ref'} // '') =~ m{(\w+)$};
    if ($schema->{anyOf}) {
        return if !defined $value;
        return compare($value, $schema->{anyOf}[0], $where, $faults);
    }
    if (!defined $value) {
        my $types = $schema->{type} // 'null';
        push @$faults, "$where may not be null" if !ref $types
            && $types ne 'null' || ref $types && !grep { $_ eq 'null' } @$types;
        return;
    }
    if (ref $value eq 'ARRAY') {
        compare($_, $schema->{items} // {}, "$where\[]", $faults) for @$value;
    }
    return if ref $value ne 'HASH' || !$schema->{properties};
    push @$faults, map { "$where.$_ is not told" }
        grep { !$schema->{properties}{$_} } sort keys %$value;
    push @$faults, map { "$where.$_ is missing" }
        grep { !exists $value->{$_} } @{$schema->{required} // []};
    compare($value->{$_}, $schema->{properties}{$_} // {}, "$where.$_", $faults)
        for sort keys %$value;
}

# Calls, and looks at the answer; the answer.
sub told_ok {
    my ($method, $pattern, $path, $body, @who) = @_;
    my $reply = $t->api($method, $path, $body, @who);
    my $schema = $told{"$method $pattern"}{responses}{$reply->status}
        {content}{'application/json'}{schema};
    my @faults = $schema ? () : ($reply->status . ' ' . $reply->body);
    compare($reply->json, $schema, '', \@faults) if $schema;
    is_deeply(\@faults, [], "$method $pattern answers what it tells");
    return $reply->json;
}

my $people = Asgard::People->new($t);
$people->person('owner');
my @owner = $people->as('owner');
my $base = '/api/projects/{project_id}';
my $own = told_ok('POST', '/api/projects', '/api/projects', {name => 'n',
    owner_email => 'owner@example.com', manager_email => 'm@example.com',
    classification => 'light-operational'}, @owner);
my $here = "/api/projects/$own->{project_id}";
told_ok('GET', $base, $here, undef, @owner);
told_ok('GET', '/api/projects', '/api/projects', undef, @owner);
told_ok('PATCH', $base, $here, {budget_usd => 400}, @owner);
told_ok('POST', "$base/promotion", "$here/promotion",
    {target => 'light-operational'}, @owner);
told_ok('GET', "$base/promotion", "$here/promotion", undef, @owner);
my $minted = told_ok('POST', "$base/keys", "$here/keys", {name => 'k'},
    @owner);
$t->canary('a key', $minted->{key});
told_ok('GET', "$base/keys", "$here/keys", undef, @owner);
told_ok('PATCH', "$base/keys/{key_id}", "$here/keys/$minted->{id}",
    {rpm_limit => 7}, @owner);
told_ok('GET', "$base/budgets", "$here/budgets", undef, @owner);
told_ok('GET', "$base/usage", "$here/usage", undef, @owner);
my $ask = told_ok('POST', '/api/requests', '/api/requests',
    {project_id => $own->{project_id}, title => 't'}, @owner);
my $one = '/api/requests/{request_id}';
told_ok('GET', $one, "/api/requests/$ask->{id}", undef, @owner);
my $done = told_ok('POST', "$one/approve", "/api/requests/$ask->{id}/approve",
    {});
told_ok('POST', "$one/fulfill", "/api/requests/$done->{id}/fulfill", {});
told_ok('GET', '/api/requests', '/api/requests');
told_ok('GET', '/api/auth/me', '/api/auth/me', undef, @$_)
    for [], \@owner;
for my $kind (qw(tokens agents)) {
    my $path = $kind eq 'tokens' ? '/api/auth/tokens'
        : '/api/agent-principals';
    my $new = told_ok('POST', $path, $path, {name => 'x'}, @owner);
    $t->canary("of $kind", $new->{token});
    told_ok('GET', $path, $path, undef, @owner);
    told_ok('GET', '/api/auth/me', '/api/auth/me', undef,
        Authorization => "Bearer $new->{token}");
}
is($t->chat($key, {model => 'one'})->status, 200, '(a call)');
$t->wait_ledger($project, 1);
my $ledger = told_ok('GET', '/api/ledger', '/api/ledger');
cmp_ok(scalar(@{$ledger->{entries}}), '>', 0, '... entries among it');
told_ok('GET', '/api/users', '/api/users');
told_ok('GET', '/api/audit', '/api/audit');
ok($told{"POST $base/secrets/{name}/read"}{responses}{410},
    'that a secret can be gone is told');
like($told{'POST /api/projects'}{requestBody}{content}{'application/json'}
    {schema}{properties}{name}{description}, qr/200 bytes of UTF-8/,
    'a bound of bytes says so');
my $long = {name => "\x{e4}" x 101, owner_email => 'owner@example.com',
    manager_email => 'm@example.com'};
is($t->api('POST', '/api/projects', $long)->json->{param}, 'name',
    '... for 101 characters may be more');

$t->done;
