# Row 66: the key that a provider was sent comes back in its answer, whole or in
# part.  Nothing of it reaches the client, the ledger or a log, whatever its
# length, and the call is settled by what is known of it.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use MIME::Base64 qw(encode_base64);
use Test::More;

use Asgard::Files qw(slurp);
use Asgard::Hostile;

my $t = Asgard::Hostile->new;
my @letters = ('a' .. 'z', 'A' .. 'Z', 0 .. 9);
my %key = (one => $t->add_service('main', $t->upstream('main'),
    models => [{ref => 'model:test/one', route => 'one'}]));
$key{long} = $t->add_service('long', $t->upstream('long'),
    master_key => 'sk-proj-' . join('',
        map { $letters[rand @letters] } 1 .. 156),
    models => [{ref => 'model:test/long', route => 'long'}]);
$t->start;

my $ok = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
my $sse = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
my $usage = '"usage":{"prompt_tokens":10,"completion_tokens":20,'
    . '"total_tokens":30}';

sub answer { return $ok . 'Content-Length: ' . length($_[0]) . "\r\n\r\n$_[0]" }
sub object {
    my ($id, $text, $more) = @_;
    return qq({"id":"$id","object":"chat.completion","model":"m","choices":[)
        . qq({"index":0,"message":{"role":"assistant","content":"$text"},)
        . qq("finish_reason":"stop"}],$usage) . ($more // '') . '}';
}
sub event {
    my ($text) = @_;
    return 'data: {"id":"c","object":"chat.completion.chunk","choices":[{'
        . qq("index":0,"delta":{"content":"$text"}}]}\n\n);
}
my $last = "data: {\"choices\":[],$usage}\n\ndata: [DONE]\n\n";

# What the model's provider answers to one call.
sub said {
    my ($model, $raw, $change) = @_;
    $t->upstream($model eq 'one' ? 'main' : $model)->script({raw => $raw});
    return $t->judged($t->call({model => $model, %{$change // {}}}));
}

# No part of a key that is longer than its head, of which anyone knows much.
sub nothing_of {
    my ($key, $text, $what) = @_;
    my @seen = grep { index($text, $_) >= 0 }
        map { substr $key, $_, 12 } 0 .. length($key) - 12;
    is_deeply(\@seen, [], $what);
}

sub leaks { return $t->metric('asgard_key_leaks_total') }

for my $model (sort keys %key) {
    my $key = $key{$model};
    my $size = length $key;

    # --- ids, kept for long

    my %kept = ('chatcmpl-7' => 'chatcmpl-7', 'x' x 127 => 'x' x 127,
        'x' x 200 => undef, $key => undef, substr($key, 0, -1) => undef,
        substr($key, 1) => undef, substr($key, 10, 12) => undef,
        'x' x 100 . $key => undef, 'a/b+c=' => undef, 'a b' => undef,
        "Bearer-\U$key" => undef);
    $t->row(66, "a key of $size bytes in the id of the request", sub {
        for my $id (sort keys %kept) {
            my $reply = said($model, $ok . "X-Request-Id: $id\r\nContent-"
                . 'Length: ' . length(object('', 'Hello.')) . "\r\n\r\n"
                . object('', 'Hello.'));
            is($reply->status, 200, 'served');
            my $call = $t->cost($reply, 's');
            is($call->{rid}, $kept{$id}, $kept{$id} ? 'an id is kept'
                : 'one with a piece of it is not, nor one of another grammar');
        }
    });
    $t->row(66, "a key of $size bytes in the id of an answer", sub {
        for my $id (sort keys %kept) {
            my $before = leaks();
            my $reply = said($model, answer(object($id, 'Hello.')));
            my $call = $t->cost($reply, 's');
            is($call->{rid}, $kept{$id}, 'is not kept: '
                . substr($id, 0, 9) . '…');
            is($reply->status, leaks() > $before ? 502 : 200, 'served, or '
                . 'our words where there is much of it');
            nothing_of($key, $reply->body, 'and not passed on')
                if $reply->status != 200 || !defined $kept{$id}
                && length $id > 12;
        }
    });

    # --- answers

    my @texts = ("Authorization: Bearer $key", $key, substr($key, 0, -1),
        substr($key, 8), "\U$key");
    my %whole = (
        'a detail' => sub { qq({"detail":"refused: $_[0]",$usage}) },
        'errors'   => sub { qq({"errors":[{"message":"$_[0]"}],$usage}) },
        'the text' => sub { object('c', $_[0]) },
        'a model'  => sub { object('c', 'x', qq(,"by":{"model":"$_[0]"})) },
        'a fingerprint' => sub {
            object('c', 'x', qq(,"system_fingerprint":"$_[0]")) },
        'a name'   => sub { object('c', 'x', qq(,"$_[0]":1)) },
    );
    for my $what (sort keys %whole) {
        $t->row(66, "a key of $size bytes in $what of an answer", sub {
            my $before = leaks();
            for my $text (@texts) {
                my $reply = said($model, answer($whole{$what}->($text)));
                $t->refused($reply, 502, 'upstream_error',
                    headers => {'x-should-retry' => 'false'});
                nothing_of($key, $reply->body, 'nothing of it');
                $t->cost($reply, 's');
            }
            is(leaks() - $before, scalar @texts, 'and an operator is told');
        });
    }

    my %coded = (
        'base64' => encode_base64("Authorization: Bearer $key", ''),
        'base64 of URLs' => encode_base64("x$key", '') =~ tr{+/=}{-_}dr,
        'hex digits' => unpack('H*', "Bearer $key"),
        'reverse' => scalar reverse($key),
        'escapes of JSON' => join('', map { sprintf '\u%04x', ord }
            split //, $key),
        'some escapes of JSON' => $key =~ s/(.{5})(.)/
            $1 . sprintf '\u%04X', ord $2/gre,
        'escapes in escapes' => $key =~ s/(.{5})(.)/
            $1 . sprintf '\\\\u%04X', ord $2/gre,
        'escapes of URLs' => join('', map { sprintf '%%%02X', ord }
            split //, $key),
    );
    $t->row(66, "a key of $size bytes that is coded", sub {
        my $before = leaks();
        for my $how (sort keys %coded) {
            my $reply = said($model,
                answer(qq({"detail":"refused: $coded{$how}",$usage})));
            $t->refused($reply, 502, 'upstream_error');
            is(index($reply->body, substr $coded{$how}, 0, 24), -1,
                "$how: nothing of it in an answer");
            $t->cost($reply, 's');
            $reply = said($model, $sse . event('Hello.')
                . event($coded{$how}) . $last, {stream => \1});
            like($reply->body, qr/Hello\..*"code":"upstream_error"/s,
                'our words in a stream');
            is(index($reply->body, substr $coded{$how}, 0, 24), -1,
                'and nothing of it');
            $t->cost($reply, 's');
        }
        is(leaks() - $before, 2 * keys %coded, 'and an operator is told');
    }) if $model eq 'one';

    # --- streams

    $t->row(66, "a key of $size bytes over the texts of events", sub {
        for my $n (1, 3, 20) {
            my $reply = said($model, $sse . join('', map { event($_) }
                'Hello.', unpack "(a$n)*", $key) . $last, {stream => \1});
            my $text = join '', $reply->body =~ /"content":"([^"]*)"/g;
            like($reply->body, qr/"code":"upstream_error"/,
                "$n bytes an event: our words");
            like($text, qr/^Hello\./, 'what came before passes');
            cmp_ok(length $text, '<', length('Hello.') + 24,
                'and less than a piece');
            $t->cost($reply, 's');
        }
    });

    my %begun = (
        'the text'  => sub { event($_[0]) },
        'a detail'  => sub { qq(data: {"detail":"$_[0]"}\n\n) },
        'a long event' => sub {
            'data: {"detail":"' . 'x' x 100_000 . "$_[0]yyyyyyyyy\"}\n\n" },
        'an event at the bound' => sub {
            'data: {"detail":"' . 'x' x 65_400 . "$_[0]\"}\n\n" },
    );
    for my $what (sort keys %begun) {
        $t->row(66, "a key of $size bytes in $what of a stream", sub {
            my $before = leaks();
            for my $text (@texts) {
                for my $cut (0, 1) {
                    my $body = event('Hello.') . $begun{$what}->($text) . $last;
                    my $raw = $sse . $body;
                    if ($cut) {
                        next if length $body > 9999;
                        $raw = $sse =~ s/\r\n\r\n\z/\r\nTransfer-Encoding: /r
                            . "chunked\r\n\r\n" . join('', map {
                            sprintf "%x\r\n%s\r\n", length, $_ }
                            unpack '(a7)*', $body) . "0\r\n\r\n";
                    }
                    my $reply = said($model, $raw, {stream => \1});
                    is($reply->status, 200, 'begun');
                    like($reply->body, qr/Hello\./, 'what came before passes');
                    like($reply->body, qr/"code":"upstream_error"/,
                        'our words');
                    unlike($reply->body, qr/\[DONE\]/, 'no clean end');
                    # of a long event what came before the piece was whole
                    nothing_of($key, $reply->body, 'nothing of it')
                        if $what !~ /event/;
                    $t->cost($reply, 's');
                }
            }
            cmp_ok(leaks() - $before, '>=', scalar @texts,
                'and an operator is told');
        });
    }
    $t->row(66, "a key of $size bytes in other lines of a stream", sub {
        my $before = leaks();
        for my $line (": $key\n\n", "id: $key\n", "event: $key\n",
            "retry: $key\n", "$key: x\n", ": x\nid: $key\n: y\n")
        {
            my $reply = said($model, $sse . $line . event('Hello.') . $last,
                {stream => \1});
            is($reply->status, 200, 'served');
            nothing_of($key, $reply->body, 'the line is left out');
            unlike($reply->body, qr/^(?:id|retry|event)/m, 'and no other');
            like($reply->body, qr/Hello\..*\[DONE\]/s, 'and nothing else');
            $t->cost($reply, 's');
        }
        is(leaks(), $before, 'nobody needs to be told');
    });
}
my $log = slurp("$t->{gateway}{dir}/log/error.log");
like($log, qr/endpoint "\w+" sent its key back in an answer/,
    'the error log names the endpoint');
nothing_of($_, $log . slurp("$t->{gateway}{dir}/log/calls.log"),
    'and no log has a piece of a key') for values %key;

$t->done;
