#!/usr/bin/env perl
# On a system that hides processes in /proc (hidepid=2) workers still know which
# of them live: calls of the living go on, calls of the dead are ended.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use File::Temp qw(tempdir);
use Test::More;

use Asgard::Files qw(is_sanitized slurp spill wait_until);
use Asgard::Gateway;
use Asgard::Test;

my $dir = tempdir('/tmp/asgard-proc-XXXXXX', CLEANUP => 1);
my $hide = 'mount -t proc -o hidepid=2 proc /proc';
plan skip_all => 'the sanitized nginx is not found by its name'
    if is_sanitized();
plan skip_all => '/proc cannot be mounted here'
    if system("unshare -m sh -c '$hide' 2> /dev/null");
my ($nginx) = grep { -x } map { "$_/nginx" } split /:/, "$ENV{PATH}:/usr/sbin";
spill("$dir/nginx", "#!/bin/sh\nexec unshare -m sh -c '$hide && exec $nginx "
    . "\"\$@\"' nginx \"\$@\"\n", 0755);
$ENV{PATH} = "$dir:$ENV{PATH}";

my $t = Asgard::Test->new(workers => 2)->start;
my $project = $t->project(budget_usd => '1');
my $key = $t->key(project => $project);
my @streams = $t->in_parallel(4, sub {
    my $reply = $t->chat($key, {model => 'echo:chunks=12,gap_ms=300',
        stream => \1});
    return $reply->status . ($reply->body =~ /\[DONE\]/ ? ' whole' : ' cut');
});
is_deeply(\@streams, [('200 whole') x 4], 'streams of some seconds are whole');
is(scalar($t->wait_ledger($project, 4)), 4, 'each is in the ledger');
unlike($t->{gateway}->spool, qr/dead_worker/,
    'and none was ended by a sibling of its worker');

# The worker that has the other end of a connection of ours.
sub worker_of {
    my ($http) = @_;
    my $ports = sprintf ':%04X \\S+:%04X', $t->port, $http->{socket}->sockport;
    my ($inode) = slurp('/proc/net/tcp') =~ /$ports 01 (?:\S+ +){5}(\d+)/;
    return grep { my $pid = $_; grep { (readlink($_) // '') eq
        "socket:[$inode]" } glob "/proc/$pid/fd/*" } $t->{gateway}->workers;
}

# One of these at least is the worker's that is killed.
my @open = map { [$t->chat_start($key, {model => 'echo:chunks=20,gap_ms=300',
    stream => \1})] } 1 .. 8;
$_->[0]->read_piece($_->[1]) for @open;
$t->kill_worker(worker_of($open[0][0]));
ok(wait_until(sub { $t->{gateway}->spool =~ /dead_worker/ }, 10),
    'calls of a worker that was killed are ended by its sibling');
my @whole = grep { $_->[0]->read_body($_->[1]);
    $_->[1]->body =~ /\[DONE\]/ } @open;
my @dead = grep { /dead_worker/ } split /\n/, $t->{gateway}->spool;
is(@dead + @whole, 8, 'and only those');
$t->done;
