#!/usr/bin/env perl
# Redis forgets everything while the network between two processes is cut, each
# pair in turn, under load: the door opens again without anybody, and no call is
# lost or counted twice.
#
# Fault rows 5, 40.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Time::HiRes qw(sleep);

use Asgard::Pairs;

my $p = Asgard::Pairs->new(pairs => [qw(gateway_redis ctl_redis ctl_postgres
    gateway_upstream gateway_ctl)]);
is($p->call, '200 -', 'a call');

# Not seeded is 503 for whoever calls meanwhile.
my $may = qr/^200[ ](?:-|cut)$|^502[ ]upstream_error$
    |^503[ ]budget_unavailable$|^504[ ]upstream_timeout$/x;

for my $name ($p->names) {
    my ($well, @told) = $p->suffer($name, sub {
        my ($proxy) = @_;
        $proxy->refuse;
        $proxy->cut;
        sleep 0.2;
        $p->test->{redis}->cmd('FLUSHALL');
        $p->test->{redis}->cmd('SCRIPT', 'FLUSH');
    });
    ok($well, "$name cut, Redis flushed, then healed: it works again");
    is_deeply([grep { $_ !~ $may } @told], [],
        '... meanwhile no call was told anything else than it may be');
    cmp_ok(scalar(grep { /^200/ } @told), '>', 0, '... many were served');
}
$p->check_books;
$p->test->done;
