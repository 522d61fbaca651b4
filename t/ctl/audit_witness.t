#!/usr/bin/env perl
# M5: the witness files and the ledger say the same, also while calls run; what
# was done to either is found.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use POSIX ();
use Test::More;

use Asgard::Files qw(slurp spill wait_until);
use Asgard::Test;

my $t = Asgard::Test->new(workers => 1);
my $up = $t->upstream('main', prompt_tokens => 10, completion_tokens => 20);
$t->add_model($up, ref => 'model:test/one', route => 'one');
$t->start;
my $project = $t->project(budget_usd => '1');
my $key = $t->key(project => $project);
my $file = "$t->{gateway}{dir}/log/calls.log";
my $other = "$t->{dir}/other.log";

sub audit {
    my (@files) = @_;
    my ($status, $out, $err) = $t->{control}->run('audit', 'money',
        map { ('--witness', $_) } @files);
    return ($status, "$out$err");
}

sub lines { map { "$_\n" } split /\n/, slurp($_[0]) }

# Both files as one, its lines changed by $do, which gets and gives a list.
sub with_lines {
    my ($do) = @_;
    return spill($other, join '', $do->(map { lines($_) } "$file.1", $file));
}

sub finds {
    my ($name, $like, $do, $undo, @files) = @_;
    $do->();
    my ($status, $text);
    @files = ("$file.1", $file) if !@files;
    wait_until(sub { ($status, $text) = audit(@files);
        $text =~ $like }, 10, 0.3);
    is($status, 1, "$name is found");
    like($text, $like, '... and named');
    $undo->() if $undo;
}

# While calls run
my ($status, $text) = audit();
is($status, 0, 'without the files the audit is well');
like($text, qr/^the witness files were not looked at \(M5\)/m,
    '... and says what it did not look at');
my $pid = fork() // die "fork: $!";
if (!$pid) {
    while (!-e "$t->{dir}/enough") {
        $t->chat($key, {model => 'one'});
        $t->chat($key, {model => 'echo:status=503'});
        select undef, undef, undef, 0.02;
    }
    POSIX::_exit(0);
}
ok(wait_until(sub { lines($file) > 20 }, 20, 0.05), 'calls run');
for (1 .. 3) {
    ($status, $text) = audit($file);
    is($status, 0, 'beside running calls nothing is found') or diag($text);
    like($text, qr/^witness: \d+ lines from \S+Z to \S+Z, \d+ still on their/m,
        '... and it says what was read');
}

# In two files, one of them rotated away
rename $file, "$file.1" or die "rename: $!";
$t->{gateway}{process}->signal('USR1');
ok(wait_until(sub { -s $file }, 10, 0.05), 'the file was rotated');
($status, $text) = audit("$file.1", $file);
is($status, 0, 'two files are one witness') or diag($text);
spill("$t->{dir}/enough", '');
waitpid $pid, 0;
ok(wait_until(sub { Asgard::Money::is_drained($t) }, 10, 0.05),
    'all is in the ledger');
my @both = ("$file.1", $file);

# What was done to the witness
my @all = map { lines($_) } @both;
my ($settled) = grep { $all[$_] =~ /"verb":"s"/ && $_ > 4 } 0 .. $#all;
my $line = JSON::PP::decode_json($all[$settled]);
my ($hold, $n) = ($line->{hold}, $settled + 1);
finds('a line that was taken out',
    qr/^M5 hold $hold \(settled, $line->{amount}\) has no line$/m,
    sub { with_lines(sub { splice @_, $settled, 1; @_ }) }, undef, $other);
finds('a line that stands there twice',
    qr{^M5 hold $hold has 2 lines: \Q$other\E:$n, \Q$other\E:\d+$}m,
    sub { with_lines(sub { (@_, $_[$settled]) }) }, undef, $other);
finds('an amount that was raised in the witness',
    qr{^M5 hold $hold: its line says \d+5 \(rank 3\), the ledger \d+ \(rank}m,
    sub { with_lines(sub { $_[$settled] =~ s/"amount":(\d+)/"amount":${1}5/;
        @_ }) }, undef, $other);
finds('an amount that was lowered in the witness',
    qr/^M5 hold $hold, entry 1: its line says 1 \(rank 3\), the chain \d+ \(/m,
    sub { with_lines(sub { $_[$settled] =~ s/"amount":\d+/"amount":1/; @_ }) },
    undef, $other);
finds('a call that only the witness knows',
    qr{^M5 hold ${hold}0: its line is not in the ledger, nor on its way}m,
    sub { with_lines(sub { (@_[0 .. $settled],
        $_[$settled] =~ s/"hold":"\w+/${&}0/r, @_[$settled + 1 .. $#_]) }) },
    undef, $other);
finds('damage in the middle', qr{^M5 \Q$other\E:$n: the line is no line}m,
    sub { with_lines(sub { $_[$settled] =~ s/.{30}$//; @_ }) }, undef, $other);
finds('another format', qr{^M5 \Q$other\E:$n: the line is not of format 1}m,
    sub { with_lines(sub { $_[$settled] =~ s/"f":1/"f":2/; @_ }) }, undef,
    $other);
with_lines(sub { (@_, substr $_[0], 0, 80) });
($status, $text) = audit($other);
is($status, 0, 'a last line that a power failure cut is no break')
    or diag($text);
like($text, qr/^note: \Q$other\E:\d+: a line was cut off here/m,
    '... but told');
like($text, qr/, 1 torn, 0 damaged$/m, '... and counted');
with_lines(sub { $_[$settled] = substr($_[0], 0, 80) . $_[$settled]; @_ });
($status, $text) = audit($other);
is($status, 0, 'nor is one that was appended to') or diag($text);
like($text, qr/, 1 torn, 0 damaged$/m, '... and it is counted');

# What was done to the ledger
my $sql = sub { $t->{postgres}->rows(@_) };
finds('a hold that was taken out of the ledger',
    qr/^M5 hold $hold: its line is not in the ledger, nor on its way/m,
    sub { $sql->("BEGIN; CREATE TABLE kept_l AS SELECT * FROM ledger WHERE"
        . " hold_id = '$hold'; CREATE TABLE kept_h AS SELECT * FROM holds"
        . " WHERE hold_id = '$hold'; DELETE FROM ledger WHERE hold_id ="
        . " '$hold'; DELETE FROM ledger_seqs WHERE hold_id = '$hold';"
        . " DELETE FROM holds WHERE hold_id = '$hold'; COMMIT") },
    sub { $sql->('BEGIN; INSERT INTO holds SELECT * FROM kept_h; INSERT INTO'
        . ' ledger OVERRIDING SYSTEM VALUE SELECT * FROM kept_l; COMMIT') });
finds('a balance that was raised',
    qr/^M5 hold $hold: its line says $line->{amount} \(rank 3\), the ledger/m,
    sub { $sql->('UPDATE holds SET balance_nano = balance_nano + 1 WHERE'
        . " hold_id = '$hold'") },
    sub { $sql->('UPDATE holds SET balance_nano = balance_nano - 1 WHERE'
        . " hold_id = '$hold'") });
finds('a balance that was lowered',
    qr/^M5 hold $hold: its line says $line->{amount} \(rank 3\), the ledger 0/m,
    sub { $sql->("UPDATE holds SET balance_nano = 0 WHERE hold_id = '$hold'") },
    sub { $sql->("UPDATE holds SET balance_nano = $line->{amount}"
        . " WHERE hold_id = '$hold'") });
finds('a charge above its hold without the flag',
    qr/^M8 hold $hold: held 1, charged $line->{amount} without the flag$/m,
    sub { $sql->("UPDATE holds SET held_nano = 1 WHERE hold_id = '$hold'") },
    sub { $sql->("UPDATE holds SET held_nano = $line->{held}"
        . " WHERE hold_id = '$hold'") });

# A hold that is open is on its way, however old its line
$up->script({status => 503}, {raw => '', prompt_tokens => 0,
    completion_tokens => 0});
$t->chat($key, {model => 'one'}) for 1, 2;
my $unknown = JSON::PP::decode_json((lines($file))[-1]);
is($unknown->{verb}, 'x', 'the end of a call is not known');
$t->chat($key, {model => 'one'});
ok(wait_until(sub { Asgard::Money::is_drained($t) }, 10, 0.05),
    'a later one is in the ledger');
($status, $text) = audit(@both);
is($status, 0, 'nothing is broken') or diag($text);
like($text, qr/, 1 still on their way,/, 'the open hold is on its way');

# What cannot be looked at is neither well nor broken
is((audit("$t->{dir}/nothing"))[0], 3, 'a file that is not there');
$t->{redis}->stop;
is((audit(@both))[0], 3, 'a Redis that is not there');
$t->{redis}->start;
ok($t->wait_ready(30), 'all parts work together again');
is(($t->{control}->run('audit', 'money', '--witness'))[0], 2,
    'a --witness without its file is wrong usage');
$t->done;
