#!/usr/bin/env perl
# A budget, or one field of it, is lost while all else stands: it is never
# taken for zero, the first call that is refused tells the meter, and the
# partition is seeded again by itself within seconds.
#
# Fault row 5.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Time::HiRes qw(time);

use Asgard::Files qw(wait_until);
use Asgard::Test;

my $t = Asgard::Test->new(workers => 1);
my $up = $t->upstream('main', prompt_tokens => 10, completion_tokens => 20);
$t->add_model($up, ref => 'model:test/one', route => 'one');
$t->start;
my $redis = $t->{redis};

# Each loss in a partition of its own, so that each must be found.
my @lost = (
    ['the whole budget', sub { $redis->cmd('DEL', $_[0]) }],
    ['what was spent', sub { $redis->cmd('HDEL', $_[0], 's:total:0') }],
    ['what is held', sub { $redis->cmd('HDEL', $_[0], 'h:total:0') }],
    ['both counters', sub { $redis->cmd('HDEL', $_[0], 's:total:0',
        'h:total:0') }],
    ['the limit', sub { $redis->cmd('HDEL', $_[0], 'l:total') }],
    ['the windows', sub { $redis->cmd('HDEL', $_[0], 'w') }],
    ['since when', sub { $redis->cmd('HDEL', $_[0], 'at') }],
);
my %taken;
for my $loss (@lost) {
    my ($project, $part);
    do {
        $project = $t->project(budget_usd => '1');
        $part = $t->{postgres}->value(
            "SELECT partition FROM projects WHERE project_id = '$project'");
    } while ($taken{$part}++);
    push @$loss, $project, $t->key(project => $project),
        sprintf('{p%02d}:b:p.%s', $part, $project);
    is($t->chat($loss->[3], {model => 'one'})->status, 200, 'a call');
    is(scalar($t->wait_ledger($project, 1)), 1, '... is charged');
}
for (@lost) {
    my ($what, $lose, $project, $key, $name) = @$_;
    $lose->($name);
    my $reply = $t->chat($key, {model => 'one'});
    is(join(' ', $reply->status, $reply->code), '503 budget_unavailable',
        "$what is lost: not seeded, not zero");
}
my $began = time;
my %left = map { $_->[0] => $_ } @lost;
wait_until(sub {
    for (values %left) {
        my ($what, undef, $project, $key) = @$_;
        delete $left{$what} if $t->chat($key, {model => 'one'})->status == 200;
    }
    return !%left;
}, 15, 0.2);
is(join(', ', sort keys %left), '', 'within seconds each is found and seeded '
    . 'again');
note(sprintf 'all of them: %.1f s', time - $began);
for (@lost) {
    my ($what, undef, $project, $key, $name) = @$_;
    $t->wait_ledger($project, 2);
    is($t->usage($project)->{spent_usd}, '0.00042', "$what: and is exact");
    like($t->{control}->log_text, qr/differs from the ledger.*\Q$project\E/,
        '... the log named it');
}
$t->done;
