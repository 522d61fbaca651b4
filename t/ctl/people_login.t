#!/usr/bin/perl
# A person signs in with a name and a password, and out; who guesses is held up
# alone.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use Test::More;
use Time::HiRes qw(time);

use Asgard::Test;

my $t = Asgard::Test->new(conf => 'bad_tokens 0',
    server_conf => 'set_real_ip_from 127.0.0.1;'
    . ' real_ip_header X-Test-Address;');
$t->start;
my $secret = $t->canary('a password', 'correct horse '
    . Asgard::Files::random_hex(8));

sub login {
    my ($name, $password, @headers) = @_;
    return $t->http->request('POST', '/api/auth/login', ['Content-Type',
        'application/json', @headers], $t->encode({username => $name,
        password => $password}));
}

sub as { my ($token) = @_; return (Authorization => "Bearer $token") }

# --- people

my %ada = (username => 'Ada', email => 'Ada@Example.com',
    display_name => "Ada L.", role => 'member', password => $secret);
my $made = $t->api('POST', '/api/users', \%ada);
is($made->status, 201, 'an administrator creates a person')
    or diag($made->body);
my $ada = $made->json;
is($ada->{username}, 'ada', '... the name in lower case');
is($ada->{email}, 'ada@example.com', '... the address too');
ok($ada->{active}, '... active');
ok(!exists $ada->{password}, '... and shows no password');
my $taken = $t->api('POST', '/api/users', {%ada, email => 'b@example.com'});
is($taken->status, 409, 'a name belongs to one person');
is($taken->json->{param}, 'username', '... and is named');
$taken = $t->api('POST', '/api/users', {%ada, username => 'b'});
is($taken->json->{param}, 'email', 'an address too');
for my $bad ([username => 'a b'], [username => ''], [email => 'nobody'],
    [role => 'owner'], [password => 'short']) {
    my $reply = $t->api('POST', '/api/users', {%ada, username => 'c',
        email => 'c@example.com', @$bad});
    is($reply->status, 400, "no such $bad->[0]");
    is($reply->json->{param}, $bad->[0], '... is named');
}

# --- in and out

my $in = login('ADA', $secret);
is($in->status, 200, 'the right password opens') or diag($in->body);
my $token = $t->canary('a session', $in->json->{token});
like($token, qr/^asg_ses_[0-9a-f]{64}$/, '... a session');
is($in->json->{user}{id}, $ada->{id}, '... of that person');
my ($cookie) = $in->header('set-cookie');
like($cookie, qr/^asgard_session=$token; Path=\/; Max-Age=28800; HttpOnly;/,
    '... as a cookie that no script reads');
like($cookie, qr/; SameSite=Lax$/, '... nor another site sends');
is($t->api('GET', '/api/auth/me', undef, as($token))->json->{username}, 'ada',
    'the token is a bearer');
is($t->get('/api/auth/me', Cookie => "a=b; asgard_session=$token")->status,
    200, 'and a cookie');
for my $bad ('asgard_session=', "asgard_session=${token}0",
    'asgard_session=' . $token =~ tr/0-9a-f/1-9a-f0/r,
    "asgard_session=$token; asgard_session=$token",
    "xasgard_session=$token") {
    is($t->get('/api/auth/me', Cookie => $bad)->status, 401,
        'a cookie that was tampered with opens nothing');
}
is($t->get('/api/auth/me', Cookie => "asgard_session=$token",
    Authorization => 'Bearer nonsense')->status, 401,
    'a wrong bearer is not made good by a cookie');

my $again = login('ada', $secret, Cookie => "asgard_session=$token");
my $second = $t->canary('another session', $again->json->{token});
isnt($second, $token, 'signing in again makes a new session');
is($t->api('GET', '/api/auth/me', undef, as($token))->status, 401,
    '... and ends the old one');
my $out = $t->api('POST', '/api/auth/logout', '{}', as($second));
is($out->status, 200, 'logout');
like(scalar $out->header('set-cookie'), qr/^asgard_session=; .*Max-Age=0/,
    '... takes the cookie away');
is($t->api('GET', '/api/auth/me', undef, as($second))->status, 401,
    '... and ends the session');
is($t->api('POST', '/api/auth/logout', '{}')->status, 403,
    'a token has no session to end');

# --- limits of a session

for my $limit ([seen_at => '61 min', 'idle'],
    [created_at => '481 min', 'old']) {
    my ($column, $time, $what) = @$limit;
    my $late = $t->canary("a session that is $what",
        login('ada', $secret)->json->{token});
    is($t->api('GET', '/api/auth/me', undef, as($late))->status, 200,
        'a session');
    $t->{postgres}->value("UPDATE sessions SET $column = now()"
        . " - interval '$time' RETURNING 1");
    is($t->api('GET', '/api/auth/me', undef, as($late))->status, 401,
        "... that is $what is over");
}
my $kept = $t->canary('a session in use',
    login('ada', $secret)->json->{token});
$t->{postgres}->value("UPDATE sessions SET seen_at = now() - interval '59 min'"
    . ' RETURNING 1');
is($t->api('GET', '/api/auth/me', undef, as($kept))->status, 200,
    'a request before the limit');
is($t->{postgres}->value("SELECT count(*) FROM sessions WHERE"
    . " seen_at > now() - interval '1 min'"), 1, '... begins it anew');

# --- guessing

# A login and its seconds.
my %took;
sub timed {
    my ($what, @login) = @_;
    my $begun = time;
    my $reply = login(@login);
    push @{$took{$what}}, time - $begun if $reply->status == 401;
    return $reply;
}

my @wrong = map { timed('known', 'ada', 'wrong password',
    'X-Test-Address' => '192.0.2.7') } 1 .. 5;
is(join(' ', map { $_->status } @wrong), '401 401 401 401 401',
    'five wrong passwords are 401');
is($wrong[0]->json->{code}, 'bad_credentials', '... and say so');
my $locked = login('ada', $secret, 'X-Test-Address' => '192.0.2.7');
is($locked->status, 429, 'then even the right one is 429');
is($locked->json->{code}, 'login_locked', '... and says why');
cmp_ok($locked->header('retry-after'), '>', 200, '... for five minutes');
cmp_ok($locked->header('retry-after'), '<=', 300, '... and not longer');
is(login('ada', $secret, 'X-Test-Address' => '192.0.2.8')->status, 200,
    'from another address ada signs in');
$t->api_ok('POST', '/api/users', {username => 'bob', email =>
    'bob@example.com', role => 'member', password => $secret});
is(login('bob', $secret, 'X-Test-Address' => '192.0.2.7')->status, 200,
    'and from that address bob');
$t->{postgres}->value("UPDATE login_attempts SET at = now()"
    . " - interval '301 s' RETURNING 1");
is(login('ada', $secret, 'X-Test-Address' => '192.0.2.7')->status, 200,
    'after five minutes it is over');
is($t->{postgres}->value('SELECT count(*) FROM login_attempts'), 0,
    '... and forgotten');

my @none = map { timed('unknown', 'nobody', 'wrong password',
    'X-Test-Address' => "2001:db8:1:2::$_") } 1 .. 6;
is(join(' ', map { $_->status } @none), '401 401 401 401 401 429',
    'a name that nobody has is counted alike, and an IPv6 network as one');
is($none[0]->json->{error}, $wrong[0]->json->{error}, '... with the same text');
# The work of a password is most of it; a name that is not looked at would take
# a twentieth.  The quickest of each: another process may be in the way of any.
my %least = map { $_ => (sort { $a <=> $b } @{$took{$_}}[0 .. 4])[0] }
    keys %took;
cmp_ok($least{unknown}, '>', $least{known} / 5, '... and in its time');
like($t->get('/metrics/ctl')->body, qr/^asgard_logins_locked 1$/m,
    '... which the metrics tell');
my @at_once = map { /^(\d+)/ } $t->in_parallel(9, sub { login('bob', 'guess '
    . $$, 'X-Test-Address' => '192.0.2.9')->status });
cmp_ok(scalar(grep { $_ == 401 } @at_once), '<=', 5,
    'guesses at once are not cheaper');

# --- who may no longer

my $bob = (grep { $_->{username} eq 'bob' }
    @{$t->api_ok('GET', '/api/users')->{users}})[0];
my $bobs = $t->canary("bob's session", login('bob', $secret)->json->{token});
is($t->api('POST', "/api/users/$bob->{id}/active", {active =>
    JSON::PP::false()})->json->{active}, JSON::PP::false(),
    'a person is made inactive');
is($t->api('GET', '/api/auth/me', undef, as($bobs))->status, 401,
    '... which ends their sessions at once');
is(login('bob', $secret)->json->{code}, 'bad_credentials',
    '... and their password opens nothing');
is($t->api('POST', "/api/users/$ada->{id}/role", {role => 'admin'})
    ->json->{role}, 'admin', 'a role is changed');
is($t->api('GET', '/api/users', undef, as($kept))->status, 200,
    '... and counts in a session that was open');
is($t->api('POST', "/api/users/$ada->{id}/role", {role => 'member'},
    as($kept))->status, 403, 'nobody changes their own role');
is($t->api('POST', "/api/users/$ada->{id}/active", {active =>
    JSON::PP::false()}, as($kept))->status, 403, 'nor their own account');
my %seen = map { $_->{action} => 1 } @{$t->api_ok('GET',
    "/api/audit?entity=$ada->{id}")->{events}};
ok($seen{$_}, "the audit log has $_") for qw(user.created session.opened
    session.ended session.refused user.role);

$t->done;
