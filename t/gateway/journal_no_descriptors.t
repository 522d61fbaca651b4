#!/usr/bin/perl
# A worker that has no descriptor left does not take its sibling for dead.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use IO::Socket::INET;
use Time::HiRes qw(sleep);

use Asgard::Stage;

my $s = Asgard::Stage->new(workers => 2,
    main_conf => 'worker_rlimit_nofile 60;');
$s->allow_alert(qr/Too many open files/, qr/worker_connections/);
$s->model(route => 'echo');
$s->publish;
$s->start;
my $key = $s->key($s->project);

# open calls in both workers, and then every descriptor of both is taken
my @calls = map { [$s->chat_start($key, {stream => JSON::PP::true(),
    model => 'echo:latency_ms=200,chunks=20,gap_ms=150'})] } 1 .. 6;
my @idle = grep { $_ } map { IO::Socket::INET->new(PeerAddr => '127.0.0.1',
    PeerPort => $s->port, Timeout => 1) } 1 .. 150;
sleep 2;
my @whole = grep { my ($http, $reply) = @$_;
    $http->read_body($reply); $reply->body =~ /\[DONE\]/ } @calls;
is(scalar @whole, 6, 'the calls end as they should');
close $_ for @idle;
sleep 0.5;
unlike($s->{gateway}->spool, qr/dead_worker/,
    'no call was ended by the other worker');

$s->done;
