#!/usr/bin/perl
# A month that is over is closed, once nothing can come into it, and written to
# a file that is whole or not there; from then on it never changes.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Digest::SHA qw(sha256_hex);
use JSON::PP ();
use POSIX ();
use Test::More;

use Asgard::Files qw(slurp spill wait_until);
use Asgard::Meter;

my $m = Asgard::Meter->new;
$m->start;
$m->wait_open or die "the partitions do not open\n";
my %budget = map { $_ => $m->project("proj-2026-000$_", part => $_,
    total => 'NULL') } 4 .. 8;
$m->sent or die "the projects are not sent\n";
my ($now, $late, $old, $older) = map { $m->month($_) } 0, 2, 3, 4;
my $at = $m->month_ms(3);
my $folder = "$m->{dir}/exports";
mkdir $folder;
my $events = 0;

sub event {
    my ($part, $id, $hold, $verb, $amount) = @_;
    $m->event($part, $id, $hold, $verb, $amount, $budget{$part});
    return ++$events;
}

sub run {
    my ($status, $out, $err) = $m->{control}->run('ledger', @_);
    return ($status, "$out$err");
}

sub refuses {
    my ($name, $like, @words) = @_;
    my ($status, $text) = run('export', @words);
    is($status, 1, $name);
    like($text, $like, '... and says why');
}

sub state_of {
    my ($month) = @_;
    return (run('months'))[1] =~ /^$month .* (open|closed|exported|pruned) /m
        ? $1 : 'none';
}

for my $n (0 .. 9) {
    event(4, $at + $n . '-0', "h$n", 's', 1000 + $n);
    event(5, $at + $n . '-5', "g$n", $n % 2 ? 'x' : 'v', 500);
}
event(5, $at + 100 . '-0', 'g1', 's', 7);
event(6, $m->month_ms(2) . '-0', 'later', 's', 9);
my $p = $m->partition(8);
my $r = $p->reserve('real', 100, [$budget{8}]);
$p->finish('real', 's', 40, $r->[1], [$budget{8}]);
ok($m->drained(++$events), 'events of three months are read');

# What is refused
refuses('a month that runs is not exported',
    qr/$now may be closed from \d{4}-\d\d-02 01:00 UTC on/, $now,
    "$folder/x");
refuses('one that is none', qr/write YYYY-MM/, $_, "$folder/x")
    for '2026-13', '2026-1', '2026-011', '0000-01', "2026-01'";
refuses('one without entries', qr/has no month 2001-01/, '2001-01',
    "$folder/x");
refuses('a folder that is not there', qr/No such file/, $old,
    "$m->{dir}/none/x");
symlink "$folder/nowhere", "$folder/link" or die "symlink: $!";
refuses('a name that is taken', qr/exists: it is not written over/, $late,
    "$folder/link");
unlink "$folder/link";
is($m->value("SELECT count(*) FROM ledger_months WHERE month = '$now-01'"
    . ' AND closed_at IS NULL'), 1, 'this month is open');

$m->{process}->signal('STOP');
event(7, $m->month_ms(4) . '-0', 'oldest', 's', 11);
event(6, $m->month_ms(2) + 1 . '-0', 'waits', 's', 12);
refuses('a month whose events wait in a stream',
    qr/Partition 6 has usage events of that month .* serve must run/, $late,
    "$folder/x");
is(state_of($late), 'open', '... and stays open');
$m->sql("UPDATE partitions SET step = 'draining' WHERE partition = 2");
refuses('a month while a partition is seeded', qr/Partition 2 is not open/,
    $late, "$folder/x");
$m->sql("UPDATE partitions SET step = 'open' WHERE partition = 2");
$m->{process}->signal('CONT');
ok($m->drained($events), 'what waited is read');
is(join(' ', glob "$folder/*"), '', 'no refusal leaves a file');

my $conf = slurp($m->{control}->conf);
$conf =~ s/^postgres_owner.*\n//m;
spill("$m->{dir}/no_owner.conf", $conf, 0600);
my $program = $m->{control}->binary;
like(qx($program -c $m->{dir}/no_owner.conf ledger export $old $folder/x 2>&1),
    qr/needs postgres_owner/, 'without the owner nothing is exported');

# The file
my ($status, $text) = run('export', $old, "$folder/old");
is($status, 0, 'a month that is over is exported') or diag($text);
is((stat "$folder/old")[2] & 07777, 0600, 'only its owner reads the file');
is(join(' ', glob "$folder/*"), "$folder/old", 'nothing else is left');
my $file = slurp("$folder/old");
my @lines = split /^/, $file;
my $last = JSON::PP::decode_json(pop @lines);
my @entries = map { JSON::PP::decode_json($_) } @lines;
my @rows = $m->sql("SELECT id, hold_id, seq, kind, delta_nano, rank, cause,"
    . " to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'),"
    . ' partition, project_id, project_version, key_id, detail,'
    . " encode(hash, 'hex') FROM ledger WHERE to_char(at AT TIME ZONE 'UTC',"
    . " 'YYYY-MM') = '$old' ORDER BY id");
is(scalar(@rows), 16, 'there are entries, voids have none');
my @columns = qw(id hold_id seq kind delta_nano rank cause at partition
    project_id project_version key_id detail hash);
my $canon = JSON::PP->new->canonical;
is_deeply([map { my $e = $_; [map { ref $e->{$_} ? $canon->encode($e->{$_})
        : $e->{$_} } @columns] } @entries],
    [map { my @r = @$_; $r[12] = $canon->encode(
        JSON::PP::decode_json($r[12])); \@r } @rows],
    'a line has every column of its entry, in order of id');
is_deeply([sort keys %{$entries[0]}], [sort @columns], '... and no more');
like($lines[0], qr/"delta_nano":"-?\d+"/, 'money is text');
is($last->{entries}, 16, 'the last line counts them');
my $sum = 0;
$sum += $_->{delta_nano} for @entries;
is($last->{sum_nano}, $sum, '... sums them');
is($last->{sha256}, sha256_hex(join '', @lines), '... has their digest');
is($last->{month}, $old, '... and the month');
like((run('months'))[1], qr/^$old .* exported +$last->{sha256}$/m,
    'the database has the digest too');
is($m->value("SELECT count(*) FROM audit_events WHERE action ="
    . " 'ledger.exported' AND entity_ref = 'month:$old' AND data->>'sha256' ="
    . " '$last->{sha256}'"), 1, 'and the audit log');

refuses('a file is not written over', qr/exists/, $old, "$folder/old");
is(slurp("$folder/old"), $file, '... and stays as it was');

# Nothing comes into it any more
event(4, $at + 5000 . '-0', 'h0', 's', 2000);
event(4, $at + 5001 . '-0', 'new', 's', 3);
ok($m->drained($events), 'evidence for the exported month is read');
is_deeply([$m->sql("SELECT to_char(at AT TIME ZONE 'UTC', 'YYYY-MM'), hold_id,"
    . " seq, kind, delta_nano, detail->>'at_ms' FROM ledger WHERE detail"
    . " ? 'at_ms' ORDER BY id")],
    [[$now, 'h0', 2, 'adjust', 1000, $at + 5000],
    [$now, 'new', 1, 'settle', 3, $at + 5001]],
    'it is entered now, and keeps its own time');
for my $sql ("INSERT INTO ledger (kind, delta_nano, rank, cause, at,"
    . " partition, project_id, detail, hash) SELECT kind, 0, rank, cause, at,"
    . " partition, project_id, detail, hash FROM ledger WHERE hold_id = 'h1'",
    "UPDATE ledger SET delta_nano = 0 WHERE hold_id = 'h1'",
    "UPDATE ledger SET at = '$old-01 00:00:00+00' WHERE hold_id = 'real'",
    "DELETE FROM ledger WHERE hold_id = 'h1'") {
    ok(!eval { $m->sql($sql); 1 }, 'the database refuses: ' . substr($sql, 0,
        30));
    like($@, qr/the month of ledger_\d+_\d+ is closed/, '... by its month');
}
is((run('export', $old, "$folder/again"))[0], 0, 'exported once more');
is(slurp("$folder/again"), $file, '... it is the same to the byte');

for my $what (qw(money chain)) {
    my ($rc, $out, $err) = $m->{control}->run('audit', $what);
    is($rc, 0, "audit $what finds nothing") or diag("$out$err");
}

# An entry whose transaction runs when the month is closed is in the file
my $pid = fork() // die "fork: $!";
if (!$pid) {
    eval { $m->sql('BEGIN; INSERT INTO ledger (kind, delta_nano, rank, cause,'
        . " at, partition, project_id, detail, hash) VALUES ('unknown', 5, 0,"
        . " 'slow', '$older-02', 7, 'p', '{}', ''); SELECT pg_sleep(1);"
        . ' COMMIT') };
    POSIX::_exit($@ ? 1 : 0);
}
ok(wait_until(sub { $m->value("SELECT count(*) FROM pg_stat_activity WHERE"
    . " wait_event = 'PgSleep'") }, 5, 0.02), 'a transaction writes an entry');
is((run('export', $older, "$folder/older"))[0], 0, 'its month is exported');
waitpid $pid, 0;
is($?, 0, 'the transaction ends well');
like(slurp("$folder/older"), qr/"cause":"slow"/, 'and its entry is there');

# The meter closes what is over by itself
is(state_of($late), 'open', 'another month is open yet');
is($m->stop, 0, 'the meter ends well when asked to');
$m->start;
ok(wait_until(sub { state_of($late) eq 'closed' }, 10, 0.1),
    'a meter that starts closes it') or diag($m->log_text);
is(state_of($now), 'open', '... and not the one that runs');

# An owner who changes a closed month cannot export it again
(my $table = "ledger_$old") =~ tr/-/_/;
$m->sql("ALTER TABLE $table DISABLE TRIGGER USER; UPDATE ledger SET"
    . " delta_nano = 1 WHERE hold_id = 'h1'");
refuses('a month that was changed is not exported',
    qr/not those that were exported before: see asgard-ctl audit chain/, $old,
    "$folder/changed");
ok(!-e "$folder/changed", '... and leaves no file');

is($m->stop, 0, 'the meter ends well when asked to');
is(scalar(() = glob "$m->{dir}/asan/report*"), 0,
    'no sanitizer reports anything');
done_testing();
