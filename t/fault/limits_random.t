#!/usr/bin/env perl
# Whatever is asked of two gateways with two workers each, in no 60 seconds more
# is let in than the limits of a key and of its project say, and no less than
# there is room for: against a list of what the provider served.  A refusal is
# true to its time: one second before it is refused still, at it let in.
#
#     TEST_SEED=42 prove t/fault/limits_random.t
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use List::Util qw(max min sum0);
use Test::More;
use Time::HiRes qw(time);

use Asgard::Test;

my $MINUTE = 60;
my $ROUNDS = 12;
my $CHILDREN = 4;
my ($IN, $OUT) = (10, 20);              # tokens of each answer
my $USED = $IN + $OUT;
my $ESTIMATE = $OUT + 100;              # its prompt has less than 400 bytes
my $seed = $ENV{TEST_SEED} // time() ^ $$;
srand $seed;
note "TEST_SEED=$seed";

my $t = Asgard::Test->new(workers => 2, gateways => 2, redis_deadline => '5s');
my $up = $t->upstream('main', prompt_tokens => $IN, completion_tokens => $OUT);
$t->add_model($up, ref => 'model:test/one', route => 'one');
$t->start;

# --- time that a test cannot wait for

# Seconds that were skipped.  What Redis has counted is so much older then.
my $skipped = 0;
sub now { return time + $skipped }

sub skip_time {
    my ($s) = @_;
    for my $name (@{$t->{redis}->cmd('KEYS', '*:r:*')}) {
        my %field = @{$t->{redis}->cmd('HGETALL', $name)};
        for my $f (grep { /^[qt]:\d/ } keys %field) {
            my ($first, $last, $n) = split / /, $field{$f};
            my $us = int($s * 1e6);
            $t->{redis}->cmd('HSET', $name, $f,
                join ' ', $first - $us, $last - $us, $n);
        }
    }
    $skipped += $s;
    return;
}

# --- what was let in

my (%limits, %scopes_of, %served, @wrong);

sub scope {
    my ($name, %limit) = @_;
    $limits{$name} = \%limit;
    return %limit;
}

# Of a list of [from, to, calls]: those that are surely, and those that may be,
# of the minute before `from`, `to`.
sub within {
    my ($list, $from, $to) = @_;
    return (sum0(map { $_->[2] } grep { $_->[0] > $to - $MINUTE } @$list),
        sum0(map { $_->[2] } grep { $_->[1] > $from - $MINUTE - 1 } @$list));
}

# Calls that a scope has room for: at most, and at least.  Each has used so many
# tokens in the end, and is counted with $ESTIMATE at most until then.
sub room {
    my ($scope, $from, $to) = @_;
    my ($sure, $maybe) = within($served{$scope} // [], $from, $to);
    my ($rpm, $tpm) = map { $limits{$scope}{$_} // 1e9 }
        qw(rpm_limit tpm_limit);
    return (min($rpm - $sure, int($tpm / $USED) - $sure),
        max(0, min($rpm - $maybe, int(($tpm - $maybe * $USED) / $ESTIMATE))));
}

# Everybody asks with this key at once.
sub ask {
    my ($key, $each) = @_;
    my $before = $up->count;
    my $from = now();
    my @told = map { split /,/ } $t->in_parallel($CHILDREN, sub {
        my ($i) = @_;
        return join ',', map { $t->at(($i + $_) % 2)->chat($key,
            {model => 'one', max_tokens => $OUT})->status } 1 .. $each;
    });
    return ($from, now(), $up->count - $before, \@told);
}

sub judge {
    my ($key, $each) = @_;
    my ($from, $to, $n, $told) = ask($key, $each);
    my $ok = grep { $_ == 200 } @$told;
    push @wrong, "$n reached the provider, $ok were let in" if $n != $ok;
    push @wrong, "told: @$told" if grep { $_ != 200 && $_ != 429 } @$told;
    my @room = map { [room($_, $from, $to)] } @{$scopes_of{$key->{id}}};
    my $most = min(map { $_->[0] } @room);
    my $least = min($each * $CHILDREN, map { $_->[1] } @room);
    push @wrong, "$n were let in, room was for $most" if $n > $most;
    push @wrong, "$n were let in, room was for $least" if $n < $least;
    push @{$served{$_}}, [$from, $to, $n] for @{$scopes_of{$key->{id}}};
    return;
}

my @keys;
for my $n (1, 2) {
    my $project = $t->project(budget_usd => '100',
        scope("p$n", rpm_limit => 20 + int rand 30));
    for my $m (1, 2) {
        my $key = $t->key(project => $project, scope("k$n.$m",
            rpm_limit => 3 + int rand 25,
            $m == 1 ? () : (tpm_limit => 400 + int rand 1500)));
        $scopes_of{$key->{id}} = ["p$n", "k$n.$m"];
        push @keys, $key;
    }
}

for (1 .. $ROUNDS) {
    judge($_, 1 + int rand 7) for grep { rand() < 0.7 } @keys;
    skip_time(rand() < 0.3 ? 1 + rand 5 : 10 + rand 40);
}
is(join("\n", @wrong), '', 'what is let in is what there is room for');
cmp_ok(scalar(map { @$_ } values %served), '>', 2 * $ROUNDS,
    '... of many rounds');

# --- true to its time

my $exact = $t->key(project => $t->project(budget_usd => '100'),
    rpm_limit => 4);
is((ask($exact, 3))[2], 4, 'a limit is used up');
skip_time(20 + rand 20);
my $reply = $t->at(0)->chat($exact, {model => 'one'});
is($reply->status, 429, '... and refuses');
my $asked = time;
my $ms = $reply->header('retry-after-ms');
cmp_ok($reply->header('retry-after') * 1000, '>=', $ms,
    '... with a time in whole seconds that is not before it');
skip_time($ms / 1000 - 1 - (time - $asked));
my $early = time;
my $status = $t->at(1)->chat($exact, {model => 'one'})->status;
SKIP: {
    skip 'the machine was slow', 1 if time - $early > 0.8;
    is($status, 429, 'one second before it another gateway refuses still');
}
skip_time(1);
is($t->at(1)->chat($exact, {model => 'one'})->status, 200, '... and at it not');
$t->done;
