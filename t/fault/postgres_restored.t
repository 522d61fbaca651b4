#!/usr/bin/env perl
# PostgreSQL is restored to an older point: no call is forgotten or charged
# twice, what was given out is not given out again, and what is gone for good
# is listed.
#
# Fault row 39.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(wait_until);
use Asgard::OneModel qw(one_model $COST);

my ($t, undef, $project, $key) = one_model(workers => 2, budget_usd => '10');
my $redis = $t->{redis};

sub value { $t->{postgres}->value($_[0]) }
my $served = 0;                         # calls that must be in the ledger
sub call { my $status = $t->chat($_[0], {model => 'one'})->status;
    $served++ if $status == 200;
    return $status }
sub calls { my ($who, $n) = @_;
    return scalar grep { call($who) == 200 } 1 .. $n }
sub in_ledger { my ($n) = @_;
    return wait_until(sub { value('SELECT count(*) FROM ledger') == $n }, 10) }
# The gateway knows it, too: what it does not, it tells again.
sub is_known { return wait_until(sub { $t->get('/metrics')->body
    =~ /^asgard_journal_slots_used 0$/m }, 10, 0.1) }
sub budget_of { (grep { /:b:p\.\Q$_[0]\E$/ }
    @{$redis->cmd('KEYS', '*:b:*')})[0] }
sub spent { $redis->cmd('HGET', budget_of($_[0]), 's:total:0') // '' }
sub is_open { my $meta = budget_of($_[0]) =~ s/:b:.*/:m/r;
    return ($redis->cmd('HGET', $meta, 'st') // '') eq 'open' }
sub epoch_of { my $meta = budget_of($_[0]) =~ s/:b:.*/:m/r;
    return ($redis->cmd('HGET', $meta, 'f') // '') =~ /^(\d+):/ ? $1 : 0 }

sub back_up {
    $t->{control}->stop;
    $t->{postgres}->back_up;
    $t->{control}->start;
    $t->wait_ready;
}

sub restore {
    my ($between) = @_;
    $t->{control}->stop;
    $between->() if $between;
    $t->{postgres}->restore;
    delete $t->{admin_token};
    $t->{control}->start;
    $t->wait_ready;
}

$t->allow_no_control;
is(calls($key, 3), 3, 'three calls are made');
ok(in_ledger(3), '... and in the ledger');
$t->admin_token;
back_up();

is(calls($key, 5), 5, 'five more after the backup');
my $later = $t->project(budget_usd => '10');
my $lost = $t->key(project => $later);
my $gone = $t->key(project => $project);
is(calls($lost, 2), 2, '... two by a project that is younger than the backup');
is(calls($gone, 1), 1, '... and one by a younger key');
ok(in_ledger(11) && is_known(), 'all are in the ledger');
my $epoch = epoch_of($project);

restore();
ok(wait_until(sub { epoch_of($project) > $epoch && is_open($project) }, 10),
    'the counters are seeded anew');
ok(in_ledger(11), 'what the backup lacks comes from the stream, once');
is(value('SELECT sum(delta_nano) FROM ledger'), 11 * $COST,
    '... to the exact sum');
is(spent($project), 9 * $COST, '... and stands in the counters');
like($t->{control}->log_text, qr/restored to an older point/,
    'the log says what happened');
# A second time when a partition was led only after the first look.
like(value("SELECT count(*) FROM audit_events"
    . " WHERE action = 'database.restored'"), qr/^[12]$/,
    '... and the audit log');
is($t->chat($lost, {model => 'one'})->status, 401,
    'a key that the database does not know is refused');
is($t->chat($gone, {model => 'one'})->status, 401, '... each of them');
is(calls($key, 1), 1, 'the others serve');

# What is changed now is not refused as old.
$t->set_budgets($project, ['total', '0.001']);
ok(wait_until(sub { call($key) == 429 }, 3),
    'a limit that is lowered now holds');
$t->set_budgets($project, ['total', '10']);
ok(wait_until(sub { call($key) == 200 }, 3),
    '... and one that is raised');
my $next = $t->project(budget_usd => '10');
isnt($next, $later, 'the number of a forgotten project is not given again');
my $new = $t->key(project => $next);
is(calls($new, 1), 1, 'a new project serves');
$t->revoke_key($next, $new->{id});
is($t->chat($new, {model => 'one'})->status, 401, 'a new revocation holds');
ok(in_ledger($served), 'all calls are in the ledger');
ok(wait_until(sub { $t->get('/metrics')->body
    =~ /^asgard_catalog_version (\d+)/m
    && $1 > value('SELECT version_floor()') }, 10),
    'the catalog goes on with a higher version');

# Events that Redis has let go are only in the witness file.
back_up();
my $kept = $served;
is(calls($key, 4), 4, 'four calls after a second backup');
ok(in_ledger($served) && is_known(), '... are in the ledger');
restore(sub {
    for my $stream (grep { /:u:\d+$/ } @{$redis->cmd('KEYS', '{p*:u:*')}) {
        $redis->cmd('XTRIM', $stream, 'MAXLEN', 0);
    }
});
ok(wait_until(sub { (value('SELECT sum(events) FROM stream_gaps') // 0) == 4
    && is_open($project) }, 10), 'the four are missed');
is(value('SELECT count(*) FROM ledger'), $kept, '... in the ledger');
my ($status, $out) = $t->{control}->run('audit', 'money');
is($status, 1, 'an audit finds the gap');
like($out, qr/4 usage events between \S+ and \S+ are not in the ledger/,
    '... and names it');
(undef, $out) = $t->{control}->run('replay',
    "$t->{gateway}{dir}/log/calls.log");
like($out, qr/: 4 told, \d+ known already, 0 still open, 2 refused$/m,
    'the witness gives them back, but not those of the forgotten project');
like($out, qr/^1 gaps of the usage stream are closed$/m, '... in whole');
($status, $out) = $t->{control}->run('audit', 'money');
is($status, 0, '... and the audit is content') or diag($out);
is(calls($key, 1), 1, 'calls go on');

# The gateways have seen epochs and versions that neither store knows of.
restore(sub { $redis->cmd('FLUSHALL') });
($status, $out) = $t->{control}->run('reseed', '--restored');
is($status, 0, 'an operator says that the database was restored') or diag($out);
ok(wait_until(sub { calls($key, 1) == 1 }, 10),
    'with Redis flushed as well, the door opens under an epoch that is new');

$t->{unwitnessed_calls} = 1;            # a project that was forgotten
$t->{postgres}->rows('UPDATE stream_gaps SET closed_at = now()');
$t->{uncounted_calls} = 1;              # some that only the witness knows
$t->done;
