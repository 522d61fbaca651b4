#!/usr/bin/perl
# An entry of the ledger has the time of its call, also when asgard-ctl was
# down when the call was made.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Time::HiRes qw(sleep);
use Time::Local qw(timegm);

use Asgard::Test;

my $t = Asgard::Test->new;
$t->start;
my $key = $t->key;
is($t->chat($key)->status, 200, 'a call is answered');
$t->wait_ledger($key->{project_id}, 1);

$t->stop_control;
is($t->chat($key)->status, 200, 'calls go on without asgard-ctl');
my $called = time;
sleep 3;
$t->{control}->start;
$t->wait_ready;
my ($first, $second) = $t->wait_ledger($key->{project_id}, 2, 15);
ok($second, 'what waited is in the ledger once asgard-ctl is back');
my ($y, $mo, $d, $h, $mi, $s) = $second->{ts}
    =~ /\A(\d+)-(\d+)-(\d+)T(\d+):(\d+):(\d+)\.\d{3}Z\z/;
my $at = timegm($s, $mi, $h, $d, $mo - 1, $y);
ok(abs($at - $called) <= 1, '... with the time of the call')
    or diag("$at, called at $called");

$t->done;
