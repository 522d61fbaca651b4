# An endpoint that fails is left alone for a while, tried by one call, and back
# as soon as it answers; the last of a name is never left alone.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(spill wait_until);
use Asgard::Spool qw(call_of);
use Asgard::Stage;

my $s = Asgard::Stage->new(workers => 2,
    http_conf => 'asgard_drain_timeout 700ms;');
my @names = qw(a b);
my %up = map { $_ => $s->upstream($_) } @names;
my $key = $s->key($s->project(limit => '-'));
for my $name (@names) {
    $s->endpoint(id => $name, provider => $name, port => $up{$name}->port,
        kind => 'openai-compatible', host => '127.0.0.1',
        host_header => "$name.test");
    # the one that fails is the dearer
    $s->model(route => $name, $name eq 'a' ? (card => {in_pusd => 90_000_000,
        out_pusd => 900_000_000}) : ());
}

# another endpoint of the one that works
$s->endpoint(id => 'c', provider => 'c', port => $up{b}->port,
    kind => 'openai-compatible', host => '127.0.0.1', host_header => 'c.test');
$s->model(route => 'c');

sub name {
    my ($name, $candidates, %how) = @_;
    push @{$s->{names}}, {name => $name, candidates => $candidates,
        groups => [{n => scalar @$candidates, retries => 0,
            strategy => 'ordered', allowed_fails => 2, cooldown_ms => 1500,
            %how}]};
}
name('pool', [0, 1]);
name('single', [0]);
name('backup', [1, 0]);
name('cheap', [1, 0], strategy => 'cheapest');
push @{$s->{names}}, {name => 'chain', candidates => [0, 1], groups => [
    map { {n => 1, allowed_fails => 2, cooldown_ms => 1500} } 1 .. 2]};
push @{$s->{names}}, {name => 'behind', candidates => [2, 0, 1], groups => [
    {n => 1, retries => 0}, {n => 2, retries => 0, strategy => 'ordered',
        allowed_fails => 2, cooldown_ms => 1500}]};
$s->publish;
$s->start;

my %mark;
sub mark { %mark = map { $_ => $up{$_}->count } @names }
sub since { join ' ', map { $up{$_}->count - $mark{$_} } @names }
sub call { $s->chat($key, {model => $_[0]})->status }
sub metric {
    my ($name) = @_;
    my ($value) = $s->get('/metrics')->body
        =~ /^asgard_endpoint_$name\{endpoint="a"\} (\d+)$/m;
    return $value;
}

sub cool {
    $up{a}->script(map { {status => 500} } 1 .. 3);
    is(call('pool'), 200, 'a call that failed over') for 1 .. 3;
}

mark();
cool();
is(since(), '3 3', 'a is tried until it failed more often than it may');
is(metric('state'), 2, 'then the metrics say that it is cooled');
is(metric('cooldowns_total'), 1, 'once');

mark();
my @meanwhile = map { $s->chat($key, {model => 'pool'}) } 1 .. 6;
is($_->status, 200, 'a call meanwhile') for @meanwhile;
is(since(), '0 6', 'all workers leave it alone');
cmp_ok(call_of($s, $meanwhile[0])->{held}, '>=', 50 * 900_000,
    'what it would cost is held all the same: it may be called yet');

mark();
is(call('single'), 200, 'a name that has nobody else still calls it');
is(since(), '1 0', 'and gets its answer');
is(metric('state'), 0, 'which ends the cooling');

cool();
$up{a}->script({status => 400}, {status => 500});
mark();
wait_until(sub { metric('state') == 1 }, 10);
is(metric('state'), 1, 'when the time is over it may be tried');
mark();
is(call($_), 200, "$_: a call meanwhile") for qw(backup cheap);
is(since(), '0 2', 'not by a call that has a better one');
is(call('behind'), 200, 'a call of a chain that has it among its fallbacks');
is(metric('state'), 1, '... leaves it to whoever comes to it');
isnt(call('pool'), 200, 'a call that is wrong tries it');
is(metric('state'), 1, '... and learns nothing: another one may');
mark();
is(call('pool'), 200, 'one call tries it');
is(since(), '1 1', 'and fails over');
is(metric('state'), 2, 'it is cooled again at once');

wait_until(sub { metric('state') == 1 }, 10);
my $gate = "$s->{dir}/gate";
$up{a}->script({until => $gate});
mark();
my $http = $s->chat_ask($key, {model => 'pool'});
wait_until(sub { since() eq '1 0' }, 10);
is(call('pool'), 200, 'a call while another tries it') for 1 .. 4;
is(since(), '1 4', 'goes elsewhere: one tries it');
spill($gate, '');
is($s->chat_read($http)->status, 200, 'the one that tried is served');
mark();
is(call('pool'), 200, 'a call after it') for 1 .. 3;
is(since(), '3 0', 'all call it again');

# A key that is wrong: no second call would fare better.
$up{a}->script({status => 401});
isnt(call('pool'), 200, 'a call that meets 401 is told');
mark();
is(call('pool'), 200, 'the next one') for 1 .. 2;
is(since(), '0 2', 'is served by the other');
wait_until(sub { metric('state') == 1 }, 10);

# All of a name are ill: the last of them is called all the same.
cool();
$up{b}->script(map { {status => 500} } 1 .. 3);
isnt(call('pool'), 200, 'the other one fails, too') for 1 .. 3;
like($s->get('/metrics')->body,
    qr/^asgard_endpoint_cooldowns_total\{endpoint="b"\} 1$/m, 'and is cooled');
is(call('pool'), 200, 'a name of which all are cooled is served all the same');
wait_until(sub { metric('state') != 2 }, 10);
is(call('pool'), 200, 'until they are back') for 1 .. 2;

# The first group of a chain is one alone: it is asked each time.
call('pool');
$up{a}->script(map { {status => 503} } 1 .. 8);
mark();
is(call('chain'), 200, 'a call of a chain') for 1 .. 8;
is(since(), '8 8', 'asks the first each time, cooled or not');
mark();
is(call('chain'), 200, 'and is back on it');
is(since(), '1 0', 'as soon as it answers');

# What a client did wrong says nothing of the endpoint.
$up{a}->script(map { {status => 400} } 1 .. 6);
call('pool') for 1 .. 6;
mark();
call('pool');
is(since(), '1 0', 'an answer of 400 cools nobody');

# One that is come to after a failure is tried by one call, too.
cool();
wait_until(sub { metric('state') == 1 }, 10);
$up{b}->script(map { {status => 503} } 1 .. 2);
$up{a}->script({until => "$gate-2"});
mark();
$http = $s->chat_ask($key, {model => 'behind'});
wait_until(sub { since() eq '1 1' }, 10);
is(call('behind'), 200, 'a call that fails while another tries it');
is(since(), '1 3', '... passes it over');
spill("$gate-2", '');
is($s->chat_read($http)->status, 200, 'which is served');
is(metric('state'), 0, '... and ends the cooling');

# Nor does the time that a client gave its call.
{
    my $evil = $s->key($s->project(id => 'proj-hasty', limit => '-'));
    my $head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
    my $hasty = sub {
        my ($stream, @header) = @_;
        @header = ('x-asgard-timeout-ms' => 250) if !@header;
        $up{a}->script($stream ? {raw => $head, stay => 3}
            : {until => "$gate-3"});
        is($s->chat($evil, {model => 'pool', $stream ? (stream => \1) : ()},
            @header)->status, 504, 'a call that waits for little');
    };
    is(call('single'), 200, 'one that is well');
    $hasty->(0) for 1 .. 4;
    $hasty->(0, 'x-stainless-timeout' => '0.25') for 1 .. 4;
    $hasty->(1) for 1 .. 4;
    is(metric('state'), 0, '... cools nobody');
    cool();
    wait_until(sub { metric('state') == 1 }, 10);
    $hasty->(0);
    is(metric('state'), 1, '... and learns nothing by trying it');

    # one whose client leaves, while it is read on and when that is over
    mark();
    $up{a}->script({until => "$gate-3"});
    my $http = $s->chat_ask($evil, {model => 'pool'});
    wait_until(sub { since() eq '1 0' }, 10);
    is(metric('state'), 2, 'while one tries it, nobody else may');
    $http->abort;
    wait_until(sub { metric('state') == 1 }, 3);
    is(metric('state'), 1, 'when its client has left, another one may');
    spill("$gate-3", '');
    is(call('pool'), 200, 'another one may');
    is(metric('state'), 0, '... and ends the cooling');
}

$s->done;
