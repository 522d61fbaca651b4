#!/usr/bin/env perl
# With asgard_fail_mode local and open, and Redis dead, the gateway's wall clock
# steps by more than a day: calls go on, an allowance that is used up stays so,
# a call of unknown outcome goes on counting, a key ends at its time by the
# clock that Redis had, and what was read too long ago is known no more.
#
# Fault row 1, 24.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use POSIX qw(strftime);
use Test::More;

use Asgard::Files qw(wait_until);
use Asgard::Holds qw(ended open_holds time_out);
use Asgard::OneModel qw(one_model);

my $DAYS = 30 * 3600;
my %setting = (local => 'local 0.01 known=18s', open => 'open known=18s');
my $t;

sub said { my ($reply) = @_;
    return join ' ', $reply->status, $reply->status == 200
        ? $reply->header('x-asgard-fail-mode') // () : $reply->code }
sub metric { my ($name) = @_;
    return $t->get('/metrics')->body =~ /^asgard_fail_mode_\Q$name\E (-?\d+)/m
        ? $1 : undef }
sub entries { $t->{postgres}->value("SELECT count(*) FROM ledger WHERE kind ="
    . " 'settle'") }
sub step {
    my ($seconds) = @_;
    $t->shim('gateway')->set($seconds);
    like($t->get('/healthz')->header('date'),
        qr/\Q${\strftime('%d %b %Y', gmtime(time + $seconds))}\E/,
        sprintf 'its clock is at %+d s', $seconds);
}

sub goes_on {
    my ($mode) = @_;
    ($t, my $up, my $project, my $key) = one_model(
        shims => {gateway => 'clock'},
        inference => {first_byte_timeout => '2s'},
        http_conf => "asgard_fail_mode $setting{$mode};");
    $t->{may_overdraw} = 1;
    my $call = sub { $t->chat($_[0] // $key,
        {model => 'one', max_tokens => 20}) };
    my $ends = $t->api_ok('POST', "/api/projects/$project/keys", {name => 'k',
        expires_at => strftime('%Y-%m-%dT%H:%M:%SZ', gmtime(time + 9))});
    is(said($call->($_)), '200', 'a call with Redis') for $key, $ends;
    my $served = 2;

    $t->{redis}->stop;
    $up->script({hang => 5});
    is($call->()->status, 504, 'without Redis a call whose outcome is unknown');
    for my $seconds ($DAYS, -$DAYS) {
        step($seconds);
        is(said($call->()), "200 $mode", '... calls go on') and $served++;
        is(metric('untold_calls'), $served - 1, '... and each goes on'
            . ' counting');
    }
    my $last;
    ok(wait_until(sub { $served += ($last = said($call->($ends))) =~ /^200/;
        return $last !~ /^200/ }, 20, 1),
        'at its time, by no clock of ours, a key');
    is($last, '401 key_expired', '... ends');
    if ($mode eq 'local') {
        ok(wait_until(sub { $served += ($last = said($call->())) =~ /^200/;
            return $last !~ /^200/ }, 20, 0.01), 'an allowance is used up');
        is($last, '503 budget_unavailable', '... and then refused');
        my $used = metric('used_nusd');
        for my $seconds ($DAYS, -$DAYS) {
            step($seconds);
            is(said($call->()), $last, '... still');
            is(metric('used_nusd'), $used, '... nothing of it comes back');
        }
    }
    my $refused = metric('refused_total');
    ok(wait_until(sub { $served += ($last = said($call->())) =~ /^200/;
        my $before = $refused;
        return $last !~ /^200/ && ($refused = metric('refused_total'))
            == $before }, 60, 0.2), 'what was read too long ago');
    is($last, '503 budget_unavailable', '... is known no more');

    $t->{redis}->start;
    ok(wait_until(sub { my $said = said($call->());
        $served += $said =~ /^200/;
        return $said eq '200' }, 60, 0.1), 'Redis is back');
    ok(wait_until(sub { metric('untold_calls') == 0
        && entries() == $served }, 30, 0.1),
        '... and each call is in the ledger once')
        or diag entries(), " of $served";
    $t->shim('gateway')->set(0);
    my ($open) = open_holds($t);
    time_out($t, $open);
    is(ended($t, $open->{id})->{kinds}, 'unknown',
        '... that of unknown outcome, too');
    $t->done;
}

subtest $_ => \&goes_on, $_ for qw(local open);
done_testing();
