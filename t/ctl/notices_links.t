#!/usr/bin/perl
# A link of a notice decides for the person whom it was sent to, once, over what
# they were shown, and only by a POST; it gives nobody a right.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Digest::SHA qw(sha256_base64 sha256_hex);
use Test::More;

use Asgard::FakeMail;
use Asgard::Files qw(wait_until);
use Asgard::People;
use Asgard::Test;

my $t = Asgard::Test->new;
my $server = Asgard::FakeMail->new(dir => $t->{dir});
$t->{control}{conf} = join "\n", 'mail_url ' . $server->url,
    'mail_from asgard@example.com', 'notify_internal on';
$t->{control}->write_conf;
$t->start;
my $people = Asgard::People->new($t);
my $pg = $t->{postgres};
my %who = map { $_ => $people->person($_, role => /^admin/ ? 'admin'
    : 'member') } qw(owner manager admin);
my $project = $t->project(owner_email => $who{owner}{email},
    manager_email => $who{manager}{email}, budget_usd => 5);
ok(wait_until(sub { $pg->value('SELECT count(*) FROM notice_channels') }, 20),
    'mail is on');

sub ask {
    my ($type, $spec) = @_;
    return $t->api_ok('POST', "/api/projects/$project/resources",
        {resource_type => $type // 'databricks-job', name => 'n' . ++$t->{n},
        spec => $spec // {notebook_path => '/n'}}, $people->as('owner'))
        ->{request};
}

# The link in the mail to a person about a request.
sub link_to {
    my ($request, $name) = @_;
    my $found;
    wait_until(sub {
        ($found) = map { $_->{text} =~ m{^(http\S+/api/decide)#(\S+)\r$}m
            ? [$1, $2] : () } grep { $_->{to} eq "$name\@example.com"
            && $_->{text} =~ /\Q$request->{id}/ } $server->books;
    }, 30) or die "no link to $name\n";
    $t->canary("a link $found->[1]", $found->[1]);
    return @$found;
}

sub token_to { return (link_to(@_))[1] }

# As a browser that has nobody's credential.
sub post {
    my ($what, $body, @headers) = @_;
    return $t->http->request('POST', "/api/decide/$what",
        ['Content-Type', 'application/json', @headers], $t->encode($body));
}

sub act {
    my ($token, $decision, %more) = @_;
    return post('act', {token => $token, decision => $decision, %more});
}

sub is_refused {
    my ($reply, $status, $code, $what) = @_;
    is($reply->status . ' ' . ($reply->json->{code} // ''), "$status $code",
        $what);
}

sub state_of { $t->api_ok('GET', "/api/requests/$_[0]{id}")->{state} }

# --- to open one changes nothing

my $request = ask();
my ($url, $token) = link_to($request, 'manager');
is($url, $t->url . '/api/decide', 'a mail has a link');
like($token, qr/^asg_act_[0-9a-f]{64}$/, '... with a token of its own');
for my $path ('/api/decide', "/api/decide?x=$request->{id}") {
    $t->http->request($_, $path, []) for qw(GET GET HEAD);
}
my $page = $t->http->request('GET', '/api/decide', []);
is($page->status . ' ' . $page->header('content-type'),
    '200 text/html; charset=utf-8', 'it opens a page');
my %own = map { my ($text) = $page->body =~ m{<$_>(.*)</$_>}s;
    $_ => sha256_base64($text) } qw(script style);
is($page->header('content-security-policy'), "default-src 'none'; script-src"
    . " 'sha256-$own{script}='; style-src 'sha256-$own{style}='; img-src data:;"
    . " connect-src 'self'; base-uri 'none'; form-action 'none';"
    . " frame-ancestors 'none'",
    '... in which nothing runs but its own script');
unlike($page->body, qr/(?:src|href)="(?!data:,")|url\(|\@import|\son\w+="/,
    '... that nothing else belongs to');
like($page->body, qr/<textarea[^>]*>.*<button[^>]*id="approve".*id="reject"/s,
    '... and that a keyboard goes through in order');
is($page->header('referrer-policy'), 'no-referrer',
    '... and that tells nobody where it was');
is(state_of($request), 'requested', '... and decides nothing');
is($t->http->request($_, '/api/decide/act', [])->status, 405,
    "$_ does not act") for qw(GET PUT DELETE);
my $look = post('look', {token => $token});
is($look->json->{username}, 'manager', 'who has it sees whose it is');
is($look->json->{request}{plan_hash}, $request->{plan_hash},
    '... and what is asked');
is_deeply($look->json->{request}{you_may},
    [qw(approve reject escalate cancel)], '... and what they may');
is(state_of($request), 'requested', '... which decides nothing either');

# --- one decision

is_refused(act($token, 'approve', plan_hash => '0' x 64), 409, 'plan_changed',
    'another plan than the one shown');
is_refused(post('act', {token => $token}), 400, 'missing_field',
    'no decision is none');
is_refused(act($token, 'cancel'), 400, 'invalid_value', '... nor another one');
is_refused(act($token, 'approve', actor => 'admin'), 400, 'unknown_field',
    'who decides is no field');
is_refused(post('act', {token => $token, decision => 'approve'}, Origin =>
    'https://evil.example'), 403, 'cross_site', 'a page of another site');
is(state_of($request), 'requested', 'what was refused decided nothing');
my @all = $t->in_parallel(4, sub { act($token, 'approve',
    reason => 'by mail')->status });
is(join(' ', sort @all), '200 410 410 410', 'of four at once one acts');
is(state_of($request), 'fulfilled', '... and the work is done');
is_refused(act($token, 'approve'), 410, 'link_ended', 'it acts once');
is_refused(post('look', {token => $token}), 410, 'link_ended',
    '... and shows nothing more');
my @log = map { "$_->{action} $_->{actor}" } @{$t->api_ok('GET',
    "/api/audit?entity=$request->{id}")->{events}};
is_deeply([grep { /link_used|approved/ } @log],
    ["workflow.link_used user:$who{manager}{id}",
    "workflow.approved user:$who{manager}{id}"],
    'the audit log has the link and the decision');
is_refused(act(token_to($request, 'admin'), 'reject'), 400,
    'illegal_transition', 'what is decided is not decided by another link');

# --- who may is looked at when it is used

$request = ask();
$token = token_to($request, 'admin');
$pg->value("UPDATE users SET role = 'member' WHERE username = 'admin'"
    . ' RETURNING 1');
is_refused(act($token, 'approve'), 404, 'request_not_found',
    'who is no administrator any more decides nothing');
$pg->value("UPDATE users SET role = 'admin', active = false WHERE username"
    . " = 'admin' RETURNING 1");
is_refused(act($token, 'approve'), 404, 'link_not_found',
    '... nor whose account is off');
$pg->value("UPDATE users SET active = true WHERE username = 'admin'"
    . ' RETURNING 1');
is(act($token, 'reject', reason => 'no')->json->{state}, 'rejected',
    'what was refused did not use it up');

$request = ask();
$token = token_to($request, 'manager');
$t->api_ok('PATCH', "/api/projects/$project",
    {owner_email => $who{manager}{email}});
is_refused(act($token, 'approve'), 403, 'forbidden',
    'who owns the project by now does not decide');
$t->api_ok('PATCH', "/api/projects/$project",
    {owner_email => $who{owner}{email}});
$t->api_ok('PATCH', "/api/projects/$project",
    {data_class => 'restricted'}, $people->as('owner'));
is_refused(act($token, 'approve'), 409, 'plan_changed',
    'what takes more people by now is not done');
is_refused(act($token, 'approve'), 410, 'link_ended', '... by this link never');

# --- restricted data: each of the two by their own link

$request = ask('s3-bucket', {});
is(act(token_to($request, 'manager'), 'approve')->json->{approvals_given}, 1,
    'one of two');
is(act(token_to($request, 'admin'), 'approve')->json->{state}, 'fulfilled',
    '... and the other');

# --- the end of a link

$request = ask('s3-bucket', {});
$token = token_to($request, 'manager');
my $sha = sha256_hex($token);
is($pg->value('SELECT count(*) FROM request_links WHERE sha256 ='
    . " decode('$sha', 'hex') AND expires_at < now() + interval '73 hours'"), 1,
    'only its digest is kept, and for a time');
ok(!eval { $pg->psql($pg->url, 'UPDATE request_links SET used_at = NULL'); 1 },
    'the database lets none be used again');
ok(!eval { $pg->psql($pg->url, "UPDATE request_links SET expires_at ="
    . " now() + interval '1 year'"); 1 }, '... nor longer');
$pg->value('ALTER TABLE request_links DISABLE TRIGGER USER');
$pg->value("UPDATE request_links SET expires_at = now() WHERE sha256 ="
    . " decode('$sha', 'hex') RETURNING 1");
is_refused(act($token, 'approve'), 410, 'link_ended', 'one that is too old');
is_refused(act('asg_act_' . '0' x 64, 'approve'), 404, 'link_not_found',
    'one that never was');
is_refused($t->api('GET', '/api/auth/me', undef, Authorization =>
    "Bearer $token"), 401, 'invalid_token', 'it opens nothing else');
is(scalar(grep { $_->{to} eq 'owner@example.com'
    && $_->{text} =~ /asg_act_/ } $server->books), 0,
    'who asked gets no link');

$t->done;
