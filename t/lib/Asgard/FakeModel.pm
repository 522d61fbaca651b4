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
# vector.  It speaks OpenAI's APIs and Anthropic's Messages.  A GET is answered
# with 404 and stands in no book.
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

use Asgard::FakeMessages qw(message block start_of end_of);

my $json = JSON::XS->new->utf8->canonical->allow_nonref;

# A path of Databricks serves three APIs: the body tells which.
sub api {
    my ($self) = @_;
    my $asked = $self->{asked};
    return $self->SUPER::api if $self->{request}{path} !~ /invocations/;
    return $asked->{messages} ? 'chat'
        : exists $asked->{input} ? 'embeddings' : 'completions';
}

sub last_message {
    my ($self) = @_;
    return ($self->{asked}{messages} // [])->[-1] // {};
}

# A text alone is one part, and so is each in a list.
sub parts_of {
    my ($content) = @_;
    return map { ref ? $_ : {type => 'text', text => $_} }
        ref $content eq 'ARRAY' ? @$content : $content // '';
}

# The parts of the last message, or of what the tool said in it.
sub parts {
    my ($self) = @_;
    my @parts = parts_of($self->last_message->{content}
        // $self->{asked}{prompt} // $self->{asked}{input});
    return map { ($_->{type} // '') eq 'tool_result'
        ? parts_of($_->{content}) : $_ } @parts;
}

# Does the last message bring what a tool said?
sub is_result {
    my ($self) = @_;
    my $last = $self->last_message;
    return 1 if ($last->{role} // '') eq 'tool';
    return ref $last->{content}
        && grep { ($_->{type} // '') eq 'tool_result' } @{$last->{content}};
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
    my ($image) = grep { $_->{image_url} || $_->{source} } $self->parts;
    return if !$image;
    return length decode_base64($image->{source}{data}) if $image->{source};
    my $url = $image->{image_url}{url};
    return $url =~ /;base64,(.*)/ ? length decode_base64($1) : 0;
}

sub text {
    my ($self) = @_;
    my $bytes = $self->image_bytes;
    return "An image of $bytes bytes." if defined $bytes;
    return 'The tool said: ' . $self->words if $self->is_result;
    return 'You said: ' . $self->words;
}

# [NAME, ARGUMENTS] of the tool that is called now.
sub call {
    my ($self) = @_;
    my $calls = $self->{script}{calls} // {};
    return if $self->is_result;
    my ($name) = grep { exists $calls->{$_} }
        map { $_->{function}{name} // $_->{name} }
        @{$self->{asked}{tools} // []};
    return defined $name ? [$name, $calls->{$name}] : undef;
}

sub object {
    my ($self) = @_;
    my $object = $self->SUPER::object;
    $object->{data} = $self->vectors if $self->api eq 'embeddings';
    my $call = $self->call or return $object;
    if ($self->is_messages) {
        return {%{message([tool_use($call,
            JSON::XS->new->decode($call->[1]))], 'tool_use')},
            model => $object->{model}};
    }
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
    return map { {content => $_} } $self->spoken if !$call;
    return {role => 'assistant', content => undef, tool_calls => [
            {index => 0, id => 'call_1', type => 'function',
                function => {name => $call->[0], arguments => ''}}]},
        map { {tool_calls => [{index => 0, function => {
            arguments => $_}}]} } pieces($call);
}

sub spoken { $_[0]->text =~ /\S+\s*/g }
sub pieces { $_[0][1] =~ /(.{1,4})/gs }

sub events {
    my ($self) = @_;
    my $chat = $self->api eq 'chat';
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

# --- the same in Anthropic's words

sub tool_use {
    my ($call, $input) = @_;
    return {type => 'tool_use', id => 'toolu_1', name => $call->[0],
        input => $input};
}

sub message_events {
    my ($self) = @_;
    my $call = $self->call;
    my $block = $call
        ? block(0, tool_use($call, {}), map { {type => 'input_json_delta',
            partial_json => $_} } pieces($call))
        : block(0, {type => 'text', text => ''},
            map { {type => 'text_delta', text => $_} } $self->spoken);
    my $events = start_of(input_tokens => $self->{prompt}) . $block
        . end_of($call ? 'tool_use' : 'end_turn',
            {output_tokens => $self->{completion}});
    return $events =~ /(.*?\n\n)/gs;
}

1;
