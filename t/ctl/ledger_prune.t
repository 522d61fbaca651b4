#!/usr/bin/perl
# A month is pruned when its export is at hand; every balance stays, and what
# is learned later of a hold in it is entered now.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use File::Copy qw(copy);
use POSIX ();
use Test::More;

use Asgard::Files qw(slurp spill wait_until);
use Asgard::Meter;

my $m = Asgard::Meter->new;
$m->start;
$m->wait_open or die "the partitions do not open\n";
my $id = 'proj-2026-0004';
my $budget = $m->project($id, part => 4, total => 'NULL');
my $second = $m->project('proj-2026-0005', part => 5, total => 'NULL');
$m->sent or die "the projects are not sent\n";
my ($now, $month, $later) = map { $m->month($_) } 0, 3, 2;
my ($at, $at_later) = map { $m->month_ms($_) } 3, 2;
my $folder = "$m->{dir}/exports";
mkdir $folder;
my $events = 0;

sub event {
    my ($part, $stream_id, $hold, $verb, $amount) = @_;
    $m->event($part, $stream_id, $hold, $verb, $amount,
        $part == 4 ? $budget : $second);
    $events++;
}

sub all_read { ok($m->drained($events), $_[0]) or diag($m->log_text) }

sub run {
    my ($status, $out, $err) = $m->{control}->run(@_);
    return ($status, "$out$err");
}

sub audits {
    my ($when) = @_;
    for my $what (qw(money chain)) {
        my ($status, $text) = run('audit', $what);
        is($status, 0, "audit $what finds nothing $when") or diag($text);
    }
}

sub done_ok {
    my ($name, @words) = @_;
    my ($status, $text) = run(@words);
    is($status, 0, $name) or diag($text);
}

sub entries {
    my ($hold) = @_;
    return map { join ' ', @$_ } $m->sql('SELECT seq, kind, delta_nano,'
        . " to_char(at AT TIME ZONE 'UTC', 'YYYY-MM') FROM ledger"
        . " WHERE hold_id = '$hold' ORDER BY id");
}

# In the chain of partition 4 the month comes in several runs: an epoch ends,
# and a stream begins anew with older events.
event(4, $at + 1 . '-0', 'settled', 's', 100);
event(4, $at + 2 . '-0', 'expired', 'x', 1000);
event(4, $at + 3 . '-0', 'voided', 'v', 0);
event(4, $at + 4 . '-0', 'adjusted', 'e', 50);
event(4, $at_later . '-0', 'adjusted', 's', 60);
event(4, $at_later + 1 . '-0', 'after', 's', 70);
event(5, $at + 1 . '-0', 'other', 's', 5);
all_read('events of two months are read');
done_ok('a new epoch', 'reseed');
event(4, $at + 5 . '-0', 'straggler', 's', 80);
event(4, $at_later + 2 . '-0', 'straggler', 's', 90);
event(4, $at_later + 3 . '-0', 'last', 's', 1);
all_read('and others of both months');
my $total = 100 + 1000 + 60 + 70 + 90 + 1;
is($m->value("SELECT spent_nano FROM balances WHERE budget_id = '$budget'"),
    $total, 'they sum');
audits('before');

# What is refused, and changes nothing
my @before = $m->sql('SELECT * FROM ledger ORDER BY id');
sub refuses {
    my ($name, $like, $which, $file) = @_;
    my ($status, $text) = run('prune', $which, '--export', $file);
    is($status, 1, "$name is not pruned");
    like($text, $like, '... and what to do is said');
}
refuses('a month that was not exported', qr/ledger export $month FILE/, $month,
    "$folder/x");
refuses('one that is none', qr/write YYYY-MM/, '2026-00', "$folder/x");
refuses('one without entries', qr/ledger months lists them/, '2001-01',
    "$folder/x");
done_ok('the month is exported', 'ledger', 'export', $month, "$folder/month");
done_ok('and the next', 'ledger', 'export', $later, "$folder/later");
my $text = slurp("$folder/month");
my %wrong = (short => substr($text, 0, -1), empty => '',
    half => substr($text, 0, length($text) / 2), more => "$text\n",
    changed => $text =~ s/"delta_nano":"100"/"delta_nano":"101"/r,
    cut => $text =~ s/^[^\n]+\n//r, last => $text =~ s/.*\n(?=.)//sr);
spill("$folder/$_", $wrong{$_}, 0600) for keys %wrong;
refuses("a month with a file that is wrong ($_)",
    qr/is not the export of $month .* export the month again/, $month,
    "$folder/$_") for sort(keys %wrong), 'later';
refuses('a month without its file', qr/No such file/, $month, "$folder/none");

my $reader = $m->stay_open('SELECT count(*) FROM ledger');
refuses('a month that is read', qr/being read.* try again/, $month,
    "$folder/month");
$m->give_up($reader);
my $number = "(SELECT hold_id, seq FROM ledger_seqs WHERE hold_id = 'other')";
$m->sql("CREATE TABLE kept AS $number; DELETE FROM ledger_seqs WHERE hold_id ="
    . " 'other'");
refuses('a month with an entry that has no number', qr/see .* audit money/,
    $month, "$folder/month");
like((run('audit', 'money'))[1], qr/^M2 entry 1 of hold other has no number$/m,
    '... which the audit finds');
$m->sql('INSERT INTO ledger_seqs SELECT * FROM kept; DROP TABLE kept');

# An audit that has begun, and has not come to the ledger, sees the month whole
my $lock = $m->stay_open('LOCK TABLE audit_head');
my $audit = fork() // die "fork: $!";
if (!$audit) {
    POSIX::_exit((run('audit', 'chain'))[0]);
}
ok(wait_until(sub { $m->{postgres}->super("SELECT count(*) FROM"
    . " pg_stat_activity WHERE application_name = 'asgard-ctl command' AND"
    . " wait_event_type = 'Lock'") == 1 }, 10, 0.02), 'an audit is under way');
refuses('a month that it will look at', qr/being read.* try again/, $month,
    "$folder/month");
$m->give_up($lock);
waitpid $audit, 0;
is($?, 0, 'the audit finds nothing');
is_deeply([$m->sql('SELECT * FROM ledger ORDER BY id')], \@before,
    'after all of that the ledger is what it was');
is($m->value('SELECT count(*) FROM ledger_gaps') + $m->value('SELECT count(*)'
    . ' FROM ledger_seqs WHERE pruned_nano IS NOT NULL'), 0,
    '... and nothing is marked');

# While calls run
my $traffic = fork() // die "fork: $!";
if (!$traffic) {
    my $p = $m->partition(4);
    for my $n (1 .. 100000) {
        my $r = $p->reserve("t$n", 100, [$budget]);
        $p->finish("t$n", 's', 40, $r->[1], [$budget]);
        select undef, undef, undef, 0.003;
    }
    POSIX::_exit(0);
}
my @holds = $m->sql("SELECT * FROM holds WHERE hold_id !~ '^t' ORDER BY 1");
done_ok('the month is pruned beside running calls', 'prune', $month,
    '--export', "$folder/month");
audits('beside running calls');
kill KILL => $traffic;
waitpid $traffic, 0;
is_deeply([$m->sql("SELECT * FROM holds WHERE hold_id !~ '^t' ORDER BY 1")],
    \@holds, 'every hold is what it was');
is_deeply([map { [entries($_)] } qw(settled expired adjusted straggler other)],
    [[], [], ["2 adjust 10 $later"], ["2 adjust 10 $later"], []],
    'the entries of the month are gone, no others');
is($m->value("SELECT count(*) FROM pg_class WHERE relname = 'ledger_"
    . ($month =~ tr/-/_/r) . "'"), 0, '... with their table');
like((run('ledger', 'months'))[1], qr/^$month +5 +\S+ +pruned +[0-9a-f]{64}$/m,
    'ledger months knows the month');
is($m->value("SELECT count(*) FROM audit_events WHERE action = 'ledger.pruned'"
    . " AND entity_ref = 'month:$month' AND data->>'gaps' <> ''"), 1,
    'the audit log has it');
cmp_ok($m->value('SELECT count(*) FROM ledger_gaps WHERE partition = 4'), '>',
    1, 'the chain has a gap for each run');

# Late evidence
done_ok('a new epoch', 'reseed');
$events = $m->value('SELECT sum(rows_read) FROM cursors');
event(4, $at + 10 . '-0', 'settled', 's', 130);
event(4, $at + 11 . '-0', 'expired', 's', 400);
event(4, $at + 12 . '-0', 'voided', 's', 7);
event(4, $at + 13 . '-0', 'straggler', 's', 90);
event(4, $at + 14 . '-0', 'fresh', 's', 2);
all_read('evidence for the pruned month is read');
is_deeply([map { [entries($_)] } qw(settled expired voided straggler fresh)],
    [["2 adjust 30 $now"], ["2 adjust -600 $now"], ["1 settle 7 $now"],
    ["2 adjust 10 $later"], ["1 settle 2 $now"]],
    'it is entered now, under the next number, and once');
is($m->value("SELECT count(*) FROM ledger WHERE detail->>'at_ms' = '"
    . ($at + 11) . "'"), 1, '... with its own time beside it');
$total += 30 - 600 + 7 + 2;
is($m->value("SELECT sum(balance_nano) FROM holds WHERE partition = 4 AND"
    . " hold_id !~ '^t'"), $total, 'balances are right');
audits('after late evidence');
for my $sql ('settle', 'unknown', 'adjust') {
    my $seq = $sql eq 'adjust' ? 2 : 1;
    ok(!eval { $m->sql("INSERT INTO ledger (hold_id, seq, kind, delta_nano,"
        . " rank, cause, partition, project_id, detail, hash) VALUES"
        . " ('settled', $seq, '$sql', 0, 3, '', 4, 'p', '{}', '')"); 1 },
        "a number that a pruned or other entry has is not given again ($sql)");
}

# A sum that does not stand any more
$m->sql("UPDATE ledger_seqs SET pruned_nano = pruned_nano + 1 WHERE hold_id ="
    . " 'other'");
like((run('audit', 'money'))[1], qr/^M9 hold other: entries sum to 6, its/m,
    'a changed amount of a pruned entry is found');
$m->sql("UPDATE ledger_seqs SET pruned_nano = NULL WHERE hold_id = 'other'");
like((run('audit', 'money'))[1], qr/^M2 entry 1 of hold other is gone$/m,
    'and one that was taken away');
$m->sql("UPDATE ledger_seqs SET pruned_nano = 5 WHERE hold_id = 'other'");

# Again, and the month after it
refuses('a pruned month', qr/was pruned already/, $month, "$folder/month");
my ($status, $said) = run('ledger', 'export', $month, "$folder/again");
is($status, 1, 'a pruned month is not exported');
like($said, qr/in the file that it was exported to/, '... its file has it');
copy("$folder/later", "$folder/elsewhere");
done_ok('the next month is pruned, with a copy of its export', 'prune',
    $later, '--export', "$folder/elsewhere");
audits('after two months went');
event(4, $at_later + 9 . '-0', 'after', 's', 71);
all_read('evidence for the second');
is_deeply([entries('after')], ["2 adjust 1 $now"], '... is entered now');
done_ok('the counters are built anew from what is left', 'reseed');
is($m->partition(4)->field($budget, 's:total:0'), $m->value('SELECT'
    . " sum(balance_nano) FROM holds WHERE partition = 4"),
    '... to the same sums');
$m->done;
