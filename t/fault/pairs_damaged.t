#!/usr/bin/env perl
# Between each pair a connection is half closed, dribbles single bytes, is slow
# or loses replies, under load: calls end right, none is lost or counted twice,
# and it heals without help.
#
# Fault row 40.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Pairs;

# So long a deadline that single bytes are no reason to refuse.
my $p = Asgard::Pairs->new(redis_deadline => '2s',
    pairs => [qw(gateway_redis ctl_redis ctl_postgres gateway_upstream)]);
is($p->call, '200 -', 'a call');

# Every connection that there is, again and again.
sub half_closed {
    my ($way) = @_;
    return sub { my ($proxy) = @_;
        for (1 .. 4) { $proxy->half_close($way); select undef, undef, undef,
            0.1 } };
}

my @damages = (
    ['half closed towards the server', half_closed('up')],
    ['half closed towards the client', half_closed('down')],
    ['in single bytes', sub { $_[0]->one_byte }],
    ['slow', sub { $_[0]->delay(0.05) }],
    ['without three replies, then reset',
        sub { $_[0]->drop_reply(count => 3, then => 'rst') }],
    ['without a reply, and silent',
        sub { $_[0]->drop_reply(count => 1, then => 'hang') }],
);

for my $name ($p->names) {
    for (@damages) {
        my ($how, $damage) = @$_;
        my $before = $p->proxy($name)->stats;
        my ($well, @told) = $p->suffer($name, $damage);
        ok($well, "$name $how, then healed: it works");
        is_deeply([$p->odd($name, @told)], [], '... meanwhile no call was told'
            . ' anything else than it may be');
        cmp_ok(scalar(grep { /^200/ } @told), '>', 0, '... many were served');
        my $after = $p->proxy($name)->stats;
        cmp_ok($after->{up}, '>', $before->{up}, '... something went through');
    }
}
$p->check_books;
$p->test->done;
