# A fake provider that breaks the rules below HTTP as well, and keeps a second
# book: one entry a connection.
#
# Beyond the words of FakeUpstream.pm a script has
#   early    1: the answer is sent before the body of the request is read
#   drip     [TEXT, SECONDS]: after raw, sent again and again until the client
#            has left, at most a minute
#   worked   0: the books say that nothing was done for this answer, whatever
#            its status; such a call must cost nothing
# and new() has `early => 1` for all of them (a script comes too late to say
# it), `tls` with a certificate of any kind.
#
# The wire book: {tls, sni, bytes}: `tls` is "plain", "refused" or "done", and
# `bytes` counts what arrived inside, so that a test can say that nothing did.
package Asgard::HostileUpstream;

use strict;
use warnings;
use parent qw(Asgard::FakeUpstream);
use JSON::XS ();

use Asgard::Files qw(lines_of);

my $json = JSON::XS->new->utf8->canonical;

sub answer_class { 'Asgard::HostileAnswer' }

sub wire {
    my ($self) = @_;
    return map { $json->decode($_) }
        lines_of("$self->{dir}/$self->{name}.wire");
}

sub connection {
    my ($self, $client) = @_;
    my $seen = {tls => $self->{tls} ? 'refused' : 'plain', bytes => 0};
    my $wire = "$self->{dir}/$self->{name}.wire";
    my $sni;
    if ($self->{tls}) {
        my $inside = $self->{tls}->accept($client, \$sni);
        @$seen{qw(tls sni)} = ('done', $sni) if $inside;
        $client = $inside;
    }
    $self->serve_requests($client, $seen) if $client;
    open my $out, '>>', $wire or return;
    syswrite $out, $json->encode($seen) . "\n";
}

sub serve_requests {
    my ($self, $client, $seen) = @_;
    setsockopt $client, 6, 1, 1 if !$self->{tls};
    binmode $client;
    my $in = '';
    while (my $request = $self->read_some($client, \$in)) {
        $seen->{bytes} += length($request->{body}) + $request->{head_bytes};
        $request->{sni} = $seen->{sni};
        last if !$self->answer($client, $request);
    }
    $seen->{bytes} += length $in;
    close $client;
}

# The whole request, or of an early one what came with its head.
sub read_some {
    my ($self, $client, $in) = @_;
    while ($$in !~ /\r\n\r\n/) {
        sysread $client, $$in, 65_536, length $$in or return;
    }
    my $head_bytes = index($$in, "\r\n\r\n") + 4;
    $$in =~ s/^(content-length: )\d+/${1}0/mi if $self->{early};
    my $request = Asgard::FakeUpstream::read_request($client, $in) or return;
    return {%$request, head_bytes => $head_bytes};
}

package Asgard::HostileAnswer;

use strict;
use warnings;
use parent qw(-norequire Asgard::FakeAnswer);
use Time::HiRes qw(sleep time);

sub summary {
    my ($self) = @_;
    my $worked = $self->{script}{worked};
    return ($self->SUPER::summary, defined $worked ? (worked => $worked) : ());
}

sub play_raw {
    my ($self, $client) = @_;
    my $drip = $self->{script}{drip} or return $self->SUPER::play_raw($client);
    my ($text, $seconds) = @$drip;
    my $until = time + 60;
    $self->put($client, $self->{script}{raw}) or return 'gone';
    while (time < $until) {
        sleep $seconds;
        $self->put($client, $text) or return 'gone';
    }
    return 'cut';
}

1;
