# Endpoint names are looked up without blocking the worker: /etc/hosts first,
# then the resolver; a name that fails is a failed connection, and the last
# good addresses are kept.
use strict;
use warnings;
use lib 't/lib';
use Test::More;
use IO::Socket::INET;
use Time::HiRes qw(time sleep);

use Asgard::Files qw(spill slurp);
use Asgard::Stage;
use Asgard::Spool qw(money_of);

# A name server: "slow" is answered after 400 ms, "none" does not exist,
# "mute" gets no answer, "once" is known the first time only.
my $dns = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Proto => 'udp')
    or die "udp: $!";
my $pid = fork() // die "fork: $!";
if (!$pid) { eval { name_server() }; POSIX::_exit(0) }

sub name_server {
    my %seen;
    while (defined(my $from = $dns->recv(my $query, 512))) {
        my ($id) = unpack 'n', $query;
        my $at = 12;
        my @labels;
        while (my $n = ord substr $query, $at, 1) {
            push @labels, substr $query, $at + 1, $n;
            $at += 1 + $n;
        }
        my $question = substr $query, 12, $at + 5 - 12;
        my ($type) = unpack 'n', substr $query, $at + 1, 2;
        my $host = $labels[0];
        next if $host eq 'mute';
        sleep 0.4 if $host eq 'slow' && $type == 1;
        my $known = $type == 1 && $host ne 'none'
            && !($host eq 'once' && $seen{once}++);
        my $code = $known || $type != 1 ? 0 : 3;
        my $answer = $known ? pack('nnnNnC4', 0xc00c, 1, 1, 1, 4, 127, 0, 0,
            1) : '';
        $dns->send(pack('n6', $id, 0x8180 | $code, 1, $known ? 1 : 0, 0, 0)
            . $question . $answer, 0, $from);
    }
}

my $s = Asgard::Stage->new(workers => 1, http_conf =>
    'asgard_resolver 127.0.0.1:' . $dns->sockport . ' ipv6=off;');
my $up = $s->upstream('main');
my $key = $s->key($s->project(limit => '-'));
for my $name (qw(good slow none mute once)) {
    $s->endpoint(id => $name, kind => 'openai-compatible',
        host => "$name.provider.test", port => $up->port,
        host_header => "$name.provider.test", connect_timeout_ms => 800);
    $s->model(route => $name);
}
$s->endpoint(id => 'hosts', kind => 'openai-compatible', host => 'localhost',
    port => $up->port, host_header => 'localhost');
$s->model(route => 'hosts');
push @{$s->{names}}, {name => 'none-then-good', candidates => [2, 0]},
    {name => 'mute-then-good', candidates => [3, 0]};
$s->publish;
$s->start;

is($s->chat($key, {model => 'good'})->status, 200, 'a name is resolved');
is($s->chat($key, {model => 'hosts'})->status, 200,
    'a name of /etc/hosts needs no server');

{
    my @took = $s->in_parallel(3, sub {
        my ($i) = @_;
        my $begun = time;
        my $status = $s->chat($key, {model => $i ? 'slow' : 'good'})->status;
        return "$status " . (time - $begun);
    });
    my ($status, $seconds) = split / /, $took[0];
    cmp_ok($seconds, '<', 0.3, 'a slow name server delays nobody else');
    is($_ =~ s/ .*//r, 200, 'and those who wait are answered') for @took;
}

for my $case (['none', '502 upstream_error'], ['mute',
    '504 upstream_timeout']) {
    my ($name, $expect) = @$case;
    my $reply = $s->chat($key, {model => $name});
    is($reply->status . ' ' . $reply->code, $expect, "$name: refused");
    is(money_of($s, $reply), 'v 0', "$name: void");
    is($s->chat($key, {model => "$name-then-good"})->status, 200,
        "$name: the next candidate is called");
}

{
    # an answer without a length: its connection is not kept
    $up->script({raw => "HTTP/1.1 200 OK\r\n\r\n{\"usage\":{"
        . '"prompt_tokens":1,"completion_tokens":1}}'});
    is($s->chat($key, {model => 'once'})->status, 200, 'known once');
    sleep 2.2;
    is($s->chat($key, {model => 'once'})->status, 200,
        'an address that is not known any more is kept');
}

{
    my $http = $s->http;
    $http->send_raw($http->request_text('POST', '/v1/chat/completions',
        ['Authorization', "Bearer $key->{key}", 'Content-Type',
        'application/json', 'x-asgard-trace-id', 'leaves-early'],
        $s->chat_body({model => 'mute'})));
    sleep 0.2;
    $http->close;
    is(money_of($s, 'leaves-early'), 'v 0',
        'a client that leaves before anything was sent ends the call');
}

kill TERM => $pid;
waitpid $pid, 0;
$s->done;
