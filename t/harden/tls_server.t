#!/usr/bin/env perl
# The shipped server speaks TLS 1.2 and 1.3 and HTTP/2, on IPv6 too, to those
# who ask for its name, and nothing else.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Test;
use Asgard::TlsServer;

my $t = Asgard::Test->new(workers => 2);
my $server = Asgard::TlsServer->new(dir => "$t->{dir}/front");
$t->{gateway}->write_conf(http_conf => $server->conf);
$t->start;
my $project = $t->project(budget_usd => '1');
my $key = $t->key(project => $project)->{key};

# The key in a file: no secret in argv, not even here.
my $secret = Asgard::Files::spill("$t->{dir}/curl.conf",
    "header = \"Authorization: Bearer $key\"\n"
    . 'header = "Content-Type: application/json"' . "\n", 0600);
my $at = "ai.example.com:$server->{port}";
my $body = $t->chat_body;
my $path = '/v1/chat/completions';

sub curl {
    my (@more) = @_;
    my @command = ('curl', '-sS', '-i', '--max-time', 20, '--cacert',
        $server->ca, '--connect-to', "$at\:[::1]:$server->{port}",
        '-K', $secret, @more, "https://$at$path");
    open my $out, '-|', 'sh', '-c', 'exec "$@" 2>&1', 'sh', @command or die $!;
    local $/;
    return scalar <$out>;
}

my $said = curl('--http2', '-d', $body);
like($said, qr{^HTTP/2 200}, 'a call over HTTP/2 and IPv6 is answered');
like($said, qr/^strict-transport-security: max-age=\d{8}\r?$/mi,
    'with Strict-Transport-Security');
like($said, qr/^x-asgard-trace-id: /mi, 'and a trace id');
unlike($said, qr{^server: nginx/}mi, 'without the version of nginx');
like(curl('--http1.1', '-d', $body), qr{^HTTP/1\.1 200}, 'and over HTTP/1.1');
like(curl('--http2', '-d', $body, '--tls-max', '1.2'), qr{^HTTP/2 200},
    'with TLS 1.2, too');
like(curl('--tls-max', '1.1', '--ciphers', 'DEFAULT@SECLEVEL=0', '-d', $body),
    qr/alert|version|unsupported/i, 'but not with TLS 1.1');
like(curl('--tls-max', '1.2', '--ciphers', 'AES128-SHA', '-d', $body),
    qr/handshake failure|alert/, 'nor without forward secrecy');
my $stream = curl('--http2', '-N', '-d', $t->chat_body({stream => \1}));
like($stream, qr/^data: \[DONE\]/m, 'a stream comes over HTTP/2');
like(curl('--http2', '-d', '{'), qr{^HTTP/2 400.*"error"}s,
    'refusals are JSON');
$path = '/nothing';
like(curl('--http2'), qr{^HTTP/2 404.*"error"}s, "nginx's own, too");
my $n = $t->wait_ledger($project, 4);
is($n, 4, 'each call is in the ledger once');

for my $name ('other.example.com', '') {
    my $shake = `echo | timeout 10 openssl s_client -connect \\
        127.0.0.1:$server->{port} @{[$name ? "-servername $name"
        : '-noservername']} 2>&1`;
    like($shake, qr/unrecognized name/, 'a client that asks for '
        . ($name || 'no name') . ' is not answered');
}
# Who asks for our certificate and then for another host gets nothing of it.
for my $version ('--http1.1', '--http2') {
    for my $wanted ('/', '/v1/models', "/elsewhere?key=$key") {
        $path = $wanted;
        like(curl($version, '-H', 'Host: evil.example'),
            qr/^HTTP\S+ 421.*"misdirected_request"/s,
            "another Host is 421 as JSON, $version");
    }
}
my $plain = $t->http(port => $server->{port})->request('GET', '/v1/models',
    [Asgard::Test::bearer($key)]);
is($plain->status, 400, 'HTTP in clear on that port is refused');
$t->done;
