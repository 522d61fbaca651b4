#!/usr/bin/env perl
# The official Node SDK of OpenAI works through Asgard, errors included.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Sdk;

my $sdk = Asgard::Sdk->new;
my $t = $sdk->test;
$t->allow_alert(qr/asgard: .*(?:401|403|credential|key)/);
my ($node) = grep { -x } map { "$_/node" } split /:/, $ENV{PATH};
$sdk->checks({NODE_PATH => Asgard::Sdk::sdk_dir() . '/node_modules'},
    $node // 'node', "$FindBin::Bin/checks.cjs");

is(scalar(my @books = $sdk->{up}{main}->books), 1,
    'refused calls did not reach the provider');
is(scalar($sdk->{up}{$_}->books), 1, "the provider '$_' was called once")
    for qw(busy picky locked slow);

$t->done;
