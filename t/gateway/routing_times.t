# An attempt has one time until its first byte, whatever that goes by with: to
# connect, to send, to wait.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use IO::Socket::INET;
use Test::More;
use Time::HiRes qw(sleep time);

use Asgard::Spool qw(money_of);
use Asgard::Stage;

my $s = Asgard::Stage->new(workers => 1);
my $key = $s->key($s->project(limit => '-'));

# Its queue is full: who comes is let in when he knocks again, a second later.
my $late = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1)
    or die "listen: $!";
my @queue = map {
    IO::Socket::INET->new(PeerAddr => '127.0.0.1', Blocking => 0,
        PeerPort => $late->sockport)
} 1 .. 4;
$s->endpoint(id => 'late', kind => 'openai-compatible', host => '127.0.0.1',
    port => $late->sockport, host_header => 'late.test',
    connect_timeout_ms => 4000, first_byte_timeout_ms => 2000);
$s->model(route => 'late');
$s->publish;
$s->start;

my $begun = time;
my $http = $s->chat_ask($key, {model => 'late'});
sleep 0.5;
my @guests = map { scalar $late->accept } 0 .. @queue;
my $reply = $s->chat_read($http);
my $took = time - $begun;
is($reply->status . ' ' . $reply->code, '504 upstream_timeout',
    'a provider that lets in late and then says nothing has failed');
like(money_of($s, $reply), qr/^x /, '... after the call was sent');
cmp_ok($took, '>=', 1.8, '... when the time to its first byte is over');
cmp_ok($took, '<', 2.7, '... of which it had taken some to let it in');

$s->done;
