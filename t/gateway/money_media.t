# Sound and pictures are content: an answer that delivered some is never free,
# however it ends.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use Test::More;

use Asgard::Spool qw(call_of);
use Asgard::Stage;

my $s = Asgard::Stage->new(workers => 1);
my $up = $s->upstream('main');
$s->endpoint(kind => 'openai-compatible', host => '127.0.0.1',
    port => $up->port, host_header => 'main.test');
$s->model(route => 'one', card => {audio_out_pusd => 40_000_000});
my $key = $s->key($s->project(limit => '-'));
$s->publish;
$s->start;

my $sse = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n";
my $error = 'data: {"error":{"message":"no","type":"server_error"}}' . "\n\n";
my $done = "data: [DONE]\n\n";
sub delta { 'data: {"choices":[{"index":0,"delta":' . $_[0] . "}]}\n\n" }
my $role = delta('{"role":"assistant"}');
my $sound = delta('{"audio":{"id":"a","data":"' . 'QUJD' x 400 . '"}}');
my $picture = delta('{"images":[{"type":"image_url","image_url":{"url":'
    . '"data:image/png;base64,' . 'QUJD' x 400 . '"}}]}');
my @asked = (model => 'one', modalities => ['text', 'audio'],
    audio => {voice => 'alloy', format => 'pcm16'});

sub call_for {
    my ($text) = @_;
    $up->script({raw => "${sse}Content-Length: " . length($text)
        . "\r\n\r\n$text"});
    return call_of($s, $s->chat($key, {@asked, stream => JSON::PP::true()}));
}

for my $case (['sound', $sound], ['a picture', $picture]) {
    my ($what, $event) = @$case;
    my $call = call_for($role . $event x 10 . $error);
    is($call->{verb}, 'e', "$what and then an error is an estimate");
    cmp_ok($call->{amount}, '>', 100_000, 'of what was delivered too');
    $call = call_for($role . $event x 10 . $done);
    is($call->{verb}, 'e', "$what without usage is an estimate");
    cmp_ok($call->{amount}, '>', 100_000, 'of what was delivered too');
    cmp_ok($call->{amount}, '<=', $call->{held}, 'within the hold');
}
is(call_for($role . $error)->{verb}, 'v',
    'an error before any content is no charge');

my $whole = '{"choices":[{"index":0,"message":{"role":"assistant",'
    . '"content":null,"audio":{"id":"a","data":"' . 'QUJD' x 4000
    . '"}},"finish_reason":"stop"}]}';
$up->script({body => $whole});
my $call = call_of($s, $s->chat($key, {@asked}));
is($call->{verb}, 'e', 'so is a whole answer without usage');
cmp_ok($call->{amount}, '>', 100_000, 'by what it has');

$s->done;
