# A meter on its own: a private PostgreSQL and Redis, the role `meter`, and
# the scripts driven directly, as gateways drive them.
#
#     my ($m, $id, $budget, $p) = Asgard::Meter->with_project(part => 3,
#         total => 1000);                 # started, and the project is sent
#
# or, for another beginning:
#
#     my $m = Asgard::Meter->new;
#     $m->start;
#     my $budget = $m->project('proj-2026-0001', part => 3, total => 1000);
#     my $p = $m->partition(3);           # an open Asgard::Partition
#     $m->event(3, $m->month_ms(2) . '-0', 'h1', 's', 100, $budget);
#     ...
#     $m->done;                           # audits, and leaves nothing behind
#
# new(proxies => [qw(redis postgres)]) puts a FaultProxy in front of a store,
# for the meter only: $m->{proxies}{redis}; new(shim => 'clock') can move the
# meter's clock, by $m->{shim}.
package Asgard::Meter;

use strict;
use warnings;
use Carp qw(croak);
use File::Path qw(remove_tree);
use POSIX ();
use Test::More ();

use Asgard::Control;
use Asgard::FaultProxy;
use Asgard::Files qw(spill slurp random_hex wait_until work_dir);
use Asgard::Partition;
use Asgard::PostgresServer;
use Asgard::Process;
use Asgard::RedisServer;
use Asgard::Shim;

sub new {
    my ($class, %arg) = @_;
    $SIG{$_} //= sub { exit 1 } for qw(INT TERM HUP);
    my $dir = work_dir('m');
    mkdir "$dir/$_" for qw(redis asan);
    my $self = bless {dir => $dir, owner => $$}, $class;
    my $file = spill("$dir/seal.key", 'seal s1 ' . random_hex(32)
        . "\npepper p1 " . random_hex(32) . "\n", 0600);
    $self->{redis} = Asgard::RedisServer->new(dir => "$dir/redis");
    $self->{postgres} = Asgard::PostgresServer->new(dir => "$dir/pg");
    $self->{shim} = Asgard::Shim->new(dir => $dir, name => 'meter',
        kind => $arg{shim}) if $arg{shim};
    $self->{proxies} = {map { $_ => Asgard::FaultProxy->new(dir => $dir,
        name => $_, server => $self->{$_},
        protocol => $_ eq 'redis' ? 'redis' : 'raw') }
        @{$arg{proxies} // []}};
    $self->{control} = Asgard::Control->new(dir => $dir, key_file => $file,
        map { $_ => $self->{proxies}{$_} // $self->{$_} }
            qw(redis postgres));
    $self->{control}->run_ok('migrate');
    return $self;
}

# %arg: `part` and `total` of the project, the others of new().
sub with_project {
    my ($class, %arg) = @_;
    my ($part, $total) = delete @arg{qw(part total)};
    my $self = $class->new(%arg);
    my $id = 'proj-2026-0001';
    $self->start;
    $self->wait_open or die "the partitions do not open\n";
    my $budget = $self->project($id, part => $part, total => $total);
    $self->sent or die "the project is not sent\n";
    return ($self, $id, $budget, $self->partition($part));
}

sub value { $_[0]{postgres}->value($_[1]) }
sub sql   { $_[0]{postgres}->rows($_[1]) }
sub cmd   { my $self = shift; return $self->{redis}->cmd(@_) }

sub start {
    my ($self) = @_;
    my $asan = "log_path=$self->{dir}/asan/report";
    my %env = (ASAN_OPTIONS => "detect_leaks=0:$asan",
        UBSAN_OPTIONS => "print_stacktrace=1:$asan");
    %env = $self->{shim}->environment(%env) if $self->{shim};
    $self->{process} = Asgard::Process->new(name => 'meter',
        command => [$self->{control}->binary, '-c', $self->{control}->conf,
            'role', 'meter'],
        env => \%env,
        log => "$self->{dir}/log/meter.out");
    return $self;
}

sub stop { $_[0]{process}->stop($_[1] // 'TERM', 10) }
sub log_text {
    my ($self) = @_;
    return join '', map { slurp("$self->{dir}/log/$_") }
        qw(ctl.log meter.out);
}

# Until every partition is open in Postgres and in Redis, under one run id.
sub wait_open {
    my ($self, $seconds) = @_;
    return wait_until(sub { $self->is_open }, $seconds // 30, 0.05)
        || do { Test::More::diag($self->log_text); 0 };
}

sub is_open {
    my ($self) = @_;
    return eval {
        my ($run) = $self->cmd('INFO', 'server') =~ /run_id:(\w+)/;
        for my $row ($self->sql('SELECT partition, epoch, step, run_id'
            . ' FROM partitions')) {
            my ($part, $epoch, $step, $id) = @$row;
            my $meta = $self->cmd('HMGET', sprintf('{p%02d}:m', $part), 'f',
                'st');
            return 0 if $step ne 'open' || $id ne $run
                || ($meta->[0] // '') ne "$epoch:$run"
                || $meta->[1] ne 'open';
        }
        1;
    };
}

# The partition as it is open now, for reserve and finish.
sub partition {
    my ($self, $part) = @_;
    return Asgard::Partition->new(redis => $self->{redis}->connect,
        part => $part, epoch => $self->value(
            "SELECT epoch FROM partitions WHERE partition = $part"));
}

# A project as the control API would write it; returns its budget.
sub project {
    my ($self, $id, %arg) = @_;
    my ($part, $total) = ($arg{part} // 0, $arg{total} // 'NULL');
    $self->sql(<<"SQL");
WITH p AS (INSERT INTO projects (project_id, name, owner_email, manager_email,
        classification, data_class, partition)
    VALUES ('$id', 'x', 'o\@x', 'm\@x', 'poc', 'internal', $part) RETURNING 1),
b AS (INSERT INTO budgets (budget_id, scope, scope_id, project_id, partition)
    VALUES ('p.$id', 'project', '$id', '$id', $part) RETURNING 1),
w AS (INSERT INTO budget_windows (budget_id, window_name, limit_nusd)
    VALUES ('p.$id', 'total', $total) RETURNING 1)
INSERT INTO outbox (kind, target, version)
VALUES ('project', '$id', 1), ('budget', 'p.$id', 1)
SQL
    $self->notify;
    return "p.$id";
}

sub notify { $_[0]->sql('NOTIFY asgard_outbox') }

# Another window or limit, with a new version of the budget.
sub window {
    my ($self, $budget, $window, $limit) = @_;
    $self->sql(<<"SQL");
WITH b AS (UPDATE budgets SET version = version + 1
    WHERE budget_id = '$budget' RETURNING version),
w AS (INSERT INTO budget_windows (budget_id, window_name, limit_nusd)
    VALUES ('$budget', '$window', $limit)
    ON CONFLICT (budget_id, window_name)
    DO UPDATE SET limit_nusd = excluded.limit_nusd)
INSERT INTO outbox (kind, target, version)
SELECT 'budget', '$budget', version FROM b
SQL
    $self->notify;
}

sub sent {
    my ($self, $seconds) = @_;
    return wait_until(sub { !$self->value(
        'SELECT count(*) FROM outbox WHERE sent_at IS NULL') },
        $seconds // 5, 0.02);
}

# The balance of a hold once the ledger has it; undef when it does not come.
sub balance {
    my ($self, $hold) = @_;
    my $found;
    wait_until(sub {
        $found = $self->value(
            "SELECT balance_nano FROM holds WHERE hold_id = '$hold'");
        return defined $found;
    }, 5, 0.02);
    return $found;
}

# The month that began `back` months ago, as YYYY-MM, and its start in ms.
sub month    { $_[0]->value("SELECT to_char(ledger_month(now()) - interval"
    . " '$_[1] months', 'YYYY-MM')") }
sub month_ms { $_[0]->value("SELECT (extract(epoch FROM (ledger_month(now())"
    . " - interval '$_[1] months') AT TIME ZONE 'UTC') * 1000)::bigint") }

# A usage event of any time, written past the scripts; a stream only rises.
sub event {
    my ($self, $part, $id, $hold, $verb, $amount, $budget) = @_;
    $budget =~ /\.(.+)/;
    return $self->cmd('XADD', $self->partition($part)->stream, $id,
        i => $hold, v => $verb, a => $amount, d => 0, p => "$budget:total:0",
        x => $self->detail($1));
}

# A transaction of the owner that does `sql` and stays open, until it is ended.
sub stay_open {
    my ($self, $sql) = @_;
    my $pid = fork() // croak "fork: $!";
    if (!$pid) {
        eval { $self->sql("BEGIN; $sql; SELECT pg_sleep(60); COMMIT") };
        POSIX::_exit(0);
    }
    wait_until(sub { $self->value('SELECT count(*) FROM pg_stat_activity'
        . " WHERE wait_event = 'PgSleep'") }, 5, 0.02)
        or croak 'the transaction does not begin';
    return $pid;
}

# Rolls back what stay_open() began.
sub give_up {
    my ($self, $pid) = @_;
    $self->sql('SELECT pg_terminate_backend(pid) FROM pg_stat_activity'
        . " WHERE wait_event = 'PgSleep'");
    waitpid $pid, 0;
}

sub drained {
    my ($self, $events) = @_;
    return wait_until(sub { ($self->value(
        'SELECT sum(rows_read) FROM cursors') // 0) >= $events }, 10, 0.02);
}

sub detail {
    my ($self, $project, %more) = @_;
    my $text = qq({"f":1,"call":"c","trace":"t","project":"$project","pv":1);
    $text .= qq(,"$_":$more{$_}) for sort keys %more;
    return "$text}";
}

# Everything that must hold at the end of a test of the meter.
sub done {
    my ($self) = @_;
    for my $what (qw(money chain)) {
        my ($status, $out, $err) = $self->{control}->run('audit', $what);
        Test::More::is($status, 0, "audit $what finds nothing")
            or Test::More::diag("$out$err" . $self->log_text);
    }
    my $status = $self->stop;
    Test::More::is($status, 0, 'the meter ends well when asked to')
        or Test::More::diag($self->log_text);
    my @reports = glob "$self->{dir}/asan/report*";
    Test::More::is(scalar @reports, 0, 'no sanitizer reports anything')
        or Test::More::diag(map { slurp($_) } @reports);
    Test::More::done_testing();
}

sub DESTROY {
    my ($self) = @_;
    return if $self->{owner} != $$;
    local ($?, $@);
    delete @$self{qw(process proxies)};
    $self->{$_}{process}->stop('QUIT', 10) for grep { $self->{$_}
        && $self->{$_}{process} } qw(redis postgres);
    remove_tree($self->{dir});
}

1;
