# A further candidate is called only when the last one cannot have done work,
# with a request of its own; and never for a call that may be under way.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use IO::Socket::INET;
use Test::More;
use Time::HiRes qw(time);

use Asgard::Port qw(free_port);
use Asgard::Stage;
use Asgard::Spool qw(money_of call_of);

my $s = Asgard::Stage->new(workers => 1);
my ($first, $second) = map { $s->upstream($_) } qw(first second);
my $key = $s->key($s->project(limit => '-'));
my @common = (kind => 'openai-compatible', host => '127.0.0.1',
    connect_timeout_ms => 400, first_byte_timeout_ms => 600,
    idle_timeout_ms => 600);

$s->endpoint(id => 'first', @common, port => $first->port,
    host_header => 'first.test');
$s->model(route => 'first', served => 'served-first',
    paths => {chat => '/a/chat'}, max_tokens_field => 'max_tokens');
$s->endpoint(id => 'second', @common, port => $second->port,
    host_header => 'second.test');
$s->model(route => 'second', served => 'served-second',
    paths => {chat => '/b/v1/chat'}, send_user => 0,
    max_tokens_field => 'max_completion_tokens', max_output_tokens => 30,
    card => {in_pusd => 2000000, out_pusd => 20000000});
$s->endpoint(id => 'closed', @common, port => free_port(),
    host_header => 'closed.test');
$s->model(route => 'closed');

# A listener whose queue is full lets nobody in and refuses nobody.
my $full = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1)
    or die "listen: $!";
my @queue = map {
    IO::Socket::INET->new(PeerAddr => '127.0.0.1', Blocking => 0,
        PeerPort => $full->sockport)
} 1 .. 4;
$s->endpoint(id => 'silent', @common, port => $full->sockport,
    host_header => 'silent.test');
$s->model(route => 'silent');
push @{$s->{names}}, {name => 'both', candidates => [0, 1]},
    {name => 'refused', candidates => [2, 1]},
    {name => 'unreachable', candidates => [3, 1]},
    {name => 'same', candidates => [2, 2]};
$s->publish;
$s->start;

# Calls of each since the last mark().
my @mark = (0, 0);
sub mark { @mark = map { $_->count } $first, $second }
sub since { ($first->count - $mark[0], $second->count - $mark[1]) }

for my $status (500, 503, 529, 429) {
    mark();
    $first->script({status => $status});
    my $reply = $s->chat($key, {model => 'both'});
    is($reply->status, 200, "after $status the next candidate answers");
    is($reply->at('model'), 'both', 'under the name that was asked for');
    is(money_of($s, $reply), 's ' . (10 * 2000 + 20 * 20000),
        'at the price of the one that served');
    is(call_of($s, $reply)->{ep}, 'second', 'which the ledger names');
    is(join(' ', since()), '1 1', 'each was called once');
}

{
    my ($a, $b) = map { $_->last_request } $first, $second;
    my $header = sub { Asgard::FakeUpstream->header_of(@_) };
    is("$a->{path} $b->{path}", '/a/chat /b/v1/chat', 'each by its path');
    is($header->($a, 'host') . ' ' . $header->($b, 'host'),
        'first.test second.test', 'under its host');
    my ($x, $y) = map { JSON::PP::decode_json($_->{body}) } $a, $b;
    is("$x->{model} $y->{model}", 'served-first served-second',
        'with its model');
    is($x->{user}, 'proj-1', 'the project as the user');
    ok(!exists $y->{user}, 'or none, where a backend refuses that');
    is($x->{max_tokens}, 50, 'the limit in its field');
    is($y->{max_completion_tokens}, 30, 'and within what the model can do');
    is($header->($b, 'content-length'), length $b->{body},
        'the length is that of its body');
}

{
    mark();
    $first->script({status => 503});
    my $long = 'long ' x 60_000;
    my $reply = $s->chat($key, {model => 'both',
        messages => [{role => 'user', content => $long}]});
    is($reply->status, 200, 'a long body is sent twice too');
    is(join(' ', since()), '1 1', 'once to each');
    is(JSON::PP::decode_json($_->last_request->{body})
        ->{messages}[0]{content}, $long, 'and is whole') for $first, $second;
}

for my $name (qw(refused unreachable)) {
    mark();
    my $begun = time;
    my $reply = $s->chat($key, {model => $name});
    is($reply->status, 200, "$name: the next candidate answers");
    cmp_ok(time - $begun, '<', 1.5, 'within the time to connect');
    is(money_of($s, $reply), 's ' . (10 * 2000 + 20 * 20000), 'and is paid');
}

{
    my $reply = $s->chat($key, {model => 'same'});
    is($reply->status . ' ' . $reply->code, '502 upstream_error',
        'all refused: 502');
    is(money_of($s, $reply), 'v 0', 'and void');
    $reply = $s->chat($key, {model => 'silent'});
    is($reply->status . ' ' . $reply->code, '504 upstream_timeout',
        'no connection in time: 504');
    is(money_of($s, $reply), 'v 0', 'and void');
}

my @under_way = (
    ['a timeout', {hang => 2}, '504 upstream_timeout'],
    ['a reset', {raw => ''}, '502 upstream_error'],
    ['half a head', {raw => "HTTP/1.1 200 OK\r\nContent-"},
        '502 upstream_error'],
    ['a cut answer', {cut => 40}, '502 upstream_error'],
);
for my $case (@under_way) {
    my ($what, $script, $expect) = @$case;
    mark();
    $first->script($script);
    my $reply = $s->chat($key, {model => 'both'});
    is($reply->status . ' ' . $reply->code, $expect, "$what: told");
    is(join(' ', since()), '1 0', "$what: nothing was sent again");
    isnt(money_of($s, $reply, 1), 'v 0', "$what: not void");
}

for my $status (400, 401, 404, 422) {
    mark();
    $first->script({status => $status});
    $s->chat($key, {model => 'both'});
    is(join(' ', since()), '1 0', "$status ends the call");
}

$s->done;
