# A kill ends the open streams of its project within seconds and they are
# settled; a revoked key lets its stream finish.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Time::HiRes qw(time);
use Asgard::Files qw(wait_until);
use Asgard::Stage;

my $s = Asgard::Stage->new(workers => 2);
$s->model(route => 'echo', max_output_tokens => 100_000);
my ($dead, $alive) = ($s->project(limit => 9_000_000_000_000),
    $s->project(limit => 9_000_000_000_000));
my $key = $s->key($dead);
my $other = $s->key($alive);
$s->start;

# About 10 s of events each.
my %slow = (model => 'echo:gap_ms=100,chunks=100', stream => \1,
    max_tokens => 5000, messages => [{role => 'user',
        content => join ' ', map { "word$_" } 1 .. 300}]);
my @streams = map { [$s->chat_start($key, {%slow})] } 1 .. 4;
my ($http, $reply) = $s->chat_start($other, {%slow,
    model => 'echo:gap_ms=100,chunks=30'});
is($_->[1]->status, 200, 'a stream runs') for @streams;
ok(defined $_->[0]->read_piece($_->[1]), '  … and says something')
    for @streams;

my $begun = time;
$s->change_project($dead, killed => 1);
$s->change_key($other, revoked => 1);
$_->[0]->read_body($_->[1]) for @streams;
cmp_ok(time - $begun, '<', 5, 'all streams of the killed project end at once');
ok(!grep({ $_ eq '[DONE]' } map { $_->[1]->events } @streams),
    '  … before their end');

$http->read_body($reply);
ok(scalar(grep { $_ eq '[DONE]' } $reply->events),
    'the stream of a revoked key ran to its end');

ok(wait_until(sub { $s->partition(3)->field("p.$dead", 'h:total:0') == 0 }, 5),
    'nothing stays held');
cmp_ok($s->partition(3)->field("p.$dead", 's:total:0'), '>', 0,
    'what was produced is charged');
is(scalar(grep { /"verb":"e"/ && /"estimated"/ && /"project":"\Q$dead\E"/ }
    split /\n/, $s->{gateway}->spool), 4, '  … by estimate, and said so');

$s->done;
