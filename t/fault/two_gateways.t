#!/usr/bin/env perl
# Two gateways with two workers each on one Redis count as one: of 500 calls at
# once on a budget with room for 37, exactly 37 reach the provider.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use POSIX ();
use Test::More;

use Asgard::Burst;
use Asgard::Files qw(spill wait_until);
use Asgard::Spool qw(calls call_of);
use Asgard::Test;

my ($calls, $room, $children) = (500, 37, 20);
# No reserve is given up because the machine is slow.
my $t = Asgard::Test->new(workers => 2, gateways => 2, redis_deadline => '5s');
my $up = $t->upstream('main');
$t->add_model($up, ref => 'model:test/one', route => 'one');
$t->start;

# What one such call holds.
my $probe = $t->chat($t->key, {model => 'one'});
is($probe->status, 200, 'an unlimited project is served');
my $hold = call_of($t, $probe)->{held};
cmp_ok($hold, '>', 0, 'a call is held for');

# Room for 37 and a nano-dollar less than one more.
my $nano = ($room + 1) * $hold - 1;
my $project = $t->project(budget_usd => sprintf('%d.%09d', $nano / 1e9,
    $nano % 1_000_000_000));
my $key = $t->key(project => $project);
is($t->at($_)->get('/v1/models', Asgard::Test::bearer($key))->status, 200,
    'the key is known to gateway ' . ($_ + 1)) for 0, 1;

# All are sent before one answer is read, and no provider answers before all
# others are refused: no hold ends meanwhile.
my $answer = "$t->{dir}/answer";
$up->script(({until => $answer}) x $calls);
my $before = $up->count;
my $begun = "$t->{dir}/refused";
mkdir $begun;
my $watch = fork() // die "fork: $!";
if (!$watch) {
    wait_until(sub { Asgard::Burst::refused($begun) >= $calls - $room }, 50);
    spill($answer, '');
    POSIX::_exit(0);
}

my $text = $t->http->request_text('POST', '/v1/chat/completions',
    [Asgard::Test::bearer($key), 'Content-Type', 'application/json'],
    $t->chat_body({model => 'one'}));
my @told = map { split /,/ } $t->in_parallel($children, sub {
    my ($i) = @_;
    my @open = map { $t->at($_ % 2)->http(timeout => 60) }
        1 .. $calls / $children;
    $_->send_raw($text) for @open;
    return join ',', Asgard::Burst::read_all("$begun/$i", \@open, sub {
        join ' ', $_[0]->status, $_[0]->code // '-' });
});
waitpid $watch, 0;

my %seen;
$seen{$_}++ for @told;
is_deeply(\%seen, {'200 -' => $room,
    '429 budget_exceeded' => $calls - $room},
    "of $calls calls exactly $room are answered, the others refused");
is($up->count - $before, $room, '... and exactly as many reached the provider');
my @each = map { scalar grep { $_->{project} eq $project } calls($t->at($_)) }
    0, 1;
is($each[0] + $each[1], $room, '... and stand in the two witness files');
for my $n (0, 1) {
    my ($refused) = $t->at($n)->get('/metrics')->body
        =~ /^asgard_refused_total (\d+)/m;
    cmp_ok($each[$n] + $refused, '>', 0,
        '... gateway ' . ($n + 1) . ' was asked for some of them');
}

my @entries = $t->wait_ledger($project, $room);
is(scalar @entries, $room, '... and in the ledger');

# What came back is there for the next ones, on either gateway.
is($t->at($_)->chat($key, {model => 'one'})->status, 200,
    'what was not used is free again on gateway ' . ($_ + 1)) for 0, 1;
$t->done;
