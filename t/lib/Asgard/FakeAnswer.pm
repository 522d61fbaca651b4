# One answer of the fake provider: what is said, and how badly it is said.
# The script's words are listed in FakeUpstream.pm.
package Asgard::FakeAnswer;

use strict;
use warnings;
use JSON::XS ();
use Socket ();
use Time::HiRes qw(sleep);

use Asgard::Files qw(wait_until);
use Asgard::FakeMessages qw(message block start_of end_of);

my $json = JSON::XS->new->utf8->canonical->allow_nonref;

sub new {
    my ($class, $request, $script) = @_;
    my $asked = eval { $json->decode($request->{body}) };
    my $self = bless {request => $request, script => $script,
        asked => ref $asked eq 'HASH' ? $asked : {}, sent => 0}, $class;
    $self->{prompt}     = $script->{prompt_tokens} // 10;
    $self->{completion} = $script->{completion_tokens} // 20;
    $self->{completion} = 0 if $self->api eq 'embeddings';
    return $self;
}

sub summary {
    my ($self) = @_;
    return (status => $self->status, sent_bytes => $self->{sent},
        prompt_tokens => $self->{prompt},
        completion_tokens => $self->{completion},
        stream => $self->is_stream ? 1 : 0);
}

sub status    { $_[0]{script}{status} // 200 }

# By which API it is asked.
sub api {
    my ($self) = @_;
    my $path = $self->{request}{path};
    return $path =~ m{/messages$} ? 'messages'
        : $path =~ /embeddings(?:\?|$)/ ? 'embeddings'
        : $path =~ /chat|invocations/ ? 'chat' : 'completions';
}

sub is_messages { $_[0]->api eq 'messages' }

sub is_stream { $_[0]{asked}{stream} && $_[0]->status == 200 }

# Returns 'whole', 'cut', 'hang' or 'gone'.
sub play {
    my ($self, $client) = @_;
    my $script = $self->{script};
    sleep $script->{hang} if $script->{hang};
    return 'hang' if $script->{hang};
    sleep $script->{delay} if $script->{delay};
    wait_until(sub { -e $script->{until} }, 60) if $script->{until};
    return $self->play_records($client) if $script->{records};
    return $self->play_raw($client) if defined $script->{raw};
    return $self->is_stream ? $self->play_stream($client)
        : $self->play_whole($client);
}

# The end leaves with the last bytes: nobody takes the connection for one that
# can be used again.
sub play_raw {
    my ($self, $client) = @_;
    my ($script, $tls) = ($self->{script}, ref $client eq 'IO::Socket::SSL');
    my $ends = !$tls && !$script->{stay};
    setsockopt $client, Socket::IPPROTO_TCP(), Socket::TCP_CORK(), 1
        if $ends && !$script->{one_byte};
    my $put = $self->put($client, $script->{raw});
    shutdown $client, 1 if $ends;
    sleep $script->{stay} if $put && $script->{stay};
    return $put ? 'cut' : 'gone';
}

# Over TLS a record each, all of them in one segment.
sub play_records {
    my ($self, $client) = @_;
    my @cork = ($client, Socket::IPPROTO_TCP(), Socket::TCP_CORK());
    setsockopt $cork[0], $cork[1], $cork[2], 1 or die "cork: $!";
    for my $record (@{$self->{script}{records}}) {
        $self->put($client, $record) or return 'gone';
    }
    setsockopt $cork[0], $cork[1], $cork[2], 0 or die "cork: $!";
    return 'whole';
}

sub put {
    my ($self, $client, $bytes) = @_;
    my @parts = $self->{script}{one_byte} ? split(//, $bytes) : ($bytes);
    for my $part (@parts) {
        sleep $self->{script}{byte_delay} if $self->{script}{byte_delay};
        my $at = 0;
        while ($at < length $part) {
            my $n = syswrite $client, $part, length($part) - $at, $at;
            return 0 if !$n;
            $at += $n;
            $self->{sent} += $n;
        }
    }
    return 1;
}

sub head {
    my ($self, @more) = @_;
    my %reason = (200 => 'OK', 400 => 'Bad Request', 401 => 'Unauthorized',
        429 => 'Too Many Requests', 500 => 'Internal Server Error');
    my $status = $self->status;
    my @lines = ("HTTP/1.1 $status " . ($reason{$status} // 'Status'));
    my %headers = ('Server' => 'fake', 'X-Request-Id' => 'req-' . $$,
        @more, %{$self->{script}{headers} // {}});
    push @lines, "$_: $headers{$_}" for sort keys %headers;
    return join("\r\n", @lines) . "\r\n\r\n";
}

# The number of body bytes that may go out; undef: all.
sub cut_at { $_[0]{script}{cut} }

sub play_whole {
    my ($self, $client) = @_;
    my $body = $self->body_text;
    my $head = $self->head('Content-Type' => 'application/json',
        'Content-Length' => length $body);
    my $cut = $self->cut_at;
    $body = substr $body, 0, $cut if defined $cut;
    $self->put($client, $head) or return 'gone';
    $self->put($client, $body) or return 'gone';
    return $self->ended($client, $cut);
}

sub ended {
    my ($self, $client, $cut) = @_;
    return 'whole' if !defined $cut;
    setsockopt $client, Socket::SOL_SOCKET(), Socket::SO_LINGER(),
        pack('ii', 1, 0) if $self->{script}{reset};
    return 'cut';
}

sub body_text {
    my ($self) = @_;
    my $body = $self->{script}{body};
    return ref $body ? $json->encode($body) : $body if defined $body;
    if ($self->status >= 400) {
        return $json->encode({error => {message => 'the fake says no',
            type => 'fake_error', code => 'fake'}});
    }
    return $self->with_usage($self->object);
}

# `usage` given as text goes out as it stands, also where it is no JSON.
sub with_usage {
    my ($self, $object) = @_;
    my $usage = $self->{script}{usage};
    return $json->encode($object) if defined $usage && $usage eq 'none';
    if (defined $usage && !ref $usage) {
        my $text = $json->encode({%$object, usage => '@usage@'});
        $text =~ s/"\@usage\@"/$usage/;
        return $text;
    }
    return $json->encode({%$object, usage => $usage // $self->true_usage});
}

sub true_usage {
    my ($self) = @_;
    my ($p, $c) = @$self{qw(prompt completion)};
    return {input_tokens => $p, output_tokens => $c} if $self->is_messages;
    return {prompt_tokens => $p, total_tokens => $p + $c,
        $self->api eq 'embeddings' ? ()
            : (completion_tokens => $c)};
}

sub text { $_[0]{script}{text} // 'Hello from the fake provider.' }

sub tier {
    my ($self) = @_;
    my $tier = $self->{script}{service_tier};
    return defined $tier ? (service_tier => $tier) : ();
}

sub object {
    my ($self) = @_;
    my $api = $self->api;
    my %all = (id => "chatcmpl-$$", created => 1_763_719_200,
        model => $self->{asked}{model}, $self->tier);
    if ($api eq 'messages') {
        return {%{message([{type => 'text', text => $self->text}],
            'end_turn')}, model => $all{model}};
    }
    if ($api eq 'embeddings') {
        return {object => 'list', model => $all{model}, data => [
            {object => 'embedding', index => 0, embedding => [0.25, -0.5]}]};
    }
    if ($api eq 'completions') {
        return {%all, object => 'text_completion', choices => [{index => 0,
            text => $self->text, finish_reason => 'stop'}]};
    }
    return {%all, object => 'chat.completion', choices => [{index => 0,
        message => {role => 'assistant', content => $self->text},
        finish_reason => 'stop'}]};
}

sub events {
    my ($self) = @_;
    my $chat = $self->api eq 'chat';
    my %all = (id => "chatcmpl-$$", created => 1_763_719_200,
        model => $self->{asked}{model}, $self->tier,
        object => $chat ? 'chat.completion.chunk' : 'text_completion');
    my $part = sub {
        my ($text, $finish) = @_;
        my $choice = $chat
            ? {index => 0, delta => defined $text ? {content => $text} : {}}
            : {index => 0, text => $text // ''};
        $choice->{finish_reason} = $finish;
        return {%all, choices => [$choice]};
    };
    my $n = $self->{script}{chunks} // 5;
    my $said = $self->{script}{text};
    my @out = map { $json->encode($part->($_, undef)) }
        defined $said && !$self->{script}{chunks} ? $said
        : map { "w$_ " } 1 .. $n;
    push @out, $json->encode($part->(undef, 'stop'));
    my $wants = $self->{asked}{stream_options}{include_usage};
    push @out, $self->with_usage({%all, choices => []})
        if $wants && ($self->{script}{usage} // '') ne 'none';
    return (@out, '[DONE]');
}

# The same in Anthropic's words, each with its lines.
sub message_events {
    my ($self) = @_;
    my $n = $self->{script}{chunks} // 5;
    my $usage = $self->{script}{usage}
        // {output_tokens => $self->{completion}};
    my $none = $usage eq 'none';
    my $start = start_of($none ? () : (input_tokens => $self->{prompt}));
    $start =~ s/,"usage":\{[^}]*\}// if $none;
    my $block = block(0, {type => 'text', text => ''},
        map { {type => 'text_delta', text => "w$_ "} } 1 .. $n);
    my $end = end_of('end_turn', $none ? undef : $usage);
    $end =~ s/,"usage":\{[^}]*\}// if $none;
    return "$start$block$end" =~ /(.*?\n\n)/gs;
}

sub play_stream {
    my ($self, $client) = @_;
    my $eol = $self->{script}{crlf} ? "\r\n" : "\n";
    $self->put($client, $self->head('Content-Type' => 'text/event-stream',
        'Transfer-Encoding' => 'chunked')) or return 'gone';
    my ($left, $first) = ($self->cut_at, 1);
    for my $text ($self->is_messages ? $self->message_events
        : map { "data: $_$eol$eol" } $self->events)
    {
        my $pause = $first ? $self->{script}{first_delay}
            : $self->{script}{chunk_delay};
        sleep $pause if $pause;
        $first = 0;
        my $over = defined $left && length $text > $left;
        $text = substr $text, 0, $left if $over;
        if (length $text) {
            $self->put($client,
                sprintf("%x\r\n%s\r\n", length $text, $text)) or return 'gone';
        }
        $left -= length $text if defined $left;
        return $self->ended($client, 1) if $over;
    }
    $self->put($client, "0\r\n\r\n") or return 'gone';
    return 'whole';
}

1;
