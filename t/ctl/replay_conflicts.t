#!/usr/bin/env perl
# Lines of a hold that neither the ledger nor Redis knows: one call may be told
# under its id, whoever else claims it, also in a later replay; and no line is
# told that is not of a key and a partition of its project.
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
my $up = $t->upstream('main');
$t->add_model($up, ref => 'model:test/one', route => 'one');
# what is told here no provider was asked for
$t->{uncounted_calls} = 1;
$t->start;
my @projects = map { $t->project(budget_usd => '100') } 1 .. 2;
my @keys = map { $t->key(project => $_, budgets => [['total', '90']]) }
    @projects;
my $twin = $t->key(project => $projects[0], budgets => [['total', '90']]);
my $file = "$t->{gateway}{dir}/log/calls.log";
my $told = "$file.later";

sub value { $t->{postgres}->value($_[0]) }
sub replay {
    my ($status, $out, $err) = $t->{control}->run('replay', @_);
    my %n = map { reverse split / /, $_, 2 } $out
        =~ /(\d+ (?:lines|told|known already|still open|refused))/g;
    return ($status, \%n, "$out$err");
}
sub written {
    my ($name, @lines) = @_;
    return spill("$t->{dir}/$name", join '', map { "$_\n" } @lines);
}
# The lines that will be told are a witness as well: the audit at the end wants
# one for each call.
sub to_be_told { spill($told, (-e $told ? slurp($told) : '') . "$_[0]\n") }
sub balance { value("SELECT balance_nano FROM holds WHERE hold_id = '$_[0]'") }

$t->chat($_, {model => 'one'}) for @keys;
ok(wait_until(sub { -e $file && (() = slurp($file) =~ /\n/g) == 2 }, 5),
    'two projects have made a call');
my @lines = split /\n/, slurp($file);
$lines[0] =~ /"hold":"(\w+)"/ or die;
my $serial = 0;
sub new_id { return sprintf 'h%024x', 0xdead0000 + ++$serial }
# A line of project $i, under an id and with another amount held.
sub line {
    my ($i, $id, $more) = @_;
    return $lines[$i] =~ s/"hold":"\w+"/"hold":"$id"/r
        =~ s{"held":(\d+)}{"\"held\":" . ($1 + ($more // 0))}er;
}
ok(wait_until(sub { (balance($lines[0] =~ /"hold":"(\w+)"/) // 0) == 210_000 },
    10), 'a call has its price');

# --- two calls under one id ---------------------------------------------------

my $why = 'it is of a hold that a line before it knows otherwise';
for my $case (
    [sub { (line(0, $_[0]), line(1, $_[0])) }, "project $projects[0]", 'both'],
    [sub { (line(1, $_[0]), line(0, $_[0])) }, "project $projects[1]",
        'the other way round'],
    [sub { (line(0, $_[0]), line(0, $_[0], 1)) }, 'held', 'with more held'],
    [sub { (line(0, $_[0]), line(0, $_[0])
        =~ s/"pins":"([^",]*),[^"]*"/"pins":"$1"/r) }, 'pins',
        'with other pins'],
    [sub { (line(0, $_[0]), line(0, $_[0]) =~ s/\Q$keys[0]{id}/$twin->{id}/gr)
        }, 'key', 'with another key'])
{
    my ($make, $differs, $what) = @$case;
    my $id = new_id();
    my @two = $make->($id);
    to_be_told($two[0]);
    my ($status, $n, $text) = replay(written("two.$id", @two));
    is("$status $n->{told} $n->{refused}", '1 1 1',
        "two calls under one id, $what: one is told");
    like($text, qr/two.$id:2: refused: \Q$why\E \(.*$differs.*\)$/m,
        '... and the second is refused') or diag($text);
    is(balance($id), 210_000, '... the ledger has one');
    is(value("SELECT project_id FROM holds WHERE hold_id = '$id'"),
        JSON::PP::decode_json($two[0])->{project}, '... of the first project');
    ($status, $n) = replay(written("second.$id", $two[1]));
    is("$status $n->{refused}", '1 1', '... and refuses the second for ever');
}
is(value('SELECT count(*) FROM replay_claims'), 0,
    'what the ledger knows is asked of the ledger');

my $id = new_id();
my @same = (line(0, $id), line(0, $id) =~ s/"verb":"s"/"verb":"e"/r
    =~ s/"amount":\d+/"amount":7/r
    =~ s/"flags":\[\]/"flags":["estimated","dead_worker"]/r);
to_be_told($_) for @same;
my ($status, $n) = replay(written('same', reverse @same));
is("$status $n->{told} $n->{refused}", '0 2 0',
    'two lines of one call, its own and a sibling\'s, are both told');
is(balance($id), 210_000, '... and the better one counts');

# A replay that was broken off before the ledger had anything
$id = new_id();
to_be_told(line(0, $id));
my $meter = $t->{control}->roles->{meter};
kill STOP => $meter;
my $pid = fork() // die "fork: $!";
if (!$pid) {
    open STDOUT, '>', '/dev/null';
    exec $t->{control}->binary, '-c', $t->{control}->conf, 'replay',
        written('broken', line(0, $id));
}
my ($part) = line(0, $id) =~ /"part":(\d+)/;
my $stream = sub {
    my $epoch = value("SELECT epoch FROM partitions WHERE partition = $part");
    return join ' ', map { "@{$_->[1]}" } @{$t->{redis}->cmd('XRANGE',
        sprintf('{p%02d}:u:%d', $part, $epoch), '-', '+')};
};
ok(wait_until(sub { $stream->() =~ /\b$id\b/ }, 10), 'a line was told');
kill KILL => $pid;
waitpid $pid, 0;
($status, $n, my $text) = replay(written('after', line(1, $id)));
is("$status $n->{told} $n->{refused}", '1 0 1',
    'after a replay that was broken off, another call under its id is refused');
like($text, qr/\Q$why\E \(project $projects[0]/, '... by what was told')
    or diag($text);
kill CONT => $meter;
ok(wait_until(sub { (balance($id) // 0) == 210_000 }, 10),
    'the ledger gets what was told');
is(value("SELECT project_id FROM holds WHERE hold_id = '$id'"), $projects[0],
    '... of its project');

# --- of nobody ----------------------------------------------------------------

my $void = line(0, new_id()) =~ s/"verb":"s"/"verb":"v"/r
    =~ s/"amount":\d+/"amount":0/r =~ s/"pins":"[^"]*"/"pins":""/r;
my $elsewhere = ($part + 1) % 16;
my $before = join "\n", sort @{$t->{redis}->cmd('KEYS', "{p*}:h:*")};
my %bad = (
    'not, each once, of its project\'s budgets in its partition' =>
        $void =~ s/"part":\d+/"part":$elsewhere/r,
    'budgets in its partition' => line(0, new_id())
        =~ s/"key":"[^"]*"/"key":"$twin->{id}"/r,
    'its key is none of its project\'s' => line(0, new_id())
        =~ s/"key":"[^"]*"/"key":""/r =~ s/,k\.[^"]*"/"/r,
    'key is none of its project\'s' => line(0, new_id())
        =~ s/"key":"[^"]*"/"key":"$keys[1]{id}"/r =~ s/,k\.[^"]*"/"/r,
    'key is none of its ' => line(0, new_id())
        =~ s/"key":"[^"]*"/"key":"------------------------------------"/r
        =~ s/,k\.[^"]*"/"/r,
    'lacks something' => line(0, new_id()) =~ s/"key":"[^"]*",//r,
    'is none of its project\'s' => $void =~ s/"key":"[^"]*"/"key":""/r,
);
my @names = sort keys %bad;
my $bad = written('bad', @bad{@names});
($status, $n, $text) = replay($bad);
is("$status $n->{told} $n->{refused}", '1 0 ' . @names, 'all are refused');
for my $i (0 .. $#names) {
    my $at = "$bad:" . ($i + 1);
    like($text, qr/^\Q$at\E: refused: .*\Q$names[$i]\E/m,
        'a line is refused: ' . $names[$i]);
}
is(join("\n", sort @{$t->{redis}->cmd('KEYS', "{p*}:h:*")}), $before,
    'and nothing is written into any partition');
($status, $n) = replay(written('void', $void));
is("$status $n->{told}", '0 1', 'a void without pins in its partition is told');
to_be_told($void);
$t->done;
