#!/usr/bin/env perl
# What a provider itself has recorded of calls corrects the ledger: once, in any
# order, however often, with evidence that nothing outranks; and nothing has
# that rank that was not imported.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use List::Util qw(shuffle);
use Test::More;

use Asgard::Files qw(slurp spill wait_until);
use Asgard::Holds qw(ended open_holds partition_of time_out);
use Asgard::Spool qw(call_of);
use Asgard::Test;

my $json = JSON::PP->new->canonical;
my $t = Asgard::Test->new(workers => 1);
my $up = $t->upstream('main');
$t->add_model($up, ref => 'model:test/one', route => 'one');
# a provider that charges for what it refused stands in no fake's books
$t->{uncounted_calls} = 1;
$t->start;
my $project = $t->project(budget_usd => '100');
my $key = $t->key(project => $project, budgets => [['total', '90']]);
my @budgets = ("p.$project", "k.$key->{id}");
my $part = partition_of($t, $project);

sub value { $t->{postgres}->value($_[0]) }
sub charged { value('SELECT sum(delta_nano) FROM ledger') }
sub evidence {
    my ($status, $out, $err) = $t->{control}->run('evidence', @_);
    my %n = map { reverse split / /, $_, 2 } $out
        =~ /(\d+ (?:lines|told|known already|refused))/g;
    return ($status, \%n, "$out$err");
}
sub record { $json->encode({f => 1, source => 'invoice 2026-11', @_}) }
sub file {
    my ($name, @lines) = @_;
    return spill("$t->{dir}/$name", join '', map { "$_\n" } @lines);
}
sub call {
    my ($script, %change) = @_;
    $up->script($script);
    my $call = call_of($t, $t->chat($key, {model => 'one', %change}));
    if ($call->{verb} eq 'x') {
        time_out($t, grep { $_->{id} eq $call->{hold} } open_holds($t));
    }
    ended($t, $call->{hold});
    return $call;
}
sub is_end {
    my ($call, $want, $name) = @_;
    my $end;
    ok(wait_until(sub { $end = ended($t, $call->{hold});
        "$end->{rank} $end->{balance} $end->{kinds} $end->{deltas}" eq $want },
        10, 0.05), $name) or diag($json->encode($end));
}
sub is_spent {
    my ($name) = @_;
    for my $budget (@budgets) {
        ok(wait_until(sub { $part->field($budget, 's:total:0') == charged() },
            10, 0.05), "$name: Redis has spent what the ledger says");
    }
}

# One of every end.
my $known = call({headers => {'X-Request-Id' => 'req-known'}});
my $unknown = call({raw => ''});
my $void = call({status => 503});
my $estimate = call({usage => 'none',
    headers => {'X-Request-Id' => 'req-estimate'}});
my @twins = map { call({headers => {'X-Request-Id' => 'req-twin'}}) } 1, 2;
is(join(' ', map { $_->{verb} } $known, $unknown, $void, $estimate),
    's x v e', 'calls have ended in every way');
my $held = $unknown->{held};

# --- imported -----------------------------------------------------------------

my @records = (
    record(hold => $unknown->{hold}, pt => 10, ct => 4),
    record(rid => 'req-known', pt => 9, ct => 20, rt => 5, cat => 2),
    record(hold => $void->{hold}, amount => 1234),
    record(rid => 'req-estimate', pt => 10, ct => 20, amount => 210_000),
);
my ($status, $n, $text) = evidence(file('records', @records));
is($status, 0, 'a file of records is taken') or diag($text);
is_deeply($n, {lines => 4, told => 4, 'known already' => 0, refused => 0},
    '... each of its lines');
like($text, qr/^the ledger has them all$/m, '... and is in the ledger');
my $less = $held - 50_000;
is_end($unknown, "4 50000 unknown adjust $held -$less",
    'an unknown call costs what the provider counted');
is_end($void, '4 1234 settle 1234', 'so does one that was refused');
my $was = $estimate->{amount};
is_end($estimate, "4 210000 settle adjust $was " . (210_000 - $was),
    'so does one that was estimated');
my $cost = ended($t, $known->{hold})->{balance};
cmp_ok($cost, '<', 210_000, 'so does one that had told another usage');
is_end($known, "4 $cost settle adjust 210000 " . ($cost - 210_000),
    '... the difference is an entry');
is(value("SELECT detail->>'source' || ' ' || (detail->>'pt') || ' '"
    . " || (detail->>'call') FROM ledger WHERE hold_id = '$unknown->{hold}'"
    . ' AND seq = 2'), "invoice 2026-11 10 $unknown->{hold}",
    'an entry says where it comes from, how much it was, and of which call');
is_spent('after an import');
is(value("SELECT count(*) FROM audit_events WHERE action ="
    . " 'ledger.evidence'"), 1, 'the audit log has the import');

my ($state, $sum, $entries) = (0, charged(),
    value('SELECT count(*) FROM ledger'));
for my $turn (1 .. 2) {
    my $again = file("again.$turn", shuffle(@records, @records));
    ($status, $n) = evidence($again, "$t->{dir}/records");
    is("$status $n->{lines} $n->{'known already'}", '0 12 12',
        'read again, in another order and twice, all is known');
}
is(charged(), $sum, '... and costs the same');
is(value('SELECT count(*) FROM ledger'), $entries, '... with no more entries');
is(value('SELECT count(*) FROM provider_records'), 4, '... nor records');

# Of two records the larger counts, whichever comes first.
my @two = map { record(hold => $twins[$_ - 1]{hold}, amount => 100 * $_) } 1, 2;
my @more = map { record(hold => $twins[$_ - 1]{hold}, amount => 300 + $_) }
    1, 2;
($status, $n) = evidence(file('first', $two[0], $more[1]));
is("$status $n->{told}", '0 2', 'a record of each of two calls');
($status, $n) = evidence(file('second', $two[1], $more[0]));
is("$status $n->{told} $n->{'known already'}", '0 1 1',
    '... and another, the smaller of which is known by more');
is_end($twins[0], '4 301 settle adjust adjust 210000 -209900 201',
    'the larger counts that came later');
is_end($twins[1], '4 302 settle adjust 210000 -209698',
    '... and the larger that came first');
$part->finish($twins[0]{hold}, 's', 210_000, $twins[0]{pins}, \@budgets);
$part->finish($twins[0]{hold}, 'v', 0, $twins[0]{pins}, \@budgets);

# Many at once, in two processes
my @many = map { call({prompt_tokens => $_}) } 1 .. 6;
my @lines = map { record(hold => $_->{hold}, pt => 1, ct => 1) } @many;
my @parts = map { file("part.$_", shuffle(@lines)) } 1, 2;
my @got = $t->in_parallel(2, sub { join ' ', (evidence($parts[$_[0]]))[0] });
is("@got", '0 0', 'two imports of the same at once are both well');
is_end($_, "4 11000 settle adjust $_->{amount} " . (11_000 - $_->{amount}),
    'and each call is corrected once') for @many;

# --- refused ------------------------------------------------------------------

my %over = (hold => $many[0]{hold}, amount => $many[0]{held} + 1);
my @bad = (
    ['no JSON object', 'hello'],
    ['not known', record(hold => $known->{hold}, pt => 1, ct => 1, cost => 1)],
    ['names no call', record(pt => 1)],
    ['the ledger has no such call', record(hold => 'h' . '0' x 24, pt => 1)],
    ['no call in the ledger has', record(rid => 'req-nobody', pt => 1)],
    ['several calls in the ledger', record(rid => 'req-twin', pt => 1)],
    ['neither tokens', record(hold => $known->{hold})],
    ['another amount than its tokens cost',
        record(hold => $known->{hold}, pt => 10, ct => 20, amount => 210_001)],
    ['cannot be those of one call',
        record(hold => $known->{hold}, pt => 10, ct => 20, cat => 11)],
    ['does not say so', record(%over)],
    ['above what its call held, and is not',
        record(hold => $many[0]{hold}, amount => 12_000,
            overshoot => JSON::PP::true())],
    ['ten times', record(hold => $many[0]{hold},
        amount => 10 * $many[0]{held} + 10, overshoot => JSON::PP::true())],
);
$sum = charged();
my $bad = file('bad', map { $_->[1] } @bad);
($status, $n, $text) = evidence($bad);
is("$status $n->{told} $n->{refused}", '1 0 ' . @bad, 'bad lines are refused');
for my $i (0 .. $#bad) {
    my $at = "$bad:" . ($i + 1);
    like($text, qr/^\Q$at\E: refused: .*\Q$bad[$i][0]\E/m,
        "a line is refused: $bad[$i][0]");
}
is(charged(), $sum, '... and nothing is charged for them');
($status, $n) = evidence(file('over', record(%over,
    overshoot => JSON::PP::true())));
is("$status $n->{told}", '0 1', 'above the hold it must be said, and counts');
is_spent('in the end');
is((evidence("$t->{dir}/nothing"))[0], 1, 'a file that is not there');
is(($t->{control}->run('evidence'))[0], 2, 'no file is wrong usage');

# --- not imported -------------------------------------------------------------

$sum = charged();
$part->finish($many[1]{hold}, 'p', 7, $many[1]{pins}, \@budgets);
my $new = call({});
$part->finish($new->{hold}, 'p', 900_000, $new->{pins}, \@budgets);
ok(wait_until(sub { $t->{control}->log_text
    =~ /\Q$new->{hold}\E has the rank of a provider's record, and there is/ },
    10), 'an event with the rank that nobody imported is told');
is(charged(), $sum + $new->{amount}, '... and outranks nothing');
is(ended($t, $new->{hold})->{rank}, 3, '... nor has its rank');

sub broken {
    my ($what, $change, $undo, @audit) = @_;
    $t->{postgres}->rows($change);
    my ($rc, $out) = $t->{control}->run('audit', @audit);
    $t->{postgres}->rows($undo);
    return is($rc, 1, $what) ? $out : $out;
}
my $hold = $new->{hold};
like(broken('a rank that was written by hand is a broken row',
    "UPDATE holds SET rank = 4 WHERE hold_id = '$hold'",
    "UPDATE holds SET rank = 3 WHERE hold_id = '$hold'", 'money'),
    qr/^M5 hold $hold: 210000 by the provider's own record, which was not imp/m,
    '... that names the hold');
like(broken('a record that was written by hand is one, too',
    "INSERT INTO provider_records VALUES ('$hold', 210000,"
    . " '00000000-0000-4000-8000-000000000001', 'me', '{}')",
    "DELETE FROM provider_records WHERE hold_id = '$hold'", 'chain'),
    qr/^provider's records of import 00000000-.*: one was added, changed or/m,
    '... of the chain');
like(broken('so is one that was changed',
    "UPDATE provider_records SET source = 'x' WHERE hold_id ="
    . " '$void->{hold}'",
    "UPDATE provider_records SET source = 'invoice 2026-11' WHERE hold_id ="
    . " '$void->{hold}'", 'chain'),
    qr/^provider's records of import .*: one was added, changed or removed$/m,
    '... of the chain');
my $removed = "provider_records WHERE hold_id = '$void->{hold}'";
like(broken('so is one that was removed',
    "CREATE TABLE kept AS SELECT * FROM $removed; DELETE FROM $removed",
    'INSERT INTO provider_records SELECT * FROM kept; DROP TABLE kept',
    'money'), qr/^M5 hold $void->{hold}, entry 1: 1234 by the provider's own/m,
    '... and its entry has nothing to stand on');
is(($t->{control}->run('audit', 'chain'))[0], 0, 'undone, the chain is whole');
like(($t->{control}->run('audit', 'money', '--explain', $unknown->{hold}))[1],
    qr/The provider's own record says so/, 'one hold\'s life tells it');

$t->done;
