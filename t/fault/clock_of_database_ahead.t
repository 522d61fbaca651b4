#!/usr/bin/env perl
# Whether a key's expiry lies in the future is asked of the database's clock,
# not of the clock of the process that answers.
#
# Fault row 24.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use POSIX qw(strftime);
use Test::More;

use Asgard::Test;

my $t = Asgard::Test->new(shims => {postgres => 'clock'});
$t->start;
my $project = $t->project;

sub mint {
    my ($seconds) = @_;
    return $t->api('POST', "/api/projects/$project/keys", {name => 'k',
        expires_at => strftime('%Y-%m-%dT%H:%M:%SZ', gmtime time + $seconds)});
}

is(mint(25)->status, 201, 'a key may end in 25 seconds');
is(mint(-5)->status, 400, '... but not have ended');

# Less than the minute from which on no money moves.
$t->shim('postgres')->set(50);
my $reply = mint(25);
is($reply->status, 400, 'to a database that is 50 s ahead 25 s are over');
is($reply->code, 'invalid_value', '... which is said');
is(mint(90)->status, 201, '... and 90 s are not');

$t->shim('postgres')->set(-50);
is(mint(-25)->status, 201, 'to one that is 50 s behind 25 s ago is to come');
$t->shim('postgres')->set(0);
$t->done;
