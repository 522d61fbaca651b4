# Rows 13-17: only the exact bytes of our own paths, without a query, with the
# one method.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Abuse;
use Asgard::Files qw(lines_of top);

my $t = Asgard::Abuse->new;
$t->start;

my $body = $t->chat_body({model => 'one'});
my @json = ('Authorization', "Bearer $t->{key}{key}",
    'Content-Type', 'application/json');

sub ask {
    my ($method, $path) = @_;
    return $t->http->request($method, $path, [@json],
        $method =~ /^(?:GET|HEAD|OPTIONS)$/ ? undef : $body);
}

sub row {
    my ($number, $path, $status, $code, $method) = @_;
    $t->row($number, ($method // 'POST') . " $path",
        sub { $t->refused(ask($method // 'POST', $path), $status, $code) });
}

row(13, $_, 404, 'not_found') for '/v1//chat/completions',
    '//v1/chat/completions', '/v1/chat//completions', '/v1/./chat/completions',
    '/v1/x/../chat/completions', '/x/../v1/chat/completions',
    '/v1/chat%2fcompletions', '/v1%2Fchat/completions',
    '/v1/chat/%63ompletions', '/%76%31/chat/completions',
    '/v1/chat/completions%20', '/v1/chat/completions/../completions';

row(14, $_, 400, 'bad_request') for '/v1/..%2f..%2fkey', '/v1/../../key',
    '/v1/chat/completions%00', '/v1/%00chat/completions', '/v1/%zz',
    '/v1/chat/comple tions', '/v1/%2e%2e/%2e%2e/key';
row(14, $_, 404, 'not_found') for '/v1/chat/completions/',
    '/v1/chat/completions;x=1', '/v1/chat;/completions', '/V1/chat/completions',
    '/v1/Chat/Completions', '/v1\\chat\\completions', '/v1/chat\\completions',
    '/v1/chat%252fcompletions', '/v1/chat%5ccompletions',
    '/v1/chat/completions%3f', '/v1/chat/completions%23',
    '/v1/chat/completions#x', '/v1', '/v1/', '/';
$t->row(14, 'an escape in what follows the path of a model', sub {
    $t->refused(ask('GET', "/v1/models/$_"), 404, 'not_found')
        for '%2e%2e', 'a%20', 'x' x 300, '%252f';
});

# Every other path that a LiteLLM proxy answers: those that are in the program
# (1.108.7), its administrators' among them, and what earlier ones had; a name
# in a path is x.
my @others = lines_of(top() . '/t/abuse/litellm_paths.txt');
cmp_ok(scalar @others, '>', 700, 'all are tried');

# All at once on a few connections: what is wrong with their replies.
sub not_refused {
    my ($method, @paths) = @_;
    my $body = $method =~ /^(?:GET|OPTIONS|HEAD)$/ ? undef : $body;
    my $http = $t->http;
    $http->send_raw(join '', map { $http->request_text($method, $_, [@json],
        $body) } @paths);
    my @bad;
    for my $path (@paths) {
        my $reply = $http->read_head;
        if ($method ne 'HEAD') {
            $http->plan_body($reply);
            $http->read_body($reply);
        }
        $t->judged($reply);
        my $code = $method eq 'HEAD' ? 'not_found' : $reply->code // '-';
        push @bad, "$path: $reply->{status} $code" if $reply->status != 404
            || $code ne 'not_found' || !$reply->trace;
    }
    return @bad;
}

# One row for each method: the checks after it are those of all paths.  TRACE is
# refused before there is a path, as are all methods on our own (17).
for my $method (qw(GET HEAD POST PUT PATCH DELETE OPTIONS)) {
    $t->row(15, "$method of every other path of a LiteLLM proxy", sub {
        my @left = @others;
        my @bad;
        push @bad, not_refused($method, splice @left, 0, 100) while @left;
        is_deeply(\@bad, [], scalar(@others) . ' paths are not found');
    });
}
$t->row(15, 'TRACE of other paths of a LiteLLM proxy', sub {
    $t->refused(ask('TRACE', $_), 405, 'method_not_allowed')
        for @others[0 .. 20];
});

for my $query ("key=$t->{key}{key}", "api_key=$t->{key}{key}", 'a=%0d%0aX:y',
    '%0d%0a', '', "x=$t->{prompt}", 'api-version=2024-10-21')
{
    my $shown = $query =~ s/\Q$t->{key}{key}\E/KEY/r
        =~ s/\Q$t->{prompt}\E/PROMPT/r;
    $t->row(16, "the query '$shown'", sub {
        $t->refused(ask('POST', "/v1/chat/completions?$query"), 400,
            'unexpected_query');
        $t->refused(ask('GET', "/v1/models?$query"), 400, 'unexpected_query');
        like($t->{gateway}->access_log, qr{"GET /v1/models" 400 },
            'the log has the path alone') if length $query;
    });
}

$t->row(16, 'a query that nginx refuses before it has a location', sub {
    my $query = "key=$t->{key}{key}";
    $t->refused($t->raw($t->call_text(line => "$_ HTTP/1.1")), 405,
        'method_not_allowed') for "TRACE /v1/models?$query",
        "TRACE /elsewhere?$query";
    $t->refused($t->raw($t->call_text(head => ['X-One: ' . 'x' x 9000],
        line => "POST /v1/models?$query HTTP/1.1")), 400, 'headers_too_large');
    $t->refused($t->raw($t->call_text(without => ['host'],
        line => "POST /v1/models?$query HTTP/1.1")), 400, 'bad_request');
    $t->refused($t->raw($t->call_text(line => "POST /v1/models?$query&x="
        . 'x' x 9000 . ' HTTP/1.1')), 414, 'uri_too_long');
});

for my $method (qw(GET PUT PATCH DELETE OPTIONS TRACE)) {
    $t->row(17, $method, sub {
        for my $path (qw(/v1/chat/completions /v1/completions /v1/embeddings
            /api/gateway/chat))
        {
            $t->refused(ask($method, $path), 405, 'method_not_allowed',
                headers => {allow => 'POST'});
        }
    });
}
$t->row(17, 'HEAD', sub {
    my $reply = $t->judged(ask('HEAD', '/v1/chat/completions'));
    is($reply->status, 405, 'not allowed');
    is(scalar $reply->header('allow'), 'POST', 'and says what is');
    is($reply->body, '', 'without a body');
});
for my $method (qw(POST PUT PATCH DELETE OPTIONS TRACE)) {
    $t->row(17, "$method of the list of models", sub {
        $t->refused(ask($method, $_), 405, 'method_not_allowed',
            headers => {allow => 'GET'}) for '/v1/models', '/v1/models/one';
    });
}
for my $line ('CONNECT 127.0.0.1:80 HTTP/1.1',
    'post /v1/chat/completions HTTP/1.1', 'P0ST /v1/chat/completions HTTP/1.1',
    'POST /v1/chat/completions HTTP/1.x',
    'POST  HTTP/1.1')
{
    $t->row(17, $line, sub {
        $t->refused($t->raw($t->call_text(line => $line)), 400,
            'bad_request');
    });
}
$t->row(17, 'CONNECT of a path', sub {
    $t->refused($t->raw($t->call_text(line => 'CONNECT /v1/models HTTP/1.1')),
        405, 'method_not_allowed', headers => {allow => 'GET'});
});
$t->row(17, 'HTTP/2.0 by name', sub {
    $t->refused($t->raw($t->call_text(
        line => 'POST /v1/chat/completions HTTP/2.0')), 505, 'bad_request');
});
$t->row(17, 'a method that nobody knows', sub {
    $t->refused(ask('BREW', '/v1/chat/completions'), 405,
        'method_not_allowed', headers => {allow => 'POST'});
});

$t->done;
