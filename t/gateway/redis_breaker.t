# A worker that stopped asking a slow Redis asks again by itself: no call may be
# needed for that, for a balancer sends none to a gateway that is not ready.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(wait_until);
use Asgard::OneModel qw(one_model);

my ($t, $up, $project, $key) = one_model();
is($t->chat($key, {model => 'one'})->status, 200, 'a call is served');
is(scalar(@{[$t->wait_ledger($project, 1)]}), 1, 'and nothing is left to tell');

sub redis_up { $t->get('/metrics')->body =~ /^asgard_redis_up (\d)/m && $1 }

is(redis_up(), 1, 'Redis is up');
$t->{redis}->freeze;
ok(wait_until(sub { !redis_up() }, 20, 0.1),
    'it hangs: the worker asks it nothing more');
$t->{redis}->thaw;

ok(wait_until(sub { redis_up() }, 20, 0.1),
    'it answers again: the worker sees that without a call');
is($t->chat($key, {model => 'one'})->status, 200, 'and serves the next one');

$t->done;
