#!/usr/bin/env perl
# M5: a witness file that was emptied or cut, at its head, its tail or in the
# middle, and one of a gateway that was left out, are found; a period that is
# asked for is looked at to its ends, and no further.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use Test::More;

use Asgard::Files qw(slurp spill wait_until);
use Asgard::Test;

my $t = Asgard::Test->new(workers => 1, gateways => 2);
my $up = $t->upstream('main', prompt_tokens => 10, completion_tokens => 20);
$t->add_model($up, ref => 'model:test/one', route => 'one');
$t->start;
my $project = $t->project(budget_usd => '1');
my $key = $t->key(project => $project);
my ($first, $second) = map { "$_->{dir}/log/calls.log" } $t->gateways;
my $cut = "$t->{dir}/cut.log";

sub audit {
    my ($status, $out, $err) = $t->{control}->run('audit', 'money', @_);
    return ($status, "$out$err");
}

sub finds {
    my ($name, $like, @words) = @_;
    my ($status, $text) = audit(@words);
    is($status, 1, "$name is found");
    like($text, $like, '... and named') or diag($text);
}

sub well {
    my ($name, @words) = @_;
    my ($status, $text) = audit(@words);
    is($status, 0, $name) or diag($text);
}

sub lines { map { "$_\n" } split /\n/, slurp($_[0]) }
sub hold_of { JSON::PP::decode_json($_[0])->{hold} }

is($t->chat($key, {model => 'one'})->status, 200, 'a call') for 1 .. 4;
my $middle = $t->{postgres}->value(q[SELECT to_char(clock_timestamp()
    AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')]);
select undef, undef, undef, 1.1;        # into another second, of every clock
$middle = $t->{postgres}->value(q[SELECT to_char(clock_timestamp()
    AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')]);
is($t->chat($key, {model => 'one'})->status, 200, 'a call') for 1 .. 4;
is($t->at(1)->chat($key, {model => 'one'})->status, 200,
    'a call of the other gateway') for 1 .. 2;
ok(wait_until(sub { Asgard::Money::is_drained($t) }, 10, 0.05),
    'all is in the ledger');
my @lines = lines($first);
is(scalar @lines, 8, 'eight lines of the first');
my @both = ('--witness', $first, '--witness', $second);
well('both files together are whole', @both);

my @cut = ('--witness', $cut, '--witness', $second);
sub without {
    my ($name, @kept) = @_;
    spill($cut, join '', @lines[@kept]);
    my %kept = map { ($_ => 1) } @kept;
    my ($gone) = grep { !$kept{$_} } 0 .. $#lines;
    my $hold = hold_of($lines[$gone]);
    finds($name, qr/^M5 hold $hold \(settled, \d+\) has no line$/m, @cut);
}

without('a file without its head', 1 .. 7);
without('a file without its tail', 0 .. 6);
without('a file without its middle', 0 .. 2, 5 .. 7);
spill($cut, '');
my $worker = substr hold_of($lines[0]), 0, 17;
my $silent = qr/^M5 no witness of the gateway's worker $worker: its 8 calls,/m;
finds('a file that was emptied', $silent, @cut);
finds('a gateway that was left out', $silent, '--witness', $second);
finds('all files being empty', $silent, '--witness', $cut);
like((audit('--witness', $cut))[1],
    qr/^M5 no witness of the gateway's worker (?!$worker)\w{17}: its 2 calls/m,
    '... of both gateways');

# A period
spill($cut, join '', @lines[4 .. 7]);
well('since a moment, the files from there on are enough', @cut, '--since',
    $middle);
spill($cut, join '', @lines[5 .. 7]);
finds('of such a file the first line', qr/ has no line$/m, @cut, '--since',
    $middle);
spill($cut, join '', @lines[0 .. 3]);
well('until a moment, those before it', '--witness', $cut, '--until', $middle);
spill($cut, join '', @lines[0 .. 2]);
finds('of such a file the last line', qr/ has no line$/m, '--witness', $cut,
    '--until', $middle);
is((audit(@both, '--since', 'yesterday'))[0], 2, 'a time that is none');
is((audit(@both, '--since', $middle, '--since', $middle))[0], 2,
    'two beginnings are none');

# The harness hides none
truncate $first, 0 or die "truncate: $!";
my @seen = Asgard::Money::witness_files($t);
is(scalar(grep { $_ eq $first } @seen), 1, 'every test looks at empty ones');
spill($first, join '', @lines);
$t->done;
