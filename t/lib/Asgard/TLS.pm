# A certificate authority of a test and the certificate of `localhost`.
package Asgard::TLS;

use strict;
use warnings;
use Carp qw(croak);
use IO::Socket::SSL ();

use Asgard::Files qw(spill);

# new(dir => DIR, name => 'localhost'): ca.pem, cert.pem, key.pem in DIR.
sub new {
    my ($class, %arg) = @_;
    my $self = bless {name => 'localhost', %arg}, $class;
    my ($dir, $name) = @$self{qw(dir name)};
    spill("$dir/san.cnf", "subjectAltName=DNS:$name\n");
    my @steps = (
        "req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=asgard-test-ca"
            . " -keyout $dir/ca.key -out $dir/ca.pem",
        "req -newkey rsa:2048 -nodes -subj /CN=$name"
            . " -keyout $dir/key.pem -out $dir/cert.csr",
        "x509 -req -days 30 -in $dir/cert.csr -CA $dir/ca.pem"
            . " -CAkey $dir/ca.key -CAcreateserial -extfile $dir/san.cnf"
            . " -out $dir/cert.pem",
    );
    for (@steps) {
        system("openssl $_ > $dir/openssl.log 2>&1") == 0
            or croak "openssl $_";
    }
    return $self;
}

sub ca { "$_[0]{dir}/ca.pem" }

# The server's side of a connection; $$sni becomes the name that was asked for.
sub accept {
    my ($self, $socket, $sni) = @_;
    my $tls = IO::Socket::SSL->start_SSL($socket, SSL_server => 1,
        SSL_cert_file => "$self->{dir}/cert.pem",
        SSL_key_file => "$self->{dir}/key.pem") or return;
    $$sni = $tls->get_servername;
    return $tls;
}

1;
