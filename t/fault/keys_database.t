#!/usr/bin/perl
# PostgreSQL is restarted in any step of a mint, a rotation or an end of a key
# at LiteLLM, or the connection is cut at any COMMIT, executed or not: it comes
# to its end by itself, with one live key or none.
#
# Fault rows 9, 29.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::KeySteps;
use Asgard::Test;

my $t = Asgard::Test->new(proxies => ['ctl_postgres']);
my $keys = Asgard::KeySteps->new($t);
$keys->walk(sub { $keys->{steps}->restart_database });
$keys->walk(undef, 'rst');
$t->done;
