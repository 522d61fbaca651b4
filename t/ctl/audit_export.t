#!/usr/bin/perl
# The audit log goes into a file that a third party verifies with the public
# key alone; whatever is changed, removed, moved or cut off in it is found, and
# where.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Digest::SHA qw(sha256_hex);
use JSON::PP ();
use Test::More;

use Asgard::Files qw(slurp spill wait_until);
use Asgard::Meter;

my $m = Asgard::Meter->new;
my $dir = $m->{dir};
my $key = "$dir/audit.key";

sub run {
    my ($status, $out, $err) = $m->{control}->run('audit', @_);
    return ($status, "$out$err");
}

sub refuses {
    my ($name, $expected, $like, @words) = @_;
    my ($status, $text) = run(@words);
    is($status, $expected, $name);
    like($text, $like, '... and says why');
}

# The key
is((run('key', $key))[0], 0, 'a key is made');
is((stat $key)[2] & 07777, 0600, '... for us alone');
like(slurp("$key.pub"), qr/^-----BEGIN PUBLIC KEY-----/, '... and its half');
refuses('a key is not written over', 1, qr/exists/, 'key', $key);
spill("$dir/other.pub", 'x');
refuses('a public half is not, either', 1, qr/exists/, 'key', "$dir/other");
ok(!-e "$dir/other", '... and there is no half of a pair');

# A log of three segments, with what does not stand in one line by itself
$m->start;
$m->sql(<<'SQL');
INSERT INTO audit_events (ts, actor, action, entity_ref, entities, outcome,
    reason, data)
SELECT '2026-01-01T00:00:00Z'::timestamptz + n * interval '1 minute', 'user:u',
    'test.done', 'project:p', '{p}', 'ok', E'a "line"\nand \x1b[31m],\u20ac',
    '{"n": 1.50, "hash": "]}"}' FROM generate_series(1, 2200) n
SQL
ok(wait_until(sub { $m->value('SELECT (SELECT count(*) FROM audit_events)'
    . ' = seq FROM audit_head') eq 't' }, 20, 0.1), 'every event has its seal')
    or BAIL_OUT('nothing is sealed');
my $file = "$dir/audit.jsonl";
my $n = $m->value('SELECT seq FROM audit_head');
my ($status, $text) = run('export', '--key', $key, $file);
is($status, 0, 'the log is exported') or diag($text);
like($text, qr/^$n entries of the audit log, 1 to $n,/, '... all of it');
is((stat $file)[2] & 07777, 0600, '... for us alone');
my @line = split /^/, slurp($file);
is(scalar @line, 1 + $n + 3, '... with a head and three checkpoints');
my @all = map { JSON::PP->new->utf8->decode($_) } @line;
is_deeply([map { $_->{checkpoint} // () } @all], [1, 2, 3], '... in order');
is_deeply([map { $_->{seq} } grep { $_->{event} } @all], [1 .. $n],
    '... and the entries in the order of the chain');
is($all[5]{event}[8], qq{a "line"\nand \x1b[31m],\x{20ac}},
    'an entry says what the event says');
my $first = $line[1] =~ /"event":(.*)\}$/ ? $1 : '';
is($all[1]{hash}, sha256_hex($first), '... and has the hash of the seal');
ok(wait_until(sub { $m->value("SELECT count(*) FROM audit_events WHERE action"
    . " = 'audit.exported'") == 1 }, 5, 0.1), 'that it was exported is said');

# Whoever verifies has two files and no configuration
sub verify {
    my ($with, $what) = @_;
    my $binary = $m->{control}->binary;
    my $out = qx{$binary -c /nowhere audit verify --key $with $what 2>&1};
    return ($? >> 8, $out);
}
($status, $text) = verify("$key.pub", $file);
is($status, 0, 'the export is verified without us') or diag($text);
like($text, qr/^$n entries after 0 to $n, 3 checkpoints, .*: 0 broken$/,
    '... every entry of it');
my $check = $line[-1] =~ s/,"signature":"([0-9a-f]+)"\}\n//r;
spill("$dir/said", $check);
spill("$dir/signature", pack 'H*', $1) if $line[-1] =~ /signature":"([^"]+)/;
my $openssl = "openssl pkeyutl -verify -pubin -inkey $key.pub -rawin"
    . " -in $dir/said -sigfile $dir/signature 2>&1";
like(qx{$openssl}, qr/Verified Successfully/,
    'openssl itself verifies a checkpoint');
is($all[-1]{lines}, sha256_hex(join '', @line[2002 .. $#line - 1]),
    '... which names the lines from the last one on');

# Whatever is done to it
sub finds {
    my ($name, $like, @new) = @_;
    spill("$dir/bad", join '', @new);
    my ($found, $out) = verify("$key.pub", "$dir/bad");
    is($found, 1, "found: $name");
    like($out, $like, '... and where');
    unlike($out, qr/^line (?!(?:$1)\b).*\bchanged$/m, '... not elsewhere')
        if "$like" =~ /\^line (\d+): entry \d+ was changed/;
}
my $at = 700;
my @to;
sub with { my ($i, $text) = @_; @to = @line; $to[$i] = $text; return @to }
sub without { my %gone = map { $_ => 1 } @_;
    return @line[grep { !$gone{$_} } 0 .. $#line] }
finds('a word changed', qr/^line 701: entry 700 was changed$/m,
    with($at, $line[$at] =~ s/user:u/user:v/r));
finds('a hash changed', qr/^line 701: entry 700 was changed$/m,
    with($at, $line[$at] =~ s/"hash":"\K(.)/$1 eq '0' ? 1 : 0/er));
finds('the number of an entry changed', qr/^line 701: .*700/m,
    with($at, $line[$at] =~ s/"seq":700/"seq":705/r));
finds('an entry removed', qr/^line 701: entry 700 is gone before it$/m,
    without($at));
finds('several removed', qr/^line 701: of the entries 700 to 702 some or/m,
    without($at .. $at + 2));
finds('the first one removed', qr/^line 2: entry 1 is gone before it$/m,
    without(1));
finds('the last one removed', qr/^line \d+: entry $n is gone before it$/m,
    without($n + 2));
finds('two swapped', qr/^line 702: entry 700 stands behind entry 701$/m,
    @line[0 .. $at - 1, $at + 1, $at, $at + 2 .. $#line]);
finds('one twice', qr/^line 702: entry 700 stands behind entry 700$/m,
    @line[0 .. $at, $at .. $#line]);
finds('another line put in', qr/^line 701: is no line of an export$/m,
    @line[0 .. $at - 1], "{}\n", @line[$at .. $#line]);
finds('a space put in', qr/^line 701: is no line of an export$/m,
    with($at, $line[$at] =~ s/,"hash"/, "hash"/r));
finds('the head removed', qr/^line 1: the head of the export should/m,
    without(0));
finds('the head changed', qr/^line 1002: .* for other lines than 1 to 1001$/m,
    with(0, $line[0] =~ s/"since":"/$&2026-01-01T00:00:00Z/r));
finds('a checkpoint removed', qr/^line 2002: checkpoint 2 follows check.* 0$/m,
    without(1001));
finds('a checkpoint changed', qr/^line 1002: the signature of checkpoint 1 is/m,
    with(1001, $line[1001] =~ s/"at":"\K\d/3/r));
finds('the end cut off', qr/^line 901: the last checkpoint should stand here/m,
    @line[0 .. 899]);
finds('the end cut off behind a checkpoint',
    qr/^line 2003: the last checkpoint should stand here/m, @line[0 .. 2001]);
finds('a line cut off', qr/^line 701: is cut off$/m, @line[0 .. $at - 1],
    substr $line[$at], 0, -9);
finds('a last newline cut off', qr/is cut off$/m,
    with($#line, $line[-1] =~ s/\n//r));
finds('something at the end', qr/stands behind the last checkpoint$/m, @line,
    $line[3]);
finds('nothing at all', qr/^line 1: the last checkpoint should/m, '');

# A chain that was made anew is not signed
my @made = @line;
my $before = pack 'H*', $all[$at - 1]{hash};
$made[$at] =~ s/user:u/user:v/;
for my $i ($at .. $#made) {
    my ($seq, $event) = $made[$i] =~ /^\{"seq":(\d+).*?"event":(.*)\}$/
        or next;
    my $hash = sha256_hex($before . $event);
    $made[$i] = qq({"seq":$seq,"hash":"$hash","event":$event}\n);
    $before = pack 'H*', $hash;
}
finds('an entry changed and the chain made anew',
    qr/^line 1002: checkpoint 1 was signed for other lines than 1 to 1001$/m,
    @made);
is((run('key', "$dir/stranger"))[0], 0, 'another key');
($status, $text) = verify("$dir/stranger.pub", $file);
is($status, 1, 'found: another signed it');
like($text, qr/^line 1002: the signature of checkpoint 1 is not of this key/m,
    '... by each checkpoint');

# A part of it
my $part = "$dir/part.jsonl";
($status, $text) = run('export', '--key', $key, '--since',
    '2026-01-01T01:00:00Z', '--until', '2026-01-01T02:00:00Z', $part);
is($status, 0, 'a period is exported') or diag($text);
like($text, qr/^60 entries of the audit log, (\d+) to (\d+),/,
    '... from its first to before its end');
($status, $text) = verify("$key.pub", $part);
is($status, 0, '... and verified by itself') or diag($text);
($status, $text) = run('export', '--key', $key, '--since',
    '2036-01-01T00:00:00Z', "$dir/none.jsonl");
is($status, 0, 'one without events is exported') or diag($text);
is((verify("$key.pub", "$dir/none.jsonl"))[0], 0, '... and verified');

# What is refused
refuses('a file is not written over', 1, qr/exists/, 'export', '--key', $key,
    $file);
refuses('a public key does not sign', 1, qr/no secret key|read by others/,
    'export', '--key', "$key.pub", "$dir/x");
chmod 0640, $key;
refuses('a key that others read', 1, qr/may be read by others/, 'export',
    '--key', $key, "$dir/x");
chmod 0600, $key;
refuses('no key', 1, qr/No such file/, 'export', '--key', "$dir/no", "$dir/x");
refuses('a time that is none', 2, qr/^usage/, 'export', '--key', $key,
    '--since', 'yesterday', "$dir/x");
refuses('an export without a key', 2, qr/^usage/, 'export', "$dir/x");
refuses('a file that is not there', 3, qr/No such file/, 'verify', '--key',
    "$key.pub", "$dir/x");
refuses('a folder', 3, qr/Is a directory/, 'verify', '--key', "$key.pub",
    $dir);

# A log that was changed is not signed: not when an entry was, and not when its
# end is gone.
$m->sql("UPDATE audit_events SET actor = 'user:v' WHERE id = 700");
refuses('a log with a changed event is not exported', 1,
    qr/does not hold at seal \d+/, 'export', '--key', $key, "$dir/x");
$m->sql("UPDATE audit_events SET actor = 'user:u' WHERE id = 700");
$m->{process}->signal('STOP');
$m->sql('DELETE FROM audit_seals WHERE seq = (SELECT seq FROM audit_head)');
refuses('one whose last seal is gone is not, either', 1,
    qr/does not hold at seal \d+/, 'export', '--key', $key, "$dir/x");
$m->{process}->signal('CONT');
ok(!-e "$dir/x", 'there is no file then');
is(scalar(() = glob "$dir/*.tmp"), 0, '... and nothing else is left');

is($m->stop, 0, 'the meter ends well when asked to');
is(scalar(() = glob "$dir/asan/report*"), 0,
    'no sanitizer reports anything');
done_testing();
