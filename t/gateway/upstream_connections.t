# Kept connections are used again, one that died is replaced at once, and TLS
# is verified by name before a byte is sent.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use IO::Socket::INET;

use Asgard::FakeUpstream;
use Asgard::Stage;
use Asgard::Spool qw(money_of call_of);

my $s = Asgard::Stage->new(workers => 1);
my $up = $s->upstream('main');
my $tls = $s->tls;
my $secure = $s->upstream('secure', tls => $tls);
my $key = $s->key($s->project(limit => '-'));
my @common = (kind => 'openai-compatible', host_header => 'provider.test');
my %secure = (@common, scheme => 'https', host => 'localhost',
    port => $secure->port, tls_name => 'localhost', ca_file => $tls->ca);

$s->endpoint(id => 'plain', @common, host => '127.0.0.1',
    port => $up->port);
$s->model(route => 'plain');
$s->endpoint(id => 'secure', %secure);
$s->model(route => 'secure');
$s->endpoint(id => 'other-name', %secure, tls_name => 'other.test');
$s->model(route => 'other-name');
$s->endpoint(id => 'untrusted', %secure, ca_file => undef);
$s->model(route => 'untrusted');
$s->endpoint(id => 'no-ca', %secure, ca_file => '/nonexistent/ca.pem');
$s->model(route => 'no-ca');
$s->endpoint(id => 'tls-to-plain', %secure, host => '127.0.0.1',
    port => $up->port);
$s->model(route => 'tls-to-plain');
my $stale = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 8,
    ReuseAddr => 1) or die "listen: $!";
$s->endpoint(id => 'stale', @common, host => '127.0.0.1',
    port => $stale->sockport);
$s->model(route => 'stale');
push @{$s->{names}}, {name => 'bad-then-good', candidates => [2, 1]};
$s->publish;
$s->start;

# The id of an entry is "process.number in it": one process a connection.
sub connections { my %seen; $seen{$_->{id} =~ s/\..*//r}++ for $_[0]->books;
    return scalar keys %seen }

for my $case ([plain => $up], [secure => $secure]) {
    my ($name, $fake) = @$case;
    for my $i (1 .. 5) {
        my $reply = $s->chat($key, {model => $name,
            $i == 3 ? (stream => JSON::PP::true()) : ()});
        is($reply->status, 200, "$name: call $i is answered");
    }
    is(connections($fake), 1, "$name: over one connection");
    $fake->script({raw => "HTTP/1.1 200 OK\r\nContent-Type: application/json"
        . "\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"});
    $s->chat($key, {model => $name});
    is($s->chat($key, {model => $name})->status, 200,
        "$name: the next after a close is answered");
    is(connections($fake), 2, "$name: over a new connection");
}

is($secure->last_request->{sni}, 'localhost', 'the name is sent as SNI');

for my $name (qw(other-name untrusted no-ca tls-to-plain)) {
    my $before = $secure->count + $up->count;
    my $reply = $s->chat($key, {model => $name});
    # a plain server waits for the rest of what it takes for a request
    is($reply->status . ' ' . $reply->code, $name eq 'tls-to-plain'
        ? '504 upstream_timeout' : '502 upstream_error', "$name: refused");
    is(money_of($s, $reply), 'v 0', "$name: void");
    is($secure->count + $up->count, $before, "$name: no request was sent");
}

is($s->chat($key, {model => 'bad-then-good'})->status, 200,
    'after a certificate of another name the next candidate is called');

# A server that answers once a connection, and closes without a word when it
# has read the next request.
my $pid = fork() // die "fork: $!";
if (!$pid) {
    my $body = '{"id":"x","object":"chat.completion","choices":[{"message":'
        . '{"role":"assistant","content":"hi"}}],"usage":{"prompt_tokens":1,'
        . '"completion_tokens":1,"total_tokens":2}}';
    for (1 .. 2) {
        my $c = $stale->accept;
        my $in = '';
        Asgard::FakeUpstream::read_request($c, \$in);
        syswrite $c, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
            . 'Content-Length: ' . length($body) . "\r\n\r\n$body";
        Asgard::FakeUpstream::read_request($c, \$in) if $_ == 1;
        close $c;
    }
    POSIX::_exit(0);
}
{
    my $reply = $s->chat($key, {model => 'stale'});
    is(money_of($s, $reply), 's 11000', 'a first call');
    $reply = $s->chat($key, {model => 'stale'});
    is($reply->status . ' ' . $reply->code, '502 upstream_error',
        'a kept connection that is closed after a request was written');
    is($reply->header('x-should-retry'), 'false', 'may have begun work');
    like(money_of($s, $reply), qr/^x \d+$/, 'and its outcome is unknown');
    $reply = $s->chat($key, {model => 'stale'});
    is(money_of($s, $reply), 's 11000', 'the next call has a new one');
}
kill TERM => $pid;
waitpid $pid, 0;

$s->done;
