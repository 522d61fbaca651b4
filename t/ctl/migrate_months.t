#!/usr/bin/perl
# A ledger from before it had months is moved into them with every value.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use File::Temp ();
use Test::More;

use Asgard::Control;
use Asgard::Files qw(slurp spill top random_hex);
use Asgard::PostgresServer;
use Asgard::RedisServer;

my $dir = File::Temp::tempdir('/tmp/asgard-g-XXXXXX', CLEANUP => 1);
chmod 0711, $dir;
mkdir "$dir/redis";
my $db = Asgard::PostgresServer->new(dir => "$dir/pg", empty => 1);
my $redis = Asgard::RedisServer->new(dir => "$dir/redis");
my $control = Asgard::Control->new(dir => $dir, redis => $redis,
    postgres => $db, key_file => spill("$dir/seal.key", 'seal s1 '
    . random_hex(32) . "\npepper p1 " . random_hex(32) . "\n", 0600));

# The database as the first migration leaves it, with entries of three months,
# ids with a hole, and an entry of no hold
my $first = slurp(top() . '/asgard-ctl/store/migrations/0001_first.sql');
$first =~ s/:"runtime"/asgard/g;
$db->rows("BEGIN; CREATE TABLE schema_migrations (number integer PRIMARY KEY,"
    . ' name text NOT NULL, at timestamptz NOT NULL DEFAULT now());'
    . "INSERT INTO schema_migrations VALUES (1, '0001_first');$first; COMMIT");
$db->rows(<<'SQL');
INSERT INTO ledger_kinds VALUES ('write_off');
INSERT INTO holds (hold_id, partition, epoch, pins, rank, balance_nano, state,
    project_id, detail, next_seq)
SELECT 'h' || n, n % 16, 1, '', 3, n * 10, 'settled', 'p', '{}', 3
FROM generate_series(1, 400) n;
CREATE FUNCTION fill() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    r record;
    link bytea;
BEGIN
    FOR r IN SELECT 'h' || n AS hold, s AS seq, CASE s WHEN 1 THEN 'settle'
        ELSE 'adjust' END AS kind, CASE s WHEN 1 THEN n * 7 ELSE n * 3 END
        AS nano, timestamptz '2026-01-31 20:00:00.123456+00'
        + (s - 1) * interval '28 days' + n * interval '1 minute' AS at,
        (n % 16)::smallint AS part
        FROM generate_series(1, 400) n, generate_series(1, 2) s ORDER BY s, n
    LOOP
        SELECT sha256(ledger_hash || convert_to(ledger_text(r.hold, r.seq,
            r.kind, r.nano, 3::smallint, 'usage', r.at, r.part, 'p', 2, NULL,
            '{"pt": 1}'), 'UTF8')) INTO link FROM partitions
            WHERE partition = r.part;
        INSERT INTO ledger (hold_id, seq, kind, delta_nano, rank, cause, at,
            partition, project_id, project_version, detail, hash)
            VALUES (r.hold, r.seq, r.kind, r.nano, 3, 'usage', r.at, r.part,
            'p', 2, '{"pt": 1}', link);
        UPDATE partitions SET ledger_hash = link WHERE partition = r.part;
    END LOOP;
END $$;
SELECT fill();
SELECT nextval('ledger_id_seq');
DROP FUNCTION fill();
SQL

sub whole { $db->rows('SELECT * FROM ledger ORDER BY id') }
sub audit {
    my ($status, $out, $err) = $control->run('audit', 'chain');
    return ($status, "$out$err");
}

my @before = whole();
is(scalar(@before), 800, 'there are entries');
my (undef, $out) = $control->run('migrate');
like($out, qr/schema is current \([1-9]\d* applied\)/, 'they are migrated');
is_deeply([whole()], \@before, 'every value of every entry is what it was');
is_deeply([map { $_->[0] } $db->rows('SELECT c.relname FROM pg_inherits i'
    . ' JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent ='
    . " 'ledger'::regclass AND EXISTS (SELECT FROM ledger l"
    . ' WHERE l.tableoid = c.oid) ORDER BY 1')],
    ['ledger_2026_01', 'ledger_2026_02', 'ledger_2026_03'],
    'each stands in its month');
my ($status, $text) = audit();
is($status, 0, 'the chains are whole') or diag($text);
like($text, qr/^800 links checked/, '... and were looked at');
is($db->value('SELECT count(*) FROM ledger_seqs s JOIN ledger l USING'
    . ' (hold_id, seq)'), 800, 'every number is taken');
is($db->value("INSERT INTO ledger (kind, delta_nano, rank, cause, partition,"
    . " project_id, detail, hash) VALUES ('write_off', 0, 0, '', 0, 'p', '{}',"
    . " '') RETURNING id"), 802, 'ids go on where they were');
is($db->value("SELECT to_regclass('ledger_whole') IS NULL"
    . " AND to_regclass('ledger_id_seq') IS NULL"), 't',
    'nothing of the old table is left');
(undef, $out) = $control->run('migrate');
like($out, qr/\(0 applied\)/, 'a second migration does nothing');

$redis->{process}->stop('QUIT', 10);
$db->{process}->stop('QUIT', 10);
done_testing();
