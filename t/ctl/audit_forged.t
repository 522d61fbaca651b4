#!/usr/bin/env perl
# M5 and M7: evidence that no gateway gave, and a line or a record that says
# something else than what the chain has sealed, are found.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use Test::More;

use Asgard::Files qw(slurp spill wait_until);
use Asgard::Holds qw(ended open_holds partition_of time_out);
use Asgard::OneModel qw(one_model);
use Asgard::Spool qw(calls later_line);

my ($t, $up, $project, $key) = one_model(budget_usd => '100', tokens => 0,
    inference => {first_byte_timeout => '1s'});
my $file = "$t->{gateway}{dir}/log/calls.log";
my $part = partition_of($t, $project);
my $budget = "p.$project";

sub audit {
    my ($file) = @_;
    my ($status, $out, $err) = $t->{control}->run('audit', 'money',
        '--witness', $file);
    return ($status, "$out$err");
}

sub drained {
    ok(wait_until(sub { Asgard::Money::is_drained($t) }, 10, 0.05),
        'all is in the ledger');
}

# One call of each end.
$up->script({}, {usage => 'none'}, {status => 400}, {hang => 3}, {});
$t->chat($key, {model => 'one'}) for 1 .. 5;
time_out($t, open_holds($t));
ok(wait_until(sub { calls($t) == 5 }, 5), 'each has its line');
my %call = map { ($_->{verb} => $_) } calls($t);
is(join(' ', sort keys %call), 'e s v x', 'one of each end');
ok(ended($t, $_->{hold}), "... and in the ledger: $_->{verb}")
    for @call{qw(e s v x)};
drained();
my ($status, $text) = audit($file);
is($status, 0, 'what the gateway did is what it says') or diag($text);

# --- a line that was edited ---------------------------------------------------

my $other = "$t->{dir}/other.log";
sub edited {
    my ($name, $verb, $from, $to, $like) = @_;
    my $hold = $call{$verb}{hold};
    my $lines = slurp($file);
    $lines =~ s/^(?=.*"hold":"$hold")(.*?)$from/$1$to/m
        or die "no line to edit: $from\n";
    spill($other, $lines);
    my ($status, $text) = audit($other);
    is($status, 1, "$name, edited in a line, is found");
    like($text, qr/^M5 hold $hold\b.*$like.* \(\Q$other\E:\d+\)$/m,
        '... and named');
}

edited('a project', 's', qr/"project":"[^"]+"/,
    '"project":"proj-1999-0001"', qr/its line has the project proj-1999-0001/);
edited('a key', 's', qr/"key":"\w{8}/, '"key":"00000000',
    qr/its line has the key 00000000-/);
edited('a window', 's', qr/"pins":"[^"]+/, "\"pins\":\"$budget:1h:3600",
    qr/its line has the pins \Q$budget\E:1h:3600, the ledger/);
edited('a count of tokens', 's', qr/"ct":\d+/, '"ct":2',
    qr/its line has ct 2, the chain \d+/);
edited('a count of cached ones', 's', qr/"cat":\d+/, '"cat":3',
    qr/its line has cat 3, the chain 0/);
edited('a count that was taken away', 's', qr/"rt":\d+,/, '',
    qr/its line has rt none, the chain 0/);
edited('a price card', 's', qr/"cv":\d+/, '"cv":99',
    qr/its line has cv 99, the chain \d+/);
edited('what was held', 'v', qr/"held":\d+/, '"held":5',
    qr/its line held 5, the ledger \d+/);
edited('what was held, of one that expired', 'x', qr/"held":\d+/, '"held":5',
    qr/its line held 5, it expired with \d+/);
edited('an end', 'e', qr/"verb":"e"/, '"verb":"v"',
    qr/its line says 0 \(rank 2\), the chain \d+ \(rank 1\)/);

for my $verb (qw(e s v)) {
    my $hold = $call{$verb}{hold};
    spill($other, join '', map { "$_\n" } grep { !/"hold":"$hold"/ }
        split /\n/, slurp($file));
    my ($status, $text) = audit($other);
    is($status, 1, "a line ($verb) that was taken out is found");
    like($text, qr/^M5 hold $hold \(\w+, \d+\) has no line$/m,
        '... and named');
}

# --- a record that was changed ------------------------------------------------

sub changed {
    my ($name, $set, $like) = @_;
    my $hold = $call{s}{hold};
    $t->{postgres}->rows("CREATE TABLE kept AS SELECT * FROM holds WHERE"
        . " hold_id = '$hold'; UPDATE holds SET $set WHERE hold_id = '$hold'");
    my ($status, $text) = audit($file);
    is($status, 1, "$name, changed in the record, is found");
    like($text, $like, '... and named');
    $t->{postgres}->rows('UPDATE holds h SET project_id = k.project_id,'
        . ' key_id = k.key_id, pins = k.pins, detail = k.detail, rank = k.rank'
        . ' FROM kept k WHERE h.hold_id = k.hold_id; DROP TABLE kept');
}

my $record = qr/^M7 hold $call{s}{hold}: its record is not what its entry 1/m;
changed('a count of tokens', q[detail = jsonb_set(detail, '{pt}', '3')],
    $record);
changed('a project', "project_id = 'proj-1999-0001'", $record);
changed('a key', 'key_id = gen_random_uuid()', $record);
changed('its rank', 'rank = 1', $record);
changed('a window', "pins = '$budget:1h:3600'",
    qr/^M5 hold $call{s}{hold}: its line has the pins/m);
$t->{postgres}->rows("UPDATE ledger SET detail = jsonb_set(detail, '{pt}',"
    . " '2') WHERE hold_id = '$call{s}{hold}'");
like((audit($file))[1], qr/^M7 hold $call{s}{hold}: charged \d+, its card/m,
    'an entry is priced by what the chain has, not by the record');
$t->{postgres}->rows("UPDATE ledger SET detail = h.detail FROM holds h WHERE"
    . " h.hold_id = ledger.hold_id AND h.hold_id = '$call{s}{hold}'");
is((audit($file))[0], 0, 'all of that was undone');

# --- better evidence ----------------------------------------------------------

# Its own worker's line, of a call that a sibling ended
my $usage = later_line($t, $call{x}, pt => 7, ct => 7, amount => 77_000);
$part->finish($call{x}{hold}, 's', 77_000, $call{x}{pins}, [$budget],
    detail => $usage);
drained();
($status, $text) = $t->{control}->run('audit', 'money', '--witness', $file,
    '--witness', "$file.later");
is($status, 0, 'better evidence that has a line is none that was forged')
    or diag($text);

# The provider's record is above every line, if it was imported
my $hold = $call{e}{hold};
$t->{postgres}->rows(<<"SQL");
BEGIN;
INSERT INTO ledger (hold_id, seq, kind, delta_nano, rank, cause, partition,
    project_id, key_id, detail, hash) SELECT hold_id, 2, 'adjust', 0, 4,
    'provider', partition, project_id, key_id, detail, '' FROM holds
    WHERE hold_id = '$hold';
UPDATE holds SET rank = 4, next_seq = 3 WHERE hold_id = '$hold';
COMMIT;
SQL
($status, $text) = $t->{control}->run('audit', 'money');
is($status, 1, "a provider's record that was not imported is found");
like($text, qr/^M5 hold $hold, entry 2: .* which was not imported$/m,
    '... and named');
$t->{postgres}->rows('INSERT INTO provider_records SELECT hold_id,'
    . " balance_nano, gen_random_uuid(), 'x', '{}' FROM holds"
    . " WHERE hold_id = '$hold'");
($status, $text) = $t->{control}->run('audit', 'money', '--witness', $file,
    '--witness', "$file.later");
is($status, 0, 'one that was is none that was forged') or diag($text);
$t->{postgres}->rows('DELETE FROM provider_records;'
    . " DELETE FROM ledger WHERE hold_id = '$hold' AND seq = 2;"
    . " DELETE FROM ledger_seqs WHERE hold_id = '$hold' AND seq = 2;"
    . " UPDATE holds SET rank = 1, next_seq = 2 WHERE hold_id = '$hold'");

# What nobody wrote down
sub forged {
    my ($name, $call, $verb, $amount, $like) = @_;
    $part->finish($call->{hold}, $verb, $amount, $call->{pins}, [$budget],
        detail => '{"f":1}');
    drained();
    my ($status, $text) = $t->{control}->run('audit', 'money', '--witness',
        $file, '--witness', "$file.later");
    is($status, 1, "$name is found");
    like($text, qr/^M5 hold $call->{hold}\b.*$like/m, '... and named');
}

forged('usage of a call that was voided', $call{v}, 's', 5000,
    qr/entry 1: its line says 0 \(rank 2\), the chain 5000 \(rank 3\)/);
forged('a void of a call that was estimated', $call{e}, 'v', 0,
    qr/entry 2: its line says \d+ \(rank 1\), the chain 0 \(rank 2\)/);
forged('more usage than the gateway saw', $call{s}, 's', 600_000,
    qr/entry 2: its line says \d+ \(rank 3\), the chain 600000 \(rank 3\)/);

$t->{unwitnessed_calls} = $t->{uncounted_calls} = 1;
$t->done;
