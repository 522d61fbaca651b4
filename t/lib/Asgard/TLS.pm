# A certificate authority of a test and the certificate of `localhost`.
package Asgard::TLS;

use strict;
use warnings;
use Carp qw(croak);
use IO::Socket::SSL ();

use Asgard::Files qw(spill);

# new(dir => DIR, name => 'localhost', more => 'IP:::1'): ca.pem, cert.pem,
# key.pem in DIR; `more` are further names.  `of => TLS`: by the authority of
# another one; `days => -1`: expired yesterday; `self_signed => 1`: by no
# authority; `version => 'TLSv1_2'`: no other is spoken; `tickets`: a
# SSL_ticket_keycb of IO::Socket::SSL.
sub new {
    my ($class, %arg) = @_;
    my $self = bless {name => 'localhost', days => 30, %arg}, $class;
    my ($dir, $name, $days) = @$self{qw(dir name days)};
    mkdir $dir;
    my $names = join ',', "DNS:$name", grep { defined } $self->{more};
    spill("$dir/san.cnf", "subjectAltName=$names
");
    my $ca = $self->{of} ? $self->{of}{dir} : $dir;
    my $by = $self->{self_signed} ? "-signkey $dir/key.pem"
        : "-CA $ca/ca.pem -CAkey $ca/ca.key -CAcreateserial";
    my @steps = (
        $self->{of} || $self->{self_signed} ? ()
            : "req -x509 -newkey rsa:2048 -nodes -days 30"
            . " -subj /CN=asgard-test-ca -keyout $dir/ca.key -out $dir/ca.pem",
        "req -newkey rsa:2048 -nodes -subj /CN=$name"
            . " -keyout $dir/key.pem -out $dir/cert.csr",
        "x509 -req -days $days -in $dir/cert.csr $by -extfile $dir/san.cnf"
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
        SSL_key_file => "$self->{dir}/key.pem",
        $self->{version} ? (SSL_version => $self->{version}) : (),
        $self->{tickets} ? (SSL_ticket_keycb => $self->{tickets}) : ())
        or return;
    $$sni = $tls->get_servername;
    return $tls;
}

1;
