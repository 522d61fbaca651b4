# The limits from before their record was kept come out of the audit log.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(slurp top wait_until);
use Asgard::Meter;

my $m = Asgard::Meter->new;
my $budget = $m->project('proj-2026-0001', part => 4, total => 700);
my $other = $m->project('proj-2026-0002', part => 4, total => 900);
$m->sql("UPDATE budgets SET created_at = '2026-01-01T00:00:00Z'");

# As the database was
$m->sql('BEGIN; DROP TRIGGER budget_limits_record ON budget_windows;'
    . ' DROP FUNCTION budget_limits_record; DROP TABLE budget_limits;'
    . ' ALTER TABLE holds DROP COLUMN least_nano, DROP COLUMN ended_at;'
    . ' COMMIT');
my $n = 0;
for (['total=0.000001 1h=5', 'total=0.0000005'],
    ['total=0.0000005', 'total=unlimited'],
    ['total=unlimited', 'total=0.0000007']) {
    my ($before, $after) = @$_;
    $m->sql('INSERT INTO audit_events (ts, actor, action, entity_ref,'
        . " entities, outcome, data) VALUES ('2026-02-0" . ++$n
        . "T00:00:00Z', 'token:x', 'project.budget_set',"
        . " 'project:proj-2026-0001', '{proj-2026-0001}', 'ok',"
        . qq( '{"before":"$before","after":"$after"}'\)));
}
my ($sql) = map { slurp($_) }
    glob top() . '/asgard-ctl/store/migrations/0003_*.sql';
$m->sql("BEGIN; $sql; COMMIT" =~ s/:"runtime"/asgard/gr);

sub history {
    my ($id, $window) = @_;
    return [map { "$_->[0] $_->[1]" } $m->sql("SELECT to_char(at AT TIME ZONE"
        . " 'UTC', 'MM-DD'), coalesce(limit_nusd::text, '-')"
        . " FROM budget_limits WHERE budget_id = '$id'"
        . " AND window_name = '$window' ORDER BY id")];
}
is_deeply(history($budget, 'total'), ['01-01 1000', '02-01 500', '02-01 500',
    '02-02 -', '02-02 -', '02-03 700'], 'each limit that was ever in force');
is_deeply(history($budget, '1h'), ['01-01 5000000000'],
    'also of a window that is gone');
is_deeply(history($other, 'total'), ['01-01 900'],
    'and one that was never changed');
$m->sql("UPDATE budget_windows SET limit_nusd = 800");
is(history($other, 'total')->[-1] =~ s/^\S+ //r, 800,
    'from then on each change is on record');
is($m->value("SELECT has_table_privilege('asgard', 'budget_limits',"
    . " 'INSERT, UPDATE, DELETE')"), 'f', 'which who runs cannot write');

$m->start;
$m->wait_open or die "the partitions do not open\n";
ok(wait_until(sub { $m->value('SELECT count(*) FROM audit_seals') == $n }, 5),
    'the audit log is sealed');
$m->done;
