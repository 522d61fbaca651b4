#!/usr/bin/perl
# Who follows a request is told at once, through nginx, what happens to it until
# it is over; and who may not see it is told nothing.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(wait_until);
use Asgard::People;
use Asgard::Test;

my $t = Asgard::Test->new;
$t->start;
my $people = Asgard::People->new($t);
my %who = map { $_ => $people->person($_) } qw(owner manager stranger);
my $project = $t->project(owner_email => $who{owner}{email},
    manager_email => $who{manager}{email}, budget_usd => 5);
my $request = $t->api_ok('POST', "/api/projects/$project/resources",
    {resource_type => 'databricks-job', name => 'j',
    spec => {notebook_path => '/n'}}, $people->as('owner'))->{request};
my $path = "/api/requests/$request->{id}";

# A connection that follows, and what came of it until a pattern matches.
sub follow {
    my ($query, @headers) = @_;
    my $http = $t->http;
    my $reply = $http->start('GET', "$path/events$query",
        [$people->as('owner'), @headers]);
    return [$http, $reply];
}

sub read_until {
    my ($stream, $pattern) = @_;
    my ($http, $reply) = @$stream;
    while (($reply->body // '') !~ $pattern) {
        last if !defined $http->read_piece($reply, 20);
    }
    return $reply->body // '';
}

my $stream = follow('');
is($stream->[1]->status, 200, 'a request is followed');
is($stream->[1]->header('content-type'), 'text/event-stream', '... as events');
like(read_until($stream, qr/\n\nid: /), qr/^id: \d+\nevent: submit\ndata: \{/m,
    'what has happened comes first');
my $second = follow('');
$t->api_ok('POST', "$path/escalate", {reason => "too much\nfor me"},
    $people->as('manager'));
for my $each ($stream, $second) {
    like(read_until($each, qr/event: escalate\ndata: .*\n\n/), qr/
        ^event:\ escalate\ndata:\ \{.*"reason":\ "too\ much\\nfor\ me".*\}$/mx,
        'what happens then comes to each who follows, one line an event');
}
my ($last) = $second->[1]->body =~ /.*^id: (\d+)/ms;
$second->[0]->abort;
my $third = follow('', 'Last-Event-ID' => $last);
$t->api_ok('POST', "$path/approve", {reason => 'yes'});
my $body = read_until($stream, qr/event: end/);
is(join(' ', $body =~ /^event: (\w+)$/mg),
    'submit escalate approve fulfil end', 'it ends with the request');
is($stream->[0]->read_piece($stream->[1], 20), undef,
    '... and so does the connection');
is(join(' ', read_until($third, qr/event: end/) =~ /^event: (\w+)$/mg),
    'approve fulfil end', 'who comes again goes on from the last event');
is(join(' ', $t->api('GET', "$path/events?after=0")->body
    =~ /^event: (\w+)$/mg), 'submit escalate approve fulfil end',
    'one that is over is told at once');

is($t->api('GET', "$path/events", undef, $people->as('stranger'))->json->{code},
    'request_not_found', 'who may not see it is told nothing');
is($t->api('GET', "$path/events?after=$_")->status, 400,
    "after=$_ is refused") for 'x', '-1', '99999999999999999999';

# --- as many as there may be, and not one more

my $open = $t->api_ok('POST', '/api/requests', {project_id => $project,
    title => 't'}, $people->as('owner'));
$path = "/api/requests/$open->{id}";
my @crowd = map { my $token = $people->token($people->person("p$_",
    role => 'admin')->{id}); [Authorization => "Bearer $token"] } 0 .. 7;

sub follow_as {
    my ($who) = @_;
    my $http = $t->http;
    return [$http, $http->start('GET', "$path/events", $crowd[$who])];
}

my @streams = map { follow_as(0) } 1 .. 8;
is(scalar(grep { $_->[1]->status == 200 } @streams), 8,
    'one person follows eight times');
my $ninth = $t->api('GET', "$path/events", undef, $people->as('p0'));
is($ninth->status . ' ' . $ninth->json->{code}, '503 overloaded',
    '... and is refused the ninth, by another token too');
push @streams, map { my $who = $_; map { follow_as($who) } 1 .. 8 } 1 .. 7;
is(scalar(grep { $_->[1]->status == 200 } @streams), 64,
    'another still gets in, until 64 follow at once');
is($t->api('GET', "$path/events", undef, $people->as('owner'))->json->{code},
    'overloaded', '... the next is refused');
is($t->api('GET', $path)->status, 200, 'all else is served meanwhile');
$_->[0]->abort for @streams;
ok(wait_until(sub { my $s = follow(''); my $ok = $s->[1]->status == 200;
    $s->[0]->close; $ok }, 20), 'who is gone makes room');

$t->done;
