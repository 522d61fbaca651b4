# `asgard-ctl status` tells how the gateway's endpoints are: called, left alone,
# or to be tried by one call; what failed, what is under way, how soon it
# answers. The same as /metrics.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Time::HiRes qw(sleep);

use Asgard::Files qw(wait_until);
use Asgard::Port qw(free_port);
use Asgard::Test;

my $t = Asgard::Test->new(workers => 2, redis_deadline => '5s',
    routing => <<'YAML');
num_retries: 0
strategy: ordered
allowed_fails: 1
cooldown_time: 3s
models:
  both: {candidates: [{model: ill}, {model: well}]}
YAML
my $ill = $t->upstream('ill');
my $well = $t->upstream('well', first_delay => 0.1, delay => 0.05);
$t->add_service($_, $t->upstream($_), models => [{ref => "model:$_/$_",
    route => $_}]) for qw(ill well);
$t->start;
my $key = $t->key(project => $t->project(budget_usd => '10'));

# state, calls under way, failures, cooldowns, latency
sub line_of {
    my ($id) = @_;
    my ($status, $out) = $t->{control}->run('status');
    return ($out =~ /^endpoint  \Q$id\E +(.*)$/m)[0] // $out;
}

is(line_of('ill'), 'called      under way 0, failures 0, cooldowns 0, '
    . 'first token not known', 'an endpoint of which nothing is known');
is($t->chat($key, {model => 'well'})->status, 200, 'a call');
like(line_of('well'), qr/\Acalled +under way 0, failures 0, cooldowns 0, /,
    'one that answered');
like(line_of('well'), qr/first token after [1-9]\d+ ms\z/, 'and how soon');

$ill->script(({status => 503}) x 2);
is($t->chat($key, {model => 'both'})->status, 200, 'one that fails …')
    for 1 .. 2;
like(line_of('ill'),
    qr/\Aleft alone +under way 0, failures 2, cooldowns 1, /, 'is left alone');
ok(wait_until(sub { line_of('ill') =~ /\Ahalf open / }, 20),
    'then one call is to try it');
is($t->chat($key, {model => 'both'})->status, 200, 'which does');
like(line_of('ill'),
    qr/\Acalled +under way 0, failures 2, cooldowns 1, first token after/,
    'and it is called again');

$well->script({hang => 8});
my ($http) = $t->http;
$http->send_raw($http->request_text('POST', '/v1/chat/completions',
    ['Authorization', "Bearer $key->{key}", 'Content-Type',
    'application/json'], $t->chat_body({model => 'well'})));
ok(wait_until(sub { line_of('well') =~ /\Acalled +under way 1,/ }, 20),
    'a call under way is seen');
$http->close;

for my $id (qw(ill well)) {
    my %figure = $t->get('/metrics')->body
        =~ /^asgard_endpoint_(\w+)\{endpoint="$id"\} (\d+)$/mg;
    my $told = "failures $figure{failures_total}, "
        . "cooldowns $figure{cooldowns_total}";
    like(line_of($id), qr/ $told,/, "$id: as /metrics has it");
}

$t->{gateway}->stop;
my ($status, $out) = $t->{control}->run('status');
like($out, qr/^endpoints not known: the gateway at public_url does not/m,
    'without a gateway it says so');
$t->{gateway}->start;

$t->done;
