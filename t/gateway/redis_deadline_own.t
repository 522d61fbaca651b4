# The deadline of a command is Redis' own: what the worker takes is not in it.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Fcntl qw(O_NONBLOCK O_RDWR);
use File::Temp ();
use POSIX qw(mkfifo);
use Test::More;
use Time::HiRes qw(sleep);

use Asgard::Files qw(slurp wait_until);
use Asgard::Stage;

# Who logs into a pipe that is full waits until somebody reads it.
my $folder = File::Temp::tempdir(CLEANUP => 1);
chmod 0711, $folder;
mkfifo("$folder/log", 0600) or die "mkfifo: $!\n";
sysopen my $pipe, "$folder/log", O_RDWR | O_NONBLOCK or die "pipe: $!\n";

# One event a pass of the loop, as if there were hundreds of others.
my $s = Asgard::Stage->new(workers => 1, redis_deadline => '2s',
    connections => '1024; epoll_events 1', proxies => ['gateway_redis'],
    server_conf => "location /logged { access_log $folder/log; return 200; }");
my $up = $s->upstream('main', prompt_tokens => 10, completion_tokens => 20);
$s->endpoint(kind => 'openai-compatible', host => '127.0.0.1',
    port => $up->port, host_header => '127.0.0.1');
$s->model(route => 'one');
my $key = $s->key($s->project(limit => '-'));
$s->start;
is($s->chat($key, {model => 'one'})->status, 200, 'a first call');
my $proxy = $s->proxy('gateway_redis');
my ($worker) = $s->{gateway}->workers;

sub send_chat {
    my ($http) = @_;
    $http->send_raw($http->request_text('POST', '/v1/chat/completions',
        ['Authorization', "Bearer $key->{key}", 'Content-Type',
         'application/json'], $s->chat_body({model => 'one'})));
}

sub stop_worker {
    kill 'STOP', $worker;
    wait_until(sub { slurp("/proc/$worker/stat") =~ /\) T / }, 5)
        or die "the worker goes on\n";
}

# Bytes that wait in a socket which is connected to the proxy.
sub unread_replies {
    my $port = sprintf '%04X', $proxy->address =~ /:(\d+)$/;
    my @unread = slurp('/proc/net/tcp')
        =~ /^ *\d+: \S+ \S+:$port 01 \S+:(\S+)/mg;
    return scalar grep { hex } @unread;
}

# --- read late ----------------------------------------------------------------

my ($caller, $other) = map { $s->http } 1 .. 2;
is($s->get('/logged')->status, 200, 'the connections were seen');
sysread $pipe, my $lines, 65_536;
my $reserve = $proxy->watch(match => Asgard::Redis->script_sha('reserve'));
$proxy->freeze('down');
send_chat($caller);
ok(wait_until(sub { $proxy->hits($reserve) }, 10), 'a hold is asked for');
stop_worker();
$other->send_raw("GET /logged HTTP/1.1\r\n");
$proxy->thaw('down');
ok(wait_until(\&unread_replies, 10), 'Redis has answered');
sleep 2.5;
kill 'CONT', $worker;
is($caller->read_head->status, 200,
    'an answer that came in time is in time, however late it is read');
$_->close for $caller, $other;

# --- sent late ----------------------------------------------------------------

$s->{gateway}->write_conf(connections => 1024);
$s->{gateway}->reload;
wait_until(sub { $s->{gateway}->workers == 1 }, 10);
($worker) = $s->{gateway}->workers;
($caller, $other) = map { $s->http } 1 .. 2;
is($s->get('/logged')->status, 200, 'the connections were seen');
1 while syswrite $pipe, 'x' x 4096;
stop_worker();
send_chat($caller);
$other->send_raw($other->request_text('GET', '/logged'));
kill 'CONT', $worker;
ok(wait_until(sub { slurp("/proc/$worker/wchan") =~ /pipe/
    || slurp("/proc/$worker/syscall") =~ /^1 / }, 10),
    'the worker waits in the midst of a pass');
sleep 2.5;
1 while sysread $pipe, $lines, 65_536;
is($caller->read_head->status, 200,
    'the time until a command is sent is not Redis\' time');
$s->done;
