# A candidate that did no work is tried again, after a wait, as often as its
# group says; then comes the next one.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Time::HiRes qw(time);

use Asgard::Port qw(free_port);
use Asgard::Spool qw(money_of call_of);
use Asgard::Stage;

my $s = Asgard::Stage->new(workers => 1);
my ($first, $second) = map { $s->upstream($_) } qw(first second);
my $key = $s->key($s->project(limit => '-'));
my @common = (kind => 'openai-compatible', host => '127.0.0.1',
    connect_timeout_ms => 400, first_byte_timeout_ms => 600,
    idle_timeout_ms => 600);

sub model {
    my ($name, $port, %with) = @_;
    $s->endpoint(id => $name, provider => $name, @common, port => $port,
        host_header => "$name.test", %with);
    $s->model(route => $name);
}
model(first => $first->port);
model(second => $second->port);
model(closed => free_port());
model(eager => $first->port, retry_after_send => 1, provider => 'eager');
my $sulky = $s->upstream('sulky', status => 503,
    headers => {'Retry-After' => 4});
model("sulky$_" => $sulky->port) for 0 .. 2;

# Groups of one candidate each, each tried twice more.
sub name {
    my ($name, $how, @candidates) = @_;
    push @{$s->{names}}, {name => $name, candidates => [@candidates],
        groups => [map { {n => 1, retries => 2, %$how} } @candidates]};
}
name('both', {}, 0, 1);
name('once', {retries => 0}, 0, 1);
name('refused', {}, 2, 1);
name('alone', {}, 0);
push @{$s->{names}}, {name => 'pool', candidates => [0, 1], groups => [
    {n => 2, retries => 2, strategy => 'ordered', allowed_fails => 0,
        cooldown_ms => 300}]};
name('hasty', {first_byte_timeout_ms => 150}, 0, 1);
name('eager-both', {}, 3, 1);
name('sulky', {}, 4 .. 6);
name('idle', {idle_timeout_ms => 150}, 0);
$s->publish;
$s->start;

# under way while the others are made
my $sulked_at = time;
my $sulking = $s->chat_ask($key, {model => 'sulky'});

my @mark = (0, 0);
sub mark { @mark = map { $_->count } $first, $second; return time }
sub since { join ' ', $first->count - $mark[0], $second->count - $mark[1] }

for my $status (500, 503, 529, 429) {
    my $begun = mark();
    $first->script(map { {status => $status} } 1 .. 2);
    my $reply = $s->chat($key, {model => 'both'});
    is($reply->status, 200, "after two times $status it answers");
    is(since(), '3 0', 'the third time, and nobody else was called');
    cmp_ok(time - $begun, '>=', 0.375, 'it was not hammered');
    is(call_of($s, $reply)->{ep}, 'first', 'it is the one that served');
    is(money_of($s, $reply), 's ' . (10 * 1000 + 20 * 10000),
        'and is paid once');
}

# Within a group, too, though the answer leaves its endpoint cooled.
for my $status (500, 503, 529, 429) {
    my $begun = mark();
    $first->script(map { {status => $status} } 1 .. 2);
    is($s->chat($key, {model => 'pool'})->status, 200,
        "one of a group that answered $status is tried again");
    is(since(), '3 0', '... before the next of the group');
    cmp_ok(time - $begun, '>=', 0.375, '... and was not hammered');
}

{
    my $begun = mark();
    $first->script({status => 429, headers => {'Retry-After' => 1}});
    is($s->chat($key, {model => 'pool'})->status, 200,
        'of a group, too, Retry-After is waited for');
    cmp_ok(time - $begun, '>=', 1, '... as long as it says');
    is(since(), '2 0', '... and then it is tried');
}

{
    my $begun = mark();
    $first->script({status => 429, headers => {'Retry-After' => 2}});
    is($s->chat($key, {model => 'pool'}, 'x-stainless-timeout' => '1.5')
        ->status, 200, 'a Retry-After beyond the patience of the client');
    is(since(), '1 1', '... is left to the next candidate');
    cmp_ok(time - $begun, '<', 1.4, '... at once');
    sleep 1;
    is($s->chat($key, {model => 'pool'})->status, 200, 'which is back');
}

{
    my $begun = mark();
    $first->script(map { {status => 503} } 1 .. 3);
    my $reply = $s->chat($key, {model => 'both'});
    is($reply->status, 200, 'after three failures the next one answers');
    is(since(), '3 1', 'each was called as often as it may be');
    cmp_ok(time - $begun, '<', 5, 'within seconds');
}

{
    mark();
    $first->script({status => 503});
    is($s->chat($key, {model => 'once'})->status, 200,
        'with no retries the next one answers');
    is(since(), '1 1', 'at once');
}

{
    mark();
    my $reply = $s->chat($key, {model => 'refused'});
    is($reply->status, 200, 'a refused connection is tried again too');
    is(since(), '0 1', 'and then the next one');
}

{
    my $begun = mark();
    $first->script({status => 429, headers => {'Retry-After' => 1}});
    is($s->chat($key, {model => 'alone'})->status, 200,
        'Retry-After is waited for');
    cmp_ok(time - $begun, '>=', 1, 'as long as it says');
    is(since(), '2 0', 'and then it is tried');
}

{
    my $begun = mark();
    $first->script({status => 503, headers => {'Retry-After' => 60}});
    is($s->chat($key, {model => 'both'})->status, 200,
        'a Retry-After that is too long is not waited for');
    is(since(), '1 1', 'the next one is called instead');
    cmp_ok(time - $begun, '<', 5, 'at once');
}

{
    my $begun = mark();
    $first->script({status => 429, headers => {'Retry-After' => 60}});
    my $reply = $s->chat($key, {model => 'alone'});
    is($reply->status . ' ' . $reply->code, '429 upstream_rate_limited',
        'with nobody else the client is told');
    is($reply->header('retry-after'), 60, 'and when to come again');
    is(since(), '1 0', 'without a second call');
}

{
    mark();
    $first->script(map { {status => 503} } 1 .. 3);
    my $reply = $s->chat($key, {model => 'alone'});
    is($reply->status . ' ' . $reply->code, '502 upstream_error',
        'when all tries failed the client is told');
    is(since(), '3 0', 'after three');
    is(money_of($s, $reply), 'v 0', 'and nothing is spent');
}

for my $status (400, 401, 404, 422) {
    mark();
    $first->script({status => $status});
    isnt($s->chat($key, {model => 'both'})->status, 200,
        "$status is an answer");
    is(since(), '1 0', 'and not tried again');
}

{
    mark();
    $first->script({hang => 2});
    my $reply = $s->chat($key, {model => 'hasty'});
    is($reply->status, 200, 'after silence the next provider is asked');
    is(since(), '1 1', 'never the same again');
}

{
    mark();
    $first->script({hang => 2});
    my $reply = $s->chat($key, {model => 'eager-both'});
    is($reply->status, 200, 'one that may be asked again after silence is');
    is(since(), '2 0', 'and nobody else');
}

{
    mark();
    $first->script({chunks => 3, chunk_delay => 1});
    my $reply = $s->chat($key, {model => 'idle', stream => \1});
    is(scalar(() = $reply->body =~ /"content"/g), 1,
        'the group says how long a gap in a stream may be');
}

{
    mark();
    $first->script({status => 503});
    my $reply = $s->chat($key, {model => 'alone'},
        'x-stainless-timeout' => '0.05');
    is($reply->status, 502, 'a client with no patience is told at once');
    is(since(), '1 0', 'no try begins after it has given up');
}

{
    my $reply = $s->chat_read($sulking);
    is($reply->status . ' ' . $reply->code, '502 upstream_error',
        'a chain whose providers all ask for patience fails');
    my ($h, $m, $sec) = call_of($s, $reply)->{ts} =~ /T(\d+):(\d+):([\d.]+)Z/;
    my $took = ($h * 3600 + $m * 60 + $sec - $sulked_at % 86400) % 86400;
    cmp_ok($took, '<', 20, 'within 20 seconds');
    cmp_ok($took, '>=', 8, '... in which it did have some');
    cmp_ok($sulky->count, '<', 9, '... for some of the tries');
    my %host = map { $sulky->header_of($_, 'host') => 1 } $sulky->books;
    is(scalar keys %host, 3, '... and each of them was asked');
}

$s->done;
