#!/usr/bin/perl
# A key that wraps secrets is replaced while they are read; the old one is
# unused then, also when the wrapping was killed in its midst.  What was moved
# to another row does not open, and `secrets verify` says where it is.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use POSIX ();
use Test::More;

use Asgard::Files qw(wait_until);
use Asgard::People;
use Asgard::Secrets;
use Asgard::Test;

my $t = Asgard::Test->new;
$t->start;
my $control = $t->{control};
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

# --- killed in its midst

$secrets->keks(qw(k2 k1));
my $lock = fork // die;
if (!$lock) {
    eval { $t->{postgres}->psql($t->{postgres}->owner_url, 'BEGIN; UPDATE'
        . " secrets SET kek = kek WHERE name = 'db-w'; SELECT pg_sleep(60)") };
    POSIX::_exit(0);
}
ok(wait_until(sub { $t->{postgres}->value('SELECT count(*) FROM'
    . " pg_stat_activity WHERE query LIKE '%pg_sleep%' AND wait_event ="
    . " 'PgSleep'") }, 15), 'a row of the second page is held');
my $pid = fork // die;
exec $control->binary, '-c', $control->conf, qw(secrets rewrap) if !$pid;
ok(wait_until(sub { kek_of() eq '5 k1, 20 k2' }, 15), 'one page is wrapped');
kill KILL => $pid;
waitpid $pid, 0;
$t->{postgres}->value("SELECT pg_terminate_backend(pid) FROM"
    . " pg_stat_activity WHERE wait_event = 'PgSleep'");
waitpid $lock, 0;
is(kek_of(), '5 k1, 20 k2', 'a wrapping that is killed leaves whole pages');
($status, $out) = $control->run('secrets', 'rewrap');
is("$status $out", "0 kek k2 (in use): 25\nkek k1 (unused): 0\n"
    . "5 wrapped anew, 0 do not open\n", '... and goes on where it was');

# --- without the old one

$secrets->keks('k2');
$control->run_ok('reload');
is(reads('a')->json->{value}, $value{a}, 'the new key opens all');
is((($control->run('secrets', 'verify'))[1] =~ /^(\d+ .*)/m)[0],
    '25 secrets, 0 of them do not open', '... without the old one');

# --- the keeper does it, too

$secrets->keks(qw(k3 k2));
$control->run_ok('reload');
ok(wait_until(sub { kek_of() eq '25 k3' }, 20),
    'a keeper that starts with another first key wraps all by it');
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

# --- a file that is wrong

$secrets->keks('k4');
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
