#!/usr/bin/perl
# A client that leaves with the very end of its stream costs nobody anything:
# the write that fails may be the last one, after the call was ended.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Time::HiRes qw(sleep);

use Asgard::Spool qw(calls);
use Asgard::Stage;

my $s = Asgard::Stage->new(workers => 1);
my $up = $s->upstream('main', chunk_delay => 0.02, chunks => 4,
    text => 'alpha beta gamma delta');
my $key = $s->key($s->project(limit => '-'));
$s->endpoint(kind => 'openai-compatible', host => '127.0.0.1',
    port => $up->port, host_header => 'provider.test');
$s->model(route => 'one');
$s->endpoint(id => 'echo');
$s->model(route => 'echo');
$s->publish;
$s->start;
my ($worker) = $s->{gateway}->workers;

# Read until this stands in the stream, then close or reset.
sub leave_at {
    my ($mark, $how, $model) = @_;
    my ($http, $reply) = $s->chat_start($key,
        {model => $model, stream => JSON::PP::true()});
    while (defined $http->read_piece($reply, 5)) {
        last if $reply->body =~ $mark;
    }
    like($reply->body, $mark, "$model: the client left where it should");
    return $how eq 'reset' ? $http->abort : $http->close;
}

my $n = 0;
for my $round (1 .. 6) {
    for my $mark (qr/delta/, qr/"finish_reason":\s*"stop"/, qr/\[DONE\]/) {
        leave_at($mark, $_, 'one') for qw(close reset);
        $n += 2;
    }
    leave_at(qr/"finish_reason":"stop"/, $_,
        'echo:chunks=3,gap_ms=10') for qw(close reset);
    $n += 2;
}
sleep 1;
is_deeply([$s->{gateway}->workers], [$worker], 'the worker lives');
my @calls = calls($s);
is(scalar @calls, $n, 'every call has its line in the witness');
is(scalar(grep { $_->{verb} ne 's' } @calls), 0,
    'and was billed its true usage');
is($s->chat($key, {model => 'one'})->status, 200, 'calls are answered');

$s->done;
