#!/usr/bin/perl
# /readyz says ready only when calls work: not while the counters still belong
# to a Redis that is gone.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Time::HiRes qw(sleep);

use Asgard::Test;

my $t = Asgard::Test->new;
$t->start;
my $key = $t->key;
is($t->chat($key)->status, 200, 'a call is answered');
for my $round (1 .. 4) {
    $t->{redis}->kill;
    sleep 1.2;          # long enough that readiness has seen it
    isnt($t->get('/readyz')->status, 200, 'a dead Redis is not ready');
    $t->{redis}->start;
    $t->wait_ready;
    is($t->chat($key)->status, 200, "ready means that a call works, $round");
}
$t->done;
