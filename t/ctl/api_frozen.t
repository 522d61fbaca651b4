#!/usr/bin/perl
# With Redis or PostgreSQL held still the API answers in time, and /readyz
# names the part that hangs and no other.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Time::HiRes qw(time sleep);

use Asgard::Files qw(slurp wait_until);
use Asgard::Test;

my $t = Asgard::Test->new;
$t->start;
$t->admin_token;
my @project = map { $t->project } 1 .. 2;

sub postgres {
    my ($signal) = @_;
    my $pid = $t->{postgres}{process}->pid;
    kill $signal => $pid,
        split ' ', slurp("/proc/$pid/task/$pid/children");
}

sub ready { my $r = $t->get('/readyz'); return ($r->status, $r->json) }

sub names_only {
    my ($part, $when) = @_;
    my ($status, $json);
    my $named = wait_until(sub { ($status, $json) = ready();
        return $json->{$part} ne 'ok' }, 5, 0.1);
    ok($named, "$when: /readyz names $part");
    is($status, 503, '... with 503');
    my $began = time;
    ($status, $json) = ready();
    cmp_ok(time - $began, '<', 0.9, '... at once');
    is(join(' ', grep { $json->{$_} ne 'ok' } sort keys %$json), $part,
        '... and no other part') or diag(explain($json));
}

sub is_ready { return wait_until(sub { (ready())[0] == 200 }, 15, 0.1) }

ok(is_ready(), 'everything works');

# Twelve writers fill the pool; what reads and what kills still has a thread.
$t->{redis}->freeze;
my @pids;
for my $i (1 .. 12) {
    my $pid = fork() // die;
    if (!$pid) {
        eval { $t->api('PATCH', "/api/projects/$project[0]",
            {description => "n $i"}) };
        require POSIX;
        POSIX::_exit(0);
    }
    push @pids, $pid;
}
sleep 1;
names_only('redis', 'Redis frozen and the pool full');
my $began = time;
is($t->api('GET', '/api/projects')->status, 200, 'a read is answered');
cmp_ok(time - $began, '<', 4, '... in time');
sleep 6;
names_only('redis', 'Redis frozen for long');
waitpid $_, 0 for @pids;
$t->{redis}->thaw;
ok(is_ready(), 'with Redis back it is ready');

postgres('STOP');
$began = time;
my $slow = $t->api('GET', '/api/projects');
is($slow->status, 503, 'PostgreSQL frozen: a read is 503');
is($slow->json->{code}, 'postgres_unavailable', '... postgres_unavailable');
is($slow->header('retry-after'), 1, '... with Retry-After');
cmp_ok(time - $began, '<', 8, '... within its deadline');
names_only('postgres', 'PostgreSQL frozen');
postgres('CONT');
ok(is_ready(), 'with PostgreSQL back it is ready');
is($t->api('GET', '/api/projects')->status, 200, '... and answers');

my $keeper = $t->{control}->roles->{keeper};
kill STOP => $keeper;
names_only('ctl', 'the keeper frozen') if wait_until(sub {
    (ready())[0] != 200 }, 15, 0.1);
kill CONT => $keeper;
ok(is_ready(), 'with the keeper back it is ready');

$t->done;
