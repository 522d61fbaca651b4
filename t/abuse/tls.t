# Row 68: a provider whose certificate is not the right one does not get a byte
# of the request, so not one of its key; the next candidate is asked, and a
# certificate that was mended is believed at once.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(spill slurp wait_until);
use Asgard::Hostile;
use Asgard::TLS;

my %why = ('other-name' => 'of another name', 'expired' => 'that has expired',
    'self-signed' => 'that signed itself', 'stranger' =>
    'of an authority that is not trusted here');
my $t = Asgard::Hostile->new(routing => "num_retries: 0\n"
    . "strategy: ordered\nmodels:\n" . join '', map {
    "  $_-then-good:\n    candidates: [{model: $_}, {model: good}]\n" }
    sort keys %why);

my $dir = $t->{dir};
my $good = Asgard::TLS->new(dir => "$dir/good-tls");
my %tls = (good => $good,
    'other-name' => Asgard::TLS->new(dir => "$dir/name-tls", of => $good,
        name => 'other.test'),
    'expired' => Asgard::TLS->new(dir => "$dir/old-tls", of => $good,
        days => -1),
    'self-signed' => Asgard::TLS->new(dir => "$dir/self-tls",
        self_signed => 1),
    'stranger' => Asgard::TLS->new(dir => "$dir/stranger-tls"),
    # the sessions of one connection are known to the next
    'renewed' => Asgard::TLS->new(dir => "$dir/renewed-tls", of => $good,
        days => -1, version => 'TLSv1_2',
        tickets => sub { return ('k' x 32, 'n' x 16) }));
for my $name (sort keys %tls) {
    my $up = $t->upstream($name, tls => $tls{$name});
    $t->add_service($name, $up, inference => {ca_file => $good->ca},
        models => [{ref => "model:$name/$name", route => $name}]);
}
$t->start;

# How many connections to it there were, and what arrived in all of them.
sub arrived {
    my ($name, $n) = @_;
    my @wire;
    wait_until(sub { @wire = $t->upstream($name)->wire; @wire >= $n }, 5);
    my $bytes = 0;
    $bytes += $_->{bytes} for @wire;
    return scalar(@wire) . " connections, $bytes bytes";
}

$t->row(68, 'a certificate as it should be', sub {
    my $reply = $t->judged($t->call({model => 'good'}));
    is($reply->status, 200, 'served');
    is($t->upstream('good')->last_request->{sni}, 'localhost',
        'after its name was asked for');
    $t->cost($reply, 's');
});

for my $name (sort keys %why) {
    $t->row(68, "a certificate $why{$name}", sub {
        for my $change ({}, {stream => \1}) {
            my $reply = $t->call({model => $name, %$change});
            $t->refused($reply, 502, 'upstream_error',
                headers => {'x-should-retry' => undef});
            $t->cost($reply, 'v', undef, sent => 0);
        }
        is(arrived($name, 2), '2 connections, 0 bytes',
            'each time it was connected to, and got nothing');
    });
    $t->row(68, "a certificate $why{$name}, and a next candidate", sub {
        my $reply = $t->judged($t->call({model => "$name-then-good"}));
        is($reply->status, 200, 'served');
        is($t->cost($reply, 's')->{ep}, 'good', 'by the next one');
        is(arrived($name, 3), '3 connections, 0 bytes',
            'the first one got nothing');
    });
}

$t->row(68, 'a certificate that is renewed, and a session from before', sub {
    my $reply = $t->call({model => 'renewed'});
    $t->refused($reply, 502, 'upstream_error');
    $t->cost($reply, 'v', undef, sent => 0);
    is(arrived('renewed', 1), '1 connections, 0 bytes', 'which got nothing');
    spill("$dir/renewed-tls/$_", slurp("$dir/good-tls/$_"))
        for qw(cert.pem key.pem);
    $reply = $t->judged($t->call({model => 'renewed'}));
    is($reply->status, 200, 'served');
    $t->cost($reply, 's');
});

$t->done;
