#!/usr/bin/env perl
# The official Node SDK of OpenAI works through Asgard, errors included.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Sdk;

my @program = Asgard::Sdk::program('checks.cjs');
my $sdk = Asgard::Sdk->new;
my $t = $sdk->test;
$t->allow_alert(qr/asgard: .*(?:401|403|credential|key)/);
$sdk->checks(@program);

is($sdk->{up}{main}->count, 1,
    'refused calls did not reach the provider');
is($sdk->{up}{$_}->count, 1, "the provider '$_' was called once")
    for qw(busy picky locked slow);

$sdk->checks_without_redis(@program);

$t->done;
