#!/usr/bin/env perl
# A reload is answered by what read the files after it was asked for, not by a
# keeper that was on its way already.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use POSIX ();
use Test::More;

use Asgard::Files qw(slurp spill wait_until);
use Asgard::Test;

my $t = Asgard::Test->new(gateway => 0, without_money => 1,
    backends => {OPENAI_MASTER_KEY => 'sk-live-' . 'a1b2c3d4' x 4});
my ($ctl, $pg) = @$t{qw(control postgres)};
my $waiting = q{SELECT count(*) FROM pg_locks WHERE NOT granted
    AND relation = 'role_beats'::regclass};

$ctl->start;
ok(wait_until(sub { ($pg->value(q{SELECT info->>'state' FROM role_beats
    WHERE role = 'keeper'}) // '') eq 'ok' }, 10), 'a keeper serves');
my $before = $ctl->roles->{keeper};

# Beats are held back until both keepers are there; the second, told by reload,
# stands still until the first has said that all is well.
my $gate = fork() // die "fork: $!";
if (!$gate) {
    eval { $pg->psql($pg->owner_url, 'BEGIN;'
        . 'LOCK TABLE role_beats IN EXCLUSIVE MODE; SELECT pg_sleep(60)') };
    POSIX::_exit(0);
}
my $holder = q{SELECT pid FROM pg_locks WHERE granted
    AND relation = 'role_beats'::regclass AND mode = 'ExclusiveLock'};
ok(wait_until(sub { $pg->value($holder) }, 5), 'beats are held back');
kill HUP => $ctl->pid;
ok(wait_until(sub { $ctl->roles->{keeper} != $before
    && $pg->value($waiting) >= 2 }, 5),
    'one keeper is on its way, with the files as they are');
my $first = $ctl->roles->{keeper};

spill("$t->{dir}/backends.env", "this is no line of it\n", 0600);
my $reload = fork() // die "fork: $!";
if (!$reload) {
    my ($status, $out, $err) = $ctl->run('reload');
    spill("$t->{dir}/said", "$status $out$err");
    POSIX::_exit(0);
}
ok(wait_until(sub { $ctl->roles->{keeper} != $first }, 5),
    'another follows, for the reload');
my $second = $ctl->roles->{keeper};
kill STOP => $second;
$pg->super('SELECT pg_terminate_backend(' . $pg->value($holder) . ')');
waitpid $gate, 0;
ok(wait_until(sub { $pg->value(q{SELECT pid || (info->>'state')
    FROM role_beats WHERE role = 'keeper'}) eq "${first}ok" }, 10),
    'the first says that all is well');
ok(!wait_until(sub { -e "$t->{dir}/said" }, 0.5), '... which is no answer');
kill CONT => $second;
waitpid $reload, 0;
like(slurp("$t->{dir}/said"), qr/^1 .*backends\.env:1: not KEY=VALUE/s,
    'the second finds an error in the files, and that is');
$t->done;
