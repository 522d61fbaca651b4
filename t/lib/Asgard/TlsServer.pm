# The shipped server with TLS, HTTP/2 and IPv6, on a port of a test.
#
#     my $tls = Asgard::TlsServer->new(dir => "$t->{dir}/front");
#     $t->{gateway}->write_conf(http_conf => $tls->conf);
#     ... $tls->url                       # https://[::1]:PORT
package Asgard::TlsServer;

use strict;
use warnings;

use Asgard::Files qw(slurp top);
use Asgard::Port qw(free_port);
use Asgard::TLS;

sub new {
    my ($class, %arg) = @_;
    mkdir $arg{dir};
    return bless {port => free_port(), tls => Asgard::TLS->new(
        dir => $arg{dir}, more => 'DNS:ai.example.com,IP:::1')}, $class;
}

sub ca  { $_[0]{tls}->ca }
sub url { "https://[::1]:$_[0]{port}" }

# For a client that resolves the certificate's name to ::1 by itself.
sub url_by_name { "https://ai.example.com:$_[0]{port}" }

# With any_name => 1 it answers clients that ask for no name, too: who connects
# to an address asks for none.
sub conf {
    my ($self, %arg) = @_;
    my $text = slurp(top() . '/conf/asgard-tls.conf');
    my $dir = $self->{tls}{dir};
    $text =~ s{listen 443}{listen 127.0.0.1:$self->{port}}g;
    $text =~ s{listen \[::\]:443}{listen [::1]:$self->{port}}g;
    $text =~ s{/etc/asgard/tls/fullchain\.pem}{$dir/cert.pem};
    $text =~ s{/etc/asgard/tls/privkey\.pem}{$dir/key.pem};
    $text =~ s{(server_name ai\.example\.com)}{$1 localhost};
    $text =~ s{^server \{(?:(?!^\}).)*ssl_reject_handshake.*?^\}\n}{}ms
        if $arg{any_name};
    return $text;
}

1;
