# Limits in the scripts: requests and tokens of any 60 seconds and calls under
# way, to the microsecond; what is refused consumes nothing, what is repeated
# counts once, what is over is free.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Partition;
use Asgard::PrivateRedis;

for my $name (qw(reserve finish extend seed)) {
    my $text = Asgard::Redis->script_text($name);
    $text =~ s/call\('TIME'\)/call('HMGET','test:clock','s','u')/g;
    Asgard::Redis->script_replace($name, $text);
}
my $server = Asgard::PrivateRedis->new;
my $redis = $server->client;
my $us = 1_700_000_000 * 1_000_000;

sub at {
    my ($ms) = @_;
    my $now = $us + $ms * 1000;
    $redis->cmd('HSET', 'test:clock', 's', int($now / 1_000_000), 'u',
        $now % 1_000_000);
    return;
}
at(0);
my $p = Asgard::Partition->new(redis => $redis, part => 3);
$p->open;
$p->add('p.x', total => 1_000_000_000);
my $serial = 0;

sub ask {
    my ($limits, %with) = @_;
    return $p->reserve($with{id} // 'h' . ++$serial, $with{amount} // 1,
        ['p.x'], ttl => 120, limits => $limits, %with);
}
sub verdicts { my ($n, $limits, %with) = @_;
    return join ' ', map { ask($limits, %with)->[0] } 1 .. $n }

# --- requests -----------------------------------------------------------------

my $five = [['k.five', 5, '-', '-']];
is(verdicts(6, $five), 'OK OK OK OK OK RATE',
    'a quiet key may use its whole minute at once, and no more');
is_deeply(ask($five), ['RATE', 'k.five', 'requests', 5, 5, 60000,
    '5 0 60000 - - -'], 'the refusal says what, how much, and when');
at(59_999);
is(ask($five)->[5], 1, 'a millisecond before the minute is over');
at(60_000);
is(verdicts(6, $five), 'OK OK OK OK OK RATE', 'and then all is there again');

my $spread = [['k.spread', 3, '-', '-']];
at(100_000), ask($spread);
at(110_000), ask($spread);
at(120_000), ask($spread);
is(ask($spread)->[5], 40_000, 'each is free again 60 s after it was taken');
at(159_999), is(ask($spread)->[0], 'RATE', '... not a millisecond earlier');
at(160_000), is(verdicts(2, $spread), 'OK RATE', '... one, and not the next');
at(170_000), is(verdicts(2, $spread), 'OK RATE', '... which follows');
is(ask($spread)->[6], '3 0 60000 - - -',
    'all is there again a minute after the last');

my $before = $p->dump;
is(ask($spread)->[0], 'RATE', 'a refused call');
is($p->dump, $before, '... writes nothing at all');
is(ask($spread, amount => 2_000_000_000)->[0], 'OVER',
    'a budget that refuses goes before');
is($p->dump, $before, '... and consumes no request');

my $twice = [['k.twice', 2, 100, 2]];
ask($twice, id => 'same', tokens => 10);
is(ask($twice, id => 'same', tokens => 10)->[0], 'DUP', 'the same call again');
my $reply = ask($twice, tokens => 10);
is($reply->[3], '2 0 60000 100 80 60000', '... was counted once');

is(verdicts(2, [['k.none', 0, '-', '-']]), 'RATE RATE', 'a limit of 0');
is(ask([['k.none', 0, '-', '-']])->[5], 'never', '... never lets in');
is(ask([['k.open', '-', '-', '-']])->[0], 'OK', 'no limit lets in');
is_deeply($redis->cmd('KEYS', '*k.open*'), [], '... and writes nothing');

is(ask($twice, id => 'same.1', tokens => 10)->[3], '2 0 60000 100 70 60000',
    'a further attempt is no further request, but further tokens');

my $many = [['p.many', 10, '-', '-'], ['k.many', 2, '-', '-']];
is(verdicts(3, $many), 'OK OK RATE', 'of several scopes each one decides');
is(ask($many)->[1], 'k.many', '... and is named');
is(ask([$many->[0]])->[3], '10 7 60000 - - -',
    'what one refused did not count in the other');

# A limit that is changed holds for what was counted before.
is(ask([['k.many', 4, '-', '-']])->[3], '4 1 60000 - - -', 'a limit is raised');
is(ask([['k.many', 1, '-', '-']])->[4], 3, 'and lowered');

# Beyond 240 a minute several share an entry: never more, 0.25 s late at most.
my $large = [['k.large', 1000, '-', '-']];
at(200_000);
is(verdicts(1000, $large) =~ tr/O//, 1000, 'a thousand at once');
at(200_200), is(ask($large)->[0], 'RATE', '... and no more');
is($redis->cmd('HLEN', $p->key('r:k.large')), 4, '... in one entry');
at(260_000), is(verdicts(1001, $large) =~ tr/O//, 1000, '... until 60 s later');

# --- tokens -------------------------------------------------------------------

my $tpm = [['k.tokens', '-', 1000, '-']];
at(300_000);
$reply = ask($tpm, id => 'long', tokens => 900);
is($reply->[3], '- - - 1000 100 60000', 'tokens are reserved by an estimate');
is_deeply([@{ask($tpm, tokens => 200)}[0 .. 5]], ['RATE', 'k.tokens',
    'tokens', 1000, 900, 60000], '... and refused beyond the limit');
is(ask($tpm, tokens => 1001)->[5], 'never',
    '... for good what is larger than a minute');
at(310_000);
my $held = $reply->[1];
sub settle {
    my ($id, $used, $scope, $reserved) = @_;
    return $p->finish($id, 's', 1, $held, ['p.x'], used => $used,
        marks => {$scope => $reserved->[4]})->[0];
}
is(settle('long', 150, 'k.tokens', $reply), 'OK', 'a call used fewer');
is(ask($tpm, tokens => 850)->[0], 'OK', '... and the rest is free at once');
is(ask($tpm, tokens => 1)->[5], 50_000, '... of the minute it began in');
is(settle('long', 0, 'k.tokens', $reply), 'LATE', 'its end told twice');
is(ask($tpm, tokens => 1)->[0], 'RATE', '... corrects nothing more');
at(370_000);
my $more = ask($tpm, id => 'more', tokens => 10);
settle('more', 1500, 'k.tokens', $more);
is(ask($tpm, tokens => 1)->[4], 1500, 'more than the estimate counts too');
at(430_000);
is(ask($tpm, tokens => 1000)->[0], 'OK', '... for its minute');
my $old = ask([['k.old', '-', 100, '-']], id => 'old', tokens => 90);
$redis->cmd('DEL', $p->key('r:k.old'));
at(431_000);
ask([['k.old', '-', 100, '-']], tokens => 90);
settle('old', 1, 'k.old', $old);
is(ask([['k.old', '-', 100, '-']], tokens => 20)->[0], 'RATE',
    'a call of before a loss corrects nothing of after it');

# --- calls under way ----------------------------------------------------------

my $two = [['k.two', '-', '-', 2]];
at(500_000);
my @open = map { ask($two, id => "open$_") } 1 .. 2;
is_deeply(ask($two), ['RATE', 'k.two', 'parallel', 2, 2, 'unknown',
    '- - - - - -'], 'two calls are under way, a third is refused');
is(ask($two, id => 'open1.1')->[0], 'OK',
    'a further attempt of one of them is no further call');
$p->finish('open1', 'v', 0, $open[0][1], ['p.x'], marks => {'k.two' => ''});
is(verdicts(2, $two, ttl => 20), 'OK RATE', 'one that ends makes room for one');
at(505_000);
$p->extend("h$serial", 10, 86400);
is($p->extend('h' . ($serial - 1), 60, 86400)->[0], 'OK', 'one is kept longer');
at(521_000), is(ask($two)->[0], 'RATE', '... and keeps its place');
at(566_000), is(verdicts(2, $two), 'OK RATE',
    'one whose hold expired has none any more');
is($redis->script('release', [$p->key('o:k.two')], 'open2.3')->[0], 'OK',
    'a call is over, its hold is not');
is(verdicts(2, $two), 'OK RATE', '... its place is free at once');
is($redis->script('release', [$p->key('h:open2')], 'open2')->[0], 'ARG',
    'release takes no other key');

# What the gateways announce after a loss has its place again.
$redis->cmd('DEL', $p->key('o:k.two'));
is(ask($two, id => 'told', mode => 'A', pins => $held)->[0], 'OK',
    'a hold is announced');
is(ask($two, id => 'told', mode => 'A', pins => $held)->[0], 'DUP',
    '... twice');
is(verdicts(2, $two), 'OK RATE', '... and has one place');

# Places of calls that are over go when all was checked, and not before.
my $late = [['k.late', '-', '-', 1]];
ask($late, id => 'late', ttl => 10);
at(580_000);
my $untouched = $p->dump;
is(ask([@$late, ['k.bad', 'a', '-', '-']])->[0], 'ARG', 'a bad limit');
is($p->reserve('absent', 1, ['p.none'], limits => $late)->[0], 'UNSEEDED',
    '... or a budget that is not there');
is($p->dump, $untouched, '... and nothing was written, though a place is over');
is(ask($late, amount => 2_000_000_000)->[0], 'OVER', 'one without money');
is($redis->cmd('ZCARD', $p->key('o:k.late')), 0, '... gives the place back');
is(verdicts(2, $late), 'OK RATE', '... to the next call');

# The first attempt expired, and nobody has charged it yet; the next one runs.
my $far = [['k.far', '-', '-', 1]];
ask($far, id => $_, ttl => 10) for 'far', 'far.1';
$p->extend('far.1', 60, 86400);
at(600_000);
is(ask($far)->[0], 'RATE', 'a further attempt keeps the place of its call');
at(640_000);
is(verdicts(2, $far), 'OK RATE', '... until it is over, too');

# A clock that was set back does not keep a key out for longer than a minute.
my $clock = [['k.clock', 1, '-', '-']];
at(2_000_000), ask($clock);
at(600_000), $redis->cmd('HSET', $p->key('m'), 't', 1_700_000_600);
is(verdicts(2, $clock), 'OK RATE',
    'what was counted in the future is forgotten');

is(ask([['k.x', 'a', '-', '-']])->[0], 'ARG', 'a limit that is none');
is(ask([['k.x', 1, '-', '-']], tokens => -1)->[0], 'ARG',
    'tokens that are none');
is($p->reserve('arg', 1, ['p.x'], limits => [map { ["k.$_", 1, '-', '-'] }
    1 .. 5])->[0], 'ARG', 'more scopes than four');
done_testing();
