# M1: what is above a limit is proved to the nano-dollar, or reported.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use POSIX ();
use Test::More;

use Asgard::Files qw(wait_until);
use Asgard::Meter;

my ($m, $id, $budget, $p) = Asgard::Meter->with_project(part => 4,
    total => 1000);
my $hash = $p->key("b:$budget");

sub audit {
    my ($status, $out, $err) = $m->{control}->run('audit', 'money');
    return ($status, "$out$err");
}

sub is_well {
    my ($name) = @_;
    my ($status, $text) = audit();
    is($status, 0, $name) or diag($text);
}

sub is_broken {
    my ($like, $name) = @_;
    my ($status, $text) = audit();
    is($status, 1, "$name is found");
    like($text, $like, '... with its amounts');
}

sub says {
    my ($sum, $limit, $higher, $above) = @_;
    my $text = "M1 $budget:total:0: $sum above its limit of $limit; a higher"
        . " limit explains $higher, charges above their holds $above";
    return qr/^\Q$text\E$/m;
}

sub call {
    my ($hold, $held, @end) = @_;
    my $r = $p->reserve($hold, $held, [$budget], detail => $m->detail($id));
    is($r->[0], 'OK', "$hold is granted");
    $p->finish($hold, $end[0], $end[1], $r->[1], [$budget],
        detail => $m->detail($id, %{$end[2] // {}})) if @end;
    $m->balance($hold) if @end;
    return $r->[1];
}

sub limit {
    my ($limit) = @_;
    $m->window($budget, 'total', $limit);
    wait_until(sub { ($p->field($budget, 'l:total') // '') eq
        ($limit eq 'NULL' ? '-' : $limit) }, 5, 0.02)
        or die "the limit is not sent\n";
}

# A planted amount stands in Redis and in the ledger, so that only M1 sees it.
sub plant {
    my ($amount) = @_;
    $m->cmd('HINCRBY', $hash, 's:total:0', $amount);
    $m->sql("INSERT INTO openings VALUES ('$budget', 'total', 0, 0)"
        . ' ON CONFLICT DO NOTHING');
    $m->sql("UPDATE openings SET amount_nusd = amount_nusd + $amount");
}

# Within
call('h1', 600, 's', 600);
my $pins = call('h2', 300);
is_well('what is within its limit is well');

# Announced again by a gateway that did not hear of its end
my $again = $p->reserve('h1', 600, [$budget], mode => 'A', pins => $pins,
    detail => $m->detail($id));
is($again->[0], 'OK', 'an ended call is held again');
is($p->field($budget, 'h:total:0') + $p->field($budget, 's:total:0'), 1500,
    '... and counts twice in Redis');
is_well('... but once in what is admitted');
$p->finish('h1', 's', 600, $pins, [$budget], detail => $m->detail($id));
ok(wait_until(sub { $p->field($budget, 's:total:0') == 600 }, 5, 0.02),
    '... and once when it has ended again');
is_well('... which is well');

# A limit that was lowered explains as much as was used then
limit(400);
is_well('spent and held above a lowered limit are explained by it');
plant(1);
is_broken(says('spent 601 + held 300 is 501', 400, 500, 0),
    'one nano-dollar more than the lowering explains');
plant(-1);
is_well('all that the lowering explains is well again');
$m->sql("DELETE FROM budget_limits WHERE limit_nusd = 1000");
is_broken(qr/a higher limit explains 0,/, 'a higher limit that nobody set');
$m->sql('INSERT INTO budget_limits (id, budget_id, window_name, limit_nusd)'
    . " OVERRIDING SYSTEM VALUE VALUES (0, '$budget', 'total', 1000)");

# An overshoot explains itself, the rest of the limit is still watched
$p->finish('h2', 's', 550, $pins, [$budget],
    detail => $m->detail($id, flags => '["overshoot"]'));
$m->balance('h2');
is($p->field($budget, 's:total:0'), 1150, 'an overshoot passes the limit');
is_well('and is explained');
plant(1);
is_broken(says('spent 1151 + held 0 is 751', 400, 500, 250),
    'one nano-dollar more than all of it');
plant(-1);

# The room of a void was given to another; then it was used after all
limit(2000);
$pins = call('h3', 850, 'v', 0);
call('h4', 850, 's', 850);
$p->finish('h3', 's', 700, $pins, [$budget], detail => $m->detail($id));
ok(wait_until(sub { $p->field($budget, 's:total:0') == 2700 }, 5, 0.02),
    'a correction upward passes the limit');
is_well('and is explained');
plant(251);
is_broken(says('spent 2951 + held 0 is 951', 2000, 0, 950),
    'one nano-dollar more than the correction');
plant(-251);

# The limit itself
$m->cmd('HSET', $hash, 'l:total', 5000);
is_broken(qr/^M1 \S+: Redis limits it to 5000, the record says 2000$/m,
    'a limit that was raised in Redis');
my $version = $m->cmd('HGET', $hash, 'v');
$m->cmd('HSET', $hash, 'l:total', 900_000, 'v', 77);
is_broken(qr/: Redis limits it to 900000, the record says 2000$/m,
    'a limit that was raised in Redis under a higher version');
$m->cmd('HSET', $hash, 'v', $version);
$m->cmd('HSET', $hash, 'l:total', '-');
is_broken(qr/: Redis limits it to nothing, the record says 2000$/m,
    'a limit that was taken away in Redis');
$m->cmd('HSET', $hash, 'l:total', 2000);

# A window that is added over what was spent opens above its limit
$m->window($budget, '1mo', 100);
ok(wait_until(sub { defined $p->field($budget, 'l:1mo') }, 5, 0.02),
    'a window is added');
is_well('what was spent before a limit was set is no break of it');

# Under traffic, with limits that change
limit(4000);
my $pid = fork() // die "fork: $!";
if (!$pid) {
    my $own = $m->partition(4);
    for my $n (1 .. 100000) {
        my $r = $own->reserve("t$n", 300, [$budget],
            detail => $m->detail($id));
        $own->finish("t$n", ('s', 'v', 'e')[$n % 3], $n % 3 == 1 ? 0 : 1,
            $r->[1], [$budget], detail => $m->detail($id))
            if $r->[0] eq 'OK';
        select undef, undef, undef, 0.002;
    }
    POSIX::_exit(0);
}
for my $limit (3000, 100_000, 2800) {
    limit($limit);
    is_well("nothing is found beside running calls, limited to $limit");
}
kill KILL => $pid;
waitpid $pid, 0;

$m->done;
