#!/usr/bin/env perl
# A Redis that is slow, or hangs, is asked no more than one probe at a time:
# calls are refused and do not pile up, and what it did is given back.
#
# Fault row 2.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Time::HiRes qw(sleep time);

use Asgard::Files qw(wait_until is_sanitized);
use Asgard::Load;
use Asgard::OneModel qw(one_model_stage);

# The default deadline; a sanitized worker needs a little more.
my ($deadline, $late) = is_sanitized() ? ('250ms', 1.5) : ('50ms', 0.8);
my ($s, $up, $project, $key, $part) = one_model_stage(
    redis_deadline => $deadline, proxies => ['gateway_redis']);
my $proxy = $s->proxy('gateway_redis');
my $asked = $proxy->watch(match => '^(EVALSHA|MGET|GET|HMGET) ');

sub call { $s->chat($key, {model => 'one'}) }
sub held { $part->field("p.$project", 'h:total:0') }
sub serves { wait_until(sub { call()->status == 200 }, 10) }

# The most commands that a breaker lets through in a time: those that opened
# it, and one probe each 200 ms.
sub at_most { my ($seconds) = @_; return 3 + 1 + $seconds / 0.2 }

# While calls come all the time: how many were refused, what Redis was asked.
sub under_load {
    my ($seconds) = @_;
    my $load = Asgard::Load->new($s, $key, callers => 8, pause => 0.005,
        change => {model => 'one'});
    sleep 1;                                # the breaker opens
    my ($commands, $begun, $before) = ($proxy->hits($asked), time,
        $load->told);
    sleep $seconds;
    my $more = $proxy->hits($asked) - $commands;
    my $took = time - $begun;
    my $told = $load->stop;
    return ($told->{'503 budget_unavailable'}
        - ($before->{'503 budget_unavailable'} // 0), $more, $took, $told);
}

is(call()->status, 200, 'a first call');
my $served = $up->count;
$proxy->delay(down => $late);
my ($refused, $more, $took, $told) = under_load(2);
is_deeply([keys %$told], ['503 budget_unavailable'],
    'each reply is late: every call is refused') or diag explain $told;
cmp_ok($refused, '>', 2 * at_most($took), '... at once by far the most');
cmp_ok($more, '<=', at_most($took), '... Redis is asked by probes only')
    or diag "$more commands for $refused calls";
is($up->count, $served, '... and none goes to the provider');
$proxy->heal;
ok(serves(), 'a probe finds it healthy and calls go through');
ok(wait_until(sub { held() == 0 }, 10), '... and nothing stays held');

# Held still for half a minute: longer than the silence after which a connection
# is given up, and than any call may wait.
$served = $up->count;
$s->{redis}->freeze;
($refused, $more, $took, $told) = under_load(30);
is_deeply([keys %$told], ['503 budget_unavailable'],
    'it hangs: every call is refused') or diag explain $told;
cmp_ok($more, '<=', at_most($took), '... and only probes wait in it')
    or diag "$more commands for $refused calls";
cmp_ok($refused, '>', 20 * $took, '... and none waits for another: they go on'
    . ' as before');
is($up->count, $served, '... and none goes to the provider');
like($s->{gateway}->error_log, qr/redis \(commands\): no replies/,
    '... and the silent connection is given up');
$s->{redis}->thaw;
ok(serves(), 'after that calls go through');
ok(wait_until(sub { held() == 0 }, 10), '... and nothing stays held');
my %moved;
$moved{$_->{i}} += $_->{d} for grep { $_->{v} eq 's' } $part->events;
is($part->field("p.$project", 's:total:0'), 210_000 * $up->count,
    'and spent is what the provider answered, each once');
is_deeply([grep { $_ != 210_000 } values %moved], [], '... by its own hold');
$s->done;
