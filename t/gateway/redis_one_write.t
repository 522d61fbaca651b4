# The commands of all calls that a worker finds ready at once reach Redis in one
# write.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(slurp wait_until);
use Asgard::Stage;

my $calls = 24;

# What is read at once is one command to a proxy that knows no protocol.
my $s = Asgard::Stage->new(workers => 1, redis_deadline => '5s',
    proxies => ['gateway_redis'], proxy_protocol => 'raw');
my $up = $s->upstream('main', prompt_tokens => 10, completion_tokens => 20);
$s->endpoint(kind => 'openai-compatible', host => '127.0.0.1',
    port => $up->port, host_header => '127.0.0.1');
$s->model(route => 'one');
my $key = $s->key($s->project(limit => '-'));
$s->start;
is($s->chat($key, {model => 'one'})->status, 200, 'a first call');

my $proxy = $s->proxy('gateway_redis');
# The key is remembered, so that the hold is what each call asks first.
my $reserve = $proxy->watch(match => Asgard::Redis->script_sha('reserve'));
my ($worker) = $s->{gateway}->workers;
my @clients = map { $s->http } 1 .. $calls;
$_->connect for @clients;
is($s->metric('asgard_calls_total'), 1, 'the connections were seen');
kill 'STOP', $worker;
wait_until(sub { slurp("/proc/$worker/stat") =~ /\) T / }, 5)
    or die "the worker goes on\n";
$_->send_raw($_->request_text('POST', '/v1/chat/completions',
    ['Authorization', "Bearer $key->{key}", 'Content-Type',
     'application/json'], $s->chat_body({model => 'one'}))) for @clients;
kill 'CONT', $worker;
is(scalar(grep { $_->read_head->status == 200 } @clients), $calls,
    "$calls calls at once are served");
$_->close for @clients;
is($proxy->hits($reserve), 1, 'and what all of them asked first came at once');
ok(wait_until(sub { $s->metric('asgard_settled_total') == $calls + 1 }, 20),
    'all are settled');
$s->done;
