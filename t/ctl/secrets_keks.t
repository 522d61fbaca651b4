#!/usr/bin/perl
# A key that wraps secrets is replaced while they are read, by a job: once over
# two asgard-ctl, and to its end, also when its keeper was killed in its midst;
# the old key is unused then.  What was moved to another row does not open, and
# `secrets verify` says where it is.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use POSIX ();
use Test::More;

use Asgard::Files qw(slurp wait_until);
use Asgard::People;
use Asgard::Secrets;
use Asgard::Test;

my $t = Asgard::Test->new;
$t->start;
my $control = $t->{control};
my $second = $t->another_control;
$second->{migrated} = 1;
$second->start;
my $people = Asgard::People->new($t);
my $owner = $people->person('owner');
my $project = $t->project(owner_email => $owner->{email}, budget_usd => 5);
my $secrets = Asgard::Secrets->new($t);
my $resource = $secrets->resource($project, 'db', $people->as('owner'));
my %value = map { $_ => $secrets->put($resource, $_) } 'a' .. 'y';

sub reads { return $t->api('POST',
    "/api/projects/$project/secrets/db-$_[0]/read", {},
    $people->as('owner')) }

sub kek_of { return $t->{postgres}->value("SELECT string_agg(n || ' ' || kek,"
    . " ', ' ORDER BY kek) FROM (SELECT kek, count(*) n FROM secrets WHERE kek"
    . ' IS NOT NULL GROUP BY kek) k') }

my ($status, $out) = $control->run('secrets', 'verify');
is($status, 0, 'all secrets open');
is($out, "kek k1 (in use): 25\n25 secrets, 0 of them do not open\n",
    '... and verify says how many');

# --- a job does it, and goes on when its keeper was killed in its midst

sub job { return $t->{postgres}->value("SELECT string_agg(concat_ws(' ', state,"
    . " attempt, lost, actor), ', ') FROM jobs WHERE kek = '$_[0]'") }

sub told { return $t->{postgres}->value("SELECT string_agg(action || coalesce("
    . "' ' || (data->>'secrets'), ''), ', ' ORDER BY id) FROM audit_events"
    . " WHERE action LIKE 'secrets.%' AND data->>'kek' = '$_[0]'")
    =~ s/secrets\.//gr }

my $lock = fork // die;
if (!$lock) {
    eval { $t->{postgres}->psql($t->{postgres}->owner_url, 'BEGIN; UPDATE'
        . " secrets SET kek = kek WHERE name = 'db-w'; SELECT pg_sleep(60)") };
    POSIX::_exit(0);
}
ok(wait_until(sub { $t->{postgres}->value('SELECT count(*) FROM'
    . " pg_stat_activity WHERE query LIKE '%pg_sleep%' AND wait_event ="
    . " 'PgSleep'") }, 15), 'a row of the second page is held');
$secrets->keks(qw(k2 k1));
$_->run_ok('reload') for $control, $second;
ok(wait_until(sub { kek_of() eq '5 k1, 20 k2' }, 30), 'one page is wrapped');
kill KILL => map { $_->roles->{keeper} } $control, $second;
my $at = time;
$t->{postgres}->value("SELECT pg_terminate_backend(pid) FROM"
    . " pg_stat_activity WHERE wait_event = 'PgSleep'");
waitpid $lock, 0;
is(kek_of(), '5 k1, 20 k2', 'a wrapping that is killed leaves whole pages');
ok(wait_until(sub { kek_of() eq '25 k2' }, 60), '... and goes on where it was');
cmp_ok(time - $at, '<', 30, '... within half a minute');
ok(wait_until(sub { job('k2') =~ /^done/ }, 15), '... to its end');
is(job('k2'), 'done 0 1 system:keeper',
    'it is one job of two asgard-ctl, lost once');
is(told('k2'), 'rewrap_begun, rewrapped 20, rewrapped 5, rewrap_done',
    '... which the audit log tells page by page');

# --- without the old one

$secrets->keks('k2');
$control->run_ok('reload');
is(reads('a')->json->{value}, $value{a}, 'the new key opens all');
is((($control->run('secrets', 'verify'))[1] =~ /^(\d+ .*)/m)[0],
    '25 secrets, 0 of them do not open', '... without the old one');

# --- asked for by a command

$secrets->keks(qw(k3 k2));
my $pid = fork // die;
if (!$pid) {
    open STDOUT, '>', "$t->{dir}/rewrap" or die;
    exec $control->binary, '-c', $control->conf, qw(secrets rewrap);
}
ok(wait_until(sub { job('k3') }, 15), 'a command asks for the job');
is(job('k3'), 'ready 0 0 system:asgard-ctl',
    '... which waits for a keeper that has the key');
$control->run_ok('reload');
waitpid $pid, 0;
is($? . slurp("$t->{dir}/rewrap"), "0kek k3 (in use): 25\nkek k2 (unused): 0\n"
    . "25 wrapped anew, 0 do not open\n", '... and says when it is done');
is(reads('b')->json->{value}, $value{b}, '... and they are read');

# --- another row

$t->{postgres}->value('UPDATE secrets a SET envelope = b.envelope'
    . " FROM secrets b WHERE a.name IN ('db-c', 'db-d')"
    . " AND b.name IN ('db-c', 'db-d')"
    . ' AND a.name <> b.name RETURNING 1');
($status, $out) = $control->run('secrets', 'verify');
is($status, 1, 'what was moved to another row does not open');
is($out, join('', map { "$project/db-$_ version 1: it is damaged, or of another"
    . " row\n" } qw(c d)) . "kek k3 (in use): 25\nkek k2 (unused): 0\n"
    . "25 secrets, 2 of them do not open\n", '... and verify says which');
is(reads('c')->status, 500, '... and nobody gets the value of the other');
is(reads('e')->json->{value}, $value{e}, '... all others are read');

# --- what does not open holds up nothing else

$secrets->keks(qw(k4 k3));
$control->run_ok('reload');
($status, $out) = $control->run('secrets', 'rewrap');
is("$status $out", "1 kek k4 (in use): 23\nkek k3: 2\n"
    . "23 wrapped anew, 2 do not open\n",
    'what opens is wrapped, and the command says that not all is');
is(job('k4'), 'ready 1 0 system:keeper', '... which is tried again');

# --- a file that is wrong

$secrets->keks('k5');
($status, $out) = $control->run('secrets', 'verify');
is("$status " . ($out =~ /(\d+ of them)/)[0], '1 25 of them',
    'under another key none opens');
chmod 0644, $t->{kek_file};
($status, $out, my $err) = $control->run('reload');
isnt($status, 0, 'a file that others may read is refused');
like("$out$err", qr/no secret can be read: .*others may read it/,
    '... and reload says so');
# The keeper of before may still be ending.
ok(wait_until(sub { reads('e')->status == 503 }, 5),
    '... and no secret is read');

$t->done;
