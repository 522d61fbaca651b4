# A key that had no budget gets one in the middle of a month: every window of
# it opens with what the key had spent, whether or not the ledger has read it.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(wait_until);
use Asgard::OneModel qw(one_model $COST);

my ($t, $up, $project, $key) = one_model(budget_usd => '10');
my $other = $t->key(project => $project);

sub calls {
    my ($who, $n) = @_;
    is($t->chat($who, {model => 'one'})->status, 200, "call $_")
        for 1 .. $n;
    return;
}
sub budget {
    my ($who, $budgets) = @_;
    my $r = $t->api('PUT', '/api/budgets', {scope => 'key',
        scope_id => $who->{id}, budgets => $budgets});
    is($r->status, 200, 'the key gets a budget') or diag($r->body);
    ok(wait_until(sub { !$t->{postgres}->value('SELECT count(*) FROM outbox'
        . ' WHERE sent_at IS NULL') }, 10), '... which is sent');
    return;
}
sub spent {
    my ($who, $window) = @_;
    my $id = "k.$who->{id}";
    return $t->{postgres}->value('SELECT amount_nusd FROM openings WHERE'
        . " budget_id = '$id' AND window_name = '$window'");
}

calls($key, 5);
calls($other, 1);
budget($key, [{window => '1mo', limit_usd => 5 * $COST / 1e9}]);
my $r = $t->chat($key, {model => 'one'});
is($r->status, 429, 'no call passes a limit that was spent before');
is($r->at('error', 'spent_usd'), '0.00105', '... which says what was spent');
is(spent($key, $_), 5 * $COST, "$_ opens with what the key had spent")
    for qw(1mo total);
is($t->chat($other, {model => 'one'})->status, 200,
    'another key of the project is not concerned');

# A reseed sums the same
$t->{redis}->cmd('FLUSHALL');
ok(wait_until(sub { ($t->chat($other, {model => 'one'})->status) == 200 }, 30),
    'a Redis that lost all is seeded anew');
is($t->chat($key, {model => 'one'})->status, 429, '... with the same sums');

# A key that is new has spent nothing
my $new = $t->key(project => $project, budgets => [['1mo', '0.01']]);
is($t->chat($new, {model => 'one'})->status, 200, 'a new key opens with 0');
is(spent($new, 'total'), undef, '... and has nothing of before');
$t->done;
