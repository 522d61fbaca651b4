# A network that is slow, stalls, half-closes or cuts between gateway and
# provider, row by row: a candidate is tried again only where nothing can have
# started, after anything else the next one has a hold of its own, and after the
# first byte of an answer there is nothing but its end.
#
# Fault row 40.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use Test::More;
use Time::HiRes qw(sleep);

use Asgard::FaultProxy;
use Asgard::Files qw(wait_until);
use Asgard::Spool qw(calls);
use Asgard::Stage;

my $s = Asgard::Stage->new(workers => 1, redis_deadline => '5s',
    location_conf => 'asgard_expose_backend on;');
my %up = map { $_ => $s->upstream($_, headers => {Connection => 'close'}) }
    qw(a b);
my $line = Asgard::FaultProxy->new(dir => $s->{dir}, name => 'line',
    protocol => 'raw', to => '127.0.0.1:' . $up{a}->port);
my $key = $s->key($s->project(limit => '-'));
for my $name (qw(a b)) {
    $s->endpoint(id => $name, kind => 'openai-compatible', provider => $name,
        host => '127.0.0.1', host_header => 'provider.test',
        port => 0 + ($name eq 'a' ? $line->port : $up{b}->port),
        connect_timeout_ms => 2000, first_byte_timeout_ms => 2000,
        idle_timeout_ms => 2000);
    $s->model(route => $name);
}
# a, twice if it may be, then b
push @{$s->{names}}, {name => 'a-b', candidates => [0, 1],
    groups => [{n => 1, retries => 1}, {n => 1}]};
$s->publish;
$s->start;

my $true = JSON::PP::true();
my $slow = {delay => 1};
my $streams = {chunks => 40, chunk_delay => 0.1};

# what, before the call, once it is under way, the provider's script, stream;
# status, who served, calls that reached a, holds "verb endpoint verdict"
my @rows = (
    ['a line that is slow both ways', sub { $line->delay(0.2) }, undef,
        undef, 0, 200, 'a', 1, 's a ok'],
    ['a byte at a time', sub { $line->one_byte }, undef, undef, 0, 200, 'a',
        1, 's a ok'],
    ['a line that is narrow', sub { $line->throttle(down => 400) }, undef,
        undef, 0, 200, 'a', 1, 's a ok'],
    ['a connection that is refused', sub { $line->refuse }, undef, undef, 0,
        200, 'b', 0, 's b ok'],
    ['a request that is lost with its connection', sub {
        $line->drop_request(match => '', then => 'rst') }, undef, undef, 0,
        200, 'b', 0, 'x a upstream_error|s b ok'],
    ['a request that is lost, and a polite end', sub {
        $line->drop_request(match => '', then => 'fin') }, undef, undef, 0,
        200, 'b', 0, 'x a upstream_error|s b ok'],
    ['a request that is lost in silence', sub {
        $line->drop_request(match => '', then => 'hang') }, undef, undef, 0,
        200, 'b', 0, 'x a upstream_timeout|s b ok'],
    ['an answer that is lost with its connection', sub {
        $line->drop_reply(match => '', then => 'rst') }, undef, undef, 0,
        200, 'b', 1, 'x a upstream_error|s b ok'],
    ['an answer that is lost, and a polite end', sub {
        $line->drop_reply(match => '', then => 'fin') }, undef, undef, 0,
        200, 'b', 1, 'x a upstream_error|s b ok'],
    ['an answer that is lost in silence', sub {
        $line->drop_reply(match => '', then => 'hang') }, undef, undef, 0,
        200, 'b', 1, 'x a upstream_timeout|s b ok'],
    ['a cut while it works', undef, sub { $line->cut('rst') }, $slow, 0, 200,
        'b', 1, 'x a upstream_error|s b ok'],
    ['an end while it works', undef, sub { $line->cut('fin') }, $slow, 0, 200,
        'b', 1, 'x a upstream_error|s b ok'],
    ['its half that is closed while it works', undef,
        sub { $line->half_close('down') }, $slow, 0, 200, 'b', 1,
        'x a upstream_error|s b ok'],
    ['our half that is closed while it works', undef,
        sub { $line->half_close('up') }, $slow, 0, 200, 'a', 1, 's a ok'],
    ['a line that stalls while it works', undef, sub { $line->freeze },
        $slow, 0, 200, 'b', 1, 'x a upstream_timeout|s b ok'],
    ['a stream that is cut after its first byte', undef,
        sub { $line->cut('rst') }, $streams, 1, 200, 'broken', 1,
        'e a upstream_error'],
    ['a stream that ends after its first byte', undef,
        sub { $line->cut('fin') }, $streams, 1, 200, 'broken', 1,
        'e a upstream_error'],
    ['a stream whose half is closed after its first byte', undef,
        sub { $line->half_close('down') }, $streams, 1, 200, 'broken', 1,
        'e a upstream_error'],
    ['a stream that stalls after its first byte', undef,
        sub { $line->freeze }, $streams, 1, 200, 'broken', 1,
        'e a upstream_timeout'],
);

sub under_way {
    my ($before) = @_;
    return wait_until(sub { $up{a}->count > $before }, 20);
}

for my $row (@rows) {
    my ($what, $first, $then, $script, $stream, $status, $by, $reached,
        $holds) = @$row;
    my %before = map { $_ => $up{$_}->count } keys %up;
    $up{a}->script($script) if $script;
    $first->() if $first;
    my $reply;
    if ($stream) {
        (my $http, $reply) = $s->chat_start($key, {model => 'a-b',
            stream => $true});
        $http->read_piece($reply);
        $then->();
        $http->read_body($reply);
    } elsif ($then) {
        my @told = $s->in_parallel(2, sub {
            my ($i) = @_;
            if ($i) {
                under_way($before{a}) or return '';
                $then->();
                return '';
            }
            my $r = $s->chat($key, {model => 'a-b'});
            return join "\n", $r->status, $r->trace,
                $r->header('x-asgard-backend') // '-';
        });
        my ($got, $trace, $who) = split /\n/, $told[0];
        is("$got $who", "$status $by", "$what: answered by $by");
        $reply = $trace;
    } else {
        $reply = $s->chat($key, {model => 'a-b'});
        is($reply->status . ' ' . ($reply->header('x-asgard-backend') // '-'),
            "$status $by", "$what: answered by $by");
    }
    if ($stream) {
        is($reply->status, $status, "$what: the answer had begun");
        unlike($reply->body, qr/\[DONE\]/, '… it does not end as if whole');
        ok($reply->{cut}, '… but as a body that was cut');
    }
    my $trace = ref $reply ? $reply->trace : $reply;
    my @wanted = split /\|/, $holds;
    my @holds;
    ok(wait_until(sub {
        @holds = grep { $_->{trace} eq $trace } calls($s);
        return @holds >= @wanted;
    }, 20), "$what: its holds end");
    is(join('|', map { join ' ', @$_{qw(verb ep verdict)} } @holds), $holds,
        '… each by what was seen');
    is($up{a}->count - $before{a}, $reached, '… the first was asked '
        . ($reached ? 'once' : 'never'));
    is($up{b}->count - $before{b}, $by eq 'b' ? 1 : 0,
        '… the next ' . ($by eq 'b' ? 'once' : 'not at all'));
    $line->accept;
    $line->heal;
}

$s->done;
