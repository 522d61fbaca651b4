# Row 64: usage that cannot be true.  The client gets its answer, the call is
# settled by an estimate that says so, and an operator is told; usage that is
# only more than was held is believed, charged, and recorded as such.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(spill wait_until);
use Asgard::Holds qw(ended);
use Asgard::Hostile;

my $t = Asgard::Hostile->new;
$t->start;

my $good = '{"prompt_tokens":10,"completion_tokens":20,"total_tokens":30}';
sub with { my ($name, $value) = @_; return $good =~ s/("$name":)\d+/$1$value/r }

my %bad = (
    'negative prompt'          => with(prompt_tokens => '-1'),
    'negative completion'      => with(completion_tokens => '-20'),
    'minus zero'               => with(prompt_tokens => '-0'),
    '10^18'                    => with(completion_tokens => '1' . '0' x 18),
    '10^18 of prompt'          => with(prompt_tokens => '1' . '0' x 18),
    '2^64 and a bit'           => with(completion_tokens =>
        '18446744073709551636'),
    '400 digits'               => with(prompt_tokens => '9' x 400),
    'a float'                  => with(completion_tokens => '20.0'),
    'an exponent'              => with(completion_tokens => '2e1'),
    '1e400'                    => with(completion_tokens => '1e400'),
    'a string'                 => with(completion_tokens => '"20"'),
    'true'                     => with(completion_tokens => 'true'),
    'a list'                   => with(completion_tokens => '[20]'),
    'null'                     => with(prompt_tokens => 'null'),
    'zero completion after content' => with(completion_tokens => '0'),
    'zero prompt'              => with(prompt_tokens => '0'),
    'no completion'            => '{"prompt_tokens":10}',
    'no prompt'                => '{"completion_tokens":20}',
    'empty'                    => '{}',
    'a list instead'           => '[10,20]',
    'a number instead'         => '30',
    'a count that stands twice' => $good =~ s/^\{/{"prompt_tokens":10,/r,
    'usage that stands twice'  => "$good,\"usage\":$good",
    'usage twice, null last'   => "$good,\"usage\":null",
    'usage twice, escaped'     => "$good,\"us\\u0061ge\":"
        . '{"prompt_tokens":1,"completion_tokens":1}',
    'cached above the prompt'  => $good
        =~ s/\}$/,"prompt_tokens_details":{"cached_tokens":11}}/r,
    'reasoning above the completion' => $good
        =~ s/\}$/,"completion_tokens_details":{"reasoning_tokens":21}}/r,
);

# What an operator sees rises by as much as the row had calls.
sub alarms {
    my ($n, $code) = @_;
    my $before = $t->metric('asgard_bad_usage_total');
    my $lines = () = $t->{gateway}->error_log =~ /reported usage that cannot/g;
    $code->();
    is($t->metric('asgard_bad_usage_total') - $before, $n,
        "the metric says so $n times");
    my $after = () = $t->{gateway}->error_log =~ /reported usage that cannot/g;
    is($after - $lines, $n, 'and the error log');
}

for my $what (sort keys %bad) {
    $t->row(64, "usage: $what", sub {
        alarms(2, sub {
            for my $stream (0, 1) {
                my $script = {usage => $bad{$what}};
                my $reply = $stream ? $t->streamed($script)
                    : $t->answered($script);
                $t->judged($reply);
                is($reply->status, 200, $stream ? 'a stream: served'
                    : 'an answer: served');
                is($reply->{cut}, undef, 'whole');
                $t->cost($reply, 'e', 'bad_usage estimated');
            }
        });
    });
}

# --- streams that say it more than once ---------------------------------------

my $head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
sub event {
    my ($text, $usage) = @_;
    return 'data: {"id":"c","object":"chat.completion.chunk","choices":['
        . (defined $text ? qq({"index":0,"delta":{"content":"$text"}}) : '')
        . ']' . ($usage ? ",\"usage\":$usage" : '') . "}\n\n";
}
my $done = "data: [DONE]\n\n";
my $more = with(completion_tokens => 21) =~ s/:30\}/:31}/r;
my $less = with(completion_tokens => 19);

for (['that falls', event('hello') . event(undef, $good)
        . event(undef, $less) . $done],
    ['of which the first is a lie', event('hello', with(prompt_tokens => -1))
        . event(undef, $good) . $done],
    ['of which the last is a lie', event('hello', $good)
        . event(undef, with(prompt_tokens => -1)) . $done])
{
    my ($what, $stream) = @$_;
    $t->row(64, "usage twice $what", sub {
        alarms(1, sub {
            my $reply = $t->judged($t->streamed({raw => $head . $stream}));
            is($reply->status, 200, 'served');
            $t->cost($reply, 'e', 'bad_usage estimated');
        });
    });
}
$t->row(64, 'usage twice, the same or more: the last one counts', sub {
    my $reply = $t->judged($t->streamed({raw => $head . event('hello', $good)
        . event(undef, $good) . $done}));
    $t->cost($reply, 's');
    $reply = $t->judged($t->streamed({raw => $head . event('hello', $good)
        . event(undef, $more) . $done}));
    $t->cost($reply, 's', undef, nusd => 220_000);
});
$t->row(64, 'usage that comes late, after [DONE]', sub {
    my $reply = $t->judged($t->streamed({raw => $head . event('hello') . $done
        . event(undef, $good)}));
    is($reply->status, 200, 'served');
    $t->cost($reply, 's');
});
$t->row(64, 'usage that comes too early, and content after it', sub {
    my $text = 'x' x 4000;
    my $reply = $t->judged($t->streamed({raw => $head
        . event('a', with(completion_tokens => 1)) . event($text) . $done},
        {max_tokens => 2000}));
    is($reply->status, 200, 'served');
    $t->cost($reply, 'e', 'estimated', least => 1000 * 10_000);
});
$t->row(64, 'no usage at all', sub {
    for my $reply ($t->answered({usage => 'none'}),
        $t->streamed({usage => 'none'})) {
        $t->judged($reply);
        is($reply->status, 200, 'served');
        $t->cost($reply, 'e', 'estimated no_usage');
    }
});

# --- more than was held -------------------------------------------------------

# More than the call can have used: a prompt above the bound of what was sent,
# an answer above its limit by more tokens than it has bytes.  The whole hold,
# and evidence of the provider's corrects it.
sub bound_of_prompt {
    my ($stream) = @_;
    my $reply = $t->judged($t->answered({text => 'Hello.'},
        {max_tokens => 16, $stream ? (stream => \1) : ()}));
    return ($t->cost($reply, 's')->{held} - 16 * 10_000) / 1000;
}
my %above = ('900,000,000 tokens of answer' => with(
        completion_tokens => 900_000_000),
    '999,999,999 of prompt' => with(prompt_tokens => 999_999_999),
    '2^32 and a few, which is few in 32 bits' => with(
        completion_tokens => 4_294_967_300),
    '2^32 of prompt, and a few' => with(prompt_tokens => 4_294_967_306),
    'a token above limit and text' => with(completion_tokens => 23),
    'a token above the bound of the prompt' => undef);
for my $what (sort keys %above) {
    $t->row(64, "usage above all that the call can have used: $what", sub {
        alarms(2, sub {
            for my $stream (0, 1) {
                my $body = {max_tokens => 16,
                    $stream ? (stream => \1) : ()};
                my $usage = $above{$what} // with(prompt_tokens =>
                    1 + bound_of_prompt($stream));
                my $reply = $t->judged($t->answered({usage => $usage,
                    text => 'Hello.'}, $body));
                is($reply->status, 200, 'served');
                my $call = $t->cost($reply, 'e', 'bad_usage estimated');
                is($call->{amount}, $call->{held}, 'costs its whole hold');
            }
        });
    });
}
$t->row(64, 'usage at the bound of all that the call can have used', sub {
    my $reply = $t->judged($t->answered({text => 'Hello.', usage => with(
        completion_tokens => 22)}, {max_tokens => 16}));
    $t->cost($reply, 's', undef, nusd => 230_000);
    my $most = bound_of_prompt(0);
    $reply = $t->judged($t->answered({text => 'Hello.', usage => with(
        prompt_tokens => $most) =~ s/20/16/r}, {max_tokens => 16}));
    $t->cost($reply, 's', undef, nusd => $most * 1000 + 160_000);
});
$t->row(64, 'what the provider itself recorded corrects the hold', sub {
    my $reply = $t->judged($t->answered({usage => $above{
        '900,000,000 tokens of answer'}, text => 'Hello.'}));
    my $call = $t->cost($reply, 'e', 'bad_usage estimated');
    my $record = "$t->{dir}/record.jsonl";
    spill($record, qq({"f":1,"hold":"$call->{hold}","amount":210000,)
        . qq("source":"invoice 4711"}\n));
    my ($status) = $t->{control}->run('evidence', $record);
    is($status, 0, 'it is imported');
    ok(wait_until(sub { ended($t, $call->{hold})->{balance} == 210_000 }, 15),
        'and is what counts');
    $t->{row}{nusd} += 210_000 - $call->{amount};
});

# --- less than was delivered --------------------------------------------------

$t->row(64, 'usage that is too little for the text', sub {
    alarms(2, sub {
        for my $stream (0, 1) {
            my $reply = $t->judged($t->answered({text => 'x' x 100_000,
                usage => with(completion_tokens => 1)},
                {max_tokens => 30_000, $stream ? (stream => \1) : ()}));
            is($reply->status, 200, 'served');
            $t->cost($reply, 'e', 'bad_usage estimated',
                least => 25_000 * 10_000);
        }
    });
});
$t->row(64, 'text at the bound of what its tokens can spell', sub {
    for ([128 * 20 + 1024, 's'], [128 * 20 + 1025, 'e']) {
        my ($bytes, $verb) = @$_;
        my $reply = $t->judged($t->answered({text => 'x' x $bytes,
            usage => $good}, {max_tokens => 2000}));
        $t->cost($reply, $verb, $verb eq 'e' ? 'bad_usage estimated' : undef);
    }
});
$t->row(64, 'no tokens at all, for an answer of another shape', sub {
    my $zero = '"usage":{"prompt_tokens":0,"completion_tokens":0}';
    my $json = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n";
    for my $raw ("$json\{$zero,\"output\":\"" . 'x' x 40_000 . '"}',
        "$json\{$zero,\"choices\":[]}",
        $head . "data: {$zero,\"choices\":[{\"delta\":{\"own\":\""
            . 'x' x 40_000 . "\"}}]}\n\n$done")
    {
        my $reply = $t->judged($t->answered({raw => $raw},
            {max_tokens => 20_000,
                $raw =~ /event-stream/ ? (stream => \1) : ()}));
        is($reply->status, 200, 'served');
        $t->cost($reply, 'e', 'bad_usage estimated',
            least => length $raw > 40_000 ? 10_000 * 10_000 : 1);
    }
    $t->upstream('main')->script({usage => '{"prompt_tokens":0}'});
    my $reply = $t->judged($t->post($t->{key}, '/v1/embeddings',
        {model => 'one', input => 'y' x 20_000}));
    is($reply->status, 200, 'an embedding: served');
    $t->cost($reply, 'e', 'bad_usage estimated', least => 5000 * 1000);
});

$t->row(64, 'usage above the hold, but possible', sub {
    my $before = $t->metric('asgard_overshoot_total');
    my $nusd = 10 * 1000 + 5000 * 10_000;
    for my $stream (0, 1) {
        my $script = {completion_tokens => 5000, text => 'x' x 5000};
        my $reply = $stream ? $t->streamed($script) : $t->answered($script);
        $t->judged($reply);
        is($reply->status, 200, 'served');
        my $call = $t->cost($reply, 's', 'overshoot', nusd => $nusd);
        cmp_ok($call->{amount}, '>', $call->{held}, 'more than was held');
        is($t->{postgres}->value("SELECT detail->'flags' ? 'overshoot' FROM"
            . " holds WHERE hold_id = '$call->{hold}'"), 't',
            'the ledger has it recorded');
    }
    is($t->metric('asgard_overshoot_total') - $before, 2,
        'the metric says so');
});

$t->done;
