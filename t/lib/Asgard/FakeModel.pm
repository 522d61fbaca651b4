# A fake provider whose answer follows from what it was asked, for clients that
# cannot be scripted call by call.  By the last message:
#
#   its text has `status=NNN`          that status
#   it is the result of a tool         "The tool said: <the result>"
#   a tool of `calls` is offered       its call; calls => {NAME => ARGUMENTS}
#   it has an image                    "An image of N bytes."
#   else                               "You said: <the text>"
#
# Words of a completion are echoed likewise, each input of an embedding gets a
# vector.  A GET is answered with 404 and stands in no book.
package Asgard::FakeModel;

use strict;
use warnings;
use parent -norequire, 'Asgard::FakeUpstream';

use Asgard::FakeUpstream;

sub answer_class { 'Asgard::FakeModel::Answer' }

# of(TEST, NAME, defaults): as TEST->upstream(NAME, …).
sub of {
    my ($class, $t, $name, %defaults) = @_;
    return $t->{upstreams}{$name} = $class->new(dir => $t->{dir},
        name => $name, defaults => \%defaults);
}

sub answer {
    my ($self, $client, $request) = @_;
    return $self->SUPER::answer($client, $request)
        if $request->{method} eq 'POST';
    syswrite $client, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
    return 1;
}

package Asgard::FakeModel::Answer;

use strict;
use warnings;
use parent 'Asgard::FakeAnswer';
use JSON::XS ();
use MIME::Base64 qw(decode_base64 encode_base64);

my $json = JSON::XS->new->utf8->canonical->allow_nonref;

sub last_message {
    my ($self) = @_;
    return ($self->{asked}{messages} // [])->[-1] // {};
}

# The parts of the last message; a text alone is one part.
sub parts {
    my ($self) = @_;
    my $content = $self->last_message->{content} // $self->{asked}{prompt}
        // '';
    return ref $content eq 'ARRAY' ? @$content
        : ({type => 'text', text => $content});
}

sub words {
    my ($self) = @_;
    return join ' ', map { $_->{text} // () } $self->parts;
}

sub status {
    my ($self) = @_;
    return $self->words =~ /status=(\d{3})/ ? $1 : $self->SUPER::status;
}

sub image_bytes {
    my ($self) = @_;
    my ($url) = map { $_->{image_url} ? $_->{image_url}{url} : () }
        $self->parts;
    return if !defined $url;
    return $url =~ /;base64,(.*)/ ? length decode_base64($1) : 0;
}

sub text {
    my ($self) = @_;
    my $bytes = $self->image_bytes;
    return "An image of $bytes bytes." if defined $bytes;
    return 'The tool said: ' . $self->words
        if ($self->last_message->{role} // '') eq 'tool';
    return 'You said: ' . $self->words;
}

# [NAME, ARGUMENTS] of the tool that is called now.
sub call {
    my ($self) = @_;
    my $calls = $self->{script}{calls} // {};
    return if ($self->last_message->{role} // '') eq 'tool';
    my ($name) = grep { exists $calls->{$_} } map { $_->{function}{name} }
        @{$self->{asked}{tools} // []};
    return defined $name ? [$name, $calls->{$name}] : undef;
}

sub object {
    my ($self) = @_;
    my $object = $self->SUPER::object;
    $object->{data} = $self->vectors if $object->{object} eq 'list';
    my $call = $self->call or return $object;
    $object->{choices}[0] = {index => 0, finish_reason => 'tool_calls',
        message => {role => 'assistant', content => undef, tool_calls => [
            {id => 'call_1', type => 'function', function => {
                name => $call->[0], arguments => $call->[1]}}]}};
    return $object;
}

# One for each input; the SDK for Node asks for base64.
sub vectors {
    my ($self) = @_;
    my ($input, $format) = @{$self->{asked}}{qw(input encoding_format)};
    my @vector = (0.25, -0.5);
    return [map { {object => 'embedding', index => $_, embedding =>
        ($format // '') eq 'base64' ? encode_base64(pack('f<*', @vector), '')
            : \@vector} } 0 .. (ref $input eq 'ARRAY' ? $#$input : 0)];
}

# The deltas of a stream: the words one by one, or a call in pieces.
sub deltas {
    my ($self) = @_;
    my $call = $self->call;
    return map { {content => $_} } $self->text =~ /\S+\s*/g if !$call;
    return {role => 'assistant', content => undef, tool_calls => [
            {index => 0, id => 'call_1', type => 'function',
                function => {name => $call->[0], arguments => ''}}]},
        map { {tool_calls => [{index => 0, function => {
            arguments => $_}}]} } $call->[1] =~ /(.{1,4})/gs;
}

sub events {
    my ($self) = @_;
    my $chat = $self->{request}{path} =~ /chat/;
    my %all = (id => "chatcmpl-$$", created => 1_763_719_200,
        model => $self->{asked}{model},
        object => $chat ? 'chat.completion.chunk' : 'text_completion');
    my $event = sub { $json->encode({%all, choices => [{index => 0, @_}]}) };
    my @out = map { $event->(finish_reason => undef, $chat ? (delta => $_)
        : (text => $_->{content})) } $self->deltas;
    push @out, $event->(finish_reason => $self->call ? 'tool_calls' : 'stop',
        $chat ? (delta => {}) : (text => ''));
    push @out, $self->with_usage({%all, choices => []})
        if $self->{asked}{stream_options}{include_usage};
    return (@out, '[DONE]');
}

1;
