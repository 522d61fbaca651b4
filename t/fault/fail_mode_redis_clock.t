#!/usr/bin/env perl
# With asgard_fail_mode local and open, Redis' clock steps by an hour, forward
# and back: while Redis admits nothing for it, calls are let in as in any other
# loss, within the one allowance, or refused; a key that ends meanwhile is not
# served; and afterwards each call is in the ledger once.
#
# Fault row 1, 24.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use POSIX qw(strftime);
use Test::More;

use Asgard::Files qw(wait_until);
use Asgard::OneModel qw(one_model $COST);

my $ALLOWANCE = 10_000_000;
my %setting = (local => 'local 0.01', open => 'open');
my $t;

sub said { my ($reply) = @_;
    return join ' ', $reply->status, $reply->status == 200
        ? $reply->header('x-asgard-fail-mode') // () : $reply->code }
sub metric { my ($name) = @_;
    return $t->get('/metrics')->body =~ /^asgard_fail_mode_\Q$name\E (-?\d+)/m
        ? $1 : undef }

sub goes_on {
    my ($mode) = @_;
    ($t, undef, my $project, my $key) = one_model(shims => {redis => 'clock'},
        http_conf => "asgard_fail_mode $setting{$mode};");
    $t->{may_overdraw} = 1;
    my $hour = $t->api_ok('POST', "/api/projects/$project/keys", {name => 'k',
        expires_at => strftime('%Y-%m-%dT%H:%M:%SZ', gmtime(time + 1800))});
    my %told;
    my $call = sub {
        my $said = said($t->chat($_[0] // $key,
            {model => 'one', max_tokens => 20}));
        $told{$said}++;
        return $said;
    };
    is($call->($_), '200', 'a call with a right clock') for $key, $hour;

    for my $seconds (3600, -3600) {
        note sprintf '%+d s', $seconds;
        my $before = $told{"200 $mode"} // 0;
        $t->shim('redis')->set($seconds);
        my $said;
        ok(wait_until(sub { ($said = $call->()) ne '200' }, 20),
            'Redis admits nothing any more');
        ok(wait_until(sub { ($said = $call->()) eq "200 $mode" }, 20, 0.05),
            '... and a call is let in without it') or diag $said;
        ok($seconds < 0 || wait_until(sub {
            ($said = $call->($hour)) eq '401 key_expired' }, 10, 0.3),
            '... soon not of a key that has ended by that clock')
            or diag $said;
        $call->() for 1 .. 50;
        my $served = ($told{"200 $mode"} // 0) - $before;
        cmp_ok($served * $COST, '<=', $ALLOWANCE, '... within the allowance')
            if $mode eq 'local';
        cmp_ok($served, '>', 50, '... as is each') if $mode eq 'open';
        is(metric('untold_calls'), $served, '... all of which go on counting');

        $t->shim('redis')->set(0);
        ok(wait_until(sub { $call->() eq '200' }, 60, 0.1),
            'with the right time they are admitted again');
        ok(wait_until(sub { metric('untold_calls') == 0 }, 30, 0.1),
            '... and all are told');
        is($call->($hour), '200', '... and a key whose time is to come serves');
    }
    my $calls = 0;
    $calls += /^200/ ? $told{$_} : 0 for keys %told;
    ok(wait_until(sub { $t->{postgres}->value('SELECT count(*) FROM holds'
        . " WHERE state = 'settled'") == $calls }, 30, 0.1),
        'each call is settled, once') or diag explain \%told;
    cmp_ok($t->usage($project)->{spent_usd}, '==', $calls * $COST / 1e9,
        '... and all are the sum');
    $t->done;
}

subtest $_ => \&goes_on, $_ for qw(local open);
done_testing();
