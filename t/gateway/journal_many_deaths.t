#!/usr/bin/env perl
# Workers die again and again under load: service goes on, the books agree.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use Test::More;
use Time::HiRes qw(sleep time);

use Asgard::Files qw(wait_until);
use Asgard::Stage;

my $s = Asgard::Stage->new(workers => 2);
$s->allow_alert(qr/worker process \d+ exited on signal 9/);
$s->model(route => 'echo');
my $project = $s->project(limit => '-');
my $key = $s->key($project);
$s->start;
my $part = $s->partition(3);

my $kills = 12;
my @told = $s->in_parallel(9, sub {
    my ($i) = @_;
    if ($i == 0) {
        for (1 .. $kills) {
            sleep 0.3;
            my @pids = $s->{gateway}->workers;
            kill KILL => $pids[rand @pids];
        }
        return 'killed';
    }
    my ($good, $until) = (0, time + 0.3 * $kills + 1);
    while (time < $until) {
        my $reply = eval { $s->chat($key, {model =>
            'echo:latency_ms=' . int rand 20}) };
        $good++ if $reply && $reply->status == 200;
    }
    return $good;
});
my $good = 0;
$good += $_ for grep { /^\d+$/ } @told;
cmp_ok($good, '>', 50, 'calls are served while workers die');
is($s->chat($key, {model => 'echo'})->status, 200, 'and after');

# What was sent and not answered is left to expire: those holds alone stay.
my $open = sub { @{$part->{redis}->cmd('ZRANGE', $part->key('x'), 0, -1)} };
my @left = map { JSON::PP::decode_json($_)->{hold} }
    grep { /"verb":"x"/ } split /\n/, $s->{gateway}->spool;
my $same = sub {
    @left = map { JSON::PP::decode_json($_)->{hold} }
        grep { /"verb":"x"/ } split /\n/, $s->{gateway}->spool;
    return join(' ', sort @left) eq join(' ', sort $open->());
};
ok(wait_until($same, 5), 'only holds of unknown calls are open')
    or diag explain [sort(@left), 'open:', $open->()];

my (%moved, %ends);
for my $e ($part->events) {
    $moved{$e->{i}} += $e->{d};
    $ends{$e->{i}}++ if $e->{d} > 0;
}
is_deeply([grep { $_ > 1 } values %ends], [], 'no call is charged twice');
my $sum = 0;
$sum += $_ for values %moved;
is($part->field("p.$project", 's:total:0'), $sum,
    'spent is the sum of what the events moved');
cmp_ok(scalar(grep { $_ > 0 } values %moved), '>=', $good,
    'no answered call is free');
my $held = 0;
for my $id (@left) {
    my ($amount) = split / /, $part->{redis}->cmd('GET', $part->key("h:$id"));
    $held += $amount;
}
is($part->field("p.$project", 'h:total:0'), $held,
    'held is the sum of the open holds');

$s->done;
