# The table of what a provider can do after a request was sent, docs/endings.md:
# each row has its subtest here, and ends as the row says, for the client and
# for the money.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use Test::More;

use Asgard::Files qw(slurp top);
use Asgard::Port qw(free_port);
use Asgard::Spool qw(call_of);
use Asgard::Stage;

my $s = Asgard::Stage->new(workers => 1, main_conf => '',
    http_conf => 'asgard_body_memory 2m;');
my $up = $s->upstream('main');
for (['one', $up->port], ['closed', free_port()]) {
    my ($name, $port) = @$_;
    $s->endpoint(id => $name, kind => 'openai-compatible',
        host => '127.0.0.1', port => $port, host_header => 'provider.test',
        first_byte_timeout_ms => 1500, idle_timeout_ms => 1500);
    $s->model(route => $name);
}
my $project = $s->project(limit => '-');
my $key = $s->key($project);
$s->publish;
$s->start;

my %told = map { /^\| ([^|]+?) \| ([^|]+?) \| (`[vexs]`.*?) \|$/
    ? ($1 => [$2, $3]) : () } split /\n/, slurp(top() . '/docs/endings.md');
cmp_ok(scalar(keys %told), '>', 25, 'the table was found');

my $true = JSON::PP::true();
my $ok = "HTTP/1.1 200 OK\r\n";
my $json = "${ok}Content-Type: application/json\r\n";
my $sse = "${ok}Content-Type: text/event-stream\r\n";
my $choice = '"choices":[{"index":0,"message":{"role":"assistant","content":'
    . '"Hello."},"finish_reason":"stop"}]';
my $usage = '"usage":{"prompt_tokens":10,"completion_tokens":20,'
    . '"total_tokens":30}';
my $object = "{$choice,$usage}";
my $content = 'data: {"choices":[{"index":0,"delta":{"content":"Hello."}}]}'
    . "\n\n";
my $error = '{"error":{"message":"no","type":"server_error"}}';
my $cost = 10 * 1000 + 20 * 10000;
my @stream = (stream => $true);

sub with_length { return 'Content-Length: ' . length($_[0]) . "\r\n\r\n$_[0]" }
sub chunks {
    return "Transfer-Encoding: chunked\r\n\r\n"
        . join '', map { sprintf "%x\r\n%s\r\n", length, $_ } @_;
}

# Is the reply of the kind that the row names?
sub client_is {
    my ($reply, $told) = @_;
    my $what = $reply->{cut} ? 'cut' : $reply->status;
    $what .= ' with our error' if $reply->status == 200
        && $reply->body =~ /"code":"upstream_error"/;
    return ok((grep { $_ eq $what } split /,? or |, /, $told),
        "client: $what, of $told");
}

sub end_is {
    my ($call, $told) = @_;
    is("`$call->{verb}`", substr($told, 0, 3), "its end: $told");
    my $flags = join ' ', sort @{$call->{flags}};
    return is($call->{amount}, 0, 'costs nothing') if $told =~ /^`v/;
    return is($call->{amount}, $call->{held}, 'costs its hold')
        if $told =~ /^`x/;
    return is($call->{amount}, $cost, 'costs its usage') if $told =~ /^`s/;
    like($flags, qr/\bestimated\b/, "flagged: $flags");
    cmp_ok($call->{amount}, '<=', $call->{held}, 'is within its hold');
    return is($call->{amount}, $call->{held}, 'costs its hold')
        if $told =~ /the whole hold/;
    my $least = $told =~ /at least that usage/ ? $cost : 1;
    return cmp_ok($call->{amount}, '>=', $least, "costs at least $least");
}

# row(ROW, [SCRIPT, change of the body]...): each answered so, by the row.
sub row {
    my ($row, @tries) = @_;
    my $told = delete $told{$row};
    return subtest($row, sub {
        ok($told, 'docs/endings.md has this row') or return;
        for my $try (@tries) {
            my ($script, %change) = @$try;
            $up->script($script) if $script;
            my $reply = $s->chat($key, {model => 'one', %change});
            client_is($reply, $told->[0]);
            end_is(call_of($s, $reply), $told->[1]);
        }
    });
}
sub raw_row {
    my ($row, @raw) = @_;
    return row($row, map { ref $_ ? $_ : [{raw => $_}] } @raw);
}

row('refused the connection', [undef, model => 'closed']);
raw_row('closed the connection without a byte', '', [{raw => ''}, @stream]);
row('said nothing until the timeout', [{hang => 2}], [{hang => 2}, @stream]);
raw_row('answered something that is not HTTP', "SSH-2.0-OpenSSH\r\n",
    "HTTP/1.1 999 X\r\n\r\n", "\x16\x03\x03\0\x7a", "HTTP/2 200\r\n\r\n");
raw_row('sent half a head and closed', "HTTP/1.1 20", "${ok}Content-Ty");
raw_row('sent 1xx without end, or switched the protocol',
    "HTTP/1.1 100 Continue\r\n\r\n" x 20, "HTTP/1.1 101 Switching\r\n\r\n");
raw_row('redirected (3xx)', map {
    my $raw = "HTTP/1.1 $_ R\r\nLocation: http://evil/\r\n" . with_length('');
    ($raw, [{raw => $raw}, @stream])
} 300 .. 308);
row('answered 4xx or 5xx', map { [{status => $_}], [{status => $_}, @stream] }
    400, 401, 404, 408, 422, 429, 500, 503, 529);
raw_row('answered 4xx or 5xx in a head that cannot be read',
    "HTTP/1.1 500 No\r\nX: " . 'x' x 65_536 . "\r\n\r\n",
    "HTTP/1.1 429 No\r\nContent-Length: -1\r\n\r\n",
    "HTTP/1.1 400 No\r\nX: a");
raw_row('answered 2xx in a head that is too large or contradicts itself',
    $json . 'X: ' . 'x' x 65_536 . "\r\n" . with_length($object),
    "${json}Content-Length: 1\r\n" . with_length($object),
    "${json}Content-Length: 1\r\n" . chunks($object),
    "${json}Content-Length: -1\r\n\r\n$object",
    "${json}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n");
row('answered 2xx, then nothing until the timeout',
    [{raw => "${json}Content-Length: 9\r\n\r\n", stay => 2}],
    [{raw => "${sse}Transfer-Encoding: chunked\r\n\r\n", stay => 2}, @stream],
    [{raw => "$sse\r\n", stay => 2}, @stream]);
raw_row('answered 204, or 2xx without a body',
    map({ ($_, [{raw => $_}, @stream]) }
    "HTTP/1.1 204 No Content\r\n\r\n", $json . with_length(''),
    "${ok}Content-Length: 0\r\n\r\n", $json . chunks() . "0\r\n\r\n",
    "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"),
    [{raw => $sse . with_length('')}, @stream]);
raw_row('answered 2xx of another type: HTML, text, a stream that was not '
    . 'asked for', map({ my $head = "${ok}Content-Type: $_\r\n";
        ($head . with_length($object), [{raw => $head . with_length($object)},
            @stream], $head . with_length('')) }
        'text/html', 'text/plain', 'application/xml', 'application/x-ndjson',
        'application/octet-stream', ''),
    $sse . with_length($content), $sse . with_length(''));
raw_row('ended a stream without an event in it',
    [{raw => $sse . chunks() . "0\r\n\r\n"}, @stream],
    [{raw => $sse . with_length(": ping\n\n: ping\n\n")}, @stream],
    [{raw => "$sse\r\n\n\n"}, @stream]);
raw_row('broke a stream off before an event',
    [{raw => "${sse}Content-Length: 99\r\n\r\n"}, @stream],
    [{raw => $sse . chunks(": ping\n\n")}, @stream]);
raw_row('answered 2xx without a type: read as what was asked for',
    $ok . with_length($object), [{raw => $ok . with_length($content
        . "data: {\"choices\":[],$usage}\n\ndata: [DONE]\n\n")}, @stream]);
raw_row('answered 2xx with the type of JSON and no JSON', map({
    $json . with_length($_) } '<html>Welcome</html>', 'null', '[]', '"x"',
    "$object and more", "{$choice"));
raw_row('answered in a coding that was not asked for', map {
    my $coded = "Content-Encoding: $_\r\n" . with_length($object);
    ($json . $coded, [{raw => $sse . $coded}, @stream])
} qw(gzip br zstd none-such));
raw_row('broke an answer off', $json . 'Content-Length: ' . length($object)
    . "\r\n\r\n" . substr($object, 0, 60), $json . chunks($object),
    "${json}Content-Length: 9999\r\n\r\n$object");
raw_row('broke the framing of an answer', $json . chunks($choice) . "zz\r\n");
raw_row('answered more than can be held in memory',
    $json . chunks(map { 'x' x 60_000 } 1 .. 60) . "0\r\n\r\n");
raw_row('broke a stream off behind content',
    [{raw => $sse . chunks($content)}, @stream],
    [{raw => $sse . chunks($content) . "zz\r\n"}, @stream],
    [{raw => "${sse}Content-Length: 9999\r\n\r\n$content", stay => 2},
        @stream]);
raw_row('broke a stream off behind its usage', [{raw => $sse
    . chunks($content, "data: {\"choices\":[],$usage}\n\n")}, @stream]);
raw_row('answered without usage', $json . with_length("{$choice}"),
    [{raw => $sse . with_length("${content}data: [DONE]\n\n")}, @stream],
    [{raw => $sse . with_length("data: [DONE]\n\n")}, @stream]);
raw_row('answered with usage that cannot be true', map({ $json . with_length(
    "{$choice,\"usage\":{\"prompt_tokens\":$_}}") }
    '-1,"completion_tokens":20', '10,"completion_tokens":"20"',
    '0,"completion_tokens":0', '1e18,"completion_tokens":1'));
raw_row('answered with usage above all that it can have used', map({
    $json . with_length("{$choice,\"usage\":{\"prompt_tokens\":$_}}") }
    '10,"completion_tokens":900000000', '5000,"completion_tokens":20',
    '4294967306,"completion_tokens":20'));
raw_row('answered with usage too small for its text', $json . with_length(
    $object =~ s/Hello\./'x' x 9000/er));
raw_row('answered 2xx with an error, or an error as the first event',
    $json . with_length($error),
    [{raw => $sse . with_length("data: $error\n\n")}, @stream],
    [{raw => $sse . with_length("event: error\ndata: $error\n\n")}, @stream]);
raw_row('sent an error behind content', [{raw => $sse
    . with_length("${content}data: $error\n\ndata: [DONE]\n\n")}, @stream]);
row('answered with usage', [{}], [{}, @stream]);
raw_row('sent more than it had promised', $json . with_length($object)
    . ' and more');

# --- not by the provider ------------------------------------------------------

sub left_row {
    my ($row, $script, $leave, %change) = @_;
    my $told = delete $told{$row};
    return subtest($row, sub {
        ok($told, 'docs/endings.md has this row') or return;
        my $before = $up->count;
        $up->script($script);
        my $trace = sprintf 'tr_%032x', $before;
        $leave->($trace, $before, {model => 'one', %change});
        end_is(call_of($s, $trace, 10), $told->[1]);
    });
}
sub begin {
    my ($trace, $before, $change) = @_;
    my $http = $s->http;
    $http->send_raw($http->request_text('POST', '/v1/chat/completions',
        ['Authorization', "Bearer $key->{key}", 'x-asgard-trace-id', $trace,
         'Content-Type', 'application/json'], $s->chat_body($change)));
    $up->wait_count($before + 1);
    return $http;
}
left_row('... and the client had left before a byte came', {hang => 2},
    sub { begin(@_)->abort }, @stream);
left_row('... and the client left behind content, the rest was not seen',
    {raw => $sse . chunks($content), stay => 3}, sub {
        my ($trace, undef, $change) = @_;
        my ($http, $reply) = $s->chat_start($key, $change,
            'x-asgard-trace-id', $trace);
        $http->read_piece($reply);
        $http->abort;
    }, @stream);
left_row('... and the project was killed before a byte came', {hang => 9},
    sub {
        my $http = begin(@_);
        $s->change_project($project, killed => 1);
        is($http->read_head->status, 403, 'client: 403');
    });

is(join('; ', sort keys %told), '', 'no row of the table is without a test');
$s->done;
