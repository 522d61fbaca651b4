#!/usr/bin/perl
# The keeper's process: no secret in any environment, tries again when Postgres
# is away.  What it refuses to read is in catalog_variables.t.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use Test::More;

use Asgard::Files qw(slurp wait_until);
use Asgard::Test;

my $secret = 'sk-live-' . 'a1b2c3d4' x 4;
my $t = Asgard::Test->new(gateway => 0, without_money => 1,
    backends => {OPENAI_MASTER_KEY => $secret});
$t->canary('the provider key', $secret);
my $ctl = $t->{control};
my $pg  = $t->{postgres};

sub beat { return $pg->value(qq{SELECT $_[0] FROM role_beats
    WHERE role = 'keeper'}) }
sub is_ok { return (beat(q{info->>'state'}) // '') eq 'ok' }

$ctl->start;
ok(wait_until(\&is_ok, 10), 'the keeper publishes at its start');
my $version = beat(q{info->>'version'});
my %role = %{$ctl->roles};
for my $name (sort keys %role) {
    my $all = slurp("/proc/$role{$name}/environ")
        . slurp("/proc/$role{$name}/cmdline");
    is(index($all, $secret), -1, "$name has no provider key in its"
        . ' environment or command line');
}
like(slurp("/proc/$role{keeper}/limits"), qr/^Max core file size\s+0\s+0/m,
    'the keeper leaves no core');

my $first = beat('at');
ok(wait_until(sub { beat('at') ne $first }, 5), 'it beats');

$pg->stop;
kill HUP => $ctl->pid;
ok(wait_until(sub { $ctl->log_text =~ /it is tried again/ }, 10),
    'without Postgres it says that it tries again');
my $said = () = $ctl->log_text =~ /it is tried again/g;
is($said, 1, '... once');
$pg->start;
ok(wait_until(sub { (eval { beat(q{info->>'version'}) } // 0) > $version },
    15),
    '... and publishes when Postgres is back');

$t->done;
