#!/usr/bin/perl
# Four hundred jobs over two asgard-ctl on one database: each is done once,
# those of one resource in their order, and no project waits for all of another.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use IO::Socket::INET;
use JSON::PP;
use POSIX ();
use Time::HiRes qw(sleep time);

use Asgard::Files qw(lines_of spill wait_until);
use Asgard::Test;

my $t = Asgard::Test->new;
my $pg = $t->{postgres};

# A service that is posted to, one process whose books are in order; it answers
# nobody while the gate is shut.
my ($books, $gate) = (spill("$t->{dir}/books", ''), "$t->{dir}/gate");
my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 64)
    or die "listen: $!";
my $pid = fork() // die "fork: $!";
if (!$pid) {
    open my $out, '>>', $books or die;
    while (my $c = $listener->accept) {
        my ($len, $body) = (0, '');
        while (<$c>) { last if /^\r?$/; $len = $1 if /^content-length: (\d+)/i }
        read $c, $body, $len;
        sleep 0.02 while !-e $gate;
        my $told = decode_json($body);
        syswrite $out, "@$told{qw(project_id name action)}\n";
        print {$c} "HTTP/1.1 200 OK\r\nConnection: close\r\n"
            . "Content-Length: 2\r\n\r\n{}";
        close $c;
    }
    POSIX::_exit(0);
}
$t->{control}->write_service('thing', "id: thing\nauto_approvable: true\n"
    . "provisioner:\n  connector: http\n  config:\n    internal: true\n"
    . '    url: "http://127.0.0.1:' . $listener->sockport . "/\"\n"
    . "    actions: [make, suspend, resume, destroy]\n"
    . "cost: {model: free, estimated_monthly_usd: 0, source: {type: none}}\n");
$t->start;
$t->another_control->start;
wait_until(sub { $pg->value('SELECT count(DISTINCT pid) FROM pg_stat_activity'
    . " WHERE application_name = 'asgard jobs'") >= 8 }, 20);

my ($large, $small) = map { $t->project(budget_usd => 5) } 0, 1;
my %n = ($large => 80, $small => 20);

# All wait at the gate, those of the large project before those of the small
# one; then it opens.
my $done = 0;
sub wave {
    my ($what, $ask) = @_;
    unlink $gate;
    $ask->($_) for $large, $small;
    spill($gate, '');
    $done += $n{$large} + $n{$small};
    ok(wait_until(sub { $pg->value("SELECT count(*) FROM jobs WHERE state ="
        . " 'done'") == $done }, 60, 0.1), "$what: all are done");
    my @who = map { (split)[0] } (lines_of($books))[-100 .. -1];
    my ($last) = grep { $who[$_] eq $small } reverse 0 .. $#who;
    cmp_ok($last, '<', 70, '... those of a project that asked later long'
        . ' before the last of the one with many');
}

my $at = time;
wave('make', sub {
    my ($project) = @_;
    $t->in_parallel(4, sub {
        my ($i) = @_;
        $t->api_ok('POST', "/api/projects/$project/resources",
            {resource_type => 'thing', name => "n$_"})
            for grep { $_ % 4 == $i } 1 .. $n{$project};
        return '';
    });
});
wave('suspend', sub { $t->kill_project($_[0]) });
wave('resume', sub { $t->unkill_project($_[0]) });
wave('destroy', sub { $t->api_ok('POST',
    "/api/projects/$_[0]/decommission", {reason => 'over'}) });
my $seconds = time - $at;
note(sprintf '%.1f s', $seconds);

my %life;
for (lines_of($books)) {
    my ($project, $name, $action) = split;
    push @{$life{"$project $name"}}, $action;
}
is(scalar(keys %life), 100, 'each has a lane');
is(join(', ', sort { $a cmp $b } keys %{{map { ("@$_" => 1) } values %life}}),
    'make suspend resume destroy', '... in which each was called once, in its'
    . ' order');
is($pg->value('SELECT count(*) FROM jobs WHERE attempt > 0 OR lost > 0'), 0,
    'no job was tried or given to somebody twice');
is($pg->value("SELECT count(*) FROM audit_events WHERE action ="
    . " 'resource.provisioned'"), 2 * 100, 'each make and resume is told once');
cmp_ok($seconds, '<', 120, 'all of them take bounded time');
kill TERM => $pid;
waitpid $pid, 0;

$t->done;
