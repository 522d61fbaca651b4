# What a provider's error becomes for the client, and for the money: always our
# words, nothing spent.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Stage;
use Asgard::Spool qw(money_of);

my $s = Asgard::Stage->new(workers => 1);
my $up = $s->upstream('main');
my $key = $s->key($s->project(limit => '-'));
$s->endpoint(kind => 'openai-compatible', host => '127.0.0.1',
    port => $up->port, host_header => 'provider.test');
$s->model(route => 'one');
$s->publish;
$s->start;

my %becomes = (
    (map { $_ => '400 upstream_rejected' } 400, 413, 415, 422),
    429 => '429 upstream_rate_limited', 529 => '503 upstream_overloaded',
    (map { $_ => '502 upstream_error' } 301, 302, 307, 401, 403, 404, 405,
        410, 418, 500, 501, 502, 503, 504, 520),
);

for my $stream (0, 1) {
    my $how = $stream ? 'of a stream' : 'of a call';
    my $ask = {model => 'one', $stream ? (stream => JSON::PP::true()) : ()};
    for my $status (sort keys %becomes) {
        $up->script({status => $status, headers => {
            'Location' => 'http://elsewhere.test/', 'Retry-After' => 7},
            body => '{"error":{"message":"Bearer sk-canary-of-ours"}}'});
        my $reply = $s->chat($key, $ask);
        is($reply->status . ' ' . $reply->code, $becomes{$status},
            "$status $how");
        unlike($reply->{head} . $reply->body, qr/canary|elsewhere/,
            "$status $how: the provider's words are not told");
        is(money_of($s, $reply), 'v 0', "$status $how: nothing spent");
        is($reply->header('retry-after'),
            $status == 429 || $status == 529 ? 7 : undef,
            "$status $how: Retry-After only where it helps");
        is($reply->header('x-should-retry'),
            $status >= 500 || $status == 429 ? undef : 'false',
            "$status $how: a retry is forbidden where it cannot help");
    }
}

is($s->metric('asgard_upstream_auth_total') > 0
    || $s->get('/metrics')->body =~ /auth\w* [1-9]/, 1,
    'a key that a provider refuses is counted');
is(scalar(grep { $_->{path} ne '/v1/chat/completions' } $up->books), 0,
    'no redirect was followed');

{
    $up->script({status => 429,
        headers => {'Retry-After' => 'Wed, 21 Oct 2015 07:28:00 GMT'}});
    is($s->chat($key, {model => 'one'})->header('retry-after'), 0,
        'a date in the past is now');
    $up->script({status => 429, headers => {'Retry-After' => '99999999'}});
    is($s->chat($key, {model => 'one'})->header('retry-after'), 86400,
        'a day is the most');
    $up->script({status => 429, headers => {'Retry-After' => "soon"}});
    is($s->chat($key, {model => 'one'})->header('retry-after'), undef,
        'what cannot be read is not said');
}

$s->done;
