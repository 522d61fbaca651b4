# What the gateway refused is in the audit log once, also when the meter dies
# after it was written and before it is taken out of Redis; and however often a
# key is refused, about one event a second says so.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use List::Util qw(sum0);
use Time::HiRes qw(time);
use Test::More;

use Asgard::Files qw(wait_until);
use Asgard::OneModel qw(one_model);

my ($t, $up, $project, $key) = one_model(workers => 2);
my $redis = $t->{redis};

sub refused {
    return grep { $_->{action} eq 'gateway.refused' } @{$t->api_ok('GET',
        "/api/audit?action=gateway.refused&limit=1000&entity=$project")
        ->{events}};
}
sub counted { return sum0(map { $_->{data}{count} } refused()) }
sub left { return $redis->cmd('XLEN', '{asg}:refused') }

# --- many

my $began = time;
my @codes = map { split ' ' } $t->in_parallel(4, sub { join ' ', map {
    $t->chat($key, {model => 'no-such-model'})->status } 1 .. 50 });
is(scalar(grep { $_ == 404 } @codes), 200, '200 calls are refused');
my $took = time - $began;
ok(wait_until(sub { counted() >= 200 && !left() }, 30), 'all are counted');
is(counted(), 200, '... once');
cmp_ok(scalar(refused()), '<=', 2 * (2 + $took),
    '... by an event or two a second');

# --- a death between the two

my $before = refused();
$redis->cmd('ACL', 'SETUSER', 'default', '-xtrim');
$t->chat($key, {model => 'no-such-model'});
ok(wait_until(sub { refused() > $before }, 30),
    'a refusal is written and cannot be taken out');
is(left(), 1, '... it is still there');
$t->{control}->kill_role('meter');
$redis->cmd('XADD', '{asg}:refused', '*', 'k', 'x y', 'p', $project, 'c',
    'forged', 'n', 1, 't', 't', 's', 1, 'u', 2);
$t->chat($key, {model => 'one', messages => 'none'});
ok(wait_until(sub { refused() > $before + 1 }, 30),
    'the next meter writes what came since');
is(counted(), 202, '... and nothing again');
$redis->cmd('ACL', 'SETUSER', 'default', '+xtrim');
ok(wait_until(sub { !left() }, 30), 'then it is taken out');
is(counted(), 202, '... and was counted once');
is(scalar(grep { $_->{reason} eq 'forged' } refused()), 0,
    'what is no refusal is none');

$t->done;
