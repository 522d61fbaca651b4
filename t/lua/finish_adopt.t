# finish.lua while a partition adopts: an outcome whose hold is gone is charged
# as it is told, once, and says so; when the partition is open it is not.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Partition;
use Asgard::PrivateRedis;

my $server = Asgard::PrivateRedis->new;
my $redis = $server->client;
my @b = ('p.x', 'k.y');
my $PINS = 'p.x:total:0,k.y:total:0';
my $p;

# A partition of this epoch with 100 spent in each budget, which adopts.
sub adopting {
    my ($epoch) = @_;
    $p = Asgard::Partition->new(redis => $redis, part => 3, epoch => $epoch);
    is($p->seed('close', [])->[0], 'OK', "epoch $epoch is closed");
    is($p->seed('budget', [$p->budget_keys($_)], 1, 'total:t', time, 'total',
        1000, '|', 's:total:0', 100)->[0], 'OK', "... $_ is seeded") for @b;
    is($p->seed('adopt', [], 0)->[0], 'OK', '... and it adopts');
}

sub told {
    my ($id, $verb, $amount) = @_;
    return $p->finish($id, $verb, $amount, $PINS, \@b)->[0];
}

sub spent_is {
    my ($spent, $moved, $name) = @_;
    is_deeply([map { $p->field($_, 's:total:0') } @b], [$spent, $spent],
        $name);
    is(($p->events)[-1]{d}, $moved, "... and the event says $moved");
}

adopting(1);
is(told('a', 's', 7), 'LATE', 'a settle that is told again');
spent_is(107, 7, 'is charged at once');
is(told('a', 's', 7), 'LATE', 'told twice');
spent_is(107, 0, '... it is charged once');
is(told('a', 's', 9), 'LATE', 'told with more');
spent_is(109, 2, '... the difference is charged');
is(told('a', 'e', 3), 'LATE', 'told with less');
spent_is(109, 0, '... nothing is');
is(told('b', 'v', 0), 'LATE', 'a void');
spent_is(109, 0, 'moves nothing');
is($p->reserve('a', 1, \@b, mode => 'A', pins => $PINS)->[0], 'GONE',
    'a hold whose end was told is not announced');

my $before = $p->dump;
is_deeply($p->finish('c', 's', 5, $PINS, ['p.x']), ['KEYS', $PINS],
    'keys that are not of the pins are said to be so');
is($p->dump, $before, '... and nothing is written');

is($p->apply(1, -9, $PINS, \@b)->[0], 'OK', 'the ledger had it before');
is_deeply([map { $p->field($_, 's:total:0') } @b], [100, 100],
    '... and takes it back');

is($p->seed('open', [], 1, 1000, '0-0')->[0], 'OK', 'open');
is(told('d', 's', 7), 'LATE', '... a late settle');
spent_is(100, 0, '... waits for the ledger');

adopting(2);
is(told('a', 's', 9), 'LATE', 'under another epoch it is told again');
spent_is(109, 9, '... and charged again: the sums are other ones');

done_testing();
