# A further attempt is refused when its hold does not fit, like a first one;
# the ledger has each hold of a call, joined by the call's id.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(wait_until);
use Asgard::Spool qw(calls);
use Asgard::Test;

my $t = Asgard::Test->new(workers => 2,
    http_conf => 'asgard_hold_ttl 5s;', routing => <<'YAML');
fallbacks:
  - one: [two]
YAML
my %up = map { $_ => $t->upstream($_) } qw(first second);
my %name = (first => 'one', second => 'two');
for my $service (sort keys %name) {
    $t->add_service($service, $up{$service}, models => [{
        ref => "model:test/$name{$service}", max_output_tokens => 1000}],
        inference => {first_byte_timeout => '2s', idle_timeout => '2s'});
}
$t->start;

# What one call of 50 tokens can cost: the ledger's price of a hold.
my $wide = $t->project(budget_usd => '10');
my $key = $t->key(project => $wide);

sub of { my ($reply) = @_;
    return grep { $_->{trace} eq $reply->trace } calls($t) }
sub holds {
    my ($reply, $n) = @_;
    wait_until(sub { of($reply) >= $n }, 5);
    return of($reply);
}

$up{first}->script({cut => 40});
my $reply = $t->chat($key, {model => 'one'});
is($reply->status, 200, 'a cut answer, and another provider serves');
my @entries = $t->wait_ledger($wide, 2);
my @holds = holds($reply, 2);
is(scalar @entries, 2, 'the ledger has both holds');
my ($first, $second) = sort { length $a->{hold_id} <=> length $b->{hold_id} }
    @entries;
is($second->{hold_id}, "$first->{hold_id}.1", 'the second is numbered');
is(join(' ', map { $_->{call_id} } $first, $second),
    "$first->{hold_id} $first->{hold_id}", 'the call joins them');
is($first->{trace_id}, $second->{trace_id}, 'under one trace id');
is(join(' ', @{$first->{flags}}), 'estimated cut no_usage',
    'what was not shown is estimated');
is($first->{provider} . ' ' . $second->{provider}, 'first second',
    'each names its provider');
cmp_ok($first->{cost_usd}, '>', 0, 'the estimate is charged');
is($second->{cost_usd}, 0.00021, 'and so is the measured one');
my $hold_nano = $holds[0]{held};

# Room for one hold and a half.
my $usd = sprintf '%.9f', $hold_nano * 1.5 / 1e9;
for my $what ('project', 'key') {
    my $project = $t->project(budget_usd => $what eq 'project' ? $usd : '10');
    my $poor = $t->key(project => $project,
        $what eq 'key' ? (budgets => [['1h', $usd]]) : ());
    my $before = $up{second}->count;
    $up{first}->script({hang => 5});
    $reply = $t->chat($poor, {model => 'one'});
    is($reply->status . ' ' . $reply->code, '429 budget_exceeded',
        "$what: a second hold that does not fit is refused");
    my $error = $reply->json->{error};
    is("$error->{scope} $error->{window}",
        $what eq 'project' ? 'project total' : 'key 1h',
        "$what: with the budget that has no room");
    is($error->{held_usd} * 1e9, $hold_nano,
        "$what: in which the first one is held");
    is($reply->header('x-should-retry'), 'false', "$what: for good");
    is($up{second}->count, $before, "$what: the second provider saw nothing");
    my @ends = holds($reply, 1);
    is(join(' ', map { $_->{verb} } @ends), 'x',
        "$what: the first is unknown, the second never was");
}

{
    my $project = $t->project(budget_usd => '10');
    $up{first}->script({hang => 5});
    $reply = $t->chat($t->key(project => $project), {model => 'one'});
    is($reply->status, 200, 'silence, and another provider serves');
    my %entry = map { $_->{hold_id} => $_ } $t->wait_ledger($project, 2, 20);
    my @ends = holds($reply, 2);
    is(join(' ', sort keys %entry), join(' ', map { $_->{hold} } @ends),
        'the ledger has both holds when the first has expired');
    is($entry{$ends[0]{hold}}{cost_usd} * 1e9, $ends[0]{held},
        'which is charged in full');
    is($entry{$ends[1]{hold}}{cost_usd}, 0.00021, 'beside the one that served');
    is(join(' ', map { $_->{call_id} } values %entry),
        join(' ', ($ends[0]{hold}) x 2), 'both of one call');
}

# Many at once, of which half are cut: every hold has its end.
$up{first}->script(map { {$_ % 2 ? (cut => 30) : ()} } 1 .. 40);
my @got = $t->in_parallel(8, sub {
    return join ' ', map { $t->chat($key, {model => 'one'})->status } 1 .. 5;
});
is(join(' ', @got), join(' ', ('200') x 40), 'many at once are answered');
ok(wait_until(sub { !grep { $t->{redis}->cmd('GET', $_) ne 'V' }
    @{$t->{redis}->cmd('KEYS', '{p*}:h:*')} }, 20), 'every hold has its end');

$t->done;
