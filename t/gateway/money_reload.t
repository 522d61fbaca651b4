#!/usr/bin/env perl
# A reload keeps the zone: open calls end where they began, and are settled.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use Test::More;
use Time::HiRes qw(sleep time);

use Asgard::Files qw(wait_until);
use Asgard::OneModel qw(one_model_stage);

my ($s, $up, $project, $key, $part) = one_model_stage(workers => 2);

is($s->chat($key, {model => 'one'})->status, 200, 'a first call');
my $settled = $s->metric('asgard_settled_total');
is($settled, 1, 'it is counted');

$up->script(({chunks => 8, chunk_delay => 0.25}) x 2);
my @open = map { [$s->chat_start($key, {model => 'one',
    stream => JSON::PP::true})] } 1 .. 2;
$_->[0]->read_piece($_->[1]) for @open;
ok($s->{gateway}->reload, 'new workers start while streams are open');
is($s->metric('asgard_settled_total'), 1, 'counters are kept');
is($s->chat($key, {model => 'one'})->status, 200, 'the new workers serve');
for my $stream (@open) {
    my ($http, $reply) = @$stream;
    $http->read_body($reply);
    like($reply->body, qr/data: \[DONE\]/, 'a stream of before goes on');
}
ok(wait_until(sub { (grep { $_->{v} eq 's' } $part->events) == 4 }, 5),
    'and is settled by its measured usage');
is($part->field("p.$project", 'h:total:0'), 0, 'nothing stays held');
is($part->field("p.$project", 's:total:0'), 4 * 210_000,
    'every call is charged once');
ok(wait_until(sub { $s->{gateway}->workers == 2 }, 10),
    'the old workers leave');
sleep 0.5;
is($s->metric('asgard_dead_worker_calls_total'), 0,
    'and leave nothing for others to end');

# Reload again and again under load.
my @told = $s->in_parallel(5, sub {
    my ($i) = @_;
    if ($i == 0) {
        for (1 .. 6) { $s->{gateway}{process}->signal('HUP'); sleep 0.5 }
        return '';
    }
    my ($bad, $until) = ('', time + 4);
    while (time < $until) {
        sleep 0.01;                         # within the journal's slots
        my $reply = $s->chat($key, {model => 'one'});
        $bad .= $reply->status . ' ' . ($reply->body // '') . "\n"
            if $reply->status != 200;
    }
    return $bad;
});
is(join('', @told), '', 'no call fails because of a reload');

# A zone of another size is another zone.
$s->{gateway}->write_conf(zone => '16m');
ok($s->{gateway}->reload, 'a zone of another size');
ok(wait_until(sub { $s->chat($key, {model => 'one'})->status == 200 }, 3),
    'is filled anew and serves');

$s->done;
