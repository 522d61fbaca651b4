# The projects of a group share its budget: what they had spent before it opens
# with, whether or not the ledger has read it; who joins later is held against
# it from the first call on.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(wait_until);
use Asgard::OneModel qw(one_model $COST);
use Asgard::Spool qw(call_of);

my ($t, undef, $alone, $outside) = one_model(budget_usd => '10');
my @in = map { $t->project(group => 'platform', budget_usd => '10') } 1, 2;
my ($first, $second) = map { $t->key(project => $_) } @in;

my $held;
sub calls {
    my ($key, $n) = @_;
    for (1 .. $n) {
        my $r = $t->chat($key, {model => 'one'});
        is($r->status, 200, "call $_");
        $held //= call_of($t, $r)->{held};
        wait_until(sub { !grep { $_->{held_usd} }
            map { @{$t->usage($_)->{windows}} } @in }, 5);
    }
    return;
}
sub put {
    my ($group, @budgets) = @_;
    return $t->api('PUT', '/api/budgets', qq({"scope":"group","scope_id":)
        . qq("$group","budgets":[) . join(',', @budgets) . ']}');
}
sub usd { return sprintf '%.9f', $_[0] * $COST / 1e9 }
sub limit { my ($window, $n, $more) = @_;
    return qq({"window":"$window","limit_usd":) . sprintf('%.9f,"soft_pct":1}',
        ($n * $COST + ($more // 0)) / 1e9) }
sub settled { ok(wait_until(sub { !$t->{postgres}->value('SELECT count(*) FROM'
    . ' outbox WHERE sent_at IS NULL') }, 10), '... which is sent'); return }
sub counters { my ($project) = @_;
    return map { ("$_->{window}" => $_) } grep { $_->{scope} eq 'group' }
        @{$t->usage($project)->{windows}} }

is_deeply($t->api_ok('GET', '/api/budgets?scope=group&scope_id=platform')
    ->{budgets}, [], 'a group has no budget until it gets one');
calls($first, 3);
calls($second, 2);
my $set = put('platform', limit('1mo', 5));
is($set->status, 200, 'it gets one') or diag($set->body);
is_deeply([map { $_->{window} } @{$set->json->{budgets}}], ['total', '1mo'],
    '... and total with it');
settled();
for my $key ($first, $second) {
    my $r = $t->chat($key, {model => 'one'});
    is($r->status, 429, 'no project passes what both had spent before');
    my $error = $r->json->{error};
    is($error->{scope}, 'group', '... for the group has no room');
    is($error->{scope_id}, 'platform', '... by its name');
    is($error->{window}, '1mo', '... in its month');
    is(sprintf('%.9f', $error->{limit_usd}), usd(5), '... its limit');
    is(sprintf('%.9f', $error->{spent_usd}), usd(5), '... what was spent');
    like($error->{resets_at}, qr/-01T00:00:00Z\z/, '... and when it ends');
}
calls($outside, 1);

# Who comes later is in it.
is(put('platform', limit('1mo', 7, $held))->status, 200,
    'the limit is raised: three more may be held for, one at a time');
settled();
my $third = $t->key(project => $t->project(group => 'platform',
    budget_usd => '10'));
calls($third, 2);
calls($first, 1);
is($t->chat($third, {model => 'one'})->status, 429,
    'the newest project is held against it, too');
my %of = counters($in[0]);
is($of{'1mo'}{spent_usd} * 1e9, 8 * $COST, 'a project sees what all spent');
is($of{total}{spent_usd} * 1e9, 8 * $COST, '... ever');
is(scalar(keys %{{counters($alone)}}), 0, 'one without a group has none');

# What it warns of is found by a project, too.
my $told;
wait_until(sub { ($told) = grep { $_->{action} eq 'gateway.budget_warn' } map {
    @{$t->api_ok('GET', "/api/audit?entity=$_")->{events}} } @in,
    $third->{project_id} }, 5);
is(($told // {})->{entity_ref}, 'group:platform',
    'a window that is nearly spent is told of by a project of the group');

# A reseed sums the same, and the witness is what the ledger has.
$t->wait_ledger($_, 1) for @in;
$t->{redis}->cmd('FLUSHALL');
my $again;
wait_until(sub { ($again = $t->chat($second, {model => 'one'}))->status
    != 503 }, 30);
is($again->status, 429, 'a Redis that lost all is seeded with the same sums');
my ($status, $out, $err) = $t->{control}->run('replay',
    "$t->{dir}/log/calls.log");
is($status, 0, 'the witness is offered to the ledger') or diag($out, $err);
like($out, qr/ 0 refused/, '... and every line can have been written');

# Who may, and what is refused.
my $r = put('nobody', limit('1mo', 1));
is($r->status, 404, 'a group that nobody named has no budget');
is($r->json->{code}, 'group_not_found', '... with its code');
$t->api_ok('POST', '/api/groups', {key => 'empty', display_name => 'E'});
is(put('empty', limit('1d', 0))->status, 200, 'one that was declared may');
settled();
is($t->chat($t->key(project => $t->project(group => 'empty')),
    {model => 'one'})->status, 429, '... and holds its first project');
my ($event) = grep { $_->{action} eq 'group.budget_set' }
    @{$t->api_ok('GET', '/api/audit?entity=platform')->{events}};
is($event->{entity_ref}, 'group:platform', 'the audit log says who set it');
$t->done;
