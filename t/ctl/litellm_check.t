#!/usr/bin/perl
# `check` tells how a LiteLLM proxy was deployed: no database, a sample of a
# master key, an old version, doors that are open; and nothing where there is
# none.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::FakeLiteLLM;
use Asgard::Test;

my $t = Asgard::Test->new(without_money => 1);
my $master = $t->canary('the master key of LiteLLM', 'sk-' . 'k3y' x 9);
my $proxy = Asgard::FakeLiteLLM->new(dir => $t->{dir}, key => $master);
$t->start;

# The lines of `check` about it.
sub told {
    my (%variables) = @_;
    $t->{control}->write_backends(%variables);
    my ($status, $out) = $t->{control}->run('check');
    return join '|', grep { /^(?:ok|warn) .*LiteLLM/ } split /\n/, $out;
}

is(told(), '', 'nothing is said of no proxy');
is(told(LITELLM_BASE_URL => $proxy->url . '/v1/',
    LITELLM_MASTER_KEY => $master), 'ok    LiteLLM keys', 'all is well');
is($proxy->count('/key/list'), 1, '... which was looked at');
$proxy->set(version => '1.93.0');
like(told(), qr/^warn  LiteLLM: .* version 1\.93\.0: use 1\.96\.2 or later$/,
    'an old version');
$proxy->set(version => '1.97.0', db => 'Not connected');
like(told(), qr/^warn  LiteLLM keys: LiteLLM has no database/, 'no database');
$proxy->set(unchecked => 1);
like(told(), qr/\|warn  LiteLLM: LiteLLM lets in a key that it has never/,
    '... and doors that are open');
$proxy->set(db => 'connected', unchecked => 0, master => 'sk-1234');
like(told(), qr/^warn  LiteLLM keys: LiteLLM does not accept LITELLM_MASTER/,
    'another master key');
like(told(LITELLM_MASTER_KEY => 'sk-1234'),
    qr/^warn  LiteLLM: LITELLM_MASTER_KEY is a sample/,
    'a master key of a manual');
$proxy->stop;
like(told(LITELLM_MASTER_KEY => $master),
    qr/^warn  LiteLLM keys: LiteLLM is not ready, or does not answer$/,
    'a proxy that is away');

$t->done;
