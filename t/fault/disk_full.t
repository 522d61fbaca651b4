#!/usr/bin/env perl
# A disk is full, one after another: of the logs, of Redis, of PostgreSQL.
# Nothing is free, nothing is half done, and all goes on when there is space.
#
# Fault row 35.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use Test::More;

use Asgard::Disk qw(full freed family);
use Asgard::Files qw(slurp spill wait_until);
use Asgard::Holds qw(ended open_holds partition_of);
use Asgard::Spool qw(call_of calls);
use Asgard::Test;

my $t = Asgard::Test->new(workers => 2);
my $up = $t->upstream('main');
$t->add_model($up, ref => 'model:test/one', route => 'one');
$t->start;
my $project = $t->project(budget_usd => '100');
my $key = $t->key(project => $project);
my $cost = 10 * 1000 + 20 * 10000;
my $paid = 0;                               # calls that must be charged

sub chat { my $reply = $t->chat($key, {model => 'one'});
    $paid++ if $reply->status == 200;
    return join ' ', $reply->status, $reply->code // '-' }

sub metric { return $t->get('/metrics')->body =~ /^\Q$_[0]\E (\d+)$/m
    ? $1 : -1 }

# All that was answered is in the ledger once, at its price.
sub all_paid {
    my ($sentence) = @_;
    my $sum = sub { join ' ', map { @$_ } $t->{postgres}->rows('SELECT'
        . ' count(*), coalesce(sum(delta_nano), 0) FROM ledger'
        . " WHERE project_id = '$project'") };
    my $should = join ' ', $paid, $paid * $cost;
    ok(wait_until(sub { $sum->() eq $should }, 15, 0.1), $sentence)
        or diag($sum->(), " is not $should");
}

is(chat(), '200 -', 'a call');
ok(wait_until(sub { $t->{gateway}->spool =~ /\n/ }, 5), '... in the witness');
my $first = slurp("$t->{gateway}{dir}/log/calls.log");

# --- the witness and the logs of nginx ----------------------------------------

# Room for a part of one more line.  An alert may be torn itself: then another
# time stands in its line.
full(length($first) + 100, $t->{gateway}->workers);
$t->allow_alert(qr/the spool cannot be written/,
    qr/write\(\) to "\S+access\.log" failed/,
    qr{\[alert\].*\d\d\d\d/\d\d/\d\d \d\d:\d\d:\d\d \[});
is(chat(), '200 -', 'no space for the witness: calls are served') for 1 .. 6;
ok(wait_until(sub { metric('asgard_spool_errors_total') == 6 }, 5),
    '... each lost line is counted');
all_paid('... and charged');
freed($t->{gateway}->workers);
is(chat(), '200 -', 'with space again') for 1 .. 4;
ok(wait_until(sub { $t->{gateway}->spool =~ /(?:.*\n){6}/ }, 5),
    '... the witness has lines again');
my $text = $t->{gateway}->spool;
my ($torn) = $text =~ /\A\Q$first\E(.+)\n/;
is(length($torn // ''), 100, 'the witness has the part of a line');
$t->{torn_lines} = 1;
is(scalar(my @calls = calls($t)), 5, '... and after it every line whole');
is(metric('asgard_spool_errors_total'), 6, '... no further one is lost');
all_paid('... all calls are charged');

# The audit would name the calls that have no line.
$t->{unwitnessed_calls} = 1;

# --- the log of asgard-ctl ----------------------------------------------------

full(10, family($t->{control}->pid));
is(chat(), '200 -', 'no space for the log of asgard-ctl');
is($t->api('GET', '/api/projects')->status, 200, '... the API answers');
all_paid('... and calls are charged');
freed(family($t->{control}->pid));

# --- the append-only file of Redis --------------------------------------------

# A call is open when the space ends, and ends when there is none.
my $answer = "$t->{dir}/answer";
$up->script({until => $answer});
my $asked = $up->count;
my $http = $t->http;
$http->send_raw($http->request_text('POST', '/v1/chat/completions',
    [Asgard::Test::bearer($key), 'Content-Type', 'application/json'],
    $t->chat_body({model => 'one'})));
ok($up->wait_count($asked + 1), 'a call is open');
my $redis = $t->{redis}{process}->pid;
full(10, $redis);
my $refused = wait_until(sub { my $told = chat();
    return $told ne '200 -' && $told }, 10, 0.05);
is($refused, '503 budget_unavailable', 'no space for Redis: calls are refused');
like(eval { $t->{redis}->cmd('SET', 'x', 1) } // $@, qr/MISCONF/,
    '... since Redis writes nothing');
my $count = $up->count;
is(chat(), '503 budget_unavailable', '... again') for 1 .. 3;
is($up->count, $count, '... and nothing goes to the provider');
spill($answer, '');
my $reply = $http->read_head;
$reply->{started} = 0;
$http->plan_body($reply);
$http->read_body($reply);
is($reply->status, 200, '... the open call is answered');
$paid++;
my $hold = call_of($t, $reply)->{hold};
is(scalar(grep { $_->{id} eq $hold } open_holds($t)), 1,
    '... and held until Redis can be told of its end');
freed($redis);
ok(wait_until(sub { chat() eq '200 -' }, 10, 0.1),
    'with space again calls are served, with the same counters');
is(ended($t, $hold, 10)->{kinds}, 'settle', '... the open one is settled once');
all_paid('... and all calls are charged');
ok(wait_until(sub { !open_holds($t) }, 5), '... nothing is held');

# --- the audit log ------------------------------------------------------------

my $part = partition_of($t, $project);
my $tables = 'projects keys budgets budget_windows outbox ledger audit_events';
sub counts {
    return join ' ', map { $t->{postgres}->value("SELECT count(*) || '/' ||"
        . " coalesce(sum(hashtext(q::text)::bigint), 0) FROM $_ q") }
        split / /, $tables;
}

sub database { my ($sql) = @_;
    return $t->{postgres}->psql("host=$t->{postgres}{dir} port="
        . "$t->{postgres}{port} user=postgres dbname=asgard", $sql) }

# What PostgreSQL says when the table can have no further page.
database(<<'SQL');
CREATE FUNCTION public.no_space() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE 'could not extend file: No space left on device'
        USING ERRCODE = 'disk_full';
END $$;
CREATE TRIGGER no_space BEFORE INSERT ON audit_events
    EXECUTE FUNCTION public.no_space();
SQL
all_paid('before the audit log is full');
my $before = counts();
my %project = (name => 'new', owner_email => 'o@example.com',
    manager_email => 'm@example.com', data_class => 'internal');
for my $change (['POST', '/api/projects', {%project}],
    ['PATCH', "/api/projects/$project", {description => 'changed'}],
    ['PUT', "/api/projects/$project/budgets",
        {budgets => [{window => 'total', limit_usd => 7}]}],
    ['POST', "/api/projects/$project/keys", {name => 'new'}],
    ['DELETE', "/api/projects/$project/keys/$key->{id}", undef],
    ['POST', "/api/projects/$project/kill", {}]) {
    my ($method, $path, $body) = @$change;
    my $told = $t->api($method, $path, $body);
    like($told->status, qr/^5\d\d$/, 'no space for the audit log: '
        . "$method " . $path =~ s/\Q$project\E|\Q$key->{id}\E/…/gr
        . ' is refused');
}
is(counts(), $before, '... and nothing is changed');
is(chat(), '200 -', '... calls go on');
all_paid('... and are charged');
database('DROP TRIGGER no_space ON audit_events');
is($t->api('POST', '/api/projects', {%project, name => 'later'})->status, 201,
    'with space again changes are made');

# --- the write-ahead log of PostgreSQL ----------------------------------------

# What is committed stays, as where it runs in earnest.
$t->{postgres}->super("ALTER SYSTEM SET synchronous_commit = on;\n"
    . 'SELECT pg_reload_conf()');
is($t->{postgres}->value('SHOW synchronous_commit'), 'on', 'commits are waited'
    . ' for');
is(chat(), '200 -', '... a call');
all_paid('... is in the ledger');
$before = counts();
my $server = $t->{postgres}{process}->pid;
full(8192, family($server));
my $told = $t->api('POST', '/api/projects', {%project});
like($told->status, qr/^5\d\d$/,
    'no space for PostgreSQL: a change is refused');
is(chat(), '200 -', '... calls go on') for 1 .. 5;
ok(wait_until(sub { $t->get('/readyz')->status == 503 }, 10),
    '... though it is not ready');

# PostgreSQL stops when it cannot write ahead; an operator makes space.
if ($t->{postgres}{process}->is_running) {
    freed(family($server));
    $t->{postgres}->kill;
}
$t->{postgres}->start;
ok($t->wait_ready(30), 'with space again it is ready');
all_paid('... every call is in the ledger');
is($t->{postgres}->value("SELECT count(*) FROM projects WHERE name = 'new'"), 0,
    '... and the change was not made');
is(chat(), '200 -', '... calls go on');
$t->done;
