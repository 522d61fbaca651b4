#!/usr/bin/env perl
# `audit money --explain HOLD` tells a hold's whole life: open at this moment,
# settled, voided, expired and then corrected, known to the witness alone.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use POSIX ();
use Test::More;

use Asgard::Files qw(slurp spill wait_until);
use Asgard::Partition;
use Asgard::Test;

my $t = Asgard::Test->new(workers => 1);
my $up = $t->upstream('main');
$t->add_model($up, ref => 'model:test/one', route => 'one');
$t->start;
my $project = $t->project(budget_usd => '1');
my $key = $t->key(project => $project, budgets => [['1h', '0.5']]);
my $file = "$t->{gateway}{dir}/log/calls.log";
my $time = qr/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{3})?Z/;

sub value { $t->{postgres}->value($_[0]) }
sub rows_of { value("SELECT count(*) FROM $_[0] WHERE hold_id = '$_[1]'") }

sub story_of {
    my ($hold, @more) = @_;
    my ($status, $out, $err) = $t->{control}->run('audit', 'money',
        '--explain', $hold, @more);
    return ($status, "$out$err");
}

sub last_line { JSON::PP::decode_json((split /\n/, slurp($file))[-1]) }

sub says {
    my ($text, @sentences) = @_;
    like($text, qr/^$_$/m, "it says: $_") for @sentences;
}

# Settled
$up->script({prompt_tokens => 10, completion_tokens => 20});
my $reply = $t->chat($key, {model => 'one'});
my $trace = $reply->header('x-asgard-trace-id');
my $line = last_line();
my $hold = $line->{hold};
ok(wait_until(sub { rows_of('holds', $hold) },
    5, 0.05), 'the ledger has the call');
my $held = $line->{held} / 1e9;
my ($status, $text) = story_of($hold, '--witness', $file);
is($status, 0, 'a settled hold is explained');
says($text, "Hold $hold",
    'Now: settled, charged 0\.00021 USD\. Its greatest evidence is measured'
    . ' usage \(rank 3\)\.',
    "It held \Q$held\E USD\\.",
    "Its first evidence came at $time; the call had begun at $time\\.",
    "Call $hold, trace $trace\\.",
    "Project $project, version 1 of its record; key $key->{id}"
    . ' \(asg_\w+\.\.\.\)\.',
    'Model model:test/one, asked for as one; endpoint main of \S+\.',
    'Price card \S+ version \d+: in USD for a million tokens, input 1,'
    . ' cached 1, written to the cache 1, output 10, reasoning 10\.',
    "  project $project, window total \\(it never ends\\)",
    "  key $key->{id}, window 1h that began $time",
    "  $time entry \\d+ \\(settle, number 1 of this hold\\): \\+0\\.00021 USD,"
    . ' because of usage \(rank 3\); the balance is then 0\.00021 USD',
    '  10 tokens \(input\) x 1000000 pico-USD = 10000000 pico-USD',
    '  20 tokens \(output\) x 10000000 pico-USD = 200000000 pico-USD',
    '  together 210000000 pico-USD, rounded up to 0\.00021 USD: the balance\.',
    "  $time \Q$file\E:1: usage \\(rank 3\\) of 0\\.00021 USD, held"
    . " \Q$held\E USD, verdict \"ok\", epoch \\d+");

# Without the files
(undef, $text) = story_of($hold);
says($text, 'No witness file was looked at\.');

# Voided
$up->script({status => 503});
$t->chat($key, {model => 'one'});
my $void = last_line()->{hold};
ok(wait_until(sub { rows_of('holds', $void) },
    5, 0.05), 'the ledger knows of the void');
($status, $text) = story_of($void);
is($status, 0, 'a voided hold is explained');
says($text, 'Now: voided, charged 0 USD\. Its greatest evidence is a void'
    . ' \(rank 2\)\.',
    'It has no entry in the ledger: it never cost anything\.',
    'Nothing was sent, or the provider refused: it costs nothing\.');

# Open at this moment
$up->script({delay => 6, prompt_tokens => 10, completion_tokens => 20});
my $pid = fork() // die "fork: $!";
if (!$pid) {
    $t->chat($key, {model => 'one'});
    POSIX::_exit(0);
}
my $open;
ok(wait_until(sub {
    ($open) = map { /:h:(.+)/ } @{$t->{redis}->cmd('KEYS', '{p*}:h:*')};
    return defined $open;
}, 5, 0.05), 'a call is under way');
($status, $text) = story_of($open);
is($status, 0, 'an open hold is explained');
says($text, "Now: open, it holds \\S+ USD\\. It was reserved at $time and"
    . " expires at $time, unless it is extended\\.",
    "Call $open, trace tr_\\w+\\.",
    "  key $key->{id}, window 1h that began $time");
waitpid $pid, 0;
ok(wait_until(sub { rows_of('holds', $open) }, 15, 0.05), 'the call has ended');

# Ended, and not yet in the ledger
my $meter = $t->{control}->roles->{meter};
kill STOP => $meter;
$t->chat($key, {model => 'one'});
my $ended;
wait_until(sub { ($ended = last_line()->{hold}) ne $open }, 5, 0.02);
($status, $text) = story_of($ended);
is($status, 0, 'a hold that the ledger has not got yet is explained');
says($text, 'Now: ended, its end stands in the usage stream that the ledger has'
    . ' not read yet\.');
kill CONT => $meter;
ok(wait_until(sub { rows_of('holds', $ended) }, 15, 0.05), 'then it has it');

# Expired, and then corrected
my $part = value("SELECT partition FROM projects WHERE project_id ="
    . " '$project'");
my $p = Asgard::Partition->new(redis => $t->{redis}->connect, part => $part,
    epoch => value("SELECT epoch FROM partitions WHERE partition = $part"));
my $detail = qq({"f":1,"call":"late","trace":"tr_late","project":"$project",)
    . qq("pv":1,"key":"$key->{id}","prefix":"x","model":"model:test/one",)
    . qq("rm":"one","card":"model:test/one","cv":1);
my @budgets = ("p.$project", "k.$key->{id}");
my $r = $p->reserve('late', 5000000, \@budgets, ttl => 1,
    detail => "$detail}");
is($r->[0], 'OK', 'a hold that nobody ends');
ok(wait_until(sub { rows_of('ledger', 'late') },
    10, 0.05), 'expires');
(undef, $text) = story_of('late');
says($text, 'Now: unknown, charged 0\.005 USD\. Its greatest evidence is nobody'
    . ' told an end: expiry \(rank 0\)\.',
    'No end is known, so the whole hold is charged;'
    . ' evidence that comes later corrects it\.');
$p->finish('late', 's', 210000, $r->[1], \@budgets,
    detail => "$detail,\"pt\":10,\"ct\":20}");
ok(wait_until(sub { rows_of('ledger', 'late') == 2
    && value('SELECT count(*) FROM applies WHERE done_at IS NOT NULL') == 1 },
    10, 0.05), 'and is corrected');
$r = $p->reserve('late.2', 1000, \@budgets, ttl => 60, detail => "$detail}");
($status, $text) = story_of('late');
is($status, 0, 'an expired hold that was corrected is explained');
says($text, 'Now: settled, charged 0\.00021 USD\. Its greatest evidence is'
    . ' measured usage \(rank 3\)\.', 'It held 0\.005 USD\.',
    "  $time entry \\d+ \\(unknown, number 1 of this hold\\): \\+0\\.005 USD,"
    . ' because of expiry \(rank 0\); the balance is then 0\.005 USD',
    "  $time entry \\d+ \\(adjust, number 2 of this hold\\): -0\\.00479 USD,"
    . ' because of usage \(rank 3\); the balance is then 0\.00021 USD',
    "  correction 1 of partition $part: -0\\.00479 USD on \\S+, told to Redis"
    . " at $time",
    '  together 210000000 pico-USD, rounded up to 0\.00021 USD: the balance\.');
(undef, $text) = story_of('late.2');
says($text, 'Now: open, it holds 0\.000001 USD\. .*',
    "  late: settled, 0\\.00021 USD, ended $time");
$p->finish('late.2', 'v', 0, $r->[1], \@budgets, detail => "$detail}");

# Known to the witness alone, and to nobody
spill("$t->{dir}/alone", slurp($file) =~ s/"hold":"\w+"/"hold":"alone"/gr);
($status, $text) = story_of('alone', '--witness', "$t->{dir}/alone");
is($status, 0, 'a hold that only the witness knows');
says($text, 'Only the witness knows it: `replay` brings it into the ledger\.');
($status, $text) = story_of('h0000', '--witness', $file);
is($status, 1, 'a hold that nobody knows');
says($text, 'It is not known\. Looked at: open holds and usage streams of 16'
    . ' partitions in Redis, the ledger, 1 witness files\.');
is((story_of('no such id'))[0], 2, 'what is no id is wrong usage');
is((story_of($hold, '--witness', "$t->{dir}/nothing"))[0], 3,
    'a file that is not there');

$t->{uncounted_calls} = $t->{unwitnessed_calls} = 1;
$t->done;
