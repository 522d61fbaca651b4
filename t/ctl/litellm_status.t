#!/usr/bin/perl
# `asgard-ctl status` says what the keeper found of a LiteLLM proxy, and when:
# that it can make keys, or why not, and how it should be deployed.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(wait_until);
use Asgard::LiteLLMKeys;
use Asgard::Test;

my $t = Asgard::Test->new(without_money => 1);
my $keys = Asgard::LiteLLMKeys->new($t);
my $proxy = $keys->proxy;
$t->start;

sub lines_of_status {
    my ($status, $out) = $t->{control}->run('status');
    return join "\n", grep { /^litellm / } split /\n/, $out;
}

sub says {
    my ($like, $what) = @_;
    my $lines;
    ok(wait_until(sub { ($lines = lines_of_status()) =~ $like }, 30), $what)
        or diag($lines);
}

my $seen = qr/\(seen 20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ, \d+ s ago\)/;
says(qr/\Alitellm   can make keys $seen\z/,
    'a proxy that is as it should be, and when that was seen');
$proxy->set(version => '1.93.0', db => 'Not connected', unchecked => 1);
says(qr/^litellm   LiteLLM has no database.* $seen$/m, 'one without database');
says(qr/^litellm   warning: .*1\.93\.0: use 1\.96\.2 or later $seen$/m,
    '... of an old version');
says(qr/^litellm   warning: .*lets in a key that it has never.* $seen$/m,
    '... whose doors are open');
$proxy->set(version => '1.97.0', db => 'connected', unchecked => 0,
    master => 'sk-1234');
$t->{control}->write_backends(LITELLM_MASTER_KEY => 'sk-1234');
$t->{control}->run_ok('reload');
says(qr/^litellm   warning: LITELLM_MASTER_KEY is a sample.* $seen$/m,
    '... with the master key of a manual');
$proxy->stop;
says(qr/^litellm   LiteLLM is not ready, or does not answer $seen$/m,
    'one that is away');

$t->done;
