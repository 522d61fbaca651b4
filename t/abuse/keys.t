# Rows 26-35: who calls.  One credential, of one grammar, known by its digest.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Time::HiRes qw(time);

use Asgard::Abuse qw(header_seen);
use Asgard::Files qw(random_hex slurp wait_until);
use Digest::SHA qw(hmac_sha256_hex sha256 sha256_hex);

my $t = Asgard::Abuse->new(workers => 2, http_conf => 'asgard_bad_keys 0;');
$t->start;

my $good = $t->{key}{key};
my %bearer = (headers => {'www-authenticate' => 'Bearer',
    'x-should-retry' => 'false'});

sub call {
    my (@headers) = @_;
    return $t->http->request('POST', '/v1/chat/completions',
        ['Content-Type', 'application/json', @headers],
        $t->chat_body({model => 'one'}));
}

$t->row(26, 'no key', sub {
    $t->refused(call(), 401, 'missing_api_key', %bearer);
    $t->refused($t->get('/v1/models'), 401, 'missing_api_key', %bearer);
});

for (['the same twice', "Bearer $good", "Bearer $good"],
    ['a bad one first', 'Bearer asg_' . '0' x 64, "Bearer $good"],
    ['a good one first', "Bearer $good", 'Basic eDp5'],
    ['an empty one first', '', "Bearer $good"])
{
    my ($what, @values) = @$_;
    $t->row(27, "two Authorization headers, $what", sub {
        $t->refused(call(map { ('Authorization', $_) } @values), 400,
            'bad_request');
    });
}

sub commands {
    my ($n) = $t->{redis}->cmd('INFO', 'commandstats')
        =~ /cmdstat_mget:calls=(\d+)/;
    return $n // 0;
}

my %bodies;
sub malformed_row {
    my ($number, @headers) = @_;
    for (@headers) {
        my ($what, $value) = @$_;
        $t->row($number, $what, sub {
            my $before = commands();
            my $reply = $t->refused(call('Authorization', $value), 401,
                'invalid_api_key', %bearer);
            $bodies{$reply->body}++;
            is(commands(), $before, 'Redis was not asked for a key');
        });
    }
}

malformed_row(28, ['Basic', 'Basic ' . 'x' x 20], ['no space', "Bearer$good"],
    ['nothing', ''], ['the scheme alone', 'Bearer'],
    ['a space after it', 'Bearer '], ['bytes after it', "Bearer $good x"],
    ['a comma after it', "Bearer $good,"], ['two spaces', "Bearer  $good"],
    ['another scheme', "Token $good"], ['no scheme', $good],
    ['quotes around it', qq{Bearer "$good"}]);

# A template, quotes and the like; none is worth a question to Redis.
my $hex = random_hex(32);
malformed_row(29, ['one character more', "Bearer ${good}0"],
    ['one character less', 'Bearer ' . substr $good, 0, -1],
    ['no hexadecimal', 'Bearer asg_' . 'g' x 64],
    ['capitals', 'Bearer asg_' . uc $hex],
    ['UTF-8', "Bearer asg_\xc3\xa4"], ['bad UTF-8', "Bearer asg_\xff"],
    ['8 kB', 'Bearer ' . 'a' x 8000], ['a template', 'Bearer {{7*7}}'],
    ['quotes', q{Bearer ' OR '1'='1' --}],
    ['a path', 'Bearer ../../etc/passwd'],
    ['a key of Redis', 'Bearer {asg}:key:p1:' . $hex],
    ['a short imported key', 'Bearer sk-0123456789abcde'],
    ['a long imported key', 'Bearer sk-' . 'a' x 201],
    ['LiteLLM\'s sample key', 'Bearer sk-1234']);

sub unknown_row {
    my ($number, $what, $token) = @_;
    $t->row($number, $what, sub {
        my $reply = $t->refused(call('Authorization', "Bearer $token"), 401,
            'invalid_api_key', %bearer);
        $bodies{$reply->body}++;
    });
}

$t->row(30, 'the key itself', sub {
    $t->served(call('Authorization', "Bearer $good"));
});
unknown_row(30, 'its last character changed',
    $good =~ s/(.)$/$1 eq '0' ? '1' : '0'/er);
unknown_row(30, 'its first digit changed',
    $good =~ s/^asg_\K(.)/$1 eq '0' ? '1' : '0'/er);

my ($pepper) = slurp($t->{key_file}) =~ /^pepper \w+ (\w+)$/m;
my $digest = hmac_sha256_hex(sha256($good), pack 'H*', $pepper);
ok($t->{redis}->cmd('EXISTS', "{asg}:key:p1:$digest"),
    'the digest is what Redis knows the key by');
unknown_row(31, 'the stored digest', "asg_$digest");
unknown_row(31, 'the stored digest, as a compatible key', "sk-asg-$digest");
unknown_row(31, 'the hash of the key', 'asg_' . sha256_hex($good));
is(scalar keys %bodies, 1, 'every one of these got the same body');

$t->row(32, 'an administrator\'s token for a call', sub {
    $t->refused(call('Authorization', 'Bearer ' . $t->admin_token), 401,
        'invalid_api_key', %bearer);
});
$t->row(32, 'a project key on the control API', sub {
    $t->refused_control($t->api($_->[0], $_->[1], $_->[2], 'Authorization',
        "Bearer $good"), 401, 'invalid_token')
        for ['GET', '/api/projects'], ['POST', '/api/projects', {name => 'x'}],
            ['GET', "/api/projects/$t->{project}/usage"];
});

# In any place but the one, a key is bytes that are dropped.
my $second = $t->key(project => $t->project(budget_usd => '1'))->{key};
my @elsewhere = ('x-api-key', 'api-key', 'x-litellm-api-key', 'x-goog-api-key',
    'Ocp-Apim-Subscription-Key', 'Proxy-Authorization', 'X-Authorization',
    'x-asgard-key');
$t->row(33, 'a second key elsewhere', sub {
    my $seen = $t->served(call('Authorization', "Bearer $good",
        'Cookie', "key=$second; token=$second",
        map { ($_, /Auth/ ? "Bearer $second" : $second) } @elsewhere));
    is_deeply([grep { index($_->[1], $second) >= 0 } @{$seen->{headers}}], [],
        'does not reach the provider');
    my ($entry) = $t->wait_ledger($t->{project}, 1);
    ok($entry, 'the project of the Authorization header pays');
});
$t->row(33, 'a key only elsewhere', sub {
    $t->refused(call($_, /Auth/ ? "Bearer $good" : $good), 401,
        'missing_api_key', %bearer) for @elsewhere;
    $t->refused(call('Cookie', "key=$good"), 401, 'missing_api_key', %bearer);
});

# Connections until both workers have answered on some; `$passed` is when the
# last call began that was let in.
my $passed;
sub everywhere {
    my ($kept, $key) = @_;
    my %seen;
    for my $http (@$kept) {
        my $begun = time;
        my $reply = $t->judged($http->request('GET', '/v1/models',
            ['Authorization', "Bearer $key"]));
        $seen{$reply->status . ' ' . ($reply->code // '-')}++;
        $passed = $begun if $reply->status == 200;
    }
    return join ', ', sort keys %seen;
}

# Just after the change: no call is let in that begins a second later.
sub within_a_second {
    my ($kept, $key, $verdict, $sentence) = @_;
    my $changed = time;
    my $says = '';
    wait_until(sub { ($says = everywhere($kept, $key)) eq $verdict
        && time > $changed + 1 }, 10);
    is($says, $verdict, $sentence);
    cmp_ok($passed - $changed, '<', 1, 'within a second');
}

$t->row(34, 'a revoked key on connections that stay open', sub {
    my $key = $t->key(project => $t->{project});
    my @kept = map { $t->http } 1 .. 16;
    is(everywhere(\@kept, $key->{key}), '200 -', 'it was good on all of them');
    $t->revoke_key($t->{project}, $key->{id});
    within_a_second(\@kept, $key->{key}, '401 invalid_api_key',
        'it is refused on all workers');
    $t->refused(call('Authorization', "Bearer $key->{key}"), 401,
        'invalid_api_key', %bearer);
});

$t->row(35, 'a killed project', sub {
    my $project = $t->project(budget_usd => '1');
    my $key = $t->key(project => $project)->{key};
    my @kept = map { $t->http } 1 .. 16;
    is(everywhere(\@kept, $key), '200 -', 'it was good on all connections');
    $t->kill_project($project);
    within_a_second(\@kept, $key, '403 project_killed', 'it is stopped on all');
    $t->refused(call('Authorization', "Bearer $key"), 403, 'project_killed',
        more => ['rule_id'], headers => {'x-should-retry' => 'false'});
});

# The control API has no way to end a project yet: its record is changed where
# the gateway reads it, as the meter would do.
$t->row(35, 'a project that is not live', sub {
    my $project = $t->project(budget_usd => '1');
    my $key = $t->key(project => $project)->{key};
    is($t->get('/v1/models', 'Authorization', "Bearer $key")->status, 200,
        'it was good');
    my $name = "{asg}:project:$project";
    my $record = $t->{redis}->cmd('GET', $name);
    $record =~ s/"state":"\w+"/"state":"archived"/ or die $record;
    $record =~ s/"v":(\d+)/'"v":' . ($1 + 1)/e or die $record;
    $t->{redis}->cmd('SET', $name, $record);
    $t->{redis}->cmd('PUBLISH', 'asg:changes', "project $project "
        . ($1 + 1));
    within_a_second([$t->http], $key, '403 project_inactive',
        'it is refused');
    $t->refused(call('Authorization', "Bearer $key"), 403,
        'project_inactive', more => ['rule_id'],
        headers => {'x-should-retry' => 'false'});
});

$t->done;
