#!/usr/bin/perl
# Whoever is killed at whichever step of a mint, a rotation or an end of a key
# at LiteLLM: it comes to its end by itself, with one live key or none.
#
# Fault rows 26, 29.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::KeySteps;
use Asgard::Killed;
use Asgard::Test;

my $t = Asgard::Test->new(proxies => ['ctl_postgres']);
my $keys = Asgard::KeySteps->new($t);
my $killed = Asgard::Killed->new($t, $keys->controls);
$keys->walk(sub { $killed->everybody(@_) });
$killed->check;
$t->done;
