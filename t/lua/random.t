# The scripts against a naive ledger: random steps from a seed, compared with a
# model that knows nothing but the rules.
#
# The model keeps every hold and what is spent in every window; at each step it
# says what the reply must be, and at quiet points M1, M3 and M4 are compared
# with Redis: spent + held <= limit at each admission, held = sum of the open
# holds, spent = sum of what was charged.  Only the clock of the scripts is
# replaced, so that windows turn and holds expire without waiting.
#
#     ASGARD_SEED=42 ASGARD_STEPS=100000 prove -It/lib t/lua/random.t

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Partition;
use Asgard::PrivateRedis;

my $SEED = $ENV{ASGARD_SEED} // time() ^ $$;
my $STEPS = $ENV{ASGARD_STEPS} // 20_000;
my $QUIET = 500;                        # steps between two comparisons
my $CLOCK = 'test:clock';
my %LENGTH = (total => 0, '10s' => 10, '1m' => 60, '1h' => 3600);

for my $name (qw(reserve finish extend seed)) {
    my $text = Asgard::Redis->script_text($name);
    $text =~ s/call\('TIME'\)/({call('GET','$CLOCK')})/g;
    Asgard::Redis->script_replace($name, $text);
}

my $server = Asgard::PrivateRedis->new;
my $redis = $server->client;
srand($SEED);                           # a server's directory is random too
my $now = 1_700_000_000 + int(rand(100_000));
$redis->cmd('SET', $CLOCK, $now);
my $p = Asgard::Partition->new(redis => $redis, part => 1);
$p->open;

# The model: budget => [[window, limit]…], and what stands in its windows.
my %budgets = (
    'p.a' => [['total', 40_000_000], ['10s', 900]],
    'p.b' => [['total', '-'], ['1m', 4_000], ['1h', 60_000]],
    'k.c' => [['total', 30_000_000]],
    'k.d' => [['total', '-'], ['10s', 1_500]],
    'k.e' => [['total', 0]],
);
my (%open, %done, %voided, %spent, %opened, %count);
my ($serial, $moved, $step) = (0, 0, 0);

for my $budget (sort keys %budgets) {
    my $specs = join(',', map { Asgard::Partition::spec($_->[0]) }
        @{$budgets{$budget}});
    is($p->seed('add', [$p->budget_keys($budget)], $p->{version}++, $now,
        $specs, map { (@$_, 0) } @{$budgets{$budget}})->[0], 'OK',
        "the budget $budget stands");
    $opened{pin($budget, $_->[0])} = 1 for @{$budgets{$budget}};
}

sub window_id {
    my ($window) = @_;
    my $length = $LENGTH{$window};
    return $length ? $now - $now % $length : 0;
}

sub pin {
    my ($budget, $window) = @_;
    return "$budget:$window:" . window_id($window);
}

sub held {
    my ($pin) = @_;
    my $sum = 0;
    for my $hold (values %open) {
        $sum += $hold->{amount} if $hold->{pins}{$pin};
    }
    return $sum;
}

sub fault {
    my ($text) = @_;
    diag("seed $SEED, step $step: $text");
    fail("the scripts and the model agree (ASGARD_SEED=$SEED)");
    done_testing();
    exit(1);
}

sub agree {
    my ($what, $got, $expected) = @_;
    fault("$what: got '$got', the model says '$expected'")
        if $got ne $expected;
    return;
}

sub some_budgets {
    my @names = grep { rand() < 0.45 } sort keys %budgets;
    return @names ? @names : ('p.a');
}

sub any_of {
    my ($hash) = @_;
    my @names = sort keys %$hash;
    return @names ? $names[rand(@names)] : undef;
}

sub expected_reserve {
    my ($id, $amount, $names) = @_;
    return 'GONE' if ($voided{$id} // 0) > 0;
    return $open{$id}{amount} == $amount ? 'DUP' : 'IDREUSE' if $open{$id};
    for my $budget (@$names) {
        for my $window (@{$budgets{$budget}}) {
            my ($name, $limit) = @$window;
            next if $limit eq '-';
            my $pin = pin($budget, $name);
            return 'OVER' if $limit == 0
                || ($spent{$pin} // 0) + held($pin) + $amount > $limit;
        }
    }
    return 'OK';
}

sub reserve {
    my ($id, $amount, $names, $ttl) = @_;
    my @pins = map { my $b = $_; map { pin($b, $_->[0]) } @{$budgets{$b}} }
        @$names;
    my $expected = expected_reserve($id, $amount, $names);
    my $reply = $p->reserve($id, $amount, $names, ttl => $ttl);
    agree("reserve $id $amount @$names", $reply->[0], $expected);
    $count{$expected}++;
    return if $expected ne 'OK';
    agree("pins of $id", $reply->[1], join(',', @pins));
    agree("expiry of $id", $reply->[2], $now + $ttl);
    $open{$id} = {amount => $amount, names => $names, created => $now,
        expires => $now + $ttl, text => $reply->[1],
        pins => {map { ($_ => 1) } @pins}};
    delete $done{$id};
    $opened{$_} = 1 for @pins;
    return;
}

sub step_reserve {
    my $amount = int(rand(10) < 1 ? rand(2_000) : rand(150));
    reserve('h' . ++$serial, $amount, [some_budgets()],
        5 + int(rand(60)));
    return;
}

sub step_duplicate {
    my $id = rand() < 0.7 ? any_of(\%open) : 'v' . int(rand($serial + 1));
    return unless $id && $open{$id};
    my $hold = $open{$id};
    reserve($id, $hold->{amount} + (rand() < 0.3), $hold->{names}, 30);
    return;
}

# A delayed duplicate of a call that is over revives its id: allowed, and
# charged by what ends it.
sub step_revive {
    my $id = any_of(\%done) // return;
    reserve($id, $done{$id}{amount}, $done{$id}{names}, 30);
    return;
}

sub end {
    my ($id, $verb, $amount) = @_;
    my $hold = $open{$id};
    my $reply = $p->finish($id, $verb, $amount, $hold->{text},
        $hold->{names});
    my $expected = $verb eq 'x' && $hold->{expires} > $now ? 'LIVE' : 'OK';
    agree("finish $id $verb", $reply->[0], $expected);
    $count{"$verb $expected"}++;
    return if $expected eq 'LIVE';
    my $charged = $verb eq 'x' ? $hold->{amount} : $verb eq 'v' ? 0 : $amount;
    $spent{$_} += $charged for keys %{$hold->{pins}};
    $moved += $charged;
    $done{$id} = delete $open{$id};
    my @done = sort keys %done;
    delete $done{$done[rand(@done)]} if @done > 50;
    return;
}

sub step_settle {
    my $id = any_of(\%open) // return;
    my $amount = $open{$id}{amount};
    end($id, 's', rand() < 0.1 ? $amount + int(rand(40))
        : int(rand($amount + 1)));
    return;
}

sub step_estimate {
    my $id = any_of(\%open) // return;
    end($id, 'e', int(rand($open{$id}{amount} + 1)));
    return;
}

sub step_void {
    my $id = any_of(\%open) // return;
    end($id, 'v', 0);
    return;
}

sub step_expire {
    my ($due) = sort { $open{$a}{expires} <=> $open{$b}{expires}
        || $a cmp $b } keys %open;
    my $id = rand() < 0.2 ? any_of(\%open) : $due;
    end($id, 'x', 0) if $id;
    return;
}

sub step_late {
    my $id = any_of(\%done) // return;
    my $hold = $done{$id};
    my $verb = rand() < 0.5 ? 's' : 'e';
    agree("late $id", $p->finish($id, $verb, int(rand(100)), $hold->{text},
        $hold->{names})->[0], 'LATE') unless $open{$id};
    $count{LATE}++;
    return;
}

# A void that overtakes its reserve: from then on the id is refused.
sub step_void_first {
    my $id = 'v' . ++$serial;
    my @names = some_budgets();
    agree("void first $id", $p->finish($id, 'v', 0, '', \@names)->[0],
        'LATE');
    $voided{$id} = 1;
    reserve($id, int(rand(100)), \@names, 30);
    return;
}

sub step_extend {
    my $id = any_of(rand() < 0.8 ? \%open : \%done) // return;
    my ($ttl, $life) = (1 + int(rand(60)), 100);
    my $reply = $p->extend($id, $ttl, $life);
    my $hold = $open{$id};
    agree("extend $id", $reply->[0], $hold ? 'OK' : 'GONE');
    return unless $hold;
    my $until = $now + $ttl;
    $until = $hold->{created} + $life if $until > $hold->{created} + $life;
    $hold->{expires} = $until if $until > $hold->{expires};
    agree("expiry of $id", $reply->[1], $hold->{expires});
    return;
}

sub step_limit {
    my $budget = any_of(\%budgets);
    for my $window (@{$budgets{$budget}}) {
        $window->[1] = rand() < 0.1 ? 0 : rand() < 0.2 ? '-'
            : $LENGTH{$window->[0]} ? int(rand(3_000))
            : 10_000_000 + int(rand(50_000_000));
    }
    agree("limit $budget", $p->limit($budget,
        map { @$_ } @{$budgets{$budget}})->[0], 'OK');
    return;
}

sub step_clock {
    $now += rand() < 0.01 ? int(rand(4_000)) : int(rand(7));
    $redis->cmd('SET', $CLOCK, $now);
    return;
}

# M3, M4 and M1 over every counter that Redis has.
sub compare {
    my %seen;
    for my $budget (sort keys %budgets) {
        my %hash = @{$redis->cmd('HGETALL', $p->key("b:$budget"))};
        for my $field (sort grep { /^[sh]:/ } keys %hash) {
            my ($kind, $rest) = split(/:/, $field, 2);
            my $pin = "$budget:$rest";
            agree("$kind of $pin", $hash{$field},
                $kind eq 'h' ? held($pin) : $spent{$pin} // 0);
            $seen{$pin}++;
        }
    }
    # A window that is over may go while only holds of 0 name it.
    for my $hold (grep { $_->{amount} > 0 } values %open) {
        agree("counters of $_", $seen{$_} // 0, 2) for keys %{$hold->{pins}};
    }
    agree('open holds', $redis->cmd('ZCARD', $p->key('x')),
        scalar(keys %open));
    my $events = 0;
    $events += $_->{d} for $p->events;
    agree('what the events moved', $events, $moved);
    $moved = 0;
    $redis->cmd('XTRIM', $p->stream, 'MAXLEN', 0);
    return;
}

my @table = ((\&step_reserve) x 30, (\&step_settle) x 14,
    (\&step_estimate) x 4, (\&step_void) x 4, (\&step_expire) x 5,
    (\&step_duplicate) x 4, (\&step_revive) x 1, (\&step_late) x 3,
    (\&step_void_first) x 2, (\&step_extend) x 6, (\&step_limit) x 1,
    (\&step_clock) x 8);

while ($step++ < $STEPS) {
    $table[rand(@table)]->();
    compare() if $step % $QUIET == 0;
}
compare();
pass("$STEPS steps from seed $SEED agree with the model");

end($_, 's', $open{$_}{amount}) for sort keys %open;
compare();
pass('and when every hold is over, nothing is held');

# A run that never met a case proves nothing about it.
ok(($count{$_} // 0) > $STEPS / 2000, "the steps met $_ often enough")
    for 'OK', 'OVER', 'DUP', 'IDREUSE', 'GONE', 'LATE', 's OK', 'e OK',
        'v OK', 'x OK', 'x LIVE';
note(join(', ', map { "$_ $count{$_}" } sort keys %count));

done_testing();
