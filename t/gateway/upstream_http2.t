# A client that speaks HTTP/2 gets the same answers, and is billed the same
# when it leaves.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Port qw(free_port);
use Asgard::Stage;
use Asgard::Spool qw(money_of call_of);

die "curl here speaks no HTTP/2: run 'make deps'\n"
    if `curl --version` !~ /^Features:.*HTTP2/m;

my $port = free_port();
my $s = Asgard::Stage->new(workers => 1,
    http_conf => 'asgard_drain_timeout 5s;',
    server_conf => "listen 127.0.0.1:$port http2;");
my $key = $s->key($s->project(limit => '-'));
$s->model(route => 'echo');
$s->publish;
$s->start;

my $true = JSON::PP::true();

sub curl {
    my ($trace, $change, @more) = @_;
    my @command = ('curl', '-sS', '--http2-prior-knowledge', '-i', @more,
        '-H', "Authorization: Bearer $key->{key}", '-H',
        'Content-Type: application/json', '-H', "x-asgard-trace-id: $trace",
        '-d', $s->chat_body($change),
        "http://127.0.0.1:$port/v1/chat/completions");
    open my $out, '-|', @command or die "curl: $!";
    local $/;
    my $text = <$out>;
    close $out;
    return $text;
}

{
    my $text = curl('h2-json', {});
    like($text, qr/^HTTP\/2 200/, 'a call is answered');
    like($text, qr/x-asgard-cost-usd: 0\.000088/, 'with its cost');
    is(money_of($s, 'h2-json'), 's 88000', 'and charged');
}

{
    my $text = curl('h2-stream', {stream => $true});
    like($text, qr/data: \[DONE\]/, 'a stream is answered');
    is(money_of($s, 'h2-stream'), 's 88000', 'and charged');
    like(curl('h2-status', {model => 'echo:status=503'}),
        qr/^HTTP\/2 502.*upstream_error/s, 'an error is told');
    like(curl('h2-cut', {model => 'echo:chunks=9,cut=3', stream => $true},
        '--stderr', '-'), qr/was not closed cleanly|INTERNAL_ERROR|\(92\)/,
        'a stream that breaks is reset');
}

{
    curl('h2-leaves', {model => 'echo:chunks=8,gap_ms=150', stream => $true},
        '-m', 0.5, '--stderr', '/dev/null');
    is(money_of($s, 'h2-leaves'), 's 88000 client_gone',
        'a client that leaves is billed the true usage');
    curl('h2-early', {model => 'echo:latency_ms=700'}, '-m', 0.3,
        '--stderr', '/dev/null');
    is(money_of($s, 'h2-early'), 's 88000 client_gone',
        'before the first byte too');
}

$s->done;
