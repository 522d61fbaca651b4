#!/usr/bin/env perl
# What nginx's limit_req refuses has the shape of our refusals, and
# costs nothing.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Test;

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
    is($reply->status, $status, "the next gets $status");
    like($reply->header('content-type'), qr{^application/json}, '... in JSON');
    is($reply->at('error', 'code'), $code{$status}, '... with its code');
    like($reply->trace // '', qr/^[A-Za-z0-9._-]{1,64}$/, '... and a trace id');
    is(scalar($t->wait_ledger($project, 2)), 2, 'only two are charged');
    Asgard::Teardown::while_running($t);
    $t->{gateway}->stop;
    $t->{control}->stop;
    Asgard::Teardown::after_stop($t);
    $t->finish;
}
done_testing();
