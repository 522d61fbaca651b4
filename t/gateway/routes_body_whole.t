# A body reaches the provider byte for byte, in whatever pieces it came.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use Test::More;
use Asgard::Stage;

my $s = Asgard::Stage->new(workers => 1);
my $up = $s->upstream('main');
my $key = $s->key($s->project(limit => '-'));
$s->endpoint(kind => 'openai-compatible', host => '127.0.0.1',
    port => $up->port, host_header => 'provider.test');
$s->model(route => 'one', context => 900_000_000);
$s->publish;
$s->start;

sub send_pieces {
    my ($body, @pieces) = @_;
    my $http = $s->http;
    my $head = $http->request_text('POST', '/v1/chat/completions',
        ['Authorization', "Bearer $key->{key}", 'Content-Type',
         'application/json', 'Content-Length', length $body]);
    # the head comes with the first piece
    $http->send_raw($head . shift @pieces);
    for (@pieces) { select undef, undef, undef, 0.005; $http->send_raw($_) }
    my $reply = $http->read_head;
    $reply->{started} = 0;
    $http->plan_body($reply);
    return $http->read_body($reply);
}

# Each number stands once, so that a piece in a wrong place is seen.
for my $count (50, 3000, 40_000) {
    my $words = join ' ', 1 .. $count;
    my $body = $s->chat_body({model => 'one', max_tokens => 20,
        messages => [{role => 'user', content => $words}]});
    my $size = length $body;
    for my $piece (97, 9001, $size) {
        next if $size / $piece > 60;
        my $reply = send_pieces($body, unpack "(a$piece)*", $body);
        is($reply->status, 200, "$size bytes in pieces of $piece are served");
        my $sent = JSON::PP::decode_json($up->last_request->{body});
        ok($sent->{messages}[0]{content} eq $words,
            '  … and reach the provider as they were');
    }
}

$s->done;
