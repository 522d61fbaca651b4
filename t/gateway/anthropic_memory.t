#!/usr/bin/env perl
# What a request becomes for a provider of another API counts in its project's
# share of the memory for bodies, and only until it was sent.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use Test::More;

use Asgard::FakeMessages qw(message block start_of raw_stream);
use Asgard::Files qw(wait_until);
use Asgard::Stage;

my $MB = 1 << 20;
my $s = Asgard::Stage->new(workers => 1,
    http_conf => 'asgard_body_memory 32m;');
my $claude = $s->upstream('claude');
my ($key, $other) = map { $s->key($s->project(limit => '-')) } 1 .. 2;
$s->endpoint(id => 'claude', kind => 'anthropic', host => '127.0.0.1',
    connect_timeout_ms => 5000, first_byte_timeout_ms => 60000,
    idle_timeout_ms => 60000, anthropic_version => '2023-06-01',
    auth_header => 'x-api-key', auth_scheme => '', port => $claude->port,
    host_header => 'claude.test');
$s->model(route => 'claude', paths => {chat => '/v1/messages'});
$s->publish;
$s->start;

sub prompt { return (messages => [{role => 'user',
    content => 'x' x ($_[0] * $MB)}]) }
sub begin {
    my ($who, %body) = @_;
    my $http = $s->http;
    $http->send_raw($http->request_text('POST', '/v1/chat/completions',
        ['Authorization', "Bearer $who->{key}", 'Content-Type',
        'application/json'], $s->chat_body({model => 'claude', %body})));
    return $http;
}
sub call { my ($who, $mb) = @_;
    $claude->script({body => message([{type => 'text', text => 'so'}],
        'end_turn')});
    return $s->chat($who, {model => 'claude', prompt($mb)})->status }

# A stream that is open for long has what it began with behind it.
$claude->script({raw => raw_stream(start_of() . block(0,
    {type => 'text', text => ''}, {type => 'text_delta', text => 'first'}),
    cut => 1), stay => 60});
my $stream = begin($key, stream => JSON::PP::true(), prompt(12));
ok(wait_until(sub { $stream->fill(0.1); $stream->{in} =~ /first/ }, 30),
    'a stream of a long prompt begins');
is(call($key, 12), 200, 'its room is free for another as long');
$stream->close;

# Calls that wait for their answers, each with its body twice.
my @open;
for (1 .. 5) {
    my $before = $claude->count;
    $claude->script({hang => 60});
    push @open, begin($key, prompt(3));
    my $refused = 0;
    wait_until(sub { $open[-1]->fill(0.05);
        $refused = $open[-1]{in} =~ /\AHTTP\S+ 503 /;
        return $refused || $claude->count > $before }, 30);
    last if $refused;
}
cmp_ok(scalar(@open), '<', 5, 'a project whose calls wait is refused more');
# The answer that was meant for the last of them is somebody else's.
my $before = $claude->count;
push @open, begin($other);
ok(wait_until(sub { $claude->count > $before }, 30), '... and another is not');
is(call($other, 6), 200, 'another has room for a body and its translation');
$_->close for @open;
$s->done;
