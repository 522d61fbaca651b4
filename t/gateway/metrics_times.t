#!/usr/bin/env perl
# How long calls take stands in /metrics: whole calls, our own part, and the
# first token of streams, each with every call once.  A client's place in a
# trace goes on to the provider.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use Test::More;

use Asgard::Files qw(wait_until);
use Asgard::OneModel qw(one_model_stage);

my ($s, $up, $project, $key) = one_model_stage();

# The buckets, sum and count of a histogram.
sub histogram {
    my ($name) = @_;
    my $text = $s->get('/metrics')->body;
    my %at = $text =~ /^asgard_${name}_bucket\{le="([^"]+)"\} (\d+)$/mg;
    my ($sum) = $text =~ /^asgard_${name}_sum (\d+\.\d{6})$/m;
    my ($count) = $text =~ /^asgard_${name}_count (\d+)$/m;
    return {at => \%at, sum => $sum, count => $count};
}

sub under { my ($t, $le) = @_; $t->{at}{$le} }

is(histogram('call_duration_seconds')->{count}, 0, 'no call, no time');

# A provider that takes 0.6 s, a client whose body takes 0.6 s.
$up->script({delay => 0.6});
is($s->chat($key, {model => 'one'})->status, 200, 'a slow provider');
my $body = $s->chat_body({model => 'one'});
my $http = $s->http;
my $head = $http->request_text('POST', '/v1/chat/completions',
    ['Authorization', "Bearer $key->{key}", 'Content-Type',
    'application/json', 'Connection', 'close'],
    $body);
$http->send_raw(substr $head, 0, -20);
select undef, undef, undef, 0.6;
$http->send_raw(substr $head, -20);
is($http->read_head->status, 200, 'a slow client');
is($s->chat($key, {model => 'none'})->status, 404, 'a call that is refused');

ok(wait_until(sub { histogram('call_duration_seconds')->{count} == 2 }, 5),
    'each call that passed every step is counted once');
my $all = histogram('call_duration_seconds');
is(under($all, '+Inf'), 2, 'the last bucket has all');
is(under($all, '0.5'), 0, 'both took longer than half a second');
cmp_ok($all->{sum}, '>=', 1.2, 'and together what they waited for');
my $own = histogram('overhead_seconds');
is($own->{count}, 2, 'our own part is counted of each');
cmp_ok($own->{sum}, '<', 1,
    'and has neither the provider\'s time nor the client\'s body');
cmp_ok($own->{sum}, '>', 0, 'but some');
is(histogram('time_to_first_token_seconds')->{count}, 0,
    'what is no stream has no first token');

$up->script({chunks => 4, chunk_delay => 0.2, delay => 0.3});
is($s->chat($key, {model => 'one', stream => JSON::PP::true})->status, 200,
    'a stream');
my $first = histogram('time_to_first_token_seconds');
is($first->{count}, 1, 'has one');
is(under($first, '0.2'), 0, 'when its first byte came, not before');
my $last = 0;
is_deeply([grep { my $less = $_ < $last; $last = $_; $less }
    map { $first->{at}{$_} }
    sort { ($a =~ /Inf/) <=> ($b =~ /Inf/) || $a <=> $b } keys %{$first->{at}}],
    [], 'buckets count what is below them too');

# The trace context of the W3C.
my $place = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
sub passed_on {
    my (@headers) = @_;
    is($s->chat($key, {model => 'one'}, @headers)->status, 200,
        'the call is answered');
    return $up->header_of($up->last_request, 'traceparent');
}
is(passed_on('traceparent', $place), $place, 'a traceparent is passed on');
is(passed_on('traceparent', "$place-x"), undef, 'what is none is not');
is(passed_on(), undef, 'and none is made');
is($up->header_of($up->last_request, 'tracestate'), undef, 'as no state');

$s->done;
