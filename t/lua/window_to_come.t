# Redis' clock was ahead, a call fell into the window that was then to come, and
# Redis lost everything: what the partition is told of that call opens the
# window, so that it has it when it begins.  No other window is made.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Partition;
use Asgard::PrivateRedis;

my $CLOCK = 'test:clock';
for my $name (qw(reserve finish extend seed)) {
    my $text = Asgard::Redis->script_text($name);
    $text =~ s/call\('TIME'\)/({call('GET','$CLOCK')})/g;
    Asgard::Redis->script_replace($name, $text);
}
my $server = Asgard::PrivateRedis->new;
my $redis = $server->client;
my ($MINUTE, $LIMIT) = (1_700_000_040, 100);    # a minute begins
my $NEXT = $MINUTE + 60;
my @B = ('p.x', 'k.y');
my $part = 0;

sub clock_is { $redis->cmd('SET', $CLOCK, $_[0]); return }
sub pins { my ($id) = @_; return join ',', map { "$_:1m:$id,$_:total:0" } @B }

# A partition that was seeded 30 s into the minute, before `open`.
sub seeded {
    my (%with) = @_;
    my $w = $with{w} // '1m:p:60:0,total:t';
    my $at = $with{at} // $MINUTE + 30;
    clock_is($MINUTE + 30);
    my $p = Asgard::Partition->new(redis => $redis, part => $part++);
    $p->seed('close', []);
    is($p->seed('budget', [$p->budget_keys($_)], 1, $w, $at,
        '1m', $LIMIT, 'total', '-', '|', "s:1m:$MINUTE", 11, 's:total:0', 11,
        )->[0], 'OK', "$_ is seeded") for @B;
    return $p;
}

sub adopts { my ($p) = @_; $p->seed('adopt', [], 0); return $p }
sub opens  { my ($p) = @_; $p->seed('open', [], 0, 1000, '0-0'); return $p }

sub counters {
    my ($p, $id) = @_;
    return [map { my $b = $_; map { $p->field($b, "$_:1m:$id") // '' }
        's', 'h' } @B];
}

# The next minute begins with this much spent and held.
sub begins_with {
    my ($p, $spent, $held, $name) = @_;
    clock_is($NEXT + 1);
    my $free = $LIMIT - $spent - $held;
    is_deeply([@{$p->reserve('over', $free + 1, \@B)}[0, 1, 2, 4, 5]],
        ['OVER', 'p.x', '1m', $spent, $held], $name);
    is_deeply([@{$p->reserve('fits', $free, \@B)}[0, 1]], ['OK', pins($NEXT)],
        '... and no more than what is left is granted');
    is($p->field('p.x', 'c:1m'), $NEXT, '... and it is the one in use');
    is($p->field('p.x', "s:1m:$MINUTE"), undef,
        '... and the one before is gone');
    return;
}

my $p = adopts(seeded());
is($p->finish('a', 's', 70, pins($NEXT), \@B)->[0], 'LATE',
    'while adopting, an end is told');
is($p->finish('a', 's', 72, pins($NEXT), \@B)->[0], 'LATE', '... and again');
is_deeply(counters($p, $NEXT), [72, 0, 72, 0], '... its window has it');
is($p->field('p.x', 'a:1m'), $NEXT, '... which is one to come');
is($p->field('p.x', 'c:1m'), $MINUTE, '... not the one in use');
begins_with(opens($p), 72, 0, '... and begins with it');

$p = adopts(seeded());
is($p->reserve('b', 60, \@B, mode => 'A', pins => pins($NEXT))->[0], 'OK',
    'while adopting, an open hold is told');
is_deeply(counters($p, $NEXT), [0, 60, 0, 60], '... and is held there');
opens($p);
is($p->reserve('c', 20, \@B, mode => 'A', pins => pins($NEXT))->[0], 'OK',
    '... another when it is open');
is($p->finish('b', 's', 50, pins($NEXT), \@B)->[0], 'OK',
    '... the first one ends before the window begins');
begins_with($p, 50, 20, '... which begins with both');
is($p->finish('c', 'v', 0, pins($NEXT), \@B)->[0], 'OK',
    '... a hold that is void then');
is_deeply(counters($p, $NEXT), [50, 30, 50, 30], '... is held no more');

$p = opens(adopts(seeded()));
is($p->finish('d', 's', 40, pins($NEXT), \@B)->[0], 'LATE',
    'when it is open an end is told');
is_deeply(counters($p, $NEXT), [('') x 4], '... which waits for the ledger');
is($p->apply(1, 40, pins($NEXT), \@B)->[0], 'OK', '... until it corrects');
is($p->apply(2, -3, pins($NEXT), \@B)->[0], 'OK', '... and once more');
begins_with($p, 37, 0, '... and it begins with that');

$p = seeded();
is($p->seed('hold', [$p->key('h:e'), $p->key('x'), $p->budget_keys(@B)], 'e',
    33, $MINUTE, $NEXT + 200, pins($NEXT), '')->[0], 'OK',
    'a hold is seeded');
begins_with(opens(adopts($p)), 0, 33, '... and the window begins with it');

# What must not be made
$p = opens(adopts(seeded()));
for (['that began before the seed', $MINUTE - 60],
    ['of another length', $NEXT + 7]) {
    my ($what, $id) = @$_;
    my $seq = 1 + $p->meta('adj');
    is($p->apply($seq, 5, pins($id), \@B)->[0], 'OK', "a window $what");
    is_deeply(counters($p, $id), [('') x 4], '... is not made');
}
is($p->reserve('f', 1, \@B, mode => 'A', pins => pins($MINUTE - 60))->[0],
    'OK', 'a hold of one that is over');
is_deeply(counters($p, $MINUTE - 60), [('', 1) x 2],
    '... makes none, but is counted as held');
is($p->field('p.x', 'a:1m'), undef, '... and none is noted as to come');

$p = opens(adopts(seeded()));
$redis->cmd('HDEL', $p->key('b:p.x'), map { "$_:1m:$MINUTE" } 's', 'h');
$p->apply(1, 5, pins($MINUTE), \@B);
is($p->field('p.x', "s:1m:$MINUTE"), undef, 'what was lost of the window in '
    . 'use stays lost');
is($p->field('k.y', "s:1m:$MINUTE"), 16, '... and the rest is corrected');
is($p->reserve('g', 1, \@B)->[0], 'UNSEEDED', '... and nothing is granted');
$redis->cmd('DEL', $p->key('b:k.y'));
$p->apply(2, 5, pins($NEXT), \@B);
is($redis->cmd('EXISTS', $p->key('b:k.y')), 0, 'a budget that was lost stays '
    . 'lost');
is($p->field('p.x', "s:1m:$NEXT"), 5, '... beside one that was not');

$p = opens(adopts(seeded(at => $NEXT + 1)));
$p->apply(1, 5, pins($NEXT), \@B);
is_deeply(counters($p, $NEXT), [('') x 4],
    'a window that was over when the budget was seeded is not made');

my @days = map { $MINUTE + $_ * 60 } 0 .. 3;
$p = opens(adopts(seeded(
    w => '1m:c:' . join('/', @days) . '@Europe/Berlin,total:t')));
$p->apply(1, 5, pins($_), \@B) for $NEXT + 1;
is_deeply(counters($p, $NEXT + 1), [('') x 4], 'of another zone none is made');
$p->apply(2, 5, pins($days[3]), \@B);
is_deeply(counters($p, $days[3]), [('') x 4], '... nor one without an end');
$p->apply(3, 5, pins($NEXT), \@B);
begins_with($p, 5, 0, 'one of its zone begins with what it was told');

# Nothing is written before the last check
$p = adopts(seeded());
my $before = $p->dump;
is($p->finish('h', 's', 5, pins($NEXT), ['p.x'])->[0], 'KEYS',
    'other budgets than the pins name');
is($p->apply(1, 5, pins($NEXT), ['p.x'])->[0], 'ARG', '... for a correction');
is($p->reserve('h', 5, ['p.x'], mode => 'A', pins => pins($NEXT))->[0], 'ARG',
    '... for a hold');
is($p->dump, $before, '... open no window');

done_testing();
