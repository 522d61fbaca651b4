#!/usr/bin/env perl
# A group's budget over three projects, in parallel over two gateways with two
# workers each, is never passed: of 120 calls exactly as many reach the provider
# as it has room for.  Nor is it when Redis loses everything under them.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use POSIX ();
use Test::More;

use Asgard::Burst;
use Asgard::Files qw(slurp spill wait_until);
use Asgard::Spool qw(call_of);
use Asgard::Test;

my ($calls, $room, $children) = (120, 11, 12);
# No reserve is given up because the machine is slow.
my $t = Asgard::Test->new(workers => 2, gateways => 2, redis_deadline => '5s');
my $up = $t->upstream('main', prompt_tokens => 10, completion_tokens => 20);
$t->add_model($up, ref => 'model:test/one', route => 'one');
$t->start;

my $probe = $t->chat($t->key, {model => 'one'});
is($probe->status, 200, 'an unlimited project is served');
my ($hold, $cost) = @{call_of($t, $probe)}{qw(held amount)};
cmp_ok($hold, '>', $cost, 'a call holds more than it costs');

# Each project alone has room for all.
my @projects = map { $t->project(group => 'platform') } 1 .. 3;
my @keys = map { $t->key(project => $_) } @projects;
my $limit = $room * $hold + $hold - 1;
is($t->api('PUT', '/api/budgets', '{"scope":"group","scope_id":"platform",'
    . sprintf('"budgets":[{"window":"1d","limit_usd":%d.%09d}]}', $limit / 1e9,
        $limit % 1_000_000_000))->status, 200, 'their group has not');
# Every worker knows them, and that they share it.
for my $key (@keys) {
    is($t->at($_ % 2)->get('/v1/models', Asgard::Test::bearer($key))->status,
        200, 'a key is known to gateway ' . ($_ % 2 + 1)) for 0, 1;
}

my $dir = "$t->{dir}/burst";
mkdir $dir;

# A share of the calls.
sub share {
    my ($i) = @_;
    my @open = map {
        my $http = $t->at($_ % 2)->http(timeout => 90);
        $http->send_raw($t->http->request_text('POST', '/v1/chat/completions',
            [Asgard::Test::bearer($keys[($i + $_) % 3]), 'Content-Type',
                'application/json'], $t->chat_body({model => 'one'})));
        $http } 1 .. $calls / $children;
    return join ',', Asgard::Burst::read_all("$dir/$i", \@open, sub {
        my ($reply) = @_;
        my $error = ($reply->json // {})->{error};
        return join ' ', $reply->status, $error ? $error->{scope} : '-' });
}

# All at once; no provider answers before `meanwhile` is done.
sub burst {
    my ($fit, $meanwhile) = @_;
    my $answer = "$t->{dir}/answer";
    unlink $answer, glob "$dir/*";
    $up->script(({until => $answer}) x $fit);
    my $before = $up->count;
    my $watch = fork() // die "fork: $!";
    if (!$watch) {
        wait_until(sub { Asgard::Burst::refused($dir) >= $calls - $fit }, 60);
        $meanwhile->() if $meanwhile;
        spill($answer, '');
        POSIX::_exit(0);
    }
    my %seen;
    $seen{$_}++ for map { split /,/ } $t->in_parallel($children, \&share);
    waitpid $watch, 0;
    is_deeply(\%seen, {'200 -' => $fit, '429 group' => $calls - $fit},
        "of $calls calls exactly $fit are answered, the others refused");
    is($up->count - $before, $fit, '... and as many reached the provider');
    return;
}

# What is held when Redis loses all is held again: not one call more.
burst($room, sub {
    $t->{redis}->connect->cmd('FLUSHALL');
    my %met;
    for my $key (@keys) {
        my $reply;
        wait_until(sub {
            $reply = $t->chat($key, {model => 'one'});
            $reply->status != 503 }, 60);
        $met{$reply->status . ' ' . ($reply->json->{error}{scope} // '-')}++;
    }
    spill("$t->{dir}/met", join ',', map { "$_: $met{$_}" } sort keys %met);
});
is(slurp("$t->{dir}/met"), '429 group: 3',
    'after a flush the group has no more room than before');
my @entries;
wait_until(sub { @entries = map { $t->ledger($_) } @projects;
    @entries == $room }, 20);
is(scalar @entries, $room, 'each call is in the ledger, once');
wait_until(sub { !grep { $_->{held_usd} } @{$t->usage($projects[0])->{windows}}
    }, 20);
my ($day) = grep { $_->{scope} eq 'group' && $_->{window} eq '1d' }
    @{$t->usage($projects[0])->{windows}};
is(sprintf('%.0f', $day->{spent_usd} * 1e9), $room * $cost,
    'what all of them cost is spent by the group');

# What came back is there for the next ones.
burst(int(($limit - $room * $cost) / $hold));
$t->done;
