#!/usr/bin/perl
# A person changes their password with the old one, an administrator resets that
# of another; the sessions of before are over, and the old password opens
# nothing.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(random_hex);
use Asgard::Test;

my $t = Asgard::Test->new(conf => 'bad_tokens 0');
$t->start;
my ($old, $new, $reset) = map { $t->canary("password $_", "pass $_ "
    . random_hex(8)) } 1 .. 3;

sub login { my ($password, $name) = @_; return $t->http->request('POST',
    '/api/auth/login', ['Content-Type', 'application/json'],
    $t->encode({username => $name // 'ada', password => $password})) }
sub session { return $t->canary('a session ' . random_hex(4),
    login(@_)->json->{token}) }
sub as { return (Authorization => "Bearer $_[0]") }
sub change { my ($token, %body) = @_; return $t->api('POST',
    '/api/auth/password', \%body, as($token)) }
sub lives { return $t->api('GET', '/api/auth/me', undef, as($_[0]))->status }

my ($ada, $root) = map { $t->api_ok('POST', '/api/users', {username => $_,
    email => "$_\@example.com", role => $_ eq 'root' ? 'admin' : 'member',
    password => $old}) } qw(ada root);
my @open = map { session($old) } 1 .. 2;
my $pat = $t->canary('a token', $t->api_ok('POST', '/api/auth/tokens',
    {name => 't'}, as($open[0]))->{token});

my $wrong = change($open[0], password => $new, new_password => $new);
is($wrong->status . ' ' . $wrong->json->{code}, '401 bad_credentials',
    'without the old password there is no new one');
is(change($open[0], password => $old, new_password => 'short')->json->{param},
    'new_password', 'a short one is refused by its field');
my $same = change($open[0], password => $old, new_password => $old);
is($same->status . ' ' . $same->json->{code} . ' ' . $same->json->{param},
    '400 invalid_value new_password', 'the old one is no new one');
is(lives($open[0]), 200, '... and nothing ends by it');
my $done = change($open[0], password => $old, new_password => $new);
is($done->status, 200, 'with the old one there is') or diag($done->body);
like(scalar $done->header('set-cookie'), qr/^asgard_session=; .*Max-Age=0/,
    '... the browser forgets its session');
is(lives($_), 401, '... every session is over') for @open;
is(lives($pat), 200, '... a token is not');
is(login($old)->status, 401, '... the old password opens nothing');
my $now = session($new);
is(lives($now), 200, '... the new one does');

# --- guessing by a session of somebody else

change($now, password => 'guess ' . $_, new_password => $new) for 1 .. 5;
my $locked = change($now, password => $new, new_password => $new);
is($locked->status . ' ' . $locked->json->{code}, '429 login_locked',
    'who guesses the old one waits');
$t->{postgres}->value("UPDATE login_attempts SET at = now()"
    . " - interval '301 s' RETURNING 1");

# --- reset

my $set = sub { my ($who, @by) = @_; return $t->api('POST',
    "/api/users/$who->{id}/password", {password => $reset}, @by) };
is($set->($root, as($now))->status, 403, 'a member resets nobody\'s');
my $boss = session($old, 'root');
is($set->($ada, as($boss))->status, 200, 'an administrator does');
is(lives($now), 401, '... which ends their sessions');
is(login($reset)->status, 200, '... and opens with the new one');
is($set->($root, as($boss))->status, 403,
    '... but not their own, without the old one');
is($t->api('POST', '/api/users/00000000-0000-4000-8000-000000000000/password',
    {password => $reset})->status, 404, 'nobody has none');
my %seen = map { $_->{action} => $_ } @{$t->api_ok('GET',
    "/api/audit?entity=$ada->{id}")->{events}};
is($seen{'user.password_changed'}{actor}, "user:$ada->{id}",
    'the audit log has who changed it');
is($seen{'user.password_reset'}{actor}, "user:$root->{id}",
    '... and who reset it');

$t->done;
