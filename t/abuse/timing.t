# Row 37: how long a refusal takes does not tell how near a key is to a good
# one.
#
# By construction: a token is only judged by its grammar and hashed; what is
# compared is HMAC-SHA-256 under the pepper, of which nobody outside can choose
# a byte, so there is nothing to be near to.  The measurement is a coarse second
# witness: 10,000 requests with an unknown key and 10,000 with one that differs
# from a good key in its last eight characters, in an order that is drawn. It
# finds a shortcut that costs a hundredth of a request, if it is there in nearly
# all of twenty blocks; noise makes neither.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use List::Util qw(shuffle);
use Test::More;
use Time::HiRes qw(time);

use Asgard::Abuse;
use Asgard::Files qw(random_hex);

my $t = Asgard::Abuse->new(http_conf => 'asgard_bad_keys 0;'
    . ' keepalive_requests 100000;');
$t->start;

my $good = $t->{key}{key};
my ($blocks, $each) = (20, 500);

my %make = (
    unknown => sub { 'asg_' . random_hex(32) },
    near => sub { substr($good, 0, -8) . random_hex(4) },
);

# Seconds of one request; the reply is checked for its status alone.
sub seconds {
    my ($socket, $bytes) = @_;
    my $begun = time;
    syswrite $socket, $bytes;
    my $in = '';
    1 until $in =~ /\}\}\z/ || !sysread $socket, $in, 4096, length $in;
    my $took = time - $begun;
    die "not refused: $in" if $in !~ m{^HTTP/1\.1 401 };
    return $took;
}

sub median {
    my @sorted = sort { $a <=> $b } @_;
    return $sorted[@sorted / 2];
}

# {unknown => [...], near => [...]}: of each kind the seconds of one block.
sub block {
    my ($socket) = @_;
    my %took;
    for my $kind (shuffle(map { ($_) x $each } keys %make)) {
        my $bytes = "GET /v1/models HTTP/1.1\r\nHost: x\r\n"
            . 'Authorization: Bearer ' . $make{$kind}->() . "\r\n\r\n";
        push @{$took{$kind}}, seconds($socket, $bytes);
    }
    return \%took;
}

$t->row(37, '10,000 unknown keys and 10,000 near a good one', sub {
    my $http = $t->http;
    $t->served($t->call);
    my @medians = map { my $took = block($http->{socket});
        [map { median(@{$took->{$_}}) } qw(unknown near)] } 1 .. $blocks;
    my $longer = grep { $_->[1] > $_->[0] } @medians;
    my ($unknown, $near) = map { my $i = $_; median(map { $_->[$i] } @medians) }
        0, 1;
    my $share = abs($near - $unknown) / $unknown;
    my $says = sprintf '%.1f us and %.1f us, the near one longer in %d of %d',
        $unknown * 1e6, $near * 1e6, $longer, $blocks;
    diag($says);
    ok($share < 0.01 || ($longer > 2 && $longer < $blocks - 2),
        'no difference that can be told') or diag($says);
});

$t->done;
