#!/usr/bin/env perl
# One project cannot take what all need: of the slots of the journal and of the
# memory for bodies there is something left for the others, whatever it does.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Time::HiRes qw(sleep);

use Asgard::OneModel qw(one_model_stage);

my $MB = 1 << 20;

my ($s, $up, $greedy, $key, $part) = one_model_stage(zone => '4m',
    http_conf => 'asgard_body_memory 32m;');
my $project = $s->project(limit => '-');
my $other = $s->key($project);

sub call { my ($who, %with) = @_;
    my $reply = $s->chat($who, {model => 'one', %with});
    return join ' ', grep { defined } $reply->status, $reply->code }
sub metric { my ($name) = @_;
    return $s->get('/metrics')->body =~ /^asgard_$name (\d+)/m ? $1 : -1 }

# A body of `$of` bytes, of which all but the last few come.
sub begin { my ($who, $of) = @_;
    my $http = $s->http;
    $http->send_raw(join "\r\n", 'POST /v1/chat/completions HTTP/1.1',
        'Host: 127.0.0.1', "Authorization: Bearer $who->{key}",
        'Content-Type: application/json', "Content-Length: $of", '',
        '{"model":"one","messages":[{"role":"user","content":"'
        . 'a' x ($of - 100));
    return $http;
}
sub refused { my ($http) = @_;
    my $got = $http->fill(0.5);
    return $got && $http->{in} =~ m{\AHTTP/1.1 503 .*overloaded}s;
}

# Bodies that never end.
my @begun;
my $refused = 0;
for (1 .. 10) {
    push @begun, begin($key, 5 * $MB);
    last if $refused = refused($begun[-1]);
}
ok($refused, 'a project whose bodies wait gets no more memory at some point');
cmp_ok(scalar(@begun), '>=', 3, '... but some');
is(call($other), '200', 'a small call of another is served');
is(call($other, messages => [{role => 'user', content => 'a' x (8 * $MB)}]),
    '200', '... and one with a body of 8 MB');
is(call($key, messages => [{role => 'user', content => 'a' x (8 * $MB)}]),
    '503 overloaded', 'the greedy one cannot have as much');
$_->close for @begun;
sleep 0.3;
is(call($key, messages => [{role => 'user', content => 'a' x (20 * $MB)}]),
    '200', 'when its bodies are gone it has the memory again');

# No call is ever in the ledger: each keeps its slot.
my $slots = metric('journal_slots');
my $last = '';
my $calls = 0;
for (1 .. $slots + 10) {
    last if ($last = call($key)) ne '200';
    $calls++;
}
is($last, '503 budget_unavailable', 'a project whose calls stay open is refused'
    . ' at some point');
cmp_ok($calls, '>', $slots / 2, '... which is after most of the slots');
cmp_ok(metric('journal_slots_used'), '<', $slots * 0.95,
    '... and before all of them');
is(call($other), '200', 'a call of another is served') for 1 .. 5;
is(call($key), '503 budget_unavailable', '... the first one still is not');
like($s->{gateway}->error_log, qr/\Q$greedy\E gets no more: its calls are/,
    'the log says whose calls are refused, and why');
$s->done;
