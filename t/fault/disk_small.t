#!/usr/bin/env perl
# A small disk of its own is filled to its last byte, one after another: that of
# nginx's logs with the witness, of its temporary files, of Redis, of
# PostgreSQL's log.  Nothing is free, what cannot be audited is not done, and
# all goes on when there is space.
#
# Fault row 35.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Disk qw(small);
use Asgard::Files qw(slurp wait_until);
use Asgard::Test;

my $t = Asgard::Test->new(workers => 2);
my $up = $t->upstream('main');
$t->add_model($up, ref => 'model:test/one', route => 'one');
my %disk;
sub mounted { my ($name, $dir, $size) = @_;
    return $disk{$name} = small($t, $dir, $size) }
if (!mounted(log => "$t->{dir}/log", '2m')) {
    $t->finish;
    plan skip_all => 'only root mounts a disk, and not in every container';
}
mounted(tmp => "$t->{dir}/tmp", '1m');
$t->{redis}->stop;
mounted(redis => $t->{redis}{dir}, '8m');
$t->{redis}->start;
$t->{postgres}->stop;
mounted(wal => "$t->{postgres}{dir}/pg_wal", '64m');
$t->{postgres}->start;
$t->start;
my $project = $t->project(budget_usd => '100');
my $key = $t->key(project => $project);
my $paid = 0;

sub chat {
    my $reply = $t->chat($key, {model => 'one', @_});
    $paid++ if $reply->status == 200;
    return join ' ', $reply->status, $reply->code // '-';
}

sub all_paid {
    my ($sentence) = @_;
    my $sum = sub { $t->{postgres}->value('SELECT count(*) FROM ledger') };
    ok(wait_until(sub { $sum->() == $paid }, 20, 0.1), $sentence)
        or diag($sum->(), " is not $paid");
}

is(chat(), '200 -', 'a call');
all_paid('... is in the ledger');

# --- the logs, the witness ----------------------------------------------------

# A line may be torn where the space ended, and the next one stand behind it.
$t->allow_alert(qr/the spool cannot be written/,
    qr/write\(\) to "\S+access\.log" (?:failed|was incomplete)/,
    qr{\[alert\].*\d\d\d\d/\d\d/\d\d \d\d:\d\d:\d\d \[});
$disk{log}->fill;
my @told;
ok(wait_until(sub { push @told, chat();
    $t->get('/metrics')->body =~ /^asgard_spool_errors_total [1-9]/m }, 20),
    'no space for any log: the lost lines of the witness are counted');
is_deeply([grep { $_ ne '200 -' } @told], [], '... calls are served');
all_paid('... and charged');
$disk{log}->clear;
is(chat(), '200 -', 'with space again');
ok(wait_until(sub { $t->{gateway}->spool =~ /\n\z/ }, 5),
    '... the witness goes on');
$t->{torn_lines} = $t->{unwitnessed_calls} = 1;

# --- temporary files ----------------------------------------------------------

$disk{tmp}->fill;
my $long = 'word ' x 60_000;
is(chat(messages => [{role => 'user', content => $long}]), '200 -',
    'no space for temporary files: a long prompt needs none');
$up->script({text => 'x' x 3_000_000});
is(chat(), '200 -', '... nor does a long answer');
$disk{tmp}->clear;

# --- Redis --------------------------------------------------------------------

$disk{redis}->fill;
my $asked = $up->count;
my $told = wait_until(sub { my $is = chat(); return $is ne '200 -' && $is },
    20, 0.02);
is($told, '503 budget_unavailable', 'no space for Redis: calls are refused');
like(eval { $t->{redis}->cmd('SET', 'x', 1) } // $@, qr/MISCONF/,
    '... since Redis writes nothing');
is(chat(), '503 budget_unavailable', '... again') for 1 .. 3;
$disk{redis}->clear;
ok(wait_until(sub { chat() eq '200 -' }, 15, 0.1), 'with space calls go on');
all_paid('... and all are charged once');

# --- PostgreSQL ---------------------------------------------------------------

$t->{postgres}->super("ALTER SYSTEM SET synchronous_commit = on;\n"
    . 'SELECT pg_reload_conf()');
my %new = (name => 'new', owner_email => 'o@example.com',
    manager_email => 'm@example.com', data_class => 'internal');
my $made = 0;
$disk{wal}->fill;
# What fits into the segment at hand is still written; each change takes one.
my $status;
wait_until(sub {
    eval { $t->{postgres}->super('SELECT pg_switch_wal()') };
    $status = $t->api('POST', '/api/projects', {%new})->status;
    $made++ if $status == 201;
    return $status != 201;
}, 30, 0);
like(slurp("$t->{postgres}{dir}.log"), qr/No space left on device/,
    'PostgreSQL has no space for its log');
like($status, qr/^5\d\d$/, "... after $made changes the next is refused");
is(chat(), '200 -', '... calls go on') for 1 .. 3;
$disk{wal}->clear;
$t->{postgres}->kill if $t->{postgres}{process}->is_running;
$t->{postgres}->start;
ok($t->wait_ready(30), 'with space again it is ready');
all_paid('... every call is in the ledger');
my $projects = q(SELECT count(*) FROM projects WHERE name = 'new');
is($t->{postgres}->value($projects), $made,
    '... what was refused was not done');
is($t->{postgres}->value('SELECT count(*) FROM audit_events'
    . q( WHERE action = 'project.registered')), $made + 1,
    '... and what was done is audited');
$t->done;
