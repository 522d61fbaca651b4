# What a server answered: status, headers, body, the time of each piece.
package Asgard::Reply;

use strict;
use warnings;
use JSON::PP ();

my $json = JSON::PP->new->utf8->allow_nonref->allow_bignum;

sub new {
    my ($class, %arg) = @_;
    return bless {body => '', pieces => [], headers => [], %arg}, $class;
}

sub parse_head {
    my ($class, $text) = @_;
    my ($first, @lines) = split /\r\n/, $text;
    my ($status) = $first =~ m{^HTTP/1\.[01] (\d{3})};
    my @headers = map { /^([^:]+):\s*(.*?)\s*$/ ? [lc $1, $2] : () } @lines;
    return $class->new(status => $status // 0, headers => \@headers,
        head => $text);
}

sub status { $_[0]{status} }
sub body   { $_[0]{body} }

# The first value of a header; in list context all of them.
sub header {
    my ($self, $name) = @_;
    my @values = map { $_->[1] } grep { $_->[0] eq lc $name }
        @{$self->{headers}};
    return wantarray ? @values : $values[0];
}

sub trace { scalar $_[0]->header('x-asgard-trace-id') }
sub json  { my $s = shift; return eval { $json->decode($s->{body}) } }

# A member by path: $reply->at('error', 'code'), $reply->at('choices', 0).
sub at {
    my ($self, @path) = @_;
    my $here = $self->json;
    for my $step (@path) {
        $here = ref $here eq 'HASH' ? $here->{$step}
            : ref $here eq 'ARRAY' ? $here->[$step] : return;
    }
    return $here;
}

# A number as it stands in the text, never through a double.
sub raw_number {
    my ($self, $name) = @_;
    return $self->{body} =~ /"\Q$name\E"\s*:\s*(-?[0-9][0-9.eE+-]*)/
        ? $1 : undef;
}

sub code { $_[0]->at('error', 'code') // $_[0]->at('code') }

# The data of each SSE event; [DONE] included, as text.
sub events {
    my ($self) = @_;
    return map { /^data: ?(.*)$/m ? $1 : () }
        split /\r?\n\r?\n/, $self->{body};
}

sub event_objects {
    my ($self) = @_;
    return map { eval { $json->decode($_) } // () }
        grep { $_ ne '[DONE]' } $self->events;
}

# The text that a stream carried in its deltas.
sub stream_text {
    my ($self) = @_;
    return join '', map { $_->{choices}[0]{delta}{content}
        // $_->{choices}[0]{text} // '' }
        grep { ref $_->{choices} && @{$_->{choices}} } $self->event_objects;
}

1;
