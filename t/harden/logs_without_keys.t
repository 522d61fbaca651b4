#!/usr/bin/env perl
# A key or a token that a client puts where it does not belong, as a query, a
# path, Basic authentication, Referer or User-Agent, stands in no log.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use MIME::Base64 qw(encode_base64);
use Test::More;

use Asgard::Files qw(wait_until);
use Asgard::OneModel qw(one_model);

my ($t, undef, $project, $key) = one_model(budget_usd => '1');
my %secrets = ('a key' => $key->{key}, "an administrator's token" =>
    $t->admin_token);
my $lines = 0;

sub ask { my ($method, $path, @headers) = @_;
    $lines++;
    return eval { $t->http->request($method, $path, [@headers],
        $method eq 'POST' ? $t->chat_body({model => 'one'}) : ())->status }
        // 'closed' }

for my $whose (sort keys %secrets) {
    my $secret = $secrets{$whose};
    my $basic = 'Basic ' . encode_base64("$secret:", '');
    for my $path ('/v1/models', '/v1/chat/completions', '/api/projects',
        '/healthz', '/metrics', '/elsewhere') {
        my $status = ask('GET', $path, Authorization => $basic);
        isnt($status, 'closed', "$whose as a user of Basic, $path: $status");
    }
    for my $path ('/v1/models', '/v1beta/models/one:generateContent',
        '/chat/completions', '/healthz', '/readyz', '/metrics', '/metrics/ctl',
        '/api/projects', '/api', '/elsewhere') {
        my $status = ask('GET', "$path?key=$secret");
        isnt($status, 'closed', "$whose in a query, $path: $status");
    }
    for my $path ("/v1/models/$secret", "/v1/$secret/chat/completions",
        "/api/projects/$secret", "/$secret") {
        my $status = ask('GET', $path);
        isnt($status, 'closed', "$whose in a path: $status");
    }
    ask('GET', '/v1/models', Referer => "https://example.com/?k=$secret");
    ask('GET', '/api/projects', 'User-Agent' => "curl $secret");
    ask('POST', "/v1/chat/completions?key=$secret", Authorization =>
        "Bearer $secret", 'Content-Type' => 'application/json');
    ask("GET\x01", "/v1/models?key=$secret");       # a line that is none
}
my $log = '';
ok(wait_until(sub { $log = $t->{gateway}->access_log;
    ($log =~ tr/\n//) >= $lines }, 5), "$lines requests are logged");
for my $whose (sort keys %secrets) {
    my $secret = $secrets{$whose};
    my $part = substr $secret, 8, 16;
    for (['access', $log], ['error', $t->{gateway}->error_log],
        ['control', $t->{control}->log_text]) {
        my ($name, $text) = @$_;
        ok(index($text, $part) < 0, "$whose stands not in the $name log");
    }
}

# The rest of a line is there, and what a query says still reaches its place.
like($log, qr{"GET /elsewhere\?key="? }, 'a line ends where the key begins');
is($t->api('GET', "/api/audit?entity=$project&limit=1")->status, 200,
    'a query without a key is used');
ok(wait_until(sub { $t->{gateway}->access_log =~ /limit=1 HTTP/ }, 5),
    '... and logged');
is($t->chat($key, {model => 'one'})->status, 200, 'a call');
$t->done;
