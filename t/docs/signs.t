#!/usr/bin/env perl
# The table of Unicode's signs is what its script writes.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(slurp top);

my $top = top();
my $written = `$top/scripts/sign-table`;
is($?, 0, 'scripts/sign-table runs');
my @now = split /\n/, $written;
my @then = split /\n/, slurp("$top/ngx_asgard_module/core/guard_signs.def");
cmp_ok(scalar(@now), '>', 900, 'it knows many signs');
is(scalar(grep { $now[$_] ne ($then[$_] // '') } 0 .. $#now)
    + abs(@now - @then), 0,
    'and core/guard_signs.def is what it writes');

done_testing();
