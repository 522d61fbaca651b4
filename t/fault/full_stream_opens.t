#!/usr/bin/env perl
# A stream of usage events that is full shuts the door, and a meter that takes
# over opens it again, also when the one before it had drained everything.
#
# Fault row 8.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(wait_until);
use Asgard::OneModel qw(one_model);

my ($t, undef, $project, $key) = one_model();
my $redis = $t->{redis};

sub status { $t->chat($key, {model => 'one'})->status }

is(status(), 200, "call $_ of six is answered") for 1 .. 6;
$t->wait_ledger($project, 6);
my ($stream) = grep { $redis->cmd('XLEN', $_) > 0 }
    @{$redis->cmd('KEYS', '{p*}:u:*')};
my $meta = $stream =~ s/:u:.*/:m/r;

$t->allow_no_control;
$t->{control}->stop;
$redis->cmd('HSET', $meta, 'cap', $redis->cmd('XLEN', $stream));
is(status(), 503, 'where as many events wait as may, a call is refused');

$t->{control}->start;
$t->wait_ready;
ok(wait_until(sub { status() == 200 }, 15),
    'with the next meter the door opens again');
$t->done;
