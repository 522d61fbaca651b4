# After an attempt that may have begun work another provider is called under a
# hold of its own; one that cannot have passes its hold on.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use Test::More;

use Asgard::Files qw(wait_until);
use Asgard::Port qw(free_port);
use Asgard::Spool qw(calls);
use Asgard::Stage;

my $s = Asgard::Stage->new(workers => 1,
    http_conf => 'asgard_retry_timeout 6s;',
    location_conf => 'asgard_expose_backend on;');
my %up = map { $_ => $s->upstream($_) } qw(a b c);
my $project = $s->project(limit => '-');
my $key = $s->key($project);
my @common = (kind => 'openai-compatible', host => '127.0.0.1',
    host_header => 'provider.test', connect_timeout_ms => 400,
    first_byte_timeout_ms => 1500, idle_timeout_ms => 1500);

# Providers a, b and c with one model each: prices 1, 2 and 3 times; `a2` is
# another endpoint of a, `safe` and `safe2` of one that may be sent to again.
my $price = 0;
for my $name (qw(a b c)) {
    $price++;
    $s->endpoint(id => $name, @common, provider => $name,
        port => $up{$name}->port);
    $s->model(route => $name, card => {in_pusd => 1_000_000 * $price,
        out_pusd => 10_000_000 * $price});
}
$s->endpoint(id => 'a2', @common, provider => 'a', port => $up{b}->port);
$s->model(route => 'a2');
for my $n ('', 2) {
    $s->endpoint(id => "safe$n", @common, provider => 'safe',
        port => $up{$n ? 'b' : 'a'}->port, retry_after_send => 1);
    $s->model(route => "safe$n");
}
$s->endpoint(id => 'closed', @common, provider => 'closed',
    port => free_port());
$s->model(route => 'closed');
for my $n (0 .. 10) {
    $s->endpoint(id => "many$n", @common, provider => "many$n",
        port => $up{c}->port);
    $s->model(route => "many$n");
}
$s->endpoint(id => 'slow', @common, provider => 'slow',
    port => $up{a}->port, first_byte_timeout_ms => 6100);
$s->model(route => 'slow');
my %index = map { $s->{models}[$_]{route} => $_ } 0 .. $#{$s->{models}};

sub name {
    my ($name, @routes) = @_;
    push @{$s->{names}}, {name => $name,
        candidates => [@index{@routes}]};
}
name('a-b', qw(a b));
name('a-b-c', qw(a b c));
name('a-a2', qw(a a2));
name('a-a2-c', qw(a a2 c));
name('safe-safe2', qw(safe safe2));
name('closed-b', qw(closed b));
name('a-closed', qw(a closed));
name('many', map { "many$_" } 0 .. 10);
name('slow-b', qw(slow b));
$s->publish;
$s->start;

my %mark;
sub mark { %mark = map { $_ => $up{$_}->count } keys %up }
sub since { join ' ', map { $up{$_}->count - $mark{$_} } sort keys %up }

# The holds of one call, in the order of their ends.
sub holds {
    my ($reply, $n) = @_;
    my @holds;
    wait_until(sub {
        @holds = grep { $_->{trace} eq $reply->trace } calls($s);
        return @holds >= $n;
    }, 5);
    return @holds;
}

# "x ep verdict flag…" of a hold.
sub text_of {
    my ($hold) = @_;
    return join ' ', @$hold{qw(verb ep verdict)}, sort @{$hold->{flags}};
}

# One call: its reply and its holds, after what is true of all such calls.
sub call {
    my ($model, $n, %with) = @_;
    mark();
    my $reply = $s->chat($key, {model => $model, %with});
    my @holds = holds($reply, $n);
    is(scalar @holds, $n, "$model: holds");
    my $id = $holds[0]{hold};
    is(join(' ', map { $_->{hold} } @holds),
        join(' ', $id, map { "$id.$_" } 1 .. $n - 1),
        "$model: the first is the call's, the others are numbered");
    is((grep { $_->{call} ne $id } @holds) + 0, 0,
        "$model: all of that call");
    return ($reply, @holds);
}

sub worst { my ($price) = @_; return $price * 50 * 10_000 }

my $broken = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
    . "Content-Length: 100\r\n\r\n";
my $stream = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
    . "Content-Length: 100\r\n\r\n";
my @begun = (
    ['a timeout', {hang => 4}, 'x a upstream_timeout'],
    ['a close', {raw => ''}, 'x a upstream_error'],
    ['half a head', {raw => "HTTP/1.1 200 OK\r\nContent-"},
        'x a upstream_error'],
    ['a cut before the body', {raw => $broken}, 'x a upstream_error cut'],
    ['a cut answer', {cut => 40},
        'e a upstream_error cut estimated no_usage'],
    ['an answer that stalls', {raw => $broken . '{"id":', stay => 4},
        'e a upstream_timeout cut estimated no_usage'],
    ['a stream that is cut before its first byte', {raw => $stream},
        'x a upstream_error cut', stream => JSON::PP::true()],
    ['a stream without a first byte', {raw => $stream, stay => 4},
        'x a upstream_timeout cut', stream => JSON::PP::true()],
);
for my $case (@begun) {
    my ($what, $script, $first, %with) = @$case;
    $up{a}->script($script);
    my ($reply, @holds) = call('a-b', 2, %with);
    is($reply->status, 200, "$what: another provider serves");
    is(since(), '1 1 0', "$what: each was called once");
    is(text_of($holds[0]), $first, "$what: the first hold ends by itself");
    is(text_of($holds[1]), 's b ok', "$what: the second is settled");
    is($holds[1]{amount}, 2 * (10 * 1000 + 20 * 10_000),
        "$what: at the price of the one that served");
    cmp_ok($holds[1]{held}, '>=', worst(2), "$what: what it could cost");
    is($reply->header('x-asgard-backend'), 'b', "$what: says who served");
    is($reply->header('x-asgard-model'), 'b', "$what: and as what");
    next if $with{stream};
    is($reply->header('x-asgard-cost-usd') * 1e9, $holds[1]{amount},
        "$what: and what that cost");
}

{
    $_->script({hang => 4}) for @up{qw(a b)};
    my ($reply, @holds) = call('a-b-c', 3);
    is($reply->status, 200, 'two are silent, the third serves');
    is(join('; ', map { text_of($_) } @holds), 'x a upstream_timeout; '
        . 'x b upstream_timeout; s c ok', 'three holds, each by its own');
    is($holds[1]{held}, $holds[2]{held},
        'each covers the dearest that is left');
    cmp_ok($holds[0]{held}, '>=', worst(3), 'the first one all');
}

{
    $up{a}->script({raw => ''});
    $up{b}->script({status => 503});
    my ($reply, @holds) = call('a-b-c', 2);
    is($reply->status, 200, 'a 5xx after silence');
    is(join('; ', map { text_of($_) } @holds),
        'x a upstream_error; s c ok', 'passes the further hold on');
}

{
    $up{a}->script({status => 500});
    my ($reply, @holds) = call('a-b', 1);
    is(text_of($holds[0]), 's b ok', 'a 5xx passes the first hold on');
    ($reply, @holds) = call('closed-b', 1);
    is(text_of($holds[0]), 's b ok', 'a refused connection too');
}

{
    $up{a}->script({raw => ''});
    my ($reply, @holds) = call('a-a2', 1);
    is($reply->status . ' ' . $reply->code, '502 upstream_error',
        'another endpoint of the same provider');
    is(since(), '1 0 0', 'is not called');
    is(text_of($holds[0]), 'x a upstream_error', 'the outcome is unknown');
    $up{a}->script({raw => ''});
    ($reply, @holds) = call('a-a2-c', 2);
    is(since(), '1 0 1', 'but passed over for one of another');
    is($holds[1]{ep}, 'c', 'which serves');
    $up{a}->script({status => 503});
    ($reply, @holds) = call('a-a2', 1);
    is(since(), '1 1 0', 'one that cannot have begun is called again');
}

{
    $up{a}->script({raw => ''});
    my ($reply, @holds) = call('safe-safe2', 2);
    is($reply->status, 200, 'a provider that declares it safe');
    is(join('; ', map { text_of($_) } @holds),
        'x safe upstream_error; s safe2 ok resent',
        'is called again, under a further hold, and that is noted');
    is($s->chat($key, {model => 'safe'})->status, 200, 'a first call');
    # over the connection that was kept
    $up{a}->script({raw => ''});
    ($reply, @holds) = call('safe', 2);
    is($reply->status, 200, 'a kept connection that is closed is replaced');
    is(since(), '2 0 0', 'where the provider declares that safe');
    is(join('; ', map { text_of($_) } @holds),
        'x safe upstream_error; s safe ok resent', 'under a further hold');
}

{
    $up{a}->script({raw => ''});
    my ($reply, @holds) = call('a-closed', 2);
    is($reply->status . ' ' . $reply->code, '502 upstream_error',
        'no other way: told');
    is($reply->header('x-should-retry'), 'false',
        'not to be tried again, for the first may be charged');
    is(join('; ', map { text_of($_) } @holds),
        'x a upstream_error; v closed upstream_error', 'the second is void');
    $up{a}->script({raw => ''});
    $up{b}->script({status => 429, headers => {'Retry-After' => 7}});
    ($reply, @holds) = call('a-b', 2);
    is($reply->status . ' ' . $reply->code, '429 upstream_rate_limited',
        'a refusal by the second is told');
    is(join(' ', map { $reply->header($_) // '-' } qw(x-should-retry
        retry-after)), 'false -', 'not to be tried again');
}

{
    $up{a}->script({raw => $broken =~ s/100/2/r . '{]'});
    my ($reply, @holds) = call('a-b', 1);
    is($reply->status, 502, 'a whole answer that cannot be read');
    is(since(), '1 0 0', 'would be no better elsewhere');
}

{
    $up{c}->script(map { {raw => ''} } 1 .. 10);
    my ($reply, @holds) = call('many', 10);
    is($reply->status, 502, 'the tenth hold of a call');
    is(since(), '0 0 10', 'is its last');
    $up{a}->script({hang => 9});
    ($reply, @holds) = call('slow-b', 1);
    is($reply->status, 504, 'after asgard_retry_timeout');
    is(since(), '1 0 0', 'no other is begun');
}

my $further = 0;
$further += $_->{hold} =~ /\./ for calls($s);
is($s->metric('asgard_further_holds_total'), $further,
    'further holds are counted');
is($s->metric('asgard_calls_total'), scalar(grep { $_->{hold} !~ /\./ }
    calls($s)), 'a call counts once');

# last, for a list counts as a call too
like($s->get('/v1/models', 'Authorization', "Bearer $key->{key}")->body,
    qr/"id":"a-b",.*"owned_by":"test"/,
    'where backends are shown the list says whose a model is');

$s->done;
