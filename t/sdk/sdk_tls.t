#!/usr/bin/env perl
# The official SDKs work over TLS, HTTP/2 and IPv6, in a server with gzip and a
# limit of requests.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Sdk;
use Asgard::TlsServer;

my ($python, $node) = map { [Asgard::Sdk::program("checks.$_")] } qw(py cjs);
my $server;
my $limits = <<'CONF';
gzip on;
gzip_types *;
gzip_min_length 1;
gzip_proxied any;
limit_req_zone $binary_remote_addr zone=clients:1m rate=500r/s;
limit_req zone=clients burst=500 nodelay;
CONF
sub tls_front {
    my ($t) = @_;
    $server = Asgard::TlsServer->new(dir => "$t->{dir}/front");
    $t->{gateway}->write_conf(http_conf => $limits
        . $server->conf(any_name => 1));
}

sub sdk_behind {
    my ($name, $program, $url) = @_;
    my ($env, @command) = @$program;
    subtest "the SDK for $name" => sub {
        my $sdk = Asgard::Sdk->new(before => \&tls_front);
        my $t = $sdk->test;
        $t->allow_alert(qr/asgard: .*(?:401|403|credential|key)/);
        $sdk->{url} = $server->$url;
        $sdk->checks({%$env, SSL_CERT_FILE => $server->ca,
            NODE_EXTRA_CA_CERTS => $server->ca}, @command);
        my ($http) = $name =~ m{(HTTP/\d.*)};
        like($t->{gateway}->access_log, qr{^::1 .* \Q$http\E[".]}m,
            'its calls came over IPv6');
        Asgard::Teardown::while_running($t);
        $t->{gateway}->stop;
        $t->{control}->stop;
        Asgard::Teardown::after_stop($t);
        $t->finish;
    };
}

sdk_behind('Python, HTTP/2', $python, 'url');
# Debian's Node 18 finds no address of IPv6 in a certificate: it goes by name.
# Its own fetch speaks HTTP/1.1 only.
$node->[0]{NODE_OPTIONS} = "--require $FindBin::Bin/name_over_ipv6.cjs";
sdk_behind('Node, HTTP/1.1', $node, 'url_by_name');
$node->[0]{ASGARD_HTTP2} = 1;
sdk_behind('Node, HTTP/2', $node, 'url_by_name');
done_testing();
