#!/usr/bin/env perl
# A request that a provider has read on a kept connection, which then resets, is
# not sent again: its outcome is unknown.
#
# Fault row 16.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Asgard::FaultProxy;
use Asgard::Test;

my $t = Asgard::Test->new(workers => 1);
my $up = $t->upstream('main');
my $line = Asgard::FaultProxy->new(dir => $t->{dir}, name => 'line',
    protocol => 'raw', to => '127.0.0.1:' . $up->port);
$t->add_service('main', $up, base_url => 'http://' . $line->address,
    models => [{ref => 'model:main/main'}]);
$t->start;
my $key = $t->key;
is($t->chat($key, {model => 'main'})->status, 200, 'a connection is kept');
$line->drop_reply(match => 'POST ', then => 'rst');
my $reply = $t->chat($key, {model => 'main'});
is($up->count, 2, 'a request that was answered into a reset is asked once');
is($reply->status, 502, '... and is 502');
$t->done;
