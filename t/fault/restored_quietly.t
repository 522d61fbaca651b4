#!/usr/bin/env perl
# A restored database is noticed though nothing was called since the backup, and
# only limits, keys and projects were changed: no change made from then on is
# refused as old.
#
# Fault row 39.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(wait_until);
use Asgard::Test;

my $t = Asgard::Test->new(workers => 1);
my $up = $t->upstream('main', prompt_tokens => 10, completion_tokens => 20);
$t->add_model($up, ref => 'model:test/one', route => 'one');
$t->start;
my $project = $t->project(budget_usd => '10');
my $key = $t->key(project => $project);
is($t->chat($key, {model => 'one'})->status, 200, 'a call');
$t->wait_ledger($project, 1);

sub value { $t->{postgres}->value($_[0]) }
sub told { () = $t->{control}->log_text =~ /restored to an older point/g }
sub total { $t->set_budgets($project, ['total', $_[0]]) }
sub comes_to { my ($status) = @_; return wait_until(sub {
    $t->chat($key, {model => 'one'})->status == $status }, 10, 0.1) }
sub back_up {
    $t->{control}->stop;
    $t->{postgres}->back_up;
    $t->{control}->start;
    $t->wait_ready;
}
sub restore {
    $t->{control}->stop;
    $t->{postgres}->restore;
    delete $t->{admin_token};
    $t->{control}->start;
    $t->wait_ready;
}

$t->allow_no_control;
$t->admin_token;
ok(wait_until(sub { value("SELECT count(*) FROM outbox WHERE sent_at IS NULL")
    == 0 }, 10), 'Redis is told of everything');
back_up();
total('20');
total('30');
total('40');
my ($epochs, $rows) = map { value($_) } 'SELECT sum(epoch) FROM partitions',
    'SELECT sum(rows_read) FROM cursors';
is(told(), 0, 'a backup is nothing to be told of');

restore();
ok(wait_until(sub { told() == 1 }, 10, 0.1),
    'the older database is noticed, though it lacks no epoch and no event')
    or diag($t->{control}->log_text);
is(value('SELECT sum(rows_read) FROM cursors'), $rows, '... none at all');
ok(wait_until(sub { value('SELECT sum(epoch) FROM partitions') > $epochs },
    10, 0.1), '... the counters are seeded anew');
$t->wait_ready;
total('0.0003');
ok(comes_to(429), 'a limit that is lowered now holds');
total('10');
ok(comes_to(200), '... and one that is raised');
is($t->usage($project)->{spent_usd} > 0.0004, 1, '... every call counts');
is(told(), 1, '... the restore was told once');

# As many changes on the restored database as were forgotten: its rows have the
# numbers of others that Redis was told of.
back_up();
my $next = $t->key(project => $project);
$t->revoke_key($project, $next->{id});
$t->{control}->stop;
$t->{postgres}->restore;
$t->{postgres}->rows('UPDATE budgets SET version = version + 1; INSERT INTO'
    . ' outbox (kind, target, version) SELECT \'budget\', budget_id, version'
    . ' FROM budgets, generate_series(1, 9)');
delete $t->{admin_token};
$t->{control}->start;
ok(wait_until(sub { told() == 2 }, 10, 0.1),
    'it is noticed, too, when as much was changed since as was forgotten')
    or diag($t->{control}->log_text);
$t->wait_ready;
is($t->chat($next, {model => 'one'})->status, 401,
    '... a key that it does not know is refused');
ok(comes_to(200), '... the others serve');
$t->done;
