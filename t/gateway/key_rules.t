# A key may have a time from which it is good and networks of its clients; who
# is refused by a rule hears which.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use POSIX qw(strftime);
use Test::More;
use Asgard::Files qw(wait_until);
use Asgard::OneModel qw(one_model);

my ($t, $up, $project) = one_model(budget_usd => '10');
my $keys = "/api/projects/$project/keys";

sub in_s { return strftime('%Y-%m-%dT%H:%M:%SZ', gmtime(time + $_[0])) }
sub rule { my ($reply) = @_;
    my $e = ($reply->json // {})->{error} or return $reply->status;
    return join ' ', $reply->status, map { $_ // '-' } @$e{qw(code rule_id)} }
sub call { my ($key, $from) = @_;
    return rule($t->http(defined $from ? (from => $from) : ())->request('POST',
        '/v1/chat/completions', [Asgard::Test::bearer($key), 'Content-Type',
        'application/json'], $t->chat_body({model => 'one'}))) }
sub shown { my ($key) = @_;
    return (grep { $_->{id} eq $key->{id} }
        @{$t->api_ok('GET', $keys)->{keys}})[0] }

my $later = $t->key(project => $project, not_before => in_s(3600));
is(call($later), '401 key_not_yet key-not-before', 'a key of a later time');
like(shown($later)->{not_before}, qr/^20/, '... which says so');
is(call($t->key(project => $project, not_before => in_s(-60))), 200,
    'one of an earlier time is good');
my $soon = $t->key(project => $project, not_before => in_s(2));
ok(wait_until(sub { call($soon) eq '200' }, 10), 'its time comes by itself');
my $brief = $t->key(project => $project, expires_at => in_s(2));
ok(wait_until(sub { call($brief) eq '401 key_expired key-expiry' }, 10),
    'a key goes at its expires_at');

my $here = $t->key(project => $project, networks => ['127.0.0.2', '::1/128']);
is_deeply(shown($here)->{networks}, ['127.0.0.2', '::1/128'],
    'a key has networks');
is(call($here, '127.0.0.2'), 200, 'a client in one of them');
is(call($here), '403 policy_denied client-network', 'one in none');
is($t->api('PATCH', "$keys/$here->{id}", {networks => ['127.0.0.0/30']})
    ->status, 200, 'they change');
ok(wait_until(sub { call($here) eq '200' }, 5), '... at once');
is(call($here, '127.0.0.5'), '403 policy_denied client-network',
    '... both ways');
$t->api_ok('PATCH', "$keys/$here->{id}", {rpm_limit => 100});
is(shown($here)->{networks}[0], '127.0.0.0/30', 'another change leaves them');
$t->api_ok('PATCH', "$keys/$here->{id}", {networks => []});
ok(wait_until(sub { call($here, '127.0.0.5') eq '200' }, 5),
    'and an empty list lets in everybody');
my ($event) = grep { $_->{action} eq 'key.updated' }
    @{$t->api_ok('GET', "/api/audit?entity=$here->{id}")->{events}};
ok($event, 'the audit log says so');

# A Redis that lost all has them again.
my $kept = $t->key(project => $project, networks => ['127.0.0.9']);
$t->{redis}->cmd('FLUSHALL');
my $again;
wait_until(sub { $again = call($kept); $again !~ /^503/ }, 30);
is($again, '403 policy_denied client-network',
    'a Redis that lost all has them');

my $only = $t->key(project => $project, models => ['one']);
is(call($only), 200, 'a key of one model may use it');
is(rule($t->chat($only, {model => 'echo'})), '404 model_not_found -',
    '... and hears of no other');

$t->kill_project($project);
ok(wait_until(sub { call($only) eq '403 project_killed project-killed' }, 5),
    'a project that was stopped says so');
$t->unkill_project($project);

for (['no address', ['example.com']], ['bits behind the length',
    ['10.0.0.1/8']], ['two in one', ['10.0.0.0/8,11.0.0.0/8']]) {
    my ($name, $networks) = @$_;
    my $r = $t->api('POST', $keys, {name => 'x', networks => $networks});
    is($r->status, 400, $name);
    is($r->json->{param}, 'networks', '... by its field');
}
is($t->api('POST', $keys, {name => 'x', not_before => 'soon'})->json->{param},
    'not_before', 'what is no time');
$t->done;
