#!/usr/bin/perl
# The ledger's chain is verified entry by entry, over months and over what was
# pruned; whatever the owner of the tables changes or removes is found.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(wait_until);
use Asgard::Meter;

my $m = Asgard::Meter->new;
# The last month may be closed only when its second day is over: not that one.
my @month = map { $m->month($_) } 4, 3, 2;
my @table = map { (my $t = "ledger_$_") =~ tr/-/_/; $t } @month;

# Entries of partitions 3 and 5 in three months, more than one batch of them,
# and those of months mixed where months meet, as late events mix them.
$m->sql("SELECT ledger_month_create('$_-01')") for @month;
$m->sql(<<"SQL");
INSERT INTO holds (hold_id, partition, epoch, pins, rank, balance_nano, state,
    project_id, detail, next_seq)
SELECT 'h' || n, 3 + n % 2 * 2, 1, '', 3, n, 'settled', 'p', '{}', 2
FROM generate_series(1, 14000) n;
CREATE FUNCTION fill() RETURNS void LANGUAGE plpgsql AS \$\$
DECLARE
    months text[] = '{$month[0],$month[1],$month[2]}';
    r record;
    link bytea[] = '{"","","","","",""}';
BEGIN
    FOR r IN SELECT n, 'h' || n AS hold, (months[least(3, 1 + n / 5000
        + (n % 5000 > 4900 AND n % 4 < 2)::int)] || '-10')::timestamptz
        + n * interval '1 second' AS at, (3 + n % 2 * 2)::smallint AS part
        FROM generate_series(1, 14000) n ORDER BY n
    LOOP
        link[r.part] = sha256(link[r.part] || convert_to(ledger_text(r.hold, 1,
            'settle', r.n, 3::smallint, 'usage', r.at, r.part, 'p', 2, NULL,
            '{"pt": 1}'), 'UTF8'));
        INSERT INTO ledger (hold_id, seq, kind, delta_nano, rank, cause, at,
            partition, project_id, project_version, detail, hash)
            VALUES (r.hold, 1, 'settle', r.n, 3, 'usage', r.at, r.part,
            'p', 2, '{"pt": 1}', link[r.part]);
    END LOOP;
    UPDATE partitions SET ledger_hash = link[partition]
        WHERE partition IN (3, 5);
END \$\$;
SELECT fill();
DROP FUNCTION fill();
SQL

sub audit {
    my ($status, $out, $err) = $m->{control}->run('audit', 'chain');
    return ($status, "$out$err");
}

sub whole {
    my ($links) = @_;
    wait_until(sub { $m->value('SELECT count(*) = (SELECT count(*) FROM'
        . ' audit_seals) FROM audit_events') eq 't' }, 5, 0.05);
    my ($status, $text) = audit();
    $links += $m->value('SELECT count(*) FROM audit_seals');
    is($status, 0, 'the chains are whole') or diag($text);
    like($text, qr/^$links links checked, 0 broken$/m, '... each link');
}

# As the owner, past the triggers that guard a closed month.
sub edit {
    my (@sql) = @_;
    my @tables = grep { $m->value("SELECT to_regclass('$_') IS NOT NULL")
        eq 't' } @table;
    $m->sql(join ';', 'BEGIN', (map { "ALTER TABLE $_ DISABLE TRIGGER USER" }
        @tables), @sql, (map { "ALTER TABLE $_ ENABLE TRIGGER USER" }
        @tables), 'COMMIT');
}

# The first line that the audit has to say is the one that is expected.
sub finds {
    my ($name, $like, $do, $undo) = @_;
    edit(@$do);
    my ($status, $text) = audit();
    is($status, 1, "$name is found");
    like($text, qr/\A$like$/m, '... and the first entry that is wrong named');
    edit(@$undo);
}

# Out of the ledger and in again; the numbers stay out of it.
sub taken {
    my ($name, $where, $like) = @_;
    finds($name, $like, ["CREATE TABLE kept AS SELECT * FROM ledger WHERE"
        . " $where", "DELETE FROM ledger WHERE $where"],
        ["DELETE FROM ledger_seqs WHERE (hold_id, seq) IN (SELECT hold_id, seq"
        . ' FROM kept)', 'INSERT INTO ledger OVERRIDING SYSTEM VALUE SELECT *'
        . ' FROM kept ORDER BY id', 'DROP TABLE kept']);
}

# Of the entry of a hold in its partition: the id of the one after it.
sub after {
    my ($n) = @_;
    return $m->value("SELECT id FROM ledger WHERE hold_id = 'h@{[$n + 2]}'");
}
sub id { $m->value("SELECT id FROM ledger WHERE hold_id = 'h$_[0]'") }
sub wrong {
    my ($id, $part) = @_;
    return "ledger entry $id of partition $part: it or one before it was"
        . ' changed';
}

sub change {
    my ($n) = @_;
    my $part = 3 + $n % 2 * 2;
    my $set = 'UPDATE ledger SET';
    my $where = "WHERE hold_id = 'h$n'";
    finds("an amount changed by one nano-dollar (h$n)", wrong(id($n), $part),
        ["$set delta_nano = delta_nano + 1 $where"],
        ["$set delta_nano = delta_nano - 1 $where"]);
    finds('a time moved by a microsecond', wrong(id($n), $part),
        ["$set at = at + interval '1 us' $where"],
        ["$set at = at - interval '1 us' $where"]);
    finds('a detail', wrong(id($n), $part),
        ["$set detail = '{\"pt\": 2}' $where"],
        ["$set detail = '{\"pt\": 1}' $where"]);
}

sub tamper {
    my ($n) = @_;
    change($n);
    taken("an entry taken out (h$n)", "hold_id = 'h$n'",
        wrong(after($n), 3 + $n % 2 * 2));
}

whole(14000);
tamper($_) for 1, 4903, 9999, 13000;
taken('the end of a chain taken out', "hold_id IN ('h14000', 'h13998')",
    'ledger of partition 3: its last entries are gone');
taken('a whole chain taken out', 'partition = 5',
    'ledger of partition 5: its last entries are gone');
finds('an amount changed together with its hash', wrong(after(6001), 5),
    ["UPDATE ledger SET delta_nano = 7, hash = (SELECT sha256(p.hash ||"
    . ' convert_to(ledger_text(l.hold_id, l.seq, l.kind, 7, l.rank, l.cause,'
    . ' l.at, l.partition, l.project_id, l.project_version, l.key_id,'
    . " l.detail), 'UTF8')) FROM ledger p, ledger l WHERE p.hold_id = 'h5999'"
    . " AND l.hold_id = 'h6001') WHERE hold_id = 'h6001'"],
    ["UPDATE ledger SET delta_nano = 6001, hash = (SELECT sha256(p.hash ||"
    . ' convert_to(ledger_text(l.hold_id, l.seq, l.kind, 6001, l.rank,'
    . ' l.cause, l.at, l.partition, l.project_id, l.project_version,'
    . " l.key_id, l.detail), 'UTF8')) FROM ledger p, ledger l WHERE p.hold_id ="
    . " 'h5999' AND l.hold_id = 'h6001') WHERE hold_id = 'h6001'"]);
whole(14000);

# The month in the middle goes; the chain hangs on where it was.
$m->start;
$m->wait_open or die "the partitions do not open\n";
sub prune {
    my ($month) = @_;
    for (['ledger', 'export', $month, "$m->{dir}/$month"],
        ['prune', $month, '--export', "$m->{dir}/$month"]) {
        my ($status, $out, $err) = $m->{control}->run(@$_);
        is($status, 0, "@$_[0 .. 1]") or diag("$out$err");
    }
}
sub left { $m->value('SELECT count(*) FROM ledger') }

prune($month[1]);
is($m->value("SELECT to_regclass('$table[1]') IS NULL"), 't',
    'the month in the middle is pruned');
my $n = left();
cmp_ok($n, '<', 14000, '... with its entries');
cmp_ok($m->value('SELECT count(*) FROM ledger_gaps'), '>', 20,
    '... which stood among those that stay');
whole($n);
tamper(4895);
change(4911);                           # after one that went
my ($gap, $hash) = @{($m->sql("SELECT first_id, encode(after, 'hex') FROM"
    . ' ledger_gaps WHERE partition = 5 ORDER BY first_id OFFSET 3 LIMIT 1'))
    [0]};
my $before = $m->value('SELECT hold_id FROM ledger WHERE partition = 5 AND'
    . " id < $gap ORDER BY id DESC LIMIT 1");
taken('an entry taken out before a gap', "hold_id = '$before'",
    "ledger of partition 5: an entry before those pruned, $gap to \\d+, was"
    . ' changed or is gone');
my $kept = "ledger month $month[1]: what its prune kept of the chain was"
    . ' changed';
finds('another hash after a gap', $kept,
    ["UPDATE ledger_gaps SET after = sha256('x') WHERE first_id = $gap"],
    ["UPDATE ledger_gaps SET after = decode('$hash', 'hex') WHERE first_id ="
    . " $gap"]);
finds('a gap widened over an entry that was taken out', $kept,
    ["CREATE TABLE kept AS SELECT * FROM ledger WHERE hold_id = '$before'",
    "CREATE TABLE kept_g AS SELECT * FROM ledger_gaps WHERE first_id = $gap",
    "DELETE FROM ledger WHERE hold_id = '$before'",
    'UPDATE ledger_gaps SET first_id = (SELECT id FROM kept), before ='
    . " (SELECT hash FROM ledger WHERE partition = 5 AND id < $gap"
    . " ORDER BY id DESC LIMIT 1) WHERE first_id = $gap"],
    ['DELETE FROM ledger_gaps WHERE first_id = (SELECT id FROM kept)',
    'INSERT INTO ledger_gaps SELECT * FROM kept_g',
    "DELETE FROM ledger_seqs WHERE hold_id = '$before'",
    'INSERT INTO ledger OVERRIDING SYSTEM VALUE SELECT * FROM kept',
    'DROP TABLE kept, kept_g']);
finds('a gap taken out', $kept,
    ["CREATE TABLE kept AS SELECT * FROM ledger_gaps WHERE first_id = $gap",
    "DELETE FROM ledger_gaps WHERE first_id = $gap"],
    ['INSERT INTO ledger_gaps SELECT * FROM kept', 'DROP TABLE kept']);
finds('a prune that never was', "ledger month $month[2]: what its prune.*",
    ["INSERT INTO ledger_gaps SELECT partition, id, id, '$month[2]-01', (SELECT"
    . ' hash FROM ledger p WHERE p.partition = l.partition AND p.id < l.id'
    . ' ORDER BY id DESC LIMIT 1), hash FROM ledger l WHERE hold_id ='
    . " 'h12001'",
    "CREATE TABLE kept AS SELECT * FROM ledger WHERE hold_id = 'h12001'",
    "DELETE FROM ledger WHERE hold_id = 'h12001'"],
    ["DELETE FROM ledger_gaps WHERE month = '$month[2]-01'",
    "DELETE FROM ledger_seqs WHERE hold_id = 'h12001'",
    'INSERT INTO ledger OVERRIDING SYSTEM VALUE SELECT * FROM kept',
    'DROP TABLE kept']);
whole($n);

# The months beside it, whose entries stood between its own
prune($month[0]);
whole(left());
prune($month[2]);
is(left(), 0, 'every month is pruned');
whole(0);
finds('a chain whose end was moved', 'ledger of partition 3: its last entries'
    . ' are gone', ["UPDATE partitions SET ledger_hash = '' WHERE partition ="
    . ' 3'], ["UPDATE partitions SET ledger_hash = (SELECT after FROM"
    . ' ledger_gaps WHERE partition = 3 ORDER BY first_id DESC LIMIT 1)'
    . ' WHERE partition = 3']);
whole(0);

is($m->stop, 0, 'the meter ends well when asked to');
is(scalar(() = glob "$m->{dir}/asan/report*"), 0,
    'no sanitizer reports anything');
done_testing();
