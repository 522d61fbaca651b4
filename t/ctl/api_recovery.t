#!/usr/bin/perl
# A 201 means that the next call works, also while Redis comes back.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Time::HiRes qw(sleep);

use Asgard::Test;

my $t = Asgard::Test->new;
$t->start;
my $project = $t->project;
is($t->chat($t->key(project => $project))->status, 200, 'a call is answered');

for my $round (1 .. 3) {
    $t->{redis}->kill;
    $t->{redis}->start;
    my ($made, $tries);
    do {
        $made = $t->api('POST', "/api/projects/$project/keys",
            {name => "round $round"});
        sleep 0.02;
    } while ($made->status != 201 && ++$tries < 500);
    my $key = $made->json->{key};
    $t->canary("key of round $round", $key);
    is($t->chat({key => $key})->status, 200,
        "a key's 201 is followed by a call that works, round $round");
}

$t->done;
