# The audits find what was done to the books, and nothing while calls run.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use POSIX ();
use Test::More;

use Asgard::Files qw(wait_until);
use Asgard::Meter;

my ($m, $id, $budget, $p) = Asgard::Meter->with_project(part => 4,
    total => 'NULL');

sub call {
    my ($hold, $amount, %detail) = @_;
    my $r = $p->reserve($hold, 300_000, [$budget], detail => $m->detail($id));
    $p->finish($hold, 's', $amount, $r->[1], [$budget],
        detail => $m->detail($id, %detail));
}

sub audit {
    my ($what) = @_;
    my ($status, $out, $err) = $m->{control}->run('audit', $what);
    return ($status, "$out$err");
}

# Under traffic
my $pid = fork() // die "fork: $!";
if (!$pid) {
    my $own = $m->partition(4);
    for my $n (1 .. 100000) {
        my $r = $own->reserve("t$n", 100, [$budget]);
        $own->finish("t$n", 's', 40, $r->[1], [$budget]);
        select undef, undef, undef, 0.003;
    }
    POSIX::_exit(0);
}
for (1 .. 3) {
    my ($status, $text) = audit('money');
    is($status, 0, 'an audit of money beside running calls finds nothing')
        or diag($text);
    ($status, $text) = audit('chain');
    is($status, 0, 'an audit of the chains likewise') or diag($text);
}
kill KILL => $pid;
waitpid $pid, 0;

# An event of the audit log is sealed at once
$m->sql("INSERT INTO audit_events (actor, action, entity_ref, entities,"
    . " outcome) SELECT 'token:x', 'project.registered', 'project:$id',"
    . " '{$id}', 'ok' FROM generate_series(1, 20)");
ok(wait_until(sub { $m->value('SELECT count(*) FROM audit_seals') == 20 },
    1), 'audit events are sealed within a second') or diag($m->log_text);
is((audit('chain'))[0], 0, '... in a whole chain');

# Prices
$m->sql("INSERT INTO cards (card_id, version, card) VALUES ('model:a/b', 1,"
    . q[ '{"in_pusd":1000000,"out_pusd":10000000,"cached_pusd":100000,]
    . q["cache_write_pusd":1000000,"reasoning_pusd":10000000}')]);
my %tokens = (card => '"model:a/b"', cv => 1, pt => 10, ct => 20);
call('right', 210000, %tokens);
$m->balance('right');
is((audit('money'))[0], 0, 'a call at the price of its card is right');
call('dear', 210001, %tokens);
$m->balance('dear');
my ($status, $text) = audit('money');
is($status, 1, 'a call above the price of its card is found');
like($text, qr/M7 hold dear: charged 210001, its card says 210000/,
    '... by its hold');

$m->sql("INSERT INTO ledger_kinds VALUES ('write_off'); INSERT INTO ledger"
    . ' (kind, delta_nano, rank, cause, partition, project_id, detail, hash)'
    . " VALUES ('write_off', 0, 0, '', 5, '$id', '{}', '')");
unlike((audit('money'))[1], qr/M2 entry/,
    'an entry of a later kind may belong to no hold');
$m->sql("DELETE FROM ledger WHERE kind = 'write_off'");

# Tampering, each undone before the next
sub finds {
    my ($what, $name, $like, $do, $undo) = @_;
    $do->();
    my ($status, $text) = audit($what);
    is($status, 1, "$name is found");
    like($text, $like, '... and named');
    $undo->();
}

finds('money', 'a counter with too little spent', qr/M4 \Q$budget\E:total:0/,
    sub { $m->cmd('HINCRBY', $p->key("b:$budget"), 's:total:0', -5) },
    sub { $m->cmd('HINCRBY', $p->key("b:$budget"), 's:total:0', 5) });
finds('money', 'money held by nobody', qr/M3 \Q$budget\E:total:0/,
    sub { $m->cmd('HINCRBY', $p->key("b:$budget"), 'h:total:0', 5) },
    sub { $m->cmd('HINCRBY', $p->key("b:$budget"), 'h:total:0', -5) });
finds('money', 'a balance that its entries do not give', qr/M9 hold right/,
    sub { $m->sql("UPDATE holds SET balance_nano = 210001"
        . " WHERE hold_id = 'right'") },
    sub { $m->sql("UPDATE holds SET balance_nano = 210000"
        . " WHERE hold_id = 'right'") });
finds('chain', 'a changed ledger entry', qr/ledger entry \d+ of partition 4/,
    sub { $m->sql("UPDATE ledger SET project_id = 'other'"
        . " WHERE hold_id = 'right'") },
    sub { $m->sql("UPDATE ledger SET project_id = '$id'"
        . " WHERE hold_id = 'right'") });
finds('chain', 'a changed audit event', qr/audit seal 7: event \d+ was/,
    sub { $m->sql("UPDATE audit_events SET actor = 'y' WHERE id ="
        . ' (SELECT event_id FROM audit_seals WHERE seq = 7)') },
    sub { $m->sql("UPDATE audit_events SET actor = 'token:x'") });
sub cut_audit {
    my ($from) = @_;
    $m->sql("BEGIN; CREATE TABLE kept_e AS SELECT * FROM audit_events;"
        . ' CREATE TABLE kept_s AS SELECT * FROM audit_seals;'
        . " DELETE FROM audit_seals WHERE seq > $from; DELETE FROM"
        . ' audit_events WHERE id NOT IN (SELECT event_id FROM audit_seals);'
        . ' COMMIT');
}
sub mend_audit {
    $m->sql('BEGIN; INSERT INTO audit_events OVERRIDING SYSTEM VALUE SELECT *'
        . ' FROM kept_e ON CONFLICT DO NOTHING; INSERT INTO audit_seals'
        . ' SELECT * FROM kept_s ON CONFLICT DO NOTHING;'
        . ' DROP TABLE kept_e, kept_s; COMMIT');
}
finds('chain', 'the newest events taken away with their seals',
    qr/audit chain: 20 seals were made, the last that is left is 18/,
    sub { cut_audit(18) }, \&mend_audit);
finds('chain', 'a truncated audit log',
    qr/audit chain: 20 seals were made, the last that is left is 0/,
    sub { cut_audit(20); $m->sql('TRUNCATE audit_seals, audit_events') },
    \&mend_audit);
finds('chain', 'an end taken away before another event',
    qr/audit seal 21: a seal before it is gone/,
    sub {
        cut_audit(18);
        $m->sql("INSERT INTO audit_events (actor, action, entity_ref,"
            . " entities, outcome) VALUES ('token:x', 'x', 'project:$id',"
            . " '{$id}', 'ok')");
        wait_until(sub { $m->value('SELECT max(seq) FROM audit_seals') == 21 },
            2);
    }, \&mend_audit);
is((audit('chain'))[0], 0, 'put back, the audit log is whole');
finds('chain', 'a head that was taken away', qr/its head is gone/,
    sub { $m->sql('CREATE TABLE kept_h AS SELECT * FROM audit_head;'
        . ' DELETE FROM audit_head') },
    sub { $m->sql('INSERT INTO audit_head SELECT * FROM kept_h') });
finds('chain', 'a removed end of the ledger', qr/last entries are gone/,
    sub { $m->sql("CREATE TABLE kept AS SELECT * FROM ledger"
        . " WHERE hold_id = 'dear'");
        $m->sql("DELETE FROM ledger WHERE hold_id = 'dear'") },
    sub { $m->sql("DELETE FROM ledger_seqs WHERE hold_id = 'dear';"
        . ' INSERT INTO ledger OVERRIDING SYSTEM VALUE SELECT * FROM kept') });
$m->{process}->signal('STOP');
call('stolen', 77);
$m->cmd('XDEL', $p->stream, ($p->events)[-1]{id});
($status, $text) = audit('money');
is($status, 1, 'a usage event that was taken out by hand is found');
like($text, qr/M4 \Q$budget\E:total:0/, '... by what was spent');
like($text, qr/usage events were written/, '... and by the count of events');
$m->{process}->signal('CONT');
is(($m->{control}->run('reseed'))[0], 0, 'a reseed follows the ledger');

($status, $text) = audit('chain');
is($status, 0, 'with all put back the chains are whole') or diag($text);

is($m->stop, 0, 'the meter ends well when asked to');
my $head = $m->value("SELECT seq || ' ' || encode(hash, 'hex')"
    . ' FROM audit_head');
like($m->log_text, qr/audit chain ends at \Q$head\E/,
    'the log says where the audit chain ends');
is(scalar(() = glob "$m->{dir}/asan/report*"), 0,
    'no sanitizer reports anything');
done_testing();
