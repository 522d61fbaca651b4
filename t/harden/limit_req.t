#!/usr/bin/env perl
# What nginx's limit_req refuses has the shape of our refusals and says when to
# come again, also before the control plane, and costs nothing.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Test;

sub is_refusal {
    my ($reply, $status, $code, $who) = @_;
    is($reply->status, $status, "$who gets $status");
    like($reply->header('content-type'), qr{^application/json}, '... in JSON');
    is($reply->code, $code, '... with its code');
    is($reply->header('retry-after'), 1, '... and when to come again');
    is($reply->header('x-should-retry'), undef, '... which it may');
    like($reply->trace // '', qr/^[A-Za-z0-9._-]{1,64}$/, '... and a trace id');
}

my %code = (503 => 'overloaded', 429 => 'rate_limit_exceeded');
for my $status (sort keys %code) {
    my $t = Asgard::Test->new(workers => 2, http_conf => 'limit_req_zone '
        . "\$binary_remote_addr zone=clients:1m rate=2r/m;\n"
        . "limit_req_status $status;\n", location_conf =>
        'limit_req zone=clients burst=1 nodelay;');
    $t->start;
    my $project = $t->project(budget_usd => '1');
    my $key = $t->key(project => $project);
    is($t->chat($key)->status, 200, 'the first call is answered') for 1 .. 2;
    my $reply = $t->chat($key);
    is_refusal($reply, $status, $code{$status}, 'the next');
    is($reply->at('error', 'type'), $status == 429 ? 'rate_limit_error'
        : 'server_error', '... and its type');
    is(scalar($t->wait_ledger($project, 2)), 2, 'only two are charged');
    Asgard::Teardown::while_running($t);
    $t->{gateway}->stop;
    $t->{control}->stop;
    Asgard::Teardown::after_stop($t);
    $t->finish;
}

# For the whole server, as it ships: whoever has the header is limited.
my $t = Asgard::Test->new(workers => 2, http_conf => <<'CONF', server_conf =>
map $http_x_limited $limited { default ''; ~. $http_x_limited; }
limit_req_zone $limited zone=some:1m rate=1r/m;
limit_req_status 429;
CONF
    'limit_req zone=some;');
$t->start;
my $key = $t->key(project => $t->project(budget_usd => '1'));
my %way = (
    'a call'                => ['POST', '/v1/chat/completions'],
    'the control plane'     => ['GET', '/api/projects'],
);
for my $who (sort keys %way) {
    my ($method, $path) = @{$way{$who}};
    my @reply = map { $t->http->request($method, $path, [
        Asgard::Test::bearer($key), 'Content-Type', 'application/json',
        'X-Limited', $path], $method eq 'POST' ? $t->chat_body : ()) } 1, 2;
    isnt($reply[0]->status, 429, "$who is not refused at first");
    is_refusal($reply[1], 429, 'rate_limit_exceeded', $who);
}
$t->done;
