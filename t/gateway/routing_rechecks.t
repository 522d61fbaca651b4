# Each candidate is judged for itself: one that may not have the project's data,
# that the key may not use, or that has no price for the tier is never called,
# whoever failed before it; the hold covers the dearest of those that may be,
# and the one that served is paid.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use Test::More;

use Asgard::Files qw(wait_until);
use Asgard::Spool qw(calls);
use Asgard::Test;

my $routing = "num_retries: 0\ndisable_cooldowns: true\n"
    . "models:\n  chain: {candidates: [near]}\n"
    . "fallbacks:\n  - chain: [abroad, spare]\n  - 'g-*': [g-a, spare]\n";
my $t = Asgard::Test->new(redis_deadline => '5s', routing => $routing);
my @all = (data_classes => '[public, internal, confidential, restricted]');
my %tiers = (tier_prices => '{priority: {in: 2, out: 20}}');
my %model = (
    near => {@all, %tiers},
    abroad => {data_classes => '[public, internal]', cost_in => '0.5',
        cost_out => '5'},
    spare => {@all, %tiers, cost_in => '0.002', cost_out => '0.03'},
    'g-a' => {@all, cost_in => '0.003', cost_out => '0.03'},
    'g-b' => {@all});
my %up = map { $_ => $t->upstream($_) } keys %model;
$t->add_service($_, $up{$_}, models => [{ref => "model:$_/$_", route => $_,
    %{$model{$_}}}]) for keys %model;
$t->start;

my %key = map { $_ => $t->key(project => $t->project(budget_usd => '100',
    data_class => $_)) } qw(public confidential);

# "who called | who served held by the price of": $who's call after $ill failed.
sub fallen {
    my ($key, $ill, $body, @headers) = @_;
    my %before = map { $_ => $up{$_}->count } keys %up;
    $up{$_}->script({status => 503}) for @$ill;
    my $reply = $t->chat($key, {model => 'chain', max_tokens => 10, %$body},
        @headers);
    my ($told);
    wait_until(sub { ($told) = grep { $_->{trace} eq $reply->trace }
        calls($t) }, 10);
    # an output token of the dearest is many times all else that is held
    my $held = $told && $told->{held} ? $told->{held} : 0;
    my @called = grep { $up{$_}->count > $before{$_} } sort keys %up;
    return (join(' ', $reply->status, @called, '|', $told ? $told->{ep} : '-'),
        $held, $told ? $told->{amount} : 0);
}

my ($said, $held, $paid) = fallen($key{public}, ['near'], {});
is($said, '200 abroad near | abroad', 'of public data the next in line serves');
is($paid, 10 * 500_000 + 20 * 5_000_000, '... and is paid');
my $dear = $held;
cmp_ok($dear, '>', 10 * 5_000_000, '... for it was held');

for my $stream (0, 1) {
    ($said, $held, $paid) = fallen($key{confidential}, ['near'],
        $stream ? {stream => JSON::PP::true} : {});
    is($said, '200 near spare | spare',
        'confidential data never go to a model that is not cleared for them');
    is($paid, 10 * 2000 + 20 * 30_000, '... the one that served is paid');
    cmp_ok($held, '>', 10 * 30_000, '... which was held');
    cmp_ok($held * 10, '<', $dear, '... and nothing for the other');
}
($said) = fallen($key{public}, ['near'], {},
    'x-asgard-data-class' => 'confidential');
is($said, '200 near spare | spare', 'nor when the call alone says so');
($said) = fallen($key{confidential}, [qw(near spare)], {});
is($said, '502 near spare | spare', '... though all others fail')
    or diag($said);

my $narrow = $t->key(models => ['model:near/near', 'model:spare/spare'],
    project => $t->project(budget_usd => '100', data_class => 'public'));
($said, $held) = fallen($narrow, ['near'], {});
is($said, '200 near spare | spare', 'nor to one that the key may not use');
cmp_ok($held * 10, '<', $dear, '... which is not held for');

($said, $held) = fallen($key{public}, ['near'], {service_tier => 'priority'});
is($said, '200 near spare | spare',
    'nor to one that has no price for what is asked');

my $project = $t->project(budget_usd => '100', data_class => 'restricted');
my $reply = $t->chat($t->key(project => $project), {model => 'abroad'});
is($reply->status . ' ' . $reply->code, '403 policy_denied',
    'when nobody may have it, it is refused');

# --- a pattern whose members rescue each other

($said) = fallen($key{public}, ['g-b'], {model => 'g-b'});
is($said, '200 g-a g-b | g-a', 'one of a pattern falls back to another of it');
($said) = fallen($key{public}, ['g-a'], {model => 'g-a'});
is($said, '200 g-a spare | spare',
    '... who falls back to the next, not to itself');
$t->{control}->write_routing("fallbacks:\n  - g-a: [g-a]\n");
ok(!$t->reload_catalog, 'a name that says itself is refused');
like($t->{control}->log_text,
    qr{routing\.yaml:2: "g-a" falls back to itself}, '... with file and line');

$t->done;
