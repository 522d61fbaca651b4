#!/usr/bin/env perl
# nginx -t refuses a control plane that can be reached from elsewhere without
# TLS, key files that others may read, and a weak password of Redis.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(random_hex slurp spill);
use Asgard::Port qw(free_port);
use Asgard::Test;

my $t = Asgard::Test->new(control => 0, without_money => 1);
my $gateway = $t->{gateway};
my $tls = $t->tls;
my $port = free_port();
my $cert = "ssl_certificate $tls->{dir}/cert.pem;"
    . " ssl_certificate_key $tls->{dir}/key.pem;";

sub tested {
    unlink glob "$t->{dir}/log/test-*";
    return $gateway->test_conf;
}

sub with {
    my (%change) = @_;
    $gateway->write_conf(server_conf => '', http_conf => '', %change);
    return tested();
}

for my $address ("0.0.0.0:$port", $port, "[::]:$port") {
    my ($status, $text) = with(server_conf => "listen $address;");
    isnt($status, 0, "listen $address with the control plane is refused");
    like($text, qr/control plane in server "_" would be .* at \S+ without TLS/,
        '... and says where');
    ($status, $text) = with(server_conf => "listen $address;",
        http_conf => 'asgard_control_plain on;');
    unlike($text, qr/without TLS/, '... unless TLS ends in front');
    ($status, $text) = with(server_conf => "listen $address ssl; $cert");
    unlike($text, qr/without TLS/, '... or is there');
}
for my $address ("127.0.0.2:$port", "[::1]:$port", "unix:$t->{dir}/x.sock") {
    my ($status, $text) = with(server_conf => "listen $address;");
    unlike($text, qr/without TLS/, "listen $address is of this machine");
}
my ($status, $text) = with(http_conf => "server { listen 0.0.0.0:$port; }");
is($status, 0, 'another server may listen anywhere') or diag($text);
($status, $text) = with(http_conf => "server { listen $gateway->{port};"
    . " location /x { asgard_probe healthz; } }");
is($status, 0, 'also on the same port and with a probe') or diag($text);
$gateway->write_conf(server_conf => '', http_conf => '');

# Redis on the network.
my $conf = "$gateway->{dir}/conf/nginx.conf";
my $written = slurp($conf);
sub with_redis { my ($line) = @_;
    spill($conf, $written =~ s/asgard_redis [^;]+;/asgard_redis $line;/r);
    return tested() }
my $password = spill("$t->{dir}/redis.password", random_hex(16), 0600);
for my $address ('10.0.0.5:6379', '[2001:db8::5]:6379', 'redis.example:6379') {
    ($status, $text) = with_redis($address);
    isnt($status, 0, "asgard_redis $address without a password is refused");
    like($text, qr/on the network and has no "password_file="/,
        '... and says why');
    ($status, $text) = with_redis("$address password_file=$password");
    is($status, 0, '... with one it is taken') or diag($text);
    like($text, qr/spoken to in clear/, '... with a warning');
}
for my $address ('127.0.0.1:6379', '[::1]:6379', "unix:$t->{dir}/r.sock") {
    ($status, $text) = with_redis($address);
    unlike($text, qr/on the network|in clear/, "$address is of this machine");
}
spill($conf, $written);

my $key_file = $t->{key_file};
SKIP: {
    skip 'only root can give files away', 6 if $> != 0;
    chmod 0440, $key_file;
    is((tested())[0], 0, "a group may read root's key file");
    chown scalar(getpwnam('nobody')), -1, $key_file;
    ($status, $text) = tested();
    isnt($status, 0, "but not somebody else's");
    like($text, qr/"\Q$key_file\E" may be read by a group/, '... it says so');
    chmod 0400, $key_file;
    ($status, $text) = tested();
    like($text, qr/"\Q$key_file\E" belongs to uid \d+; it must belong to root/,
        'which is refused in any case');
    chown 0, -1, $key_file;
}

my $file = $t->{redis}->password_file;
for my $password (qw(changeme sk-1234 k7Qw2 abababababababababab)) {
    spill($file, "$password\n", 0600);
    ($status, $text) = tested();
    isnt($status, 0, 'a weak password of Redis is refused');
    like($text, qr/the password in "\Q$file\E" (?:is|has)/, '... by its file');
    is(index($text, $password), -1, '... without showing it');
}
spill($file, "$t->{redis}{password}\n", 0600);

my $whole = slurp("$t->{dir}/conf/nginx.conf");
my $address = $t->{redis}->address;
spill("$t->{dir}/conf/nginx.conf", $whole
    =~ s{asgard_redis +\Q$address}{asgard_redis redis://u:hush-hush\@$address}r,
    0600);
($status, $text) = tested();
isnt($status, 0, 'a password in the address is refused');
unlike($text, qr/hush/, '... without showing it');
$gateway->write_conf;
is((tested())[0], 0, 'everything put right is accepted');
$t->start;
$t->done;
