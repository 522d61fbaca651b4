#!/usr/bin/perl
# A page of another site can not act with the session of who looks at it, and
# nobody says in a body who they are.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Test;

my $t = Asgard::Test->new(conf => 'public_url https://ai.example.com');
delete $t->{control}{gateway_url};
$t->{control}->write_conf;
$t->start;
my $secret = $t->canary('a password', 'pass ' . Asgard::Files::random_hex(8));
$t->api_ok('POST', '/api/users', {username => 'ada', email => 'a@example.com',
    role => 'member', password => $secret});
my $login = $t->http->request('POST', '/api/auth/login', ['Content-Type',
    'application/json'], qq({"username":"ada","password":"$secret"}));
my $session = $t->canary('a session', $login->json->{token});
like(scalar $login->header('set-cookie'), qr/; Secure$/,
    'with TLS in front the cookie is Secure');
my @cookie = (Cookie => "asgard_session=$session");
my @json = ('Content-Type' => 'application/json');
my $here = '127.0.0.1:' . $t->port;

sub post { my (@headers) = @_; return $t->http->request('POST',
    '/api/projects', \@headers, '{"name":""}') }

# 400: read, and refused for its empty name.
for my $good (
    ['a program sends neither header', @json],
    ['a page of ours', @json, Origin => "http://$here"],
    ['... behind TLS', @json, Origin => "https://$here"],
    ['... at public_url', @json, Origin => 'https://ai.example.com'],
    ['... of the same origin', @json, 'Sec-Fetch-Site' => 'same-origin'],
    ['the bar of a browser', @json, 'Sec-Fetch-Site' => 'none'],
    ['a type with a charset', 'Content-Type' =>
        'application/json; charset=utf-8']) {
    my ($what, @headers) = @$good;
    is(post(@cookie, @headers)->status, 400, "$what may ask");
}
for my $bad (
    ['another site', @json, Origin => 'https://evil.example'],
    ['a host that begins alike', @json, Origin => "http://$here.evil.example"],
    ['a host that ends alike', @json,
        Origin => 'https://evil-ai.example.com'],
    ['another port', @json, Origin => 'http://127.0.0.1:1'],
    ['a sandbox', @json, Origin => 'null'],
    ['an empty Origin', @json, Origin => ''],
    ['what a browser calls cross-site', @json,
        'Sec-Fetch-Site' => 'cross-site'],
    ['a neighbouring site', @json, 'Sec-Fetch-Site' => 'same-site'],
    ['a contradiction', @json, 'Sec-Fetch-Site' => 'same-origin',
        Origin => 'https://evil.example']) {
    my ($what, @headers) = @$bad;
    my $reply = post(@cookie, @headers);
    is($reply->status, 403, "$what may not");
    is($reply->json->{code}, 'cross_site', '... and is told');
}
is($t->http->request('POST', '/api/auth/login', [@json, Origin =>
    'https://evil.example'], '{}')->status, 403,
    'nor does another site sign somebody in');
is($t->http->request('GET', '/api/auth/me', [@cookie, Origin =>
    'https://evil.example'])->status, 200, 'a read is none of it');

for my $type ('text/plain', 'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x', 'application/jsonp') {
    is(post(@cookie, 'Content-Type' => $type)->status, 415, "$type is 415");
    is($t->http->request('POST', '/api/auth/logout', [@cookie, 'Content-Type',
        $type], '')->status, 415, '... without a body too, with a cookie');
}
is(post(@cookie)->status, 415, 'no type for a body is 415');

# --- identities in bodies

my %project = (name => 'n', owner_email => 'a@example.com', manager_email =>
    'm@example.com');
my $made = $t->http->request('POST', '/api/projects', [@cookie, @json],
    $t->encode(\%project));
is($made->status, 201, 'the session acts') or diag($made->body);
my $id = $made->json->{project_id};
my @bodies = (['POST', '/api/projects', %project], ['PATCH',
    "/api/projects/$id"], ['POST', "/api/projects/$id/kill"], ['POST',
    "/api/projects/$id/keys", name => 'k'], ['POST', '/api/auth/tokens',
    name => 't'], ['POST', '/api/agent-principals', name => 'a'], ['PUT',
    "/api/projects/$id/budgets", budgets => []], ['PUT', '/api/budgets',
    scope => 'project', scope_id => $id, budgets => []]);
for my $case (@bodies) {
    my ($method, $path, %body) = @$case;
    for my $name (qw(actor requester role spent_usd)) {
        my $reply = $t->http->request($method, $path, [@cookie, @json],
            $t->encode({%body, $name => 'admin'}));
        is($reply->status . ' ' . $reply->json->{code} . ' '
            . $reply->json->{param}, "400 unknown_field $name",
            "$method $path has no field $name");
    }
}
my ($event) = @{$t->api_ok('GET', "/api/audit?entity=$id")->{events}};
is($event->{actor}, 'user:' . $login->json->{user}{id},
    'who asked is who the credential says');

$t->done;
