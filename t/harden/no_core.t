#!/usr/bin/env perl
# A process with keys that dies of a signal leaves no core, whatever the system
# would allow.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Cwd ();
use POSIX ();
use Test::More;

use Asgard::Files qw(slurp wait_until);
use Asgard::Test;

# What we start inherits it.
system('prlimit', '--pid', $$, '--core=unlimited:unlimited') == 0
    or plan skip_all => 'the limit of cores cannot be raised here';

sub ends_with_core {
    my ($pid) = @_;
    waitpid $pid, 0;
    return $? & 128;
}

sub core_limits { slurp("/proc/$_[0]/limits")
    =~ /^Max core file size\s+(\S+)\s+(\S+)/m }

my $t = Asgard::Test->new(workers => 2, without_money => 1);
my $before = Cwd::getcwd();
chdir $t->{dir} or die "chdir: $!";
my $plain = fork() // die "fork: $!";
if (!$plain) { kill ABRT => $$; POSIX::_exit(0) }
my $would = ends_with_core($plain);
unlink glob "$t->{dir}/core*";
diag('this system writes no cores at all: only the limits are tested')
    if !$would;

$t->start;
$t->allow_alert(qr/worker process \d+ exited on signal/);
# asked whether it is ready while its API is being started again
$t->allow_alert(qr/connect\(\) to unix:\S+ctl\.sock failed/);
my %role = %{$t->{control}->roles};
my %pid = (supervisor => $t->{control}->pid, %role,
    map { ("worker $_" => $_) } $t->{gateway}->workers);
cmp_ok(scalar(keys %pid), '==', 7, 'every worker and role is looked at');
for my $name (sort keys %pid) {
    is(join(' ', core_limits($pid{$name})), '0 0',
        ($name =~ s/ \d+//r) . ': its limit of cores is 0, for good');
}

my @workers = $t->{gateway}->workers;
kill SEGV => $workers[0];
kill ABRT => $workers[1];
ok(wait_until(sub {
    my @ends = $t->{gateway}->error_log =~ /exited on signal (?:6|11)/g;
    @ends == 2 }, 10), 'two workers die');
unlike($t->{gateway}->error_log, qr/core dumped/, '... without a core');

kill ABRT => $_ for values %role;
ok(wait_until(sub {
    my @ends = $t->{control}->log_text =~ /ended \(signal 6\)/g;
    @ends == keys %role }, 10), 'all roles die');
ok(wait_until(sub { keys %{$t->{control}->roles} == 4 }, 10),
    '... and are started again');
$t->wait_ready;

my $command = fork() // die "fork: $!";
if (!$command) {
    $ENV{ASAN_OPTIONS} = 'detect_leaks=0';
    open STDOUT, '>', '/dev/null';
    exec $t->{control}->binary, '-c', $t->{control}->conf, 'replay',
        '/dev/zero' or POSIX::_exit(127);
}
ok(wait_until(sub { join(' ', core_limits($command)) eq '0 0' }, 10),
    'a command has the limit, too');
kill ABRT => $command;
ok(!ends_with_core($command), '... and leaves no core');
my @cores = map { glob "$_/core*" } $t->{dir}, '/', $before;
is(scalar(grep { -f } @cores), 0, 'no core lies about');

chdir $before;
$t->done;
