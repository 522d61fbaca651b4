# Endpoint names are looked up without blocking the worker: /etc/hosts first,
# then the resolver; a name that fails is a failed connection, and the last
# good addresses are kept.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Time::HiRes qw(time sleep);

use Asgard::NameServer;
use Asgard::Stage;
use Asgard::Spool qw(money_of);

my $s = Asgard::Stage->new(workers => 1);
my $dns = Asgard::NameServer->new(dir => $s->{dir});
$s->{gateway}->write_conf(http_conf => 'asgard_resolver 127.0.0.1:'
    . $dns->port . ' ipv6=off;');
$dns->say('good.provider.test', a => ['127.0.0.1']);
$dns->say('slow.provider.test', a => ['127.0.0.1'], delay => 0.4);
$dns->say('mute.provider.test', mute => 1);
$dns->say('once.provider.test', a => ['127.0.0.1'], ttl => 1);
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
    # One that no server answers for is left alone, as one that refuses is.
    my ($failed) = $s->get('/metrics')->body
        =~ /^asgard_endpoint_failures_total\{endpoint="mute"\} (\d+)$/m;
    cmp_ok($failed // 0, '>', 0, 'a name server that is silent is a failure');
    $s->chat($key, {model => 'mute-then-good'}) for 1 .. 5;
    my $asked = $dns->asked('mute.provider.test');
    is($s->chat($key, {model => 'mute-then-good'})->status, 200,
        'a call goes to the next candidate');
    is($dns->asked('mute.provider.test'), $asked,
        '  … and waits for no name that nobody knows');
}

{
    # an answer without a length: its connection is not kept
    $up->script({raw => "HTTP/1.1 200 OK\r\n\r\n{\"usage\":{"
        . '"prompt_tokens":1,"completion_tokens":1}}'});
    is($s->chat($key, {model => 'once'})->status, 200, 'known once');
    $dns->say('once.provider.test', code => 3);
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

$dns->stop;
$s->done;
