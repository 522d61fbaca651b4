#!/usr/bin/env perl
# The official Python SDK of OpenAI works through Asgard, errors included.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::FakeUpstream;
use Asgard::Sdk;

my @program = Asgard::Sdk::program('checks.py');
my $sdk = Asgard::Sdk->new;
my $t = $sdk->test;
$t->allow_alert(qr/asgard: .*(?:401|403|credential|key)/);
$sdk->checks(@program);

my @books = $sdk->{up}{main}->books;
is(scalar(@books), 2, 'refused calls did not reach the provider');
is(Asgard::FakeUpstream->header_of($books[0], 'x-stainless-lang'), undef,
    "the SDK's own headers end at the gateway");
is($sdk->{up}{$_}->count, 1, "the provider '$_' was called once")
    for qw(busy picky locked slow);

$sdk->checks_without_redis(@program);

$t->done;
