# A call that a zoned window refuses is told scope, window, limit, used, reset
# and zone; when the local day ends, calls are served again.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Asgard::Files qw(wait_until);
use Asgard::Partition;
use Asgard::Stage;

my $s = Asgard::Stage->new(workers => 1);
$s->model(route => 'echo');
my $project = $s->project;
my $key = $s->key($project);
$s->start;

# A day that ends in a few seconds, of which 0.000900400 USD are spent.
my $p = $s->partition(3);
my $now = time;
my @day = ($now - 50_000, $now + 5, $now + 86_405);
is($p->seed('limit', [$p->budget_keys("p.$project")], ++$p->{version},
    'total:t,' . Asgard::Partition::spec(['1d', 'Australia/Lord_Howe', @day]),
    total => '-', '-', '1d' => 1_000_000, "$day[0]:900400")->[0], 'OK',
    'a zoned window is seeded');

my $refused = $s->chat($key);
is(Asgard::Stage::verdict($refused), '429 budget_exceeded',
    'what does not fit its day is refused');
my @t = gmtime $day[1];
my $reset = sprintf '%04d-%02d-%02dT%02d:%02d:%02dZ', $t[5] + 1900, $t[4] + 1,
    @t[3, 2, 1, 0];
is_deeply([map { $refused->at('error', $_) } qw(scope scope_id window
    resets_at zone)], ['project', $project, '1d', $reset,
        'Australia/Lord_Howe'], '... by scope, window, reset and zone');
is($refused->raw_number('limit_usd'), '0.001', '... its limit');
is($refused->raw_number('spent_usd'), '0.0009004', '... what is spent');
is($refused->raw_number('held_usd'), '0', '... and held');

ok(wait_until(sub { $s->chat($key)->status == 200 }, 15, 0.1),
    'when the local day ends, calls are served');
cmp_ok(time, '>=', $day[1], '... not before');
is($p->field("p.$project", 'c:1d'), $day[1], '... in the new window');

$s->done;
