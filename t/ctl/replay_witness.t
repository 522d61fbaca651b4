#!/usr/bin/env perl
# Redis and the gateway's memory are both lost: the witness file, replayed,
# gives every call back that had ended, to the nano-dollar of the provider's
# books, and no more however often it is replayed.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use List::Util qw(shuffle sum0);
use POSIX ();
use Test::More;

use Asgard::Files qw(slurp spill wait_until);
use Asgard::Test;

my $t = Asgard::Test->new(workers => 1);
my $up = $t->upstream('main');
$t->add_model($up, ref => 'model:test/one', route => 'one');
$t->start;
my $project = $t->project(budget_usd => '100');
my $key = $t->key(project => $project, budgets => [['1h', '50'],
    ['total', '90']]);
my $file = "$t->{gateway}{dir}/log/calls.log";
my @budgets = ("p.$project", "k.$key->{id}");

sub lines { map { "$_\n" } split /\n/, slurp($_[0]) }
sub value { $t->{postgres}->value($_[0]) }
sub charged { value('SELECT coalesce(sum(delta_nano), 0) FROM ledger') }

sub replay {
    my (@files) = @_;
    my ($status, $out, $err) = $t->{control}->run('replay', @files);
    my %n = map { reverse split / /, $_, 2 } $out
        =~ /(\d+ (?:lines|told|known already|still open|refused))/g;
    return ($status, \%n, "$out$err");
}

# The provider's own books: what it answered with usage, at the card's price.
sub books {
    return sum0 map { $_->{prompt_tokens} * 1000
        + $_->{completion_tokens} * 10_000 }
        grep { $_->{status} == 200 && $_->{outcome} eq 'whole' } $up->books;
}

# A call whose end is not known: on a connection of its own, since a kept one
# that is closed without a byte is no sign that anybody read the request.
sub call_without_end {
    $up->script({status => 503}, {raw => '', prompt_tokens => 0,
        completion_tokens => 0});
    $t->chat($key, {model => 'one'}) for 1, 2;
    my ($void, $line) = map { JSON::PP::decode_json($_) }
        (lines($file))[-2, -1];
    is("$void->{verb} $line->{verb}", 'v x', 'a void and an unknown end');
    return $line;
}

sub calls {
    my ($n) = @_;
    for my $i (1 .. $n) {
        $up->script({prompt_tokens => 5 + $i, completion_tokens => 3 * $i});
        is($t->chat($key, {model => 'one'})->status, 200, "call $i of $n");
    }
}

# Some that the ledger has
calls(3);
ok(wait_until(sub { charged() == books() && charged() > 0 }, 10, 0.05),
    'the first calls are in the ledger');

# asgard-ctl dies; calls go on; then all is lost but the file
kill KILL => $t->{control}->pid, values %{$t->{control}->roles};
$t->{control}{process}->wait_end(5);
$t->allow_no_control;
calls(8);
my $unknown = call_without_end();
my $before = charged();
my @pids = ($t->{gateway}->pid, $t->{gateway}->workers);
kill KILL => @pids;
$t->{gateway}{process}->wait_end(5);
ok(wait_until(sub { !grep { kill 0, $_ } @pids }, 5), 'the gateway is gone');
$t->{redis}->cmd('FLUSHALL');
$t->{control}->start;
$t->{gateway}->start;
ok($t->wait_ready(30), 'all parts work again');
is(charged(), $before, 'the ledger has not got the calls');
my ($status, $out) = $t->{control}->run('audit', 'money', '--witness', $file);
is(() = $out =~ /^M5 hold \w+: its line is not in the ledger, nor on/mg, 10,
    'the audit says that they are not there');

my $due = books() + $unknown->{held};
($status, my $n, my $text) = replay($file);
is($status, 0, 'the witness is replayed') or diag($text);
is_deeply($n, {lines => 13, told => 10, 'known already' => 3,
    'still open' => 0, refused => 0}, '... what was missing is told');
like($text, qr/^the ledger has them all$/m, '... and in the ledger');
is(charged(), $due, 'to the nano-dollar of the books of the provider');
is(value("SELECT state || ' ' || rank FROM holds WHERE hold_id ="
    . " '$unknown->{hold}'"), 'unknown 0',
    'the call without a known end is charged in full, with the least rank');
my %held = map { ($_->{hold} => $_->{held}) }
    map { JSON::PP::decode_json($_) } lines($file);
is_deeply({map { @$_ } $t->{postgres}->rows('SELECT hold_id, held_nano FROM'
    . ' holds')}, \%held, 'and the ledger knows what each had held');
for my $budget (@budgets) {
    is($t->{redis}->cmd('HGET', $_, 's:total:0'), $due, "$budget spent it")
        for @{$t->{redis}->cmd('KEYS', "{p*}:b:$budget")};
}
is(value("SELECT count(*) FROM audit_events WHERE action ="
    . " 'ledger.replayed'"), 1, 'the audit log says that it was replayed');

# Again, in any order
($status, $n) = replay($file);
is($n->{'known already'}, 13, 'replayed again all is known');
spill("$t->{dir}/shuffled", join '', shuffle(lines($file), lines($file)));
($status, $n) = replay("$t->{dir}/shuffled", $file);
is("$status $n->{told}", '0 0', 'shuffled and doubled it changes nothing');
is(charged(), $due, '... not the ledger either');

# What an expiry charged, and what a later line says
my ($settled) = map { JSON::PP::decode_json($_) } grep { /"verb":"s"/ }
    (lines($file))[5];
$t->{postgres}->rows("UPDATE holds SET rank = 0 WHERE hold_id ="
    . " '$settled->{hold}'");
($status, $n) = replay($file);
is("$status $n->{told}", '0 1', 'of what is known by less the line is told');
is(charged(), $due, 'with the same balance');

# A partition that is closed is waited for
my $part = $settled->{part};
my $meta = sprintf '{p%02d}:m', $part;
my $epoch = value("SELECT epoch FROM partitions WHERE partition = $part");
$t->{postgres}->rows("UPDATE holds SET rank = 0 WHERE hold_id ="
    . " '$settled->{hold}'");
kill STOP => $t->{control}->roles->{meter};
$t->{redis}->cmd('HSET', $meta, 'st', 'closed');
my $closed = fork() // die "fork: $!";
if (!$closed) {
    my ($rc, $told) = replay($file);
    POSIX::_exit($rc == 0 && $told->{told} == 1 ? 0 : 1);
}
ok(!wait_until(sub { waitpid($closed, POSIX::WNOHANG()) }, 1, 0.1),
    'a replay into a closed partition waits');
kill CONT => $t->{control}->roles->{meter};
waitpid $closed, 0;
is($?, 0, 'until it is open again, and then tells');
cmp_ok(value("SELECT epoch FROM partitions WHERE partition = $part"), '>',
    $epoch, '... under the fence of its new life');
is(charged(), $due, 'and the balance is the same');

# While calls run, with a hold that is open
my $pid = fork() // die "fork: $!";
if (!$pid) {
    while (!-e "$t->{dir}/enough") {
        $t->chat($key, {model => 'one'});
        select undef, undef, undef, 0.02;
    }
    POSIX::_exit(0);
}
wait_until(sub { lines($file) > 40 }, 20, 0.05);
for (1 .. 4) {
    ($status, $n, $text) = replay($file);
    is($status, 0, 'a replay beside running calls is well') or diag($text);
    is($n->{refused}, 0, '... and refuses nothing');
}
spill("$t->{dir}/enough", '');
waitpid $pid, 0;
my $open = call_without_end();
ok($t->{redis}->cmd('KEYS', "{p*}:h:$open->{hold}")->[0], 'a hold is open');
($status, $n) = replay($file);
is("$status $n->{'still open'}", '0 1', 'it is left to expire');
my $other = $t->project(budget_usd => '100');
my $other_key = $t->key(project => $other);
my ($open_line) = grep { /"$open->{hold}"/ } lines($file);
my $given_back = $open_line =~ s/"verb":"x"/"verb":"v"/r
    =~ s/"amount":\d+/"amount":0/r;
my $knows = 'Redis knows otherwise';
for (["$knows (held)" => $given_back =~ s/"held":(\d+)/'"held":' . ($1 + 1)/er],
    ["$knows (pins)" => $given_back
        =~ s/"pins":"[^"]*?(p\.[^,"]+)[^"]*"/"pins":"$1"/r],
    ['its pins are not' => $given_back =~ s/"pins":"[^"]*"/"pins":""/r
        =~ s/"project":"[^"]+"/"project":"$other"/r])
{
    my ($why, $line) = @$_;
    ($status, $n, $text) = replay(spill("$t->{dir}/open.log", $line));
    is("$status $n->{refused}", '1 1', 'a line of it that is of another call');
    like($text, qr/open\.log:1: refused: .*\Q$why\E/, "... is refused: $why");
}
ok($t->{redis}->cmd('KEYS', "{p*}:h:$open->{hold}")->[0], 'it is open still');
ok(wait_until(sub { charged() == books() + $unknown->{held} }, 10, 0.05),
    'the ledger has what the provider answered, and the one unknown call')
    or diag(charged(), ' ', books());

# What is refused
my ($good) = grep { /"verb":"s"/ } lines($file);
my %bad = (
    'lacks something' => $good =~ s/"pins":"[^"]*",//r,
    'lacks something ' => $good =~ s/"held":\d+,//r,
    ' lacks something' => $good =~ s/"epoch":\d+,//r,
    ' lacks something ' => $good =~ s/"hold":"\w+",//r,
    'has an id, a verb or a number that cannot be' =>
        $good =~ s/"part":\d+/"part":16/r,
    'it charges more than it held' => $good
        =~ s/"amount":\d+/"amount":900000000/r
        =~ s/"hold":"\w/${&}e/r,
    "of its project's budgets" => $good
        =~ s/"pins":"([^",]+)/"pins":"$1,$1/r
        =~ s/"hold":"\w/${&}d/r,
    'in its partition' => $good
        =~ s/"pins":"p\.[^:]+/"pins":"p.proj-1999-0001/r
        =~ s/"hold":"\w/${&}f/r,
    'its pins are not' => $good =~ s/"part":(\d+)/'"part":' . (($1 + 1) % 16)/er
        =~ s/"hold":"\w/${&}f/r,
    'it has no pins' => $good =~ s/"pins":"[^"]*"/"pins":""/r
        =~ s/"hold":"\w/${&}f/r,
    'charges another amount than it held' => $good =~ s/"verb":"s"/"verb":"x"/r
        =~ s/"hold":"\w/${&}f/r,
    'another amount than its tokens cost by its price card' => $good
        =~ s/"amount":(\d+)/'"amount":' . ($1 - 1)/er
        =~ s/"hold":"\w/${&}f/r,
    'version of its price card is not in the database' => $good
        =~ s/"cv":\d+/"cv":99/r =~ s/"hold":"\w/${&}f/r,
    'for usage and has no tokens' => $good =~ s/"pt":\d+,//r
        =~ s/"hold":"\w/${&}f/r,
    'windows or periods that its budgets did not have' => $good
        =~ s/:1h:/:2h:/r =~ s/"hold":"\w/${&}f/r,
    ' windows or periods that its budgets did not have' => $good
        =~ s/:total:0/:total:1/r =~ s/"hold":"\w/${&}f/r,
    'windows or periods that its budgets did not have ' => $good
        =~ s/:1h:(\d+)/':1h:' . ($1 - 30 * 3600)/er =~ s/"hold":"\w/${&}f/r,
    ' windows or periods that its budgets did not have ' => $good
        =~ s/:1h:(\d+)/':1h:' . ($1 - 1)/er =~ s/"hold":"\w/${&}f/r,
    'is no line of a witness' => "hello\n",
    'cut off here' => substr($good, 0, 100),
);
my @names = sort { ($a =~ /cut/) - ($b =~ /cut/) || $a cmp $b } keys %bad;
my $bad = spill("$t->{dir}/bad.log", $good . join '', @bad{@names});
($status, $n, $text) = replay($bad);
is($status, 1, 'lines are refused');
is($n->{refused}, scalar(@names), '... all that lack something');
is($n->{'known already'}, 1, '... and none else');
for my $i (0 .. $#names) {
    my $at = "$bad:" . ($i + 2);
    like($text, qr/^\Q$at\E: refused: .*\Q@{[$names[$i] =~ s{^ | $}{}gr]}\E/m,
        "line @{[$i + 2]}: " . $names[$i]);
}
is(charged(), books() + $unknown->{held}, 'and none of them cost anything');

# Lines under the id of a hold that the ledger knows, of somebody else
$up->script({prompt_tokens => 12, completion_tokens => 30});
is($t->chat($other_key, {model => 'one'})->status, 200, 'another project');
ok(wait_until(sub { charged() == books() + $unknown->{held} }, 10, 0.05),
    'its call is in the ledger');
my $theirs = (lines($file))[-1];
my $ours = JSON::PP::decode_json($good);
my $entries = value('SELECT count(*) FROM ledger');
$t->{postgres}->rows("UPDATE holds SET rank = 1 WHERE hold_id ="
    . " '$ours->{hold}'");
my $wrong_part = ($ours->{part} + 1) % 16;
my $void = $good =~ s/"verb":"s"/"verb":"v"/r =~ s/"amount":\d+/"amount":0/r
    =~ s/"pins":"[^"]*"/"pins":""/r;
my @otherwise = (
    ["project $project", $theirs =~ s/"hold":"\w+"/"hold":"$ours->{hold}"/r],
    ["partition $ours->{part}",
        $void =~ s/"part":\d+/"part":$wrong_part/r],
    ["held $ours->{held}",
        $void =~ s/"held":(\d+)/'"held":' . ($1 + 1)/er],
    ["key $ours->{key}", $void =~ s/"key":"\w/'"key":"'
        . ($& =~ m{a$} ? 'b' : 'a')/er],
    ['pins', $void],
    ['pins', $good =~ s/"pins":"[^"]*?(p\.[^,"]+)[^"]*"/"pins":"$1"/r],
);
my $others = spill("$t->{dir}/others.log", join '', map { $_->[1] } @otherwise);
($status, $n, $text) = replay($others);
is("$status $n->{told} $n->{refused}", '1 0 ' . @otherwise,
    'what is another of a hold that the ledger knows is refused');
for my $i (0 .. $#otherwise) {
    my $at = "$others:" . ($i + 1);
    my $why = 'it is of a hold that the ledger knows otherwise';
    like($text, qr/^\Q$at: refused: $why\E \($otherwise[$i][0].*\)$/m,
        "... by its $otherwise[$i][0]");
}
is(charged(), books() + $unknown->{held}, '... and nothing moves');
is(value('SELECT count(*) FROM ledger'), $entries, '... nor is entered');
$t->{postgres}->rows("UPDATE holds SET rank = 3 WHERE hold_id ="
    . " '$ours->{hold}'");
($status, $n) = replay($file);
is("$status $n->{told} $n->{refused}", '0 0 0',
    'what their gateways wrote of them is known already');
my ($voided) = grep { /"verb":"v"/ && /"pins":"p/ } lines($file);
($status, $n) = replay(spill("$t->{dir}/voided.log",
    $voided =~ s/"pins":"[^"]*"/"pins":""/r));
is("$status $n->{'known already'}", '0 1',
    '... so is a void that never heard of its pins');

# Wrong use
is((replay("$t->{dir}/nothing"))[0], 1, 'a file that is not there');
is(($t->{control}->run('replay'))[0], 2, 'no file is wrong usage');

$t->done;
