# Whom a client names as its end user goes as an HMAC into hold, event and
# ledger, and the name itself nowhere; a proxy's headers count only where the
# operator named the proxy.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Digest::SHA qw(hmac_sha256_hex);
use Asgard::Files qw(slurp wait_until);
use Asgard::OneModel qw(one_model);

my ($t, $up, $project, $key) = one_model(budget_usd => '1',
    http_conf => 'asgard_user_proxies 127.0.0.2 10.1.0.0/16 unix:;');
my ($pepper) = slurp($t->{key_file}) =~ /^pepper p1 (\S+)/m;
my %name = map { $_ => $t->canary("the end user $_", "$_-user-canary") }
    qw(body safety label header mail foreign);

sub id_of { my ($said, $of) = @_;
    return 'eu_' . substr hmac_sha256_hex('the end user of a project of asgard,'
        . ' as its client says' . "\n" . ($of // $project) . "\n$said",
        pack 'H*', $pepper), 0, 32 }
my $calls = 0;
sub said { my ($r) = @_;
    is($r->status, 200, 'a call') or diag($r->body);
    $t->wait_ledger($project, ++$calls);
    my ($entry) = grep { $_->{trace_id} eq $r->trace } $t->ledger($project);
    return $entry->{user_id} }
# From an address that asgard_user_proxies has.
sub from_proxy { my (@headers) = @_;
    my $http = $t->http(from => '127.0.0.2');
    return $http->request('POST', '/v1/chat/completions',
        [Authorization => "Bearer $key->{key}", 'Content-Type' =>
        'application/json', @headers], $t->chat_body({model => 'one',
        user => $name{body}})) }

is(said($t->chat($key, {model => 'one'})), undef, 'nobody is named: none');
is(said($t->chat($key, {model => 'one', user => ''})), undef, '... nor by ""');
is(said($t->chat($key, {model => 'one', user => $name{body}})),
    id_of($name{body}), 'the field user is, by its HMAC');
like($up->last_request->{body}, qr/"user":"\Q$project\E"/,
    '... the provider gets our own');
is(said($t->chat($key, {model => 'one', safety_identifier => $name{safety}})),
    id_of($name{safety}), '... else safety_identifier');
is(said($t->post($key, '/v1/messages', {model => 'echo', max_tokens => 9,
    metadata => {user_id => $name{label}}, messages => [{role => 'user',
        content => 'x'}]})), id_of($name{label}),
    '... and metadata.user_id of the Messages API');

my @foreign = ('X-OpenWebUI-User-Id' => $name{foreign},
    'X-OpenWebUI-User-Email' => $name{foreign});
is(said($t->chat($key, {model => 'one'}, @foreign)), undef,
    'headers of anybody are ignored');
is(said($t->chat($key, {model => 'one', user => $name{body}}, @foreign)),
    id_of($name{body}), '... beside the body, too');
is(said(from_proxy('X-OpenWebUI-User-Id' => $name{header},
    'X-OpenWebUI-User-Email' => $name{mail})), id_of($name{header}),
    'the id that a named proxy sends goes before the body');
is(said(from_proxy('X-OpenWebUI-User-Email' => $name{mail})),
    id_of($name{mail}), '... else the address');
is(said(from_proxy()), id_of($name{body}), '... else the body');
ok(!(grep { $_->[0] =~ /openwebui/i } map { @{$_->{headers}} } $up->books),
    'no provider sees such a header');

my $long = $t->chat($key, {model => 'one', user => 'u' x 513});
is($long->status, 400, 'a name of more than 512 bytes is refused');
is($long->json->{error}{param}, 'user', '... and which field');
is(from_proxy('X-OpenWebUI-User-Id' => 'u' x 513)->json->{error}{param},
    'x-openwebui-user-id', '... or header');

my $other = $t->project(budget_usd => '1');
$t->chat($t->key(project => $other), {model => 'one', user => $name{body}});
$t->wait_ledger($other, 1);
is(($t->ledger($other))[0]{user_id}, id_of($name{body}, $other),
    'the same name is another end user in another project');
like(slurp("$t->{dir}/log/calls.log"), qr/"user":"\Q@{[id_of($name{body})]}"/,
    'the witness has the id');

# What cannot be an address is refused at the start.
$t->{gateway}->write_conf(http_conf => 'asgard_user_proxies 10.0.0.300;');
my ($status, $text) = $t->{gateway}->test_conf;
isnt($status, 0, 'a proxy without an address is refused');
like($text, qr/"10\.0\.0\.300" is no address of a proxy/, '... by its name');
$t->done;
