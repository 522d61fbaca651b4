# A project whose price a module says pays that: its hold, its cost and its card
# in the ledger are by it, every other project's by the model; a change holds
# from the reload on.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Test;

my $t = Asgard::Test->new(workers => 2);
my $up = $t->upstream('main', prompt_tokens => 10, completion_tokens => 20);
my $other = $t->upstream('other', prompt_tokens => 10,
    completion_tokens => 20);
my %model = (ref => 'model:main/one', route => 'one', cost_in => '0.001',
    cost_out => '0.01');
my $secret = $t->add_service('main', $up, models => [\%model]);
$t->add_service('other', $other, models => [{ref => 'model:other/two',
    route => 'two'}]);
$t->start;
$ENV{ASGARD_CTL_PUBLIC_URL} = $t->url;
my ($own, $plain, $poor) = map { $t->project(budget_usd => $_) }
    qw(1 1 0.002);
my %key = map { $_ => $t->key(project => $_) } $own, $plain, $poor;

sub prices {
    my ($text) = @_;
    $t->add_service('main', $up, master_key => $secret,
        models => [{%model, project_prices => $text}]);
    return $t->reload_catalog;
}

# Cost and card of the project's last of $n calls.
sub last_entry {
    my ($project, $n) = @_;
    my @entries = $t->wait_ledger($project, $n);
    my $row = $t->{postgres}->value(q{SELECT (detail->>'card') || ' '
        || (detail->>'cv') FROM holds WHERE hold_id = }
        . "'$entries[-1]{hold_id}'");
    return ($entries[-1]{cost_usd}, split / /, $row);
}

is($t->chat($key{$own}, {model => 'one'})->status, 200, 'a first call');
is((last_entry($own, 1))[0], '0.00021', '... costs what the model costs');
is($t->chat($key{$poor}, {model => 'one', max_tokens => 50})->status, 200,
    'a small budget holds a call at that price');
$t->wait_ledger($poor, 1);

ok(prices("{$own: {in: 3, out: 4, cached: 1}, $poor: {out: 100}}"),
    'a module may say what a project pays');
my $reply = $t->chat($key{$own}, {model => 'one'});
is($reply->header('x-asgard-cost-usd'), '0.00011',
    'the project pays that: 10 at 3 and 20 at 4 USD a million');
my ($cost, $card, $version) = last_entry($own, 2);
is($cost, '0.00011', '... also in the ledger');
is($card, "model:main/one\@$own", '... by a card of its own');
is($t->chat($key{$plain}, {model => 'one'})->status, 200, 'another project');
($cost, $card) = last_entry($plain, 1);
is("$cost $card", '0.00021 model:main/one', '... pays what the model costs');

is($t->chat($key{$own}, {model => 'two'})->status, 200, 'another model');
is((last_entry($own, 3))[1], 'model:other/two', '... has its own card');

my $before = $up->count;
$reply = $t->chat($key{$poor}, {model => 'one', max_tokens => 50});
is($reply->status, 429, 'a hold at the dearer price does not fit');
is($up->count, $before, '... and nothing is sent');

$up->script({status => 200, chunks => 3});
$reply = $t->chat($key{$own}, {model => 'one', stream => \1});
is($reply->status, 200, 'a stream');
is((last_entry($own, 4))[0], '0.00011', '... has that price too');

ok(prices("{$own: {in: 3, out: 5}}"), 'a new price');
is($t->chat($key{$own}, {model => 'one'})->status, 200, '... serves');
my @now = last_entry($own, 5);
is($now[0], '0.00013', '... counts from the reload on');
is($now[2], $version + 1, '... as the next version of that card');

$t->done;
