#!/usr/bin/env perl
# With asgard_fail_mode open a dead Redis bounds no money, and identity as ever:
# what is not known, or was read too long ago, is refused.  PostgreSQL, the
# meter and the change channel change nothing: then Redis is asked as ever.
#
# Fault row 1, 8, 10.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Time::HiRes qw(sleep time);

use Asgard::Files qw(wait_until);
use Asgard::OneModel qw(one_model);

my ($t, $up, $project, $key) = one_model(budget_usd => '0.01', workers => 1,
    http_conf => 'asgard_fail_mode open known=6s;');
$t->{may_overdraw} = 1;
my $unused = $t->key(project => $project);
my $free = $t->project(budget_usd => '1');
my $free_key = $t->key(project => $free);

sub call { $t->chat($_[0] // $key, {model => 'one', max_tokens => 20}) }
sub said { my ($reply) = @_;
    return $reply->status == 200
        ? '200 ' . ($reply->header('x-asgard-fail-mode') // '')
        : join ' ', $reply->status, $reply->code }
sub entries { $t->{postgres}->value('SELECT count(*) FROM ledger') }

is($t->get('/metrics')->body =~ /^asgard_fail_mode\{mode="open"\} (\d)/m
    ? $1 : '', 1, 'the mode is a metric');
is(said(call()), '200 ', 'a call with Redis');
is($t->chat($free_key, {model => 'none'})->status, 404,
    'a key whose budget was never asked');
my $n = 1;

my $meter = $t->{control}->roles->{meter};
kill STOP => $meter;
is(said(call()), '200 ', 'a meter that is silent changes nothing') and $n++;
sleep 3.5;
like($t->get('/metrics')->body, qr/^asgard_channel_up 0/m,
    'nor does a channel that is silent');
is(said(call()), '200 ', '... a call is checked by Redis') and $n++;
kill CONT => $meter;
$t->{postgres}->stop;
is(said(call()), '200 ', '... as it is without PostgreSQL') and $n++;
$t->{postgres}->start;

$t->{redis}->stop;
my $since = time;
my %told;
for (1 .. 60) {
    my $reply = call();
    $told{said($reply)}++;
    $n++ if $reply->status == 200;
}
is_deeply([keys %told], ['200 open'], 'without Redis every call is served')
    or diag explain \%told;
is(said(call($unused)), '503 budget_unavailable',
    '... but none of a key that is not known');
isnt(call({%$key, key => 'asg_' . '0' x 60})->status, 200,
    '... nor of what is no key');
is(said(call($free_key)), '503 budget_unavailable',
    '... nor of a budget that was never asked');
ok(wait_until(sub { call()->status == 503 or do { $n++; 0 } }, 12, 0.5),
    'what was read too long ago is not known either');
cmp_ok(time - $since, '>', 2, '... by the bound that is set');

$t->{redis}->start;
ok(wait_until(sub { call($free_key)->status == 200 }, 60, 0.1), 'with Redis');
ok(wait_until(sub { entries() == $n + 1 }, 30, 0.1),
    'each call is in the ledger, once') or diag entries(), " of ", $n + 1;
cmp_ok($t->usage($project)->{spent_usd}, '>', 0.01, 'above the budget');
ok(wait_until(sub { said(call()) eq '429 budget_exceeded' }, 20, 0.1),
    'which lets nothing in any more');
$t->done;
