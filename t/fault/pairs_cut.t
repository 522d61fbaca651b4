#!/usr/bin/env perl
# Each pair of processes is cut apart under load, in turn: recovery needs
# nobody, and no call is lost or counted twice.
#
# Fault row 40.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Pairs;

my $p = Asgard::Pairs->new(pairs => [qw(gateway_redis ctl_redis ctl_postgres
    gateway_upstream gateway_ctl)]);
is($p->call, '200 -', 'a call');

# How it is cut: connections end and new ones are refused, or nothing passes
# and nobody says so.
my %cut = (
    refused => sub { $_[0]->refuse; $_[0]->cut },
    frozen  => sub { $_[0]->freeze },
);

for my $name ($p->names) {
    for my $how (sort keys %cut) {
        my ($well, @told) = $p->suffer($name, $cut{$how});
        ok($well, "$name $how and healed: it works again");
        is_deeply([$p->odd($name, @told)], [], '... and meanwhile no call was'
            . ' told anything else than it may be');
        cmp_ok(scalar(grep { /^200/ } @told), '>', 0, '... many were served');
    }
}
$p->check_books;
$p->test->done;
