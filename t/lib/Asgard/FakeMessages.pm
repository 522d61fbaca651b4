# What Anthropic's Messages API says: bodies and raw streams for the scripts of
# FakeUpstream.
package Asgard::FakeMessages;

use strict;
use warnings;
use Exporter qw(import);
use JSON::PP ();

our @EXPORT_OK = qw(message event block start_of end_of raw_stream);

my $json = JSON::PP->new->utf8->canonical;

# A whole answer: its blocks, why it ended, and numbers of its usage beside (or
# instead of) 10 in, 20 out.
sub message {
    my ($content, $stop, %usage) = @_;
    return {id => 'msg_secret', type => 'message', role => 'assistant',
        model => 'claude-served', content => $content, stop_reason => $stop,
        stop_sequence => undef,
        usage => {input_tokens => 10, output_tokens => 20, %usage}};
}

sub event {
    my ($object) = @_;
    return "event: $object->{type}\ndata: " . $json->encode($object) . "\n\n";
}

# The events of one block.
sub block {
    my ($index, $start, @deltas) = @_;
    return join '', event({type => 'content_block_start', index => $index,
            content_block => $start}),
        (map { event({type => 'content_block_delta', index => $index,
            delta => $_}) } @deltas),
        event({type => 'content_block_stop', index => $index});
}

sub start_of {
    my (%usage) = @_;
    return event({type => 'message_start',
        message => message([], undef, output_tokens => 1, %usage)});
}

sub end_of {
    my ($stop, $usage) = @_;
    return event({type => 'message_delta', delta => {stop_reason => $stop},
        usage => $usage // {output_tokens => 20}})
        . event({type => 'message_stop'});
}

# Events as the bytes of an answer; with cut => 1 it does not end.
sub raw_stream {
    my ($sse, %how) = @_;
    return "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
        . "Transfer-Encoding: chunked\r\n\r\n"
        . sprintf("%x\r\n%s\r\n", length $sse, $sse)
        . ($how{cut} ? '' : "0\r\n\r\n");
}

1;
