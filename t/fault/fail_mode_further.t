#!/usr/bin/env perl
# With asgard_fail_mode local, a further attempt whose reserve has no answer is
# let in under an id of its own: the void of what was asked for is of another
# hold, and a stream that is cut is charged what came of it.
#
# Fault row 3.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(wait_until);
use Asgard::Holds qw(ended open_holds time_out);
use Asgard::Spool qw(call_of calls);
use Asgard::Test;

my $t = Asgard::Test->new(workers => 1, redis_deadline => '500ms',
    proxies => ['gateway_redis'], routing => <<'YAML',
num_retries: 0
strategy: ordered
models:
  both:
    candidates: [{model: silent}, {model: main}]
YAML
    http_conf => 'asgard_fail_mode local 1;');
my %up;
for my $name (qw(silent main)) {
    $up{$name} = $t->upstream($name);
    $t->add_service($name, $up{$name},
        inference => {first_byte_timeout => '1s', idle_timeout => '1s'},
        models => [{ref => "model:$name/$name"}]);
}
$t->start;
my $proxy = $t->proxy('gateway_redis');
my $project = $t->project(budget_usd => '100');
my $key = $t->key(project => $project);

sub call { $t->chat($key, {model => 'both', @_}) }
sub mode { $_[0]->header('x-asgard-fail-mode') // '' }
sub is_normal { my $reply = call(); $reply->status == 200 && !mode($reply) }
# The holds of a call: one that is unknown, one given back, the last one.
sub lines_of { my ($trace) = @_;
    return grep { $_->{trace} eq $trace && $_->{verdict} ne 'opened' }
        calls($t) }

# The reply is lost behind the hold; or the void overtakes what is asked.
for my $rule (qw(drop_reply hold_request)) {
    ok(wait_until(\&is_normal, 20), "$rule: all is well before");
    $up{silent}->script({hang => 3});
    $up{main}->script({cut => 300});
    my $lost = $proxy->$rule(match => $proxy->script('reserve'), skip => 1);
    my $reply = call(stream => \1);
    is($proxy->hits($lost), 1, '... no answer to a further reserve');
    is($reply->status . ' ' . mode($reply), '200 local',
        '... the attempt is let in without it');
    my @lines;
    ok(wait_until(sub { (@lines = lines_of($reply->trace)) == 3 }, 10),
        '... three holds have a line each') or diag explain \@lines;
    is(join(' ', sort map { $_->{verb} } @lines), 'e v x',
        '... unknown, given back, estimated');
    my %hold = map { $_->{hold} => 1 } @lines;
    is(scalar keys %hold, 3, '... each with its id');
    my ($cut) = grep { $_->{verb} eq 'e' } @lines;
    cmp_ok($cut->{amount}, '>', 0, '... the stream that was cut costs');
    $proxy->release if $rule eq 'hold_request';
    ok(wait_until(\&is_normal, 20), '... Redis is used again');
    ok(wait_until(sub { $t->get('/metrics')->body
        =~ /^asgard_fail_mode_untold_calls 0$/m }, 20), '... and told');
    my $end = ended($t, $cut->{hold});
    is("$end->{kinds} $end->{balance}", "settle $cut->{amount}",
        '... that estimate is in the ledger');
    my ($void) = grep { $_->{verb} eq 'v' } @lines;
    is(ended($t, $void->{hold})->{state}, 'voided',
        '... and what was asked for is given back');
    my @open;
    ok(wait_until(sub { (@open = open_holds($t)) == 1 }, 20),
        '... only the first, of unknown outcome, is held');
    time_out($t, @open);
    is(ended($t, $open[0]{id})->{kinds}, 'unknown', '... until it is over');
}
$t->done;
