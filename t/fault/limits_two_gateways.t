#!/usr/bin/env perl
# Limits are exact over two gateways with two workers each: of all that asks at
# once as much is let in as the limit says, minute after minute, of a key and of
# a project; and as many calls are under way.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(spill wait_until);
use Asgard::Test;

my ($limit, $children, $each) = (40, 8, 12);
my $t = Asgard::Test->new(workers => 2, gateways => 2, redis_deadline => '5s');
my $up = $t->upstream('main');
$t->add_model($up, ref => 'model:test/one', route => 'one');
$t->start;

# What was counted of a scope was counted so much earlier.
sub age {
    my ($scope, $s) = @_;
    my ($name) = @{$t->{redis}->cmd('KEYS', "*:r:$scope")};
    my %field = @{$t->{redis}->cmd('HGETALL', $name)};
    for my $f (grep { /^[qt]:\d/ } keys %field) {
        my ($first, $last, $n) = split / /, $field{$f};
        $t->{redis}->cmd('HSET', $name, $f,
            join ' ', $first - $s * 1e6, $last - $s * 1e6, $n);
    }
    return;
}

# All children ask both gateways at once: how many are let in, and what the
# others hear.
sub admitted {
    my ($key) = @_;
    my @told = map { split /,/ } $t->in_parallel($children, sub {
        my ($i) = @_;
        return join ',', map { my $r = $t->at(($i + $_) % 2)->chat($key,
            {model => 'one', max_tokens => 10});
            $r->status == 200 ? 'ok' : $r->code } 1 .. $each;
    });
    my %told = map { $_ => 1 } grep { $_ ne 'ok' } @told;
    return ((grep { $_ eq 'ok' } @told) + 0, join ' ', sort keys %told);
}

my $project = $t->project(budget_usd => '100');
my $key = $t->key(project => $project, rpm_limit => $limit);
my $before = $up->count;
my ($n, $others) = admitted($key);
is($n, $limit, 'as many as the limit are let in');
is($others, 'rate_limit_exceeded', '... and the others refused');
is($up->count - $before, $limit, '... as many reach the provider');
age("k.$key->{id}", 30);
is((admitted($key))[0], 0, 'none in the same minute');
age("k.$key->{id}", 30);
is((admitted($key))[0], $limit, '... as many in the next one');

my $team = $t->project(budget_usd => '100', rpm_limit => 9, tpm_limit => 5000);
my @keys = map { $t->key(project => $team, rpm_limit => 5) } 1, 2;
is((admitted($keys[0]))[0], 5, 'a key has its own limit');
is((admitted($keys[1]))[0], 4, '... and its project one for all of its keys');
my $reply = $t->at(1)->chat($keys[1], {model => 'one'});
is($reply->at('error')->{scope}, 'project', '... which is named');
is($reply->at('error')->{scope_id}, $team, '... by its id');
is($reply->header('x-ratelimit-remaining-requests'), 0, '... nothing is left');
cmp_ok($reply->header('x-ratelimit-remaining-tokens'), '<=', 5000,
    '... and of its tokens it is told too');
is($t->api('PATCH', "/api/projects/$team", {rpm_limit => undef,
    max_parallel_requests => 3})->at('max_parallel_requests'), 3,
    'limits of a project are changed');
my $third = $t->key(project => $team);
is($t->at($_)->chat($third, {model => 'one'})->status, 200,
    '... on both gateways') for 0, 1;

# Three at a time, and no fourth until one has ended.
my $own = $t->project(budget_usd => '100', max_parallel_requests => 3);
my $one = $t->key(project => $own);
my $gate = "$t->{dir}/gate";
$up->script(({until => $gate}) x 3);
my $text = $t->http->request_text('POST', '/v1/chat/completions',
    [Asgard::Test::bearer($one), 'Content-Type', 'application/json'],
    $t->chat_body({model => 'one'}));
my @open = map { $t->at($_ % 2)->http(timeout => 30) } 1 .. 12;
$_->send_raw($text) for @open;
my ($set, %refused) = ('');
ok(wait_until(sub {
    $set = '';
    vec($set, fileno $_->{socket}, 1) = 1 for @open;
    select($set, undef, undef, 0);
    return unpack('%32b*', $set) >= 9;
}, 20), 'nine of twelve are answered while the provider is silent');
spill($gate, '');
$refused{$_->read_head->status}++ for @open;
is_deeply(\%refused, {200 => 3, 429 => 9}, 'three are under way, not more');

$t->done;
