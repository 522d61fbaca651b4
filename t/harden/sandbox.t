#!/usr/bin/env perl
# Everything works with the system calls and capabilities that the shipped
# units leave, and with no other.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use File::Temp qw(tempdir);
use Test::More;

use Asgard::Files qw(build_dir is_sanitized top wait_until);
use Asgard::Sandbox;
use Asgard::Test;

plan skip_all => 'needs root, systemd-analyze and x86-64'
    if !Asgard::Sandbox::is_possible();
plan skip_all => 'sanitizers make calls of their own' if is_sanitized();

my $conf = top() . '/conf';
my %unit = (nginx => "$conf/nginx-asgard.service.d.conf",
    'redis-server' => "$conf/asgard-redis.service",
    'asgard-ctl' => "$conf/asgard-ctl.service");

my %may = map { $_ => 1 } Asgard::Sandbox::allowed($unit{'asgard-ctl'});
ok(!$may{$_}, "asgard-ctl may not $_")
    for qw(ptrace mount setuid reboot init_module bpf clock_settime);
ok($may{$_}, "asgard-ctl may $_") for qw(read fchownat execve prlimit64);

# The same commands, wrapped.
my $dir = tempdir('/tmp/asgard-sandbox-XXXXXX', CLEANUP => 1);
chmod 0755, $dir;
my $real = build_dir();
mkdir "$dir/$_" for qw(bin build build/asgard-ctl);
symlink "$real/nginx", "$dir/build/nginx" or die "symlink: $!";
my %place = (nginx => "$dir/bin/nginx", 'redis-server' =>
    "$dir/bin/redis-server", 'asgard-ctl' =>
    "$dir/build/asgard-ctl/asgard-ctl");
for my $name (keys %place) {
    my ($program) = $name eq 'asgard-ctl' ? "$real/asgard-ctl/asgard-ctl"
        : grep { -x } map { "$_/$name" } split /:/, "$ENV{PATH}:/usr/sbin";
    Asgard::Sandbox->wrapper($place{$name}, $unit{$name}, $program);
}
$ENV{PATH} = "$dir/bin:$ENV{PATH}";
$ENV{ASGARD_BUILD} = "$dir/build";

my $t = Asgard::Test->new(workers => 2);
my $up = $t->upstream('main', prompt_tokens => 10, completion_tokens => 20);
$t->add_model($up, ref => 'model:test/one', route => 'one');
$t->start;
sub in_sandbox {
    my ($pid) = @_;
    return Asgard::Files::slurp("/proc/$pid/status") =~ /^Seccomp:\s+2$/m;
}
my %pid = (%{$t->{control}->roles}, supervisor => $t->{control}->pid,
    nginx => $t->{gateway}->pid, worker => ($t->{gateway}->workers)[0],
    redis => $t->{redis}{process}->pid);
ok(in_sandbox($pid{$_}), "$_ is in its sandbox") for sort keys %pid;

my $project = $t->project(budget_usd => '1');
my $key = $t->key(project => $project);
is($t->chat($key, {model => 'one'})->status, 200, 'a call is answered');
is($t->chat($key, {model => 'one', stream => \1})->status, 200,
    'and a stream');
is(scalar($t->wait_ledger($project, 2)), 2, 'both are in the ledger');
ok($t->reload_catalog, 'asgard-ctl reloads');
ok($t->{gateway}->reload, 'nginx reloads');
$t->{redis}->cmd('BGREWRITEAOF');
ok(wait_until(sub { $t->{redis}->cmd('INFO', 'persistence')
    =~ /^aof_rewrite_in_progress:0\r?$/m }, 20), 'Redis rewrites its file');
$t->{redis}->cmd('FLUSHALL');
ok(wait_until(sub { $t->chat($key, {model => 'one'})->status == 200 }, 30,
    0.2), 'what Redis lost is seeded again');
$t->wait_ready;
is($t->{control}->run_ok('status') =~ /^ready\s+yes/m, 1, 'commands work');
ok($t->{control}->kill_role('meter'), 'a role that died is started again');
$t->wait_ready;
$t->done;
