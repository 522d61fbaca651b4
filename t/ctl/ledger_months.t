#!/usr/bin/perl
# An entry stands in the month of its call; a number is one entry's, whatever
# its month; a month that nobody foresaw is made when an event needs it.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Meter;

my $m = Asgard::Meter->new;
$m->start;
$m->wait_open or die "the partitions do not open\n";
my ($id, $part) = ('proj-2026-0001', 4);
my $budget = $m->project($id, part => $part, total => 'NULL');
my $other = $m->project('proj-2026-0002', part => 5, total => 'NULL');
my $third = $m->project('proj-2026-0003', part => 6, total => 'NULL');
$m->sent or die "the projects are not sent\n";

sub entries {
    my ($hold) = @_;
    return map { join ' ', @$_ } $m->sql('SELECT l.tableoid::regclass, seq,'
        . " kind, delta_nano FROM ledger l WHERE hold_id = '$hold'"
        . ' ORDER BY id');
}

# What the statement is refused with; '' when it is not.
sub refusal {
    my ($sql) = @_;
    return eval { $m->sql($sql); 1 } ? '' : $@;
}

sub as_meter {
    my ($sql) = @_;
    return eval { $m->{postgres}->psql($m->{postgres}->url, $sql); 1 } ? ''
        : $@;
}

my %table = map { my $t = $m->month($_); $t =~ tr/-/_/; $_ => "ledger_$t" }
    -2 .. 3;
is($m->value("SELECT count(*) FROM unnest(ARRAY['$table{0}', '$table{-1}',"
    . "'$table{-2}']) t WHERE to_regclass(t) IS NOT NULL"), 3,
    'this month and the next two are there');

# By the meter
my $start = $m->month_ms(2);
$m->event($part, $start - 1 . '-0', 'last', 's', 100, $budget);
$m->event($part, "$start-0", 'first', 's', 200, $budget);
$m->event($part, "$start-1", 'last', 's', 130, $budget);
$m->event($part, $m->month_ms(1) . '-0', 'first', 's', 250, $budget);
ok($m->drained(4), 'events of past months are read') or diag($m->log_text);
is_deeply([entries('last')], ["$table{3} 1 settle 100",
    "$table{2} 2 adjust 30"], 'a millisecond before a month is the one before');
is_deeply([entries('first')], ["$table{2} 1 settle 200",
    "$table{1} 2 adjust 50"], 'its first millisecond is in it');
is($m->value("SELECT (extract(epoch FROM at) * 1000)::bigint FROM ledger"
    . " WHERE hold_id = 'first' AND seq = 1"), $start,
    'an entry has the time of its event');

# Clocks that were far wrong
$m->event(5, '5-0', 'ancient', 's', 10, $other);
$m->event(6, '9007199254740000-0', 'distant', 's', 20, $third);
ok($m->drained(6), 'events of impossible times are read');
is_deeply([entries('ancient')], ["$table{0} 1 settle 10"],
    'an event from 1970 is entered now');
is($m->value("SELECT detail->>'at_ms' FROM ledger WHERE hold_id = 'ancient'"),
    5, '... and keeps its time');
is_deeply([entries('distant')], ["$table{0} 1 settle 20"],
    'one from the year 287396 too');
is($m->value("SELECT detail->>'at_ms' FROM ledger WHERE hold_id = 'distant'"),
    '9007199254740000', '... which keeps its time');

# The database itself
sub insert {
    my ($hold, $seq, $kind, $back) = @_;
    return 'INSERT INTO ledger (hold_id, seq, kind, delta_nano, rank, cause,'
        . " at, partition, project_id, detail, hash) VALUES ($hold, $seq,"
        . " '$kind', 0, 3, '', now() - interval '$back months', 4, '$id',"
        . " '{}', '')";
}
for my $by (['the owner', \&refusal], ['the running role', \&as_meter]) {
    my ($who, $try) = @$by;
    like($try->(insert("'last'", 1, 'settle', 0)), qr/ledger_seqs_pkey/,
        "$who cannot enter a second first entry in another month");
    like($try->(insert("'last'", 3, 'unknown', 0)), qr/ledger_first_entry/,
        '... nor under another number');
    like($try->(insert("'last'", 0, 'settle', 0)), qr/ledger_first_entry/,
        '... nor under one below');
    like($try->(insert("'last'", 2, 'adjust', 0)), qr/ledger_seqs_pkey/,
        '... nor a number twice');
    like($try->(insert("'last'", 1, 'adjust', 0)), qr/ledger_first_entry/,
        '... nor an adjustment of nothing');
}
is(refusal('BEGIN;' . insert('NULL', 1, 'unknown', 0) . ';'
    . insert('NULL', 1, 'unknown', 1) . '; ROLLBACK'), '',
    'entries of no hold have no number to share');
for my $sql ("UPDATE ledger SET delta_nano = 0", 'DELETE FROM ledger',
    "DELETE FROM $table{0}", 'TRUNCATE ledger', "DROP TABLE $table{0}",
    "INSERT INTO $table{0} SELECT * FROM ledger",
    'INSERT INTO ledger_seqs VALUES (1, 1)', 'DELETE FROM ledger_seqs',
    'UPDATE ledger_months SET closed_at = now()', 'DELETE FROM ledger_gaps',
    "SELECT ledger_month_create('2026-01-01')", 'CREATE TABLE mine (a int)') {
    like(as_meter($sql), qr/permission denied|must be owner/,
        "the running role cannot: $sql");
}
is(as_meter("SELECT ledger_month_make('1990-01-01'),"
    . " ledger_month_make(now() + interval '9 years')"), '',
    'it may ask for a month');
is($m->value("SELECT to_regclass('ledger_1990_01') IS NULL AND NOT EXISTS"
    . ' (SELECT FROM ledger_months WHERE month > now() + interval'
    . " '4 months')"), 't', '... and gets none that no clock can mean');
like(as_meter('CREATE TEMP TABLE t (hold_id text, seq int); CREATE TRIGGER t'
    . ' AFTER INSERT ON t REFERENCING NEW TABLE AS entered FOR EACH STATEMENT'
    . ' EXECUTE FUNCTION ledger_number()'), qr/permission denied for function/,
    'it takes no number past the ledger');
is($m->value("SELECT ledger_month_close(ledger_month(now()))"), 'f',
    'nobody closes the month that runs');

for my $what (qw(money chain)) {
    my ($status, $out, $err) = $m->{control}->run('audit', $what);
    is($status, 0, "audit $what finds nothing in months") or diag("$out$err");
}

# A month that is missing is made when an entry needs it, also when the meter
# has reason to believe that it is there.
for my $n (1, 2) {
    $m->sql("DROP TABLE $table{1}; DELETE FROM ledger_months WHERE month ="
        . " '" . $m->month(1) . "-01'");
    $m->event($part, $m->month_ms(1) + $n . '-0', 'first', 's', 260 + $n,
        $budget);
    ok($m->drained(6 + $n), 'a month that was lost keeps no event back');
}

my $reader = $m->stay_open('SELECT count(*) FROM ledger JOIN holds USING'
    . ' (hold_id)');
$m->event($part, $m->month_ms(0) . '-0', 'first', 's', 264, $budget);
$m->sql("SET statement_timeout = '5s';"
    . " SELECT ledger_month_create('2031-01-01')");
ok($m->drained(9), 'who reads the ledger keeps no month from being made');
$m->give_up($reader);

# A clock that was set back into a closed month
$m->sql('UPDATE ledger_months SET closed_at = now() WHERE month ='
    . ' ledger_month(now())');
$m->event($part, '*', 'beyond', 's', 5, $budget);
ok($m->drained(10), 'an event comes in a month that is closed');
is($m->value("SELECT at = (ledger_month(now()) + interval '1 month') AT TIME"
    . " ZONE 'UTC' FROM ledger WHERE hold_id = 'beyond'"), 't',
    '... and is entered in the first that is open');

my ($status, $out, $err) = $m->{control}->run('ledger', 'months');
is($status, 0, 'ledger months lists them') or diag($err);
my %row = map { /^(\d{4}-\d\d) +(\d+) +(\S+) +(\w+) +(\S+)$/
    ? ($1 => "$2 $3 $4 $5") : () } split /\n/, $out;
is($row{$m->month(2)}, '2 0.00000023 open -', '... with exact sums')
    or diag($out);
is(scalar(keys %row), 5, '... and only those with entries') or diag($out);
for my $wrong (['ledger'], ['ledger', 'export', '2026-01'],
    ['prune', '2026-01'], ['prune', '2026-01', 'x']) {
    is(($m->{control}->run(@$wrong))[0], 2, "@$wrong is wrong usage");
}

is($m->stop, 0, 'the meter ends well when asked to');
is(scalar(() = glob "$m->{dir}/asan/report*"), 0,
    'no sanitizer reports anything');
done_testing();
