#!/usr/bin/perl
# kill, unkill and revoke: over the API, and from the command line when
# nothing of asgard-ctl runs.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Time::HiRes qw(time);

use Asgard::Files qw(wait_until);
use Asgard::Test;

my $t = Asgard::Test->new(workers => 2);
$t->start;
my $key = $t->key;
my $other = $t->key(project => $key->{project_id});
my $project = $key->{project_id};

# a kept-alive connection for each of several: both workers have the key
my @conns = map { $t->http } 1 .. 6;
my $ask = sub {
    my ($http) = @_;
    return $http->request('POST', '/v1/chat/completions',
        [Asgard::Test::bearer($key), 'Content-Type', 'application/json'],
        $t->chat_body)->status;
};
is_deeply([map { $ask->($_) } @conns], [(200) x 6], 'calls are answered');

sub all_within {
    my ($status, $name) = @_;
    my $begun = time;
    my $ok = wait_until(sub { !grep { $ask->($_) != $status } @conns }, 3,
        0.02);
    ok($ok && time - $begun < 1.5, $name) or diag(time - $begun, ' s');
}

$t->kill_project($project);
all_within(403, 'a kill is effective on every worker within 1 s');
is($t->chat($key)->json->{error}{code}, 'project_killed',
    '... as project_killed');
$t->unkill_project($project);
all_within(200, 'an unkill too');
$t->revoke_key($project, $key->{id});
all_within(401, 'a revoked key is refused on kept-alive connections');
is($t->chat($other)->status, 200, 'another key of the project works on');

$t->stop_control;
my ($status, $out) = $t->{control}->run('project', 'kill', $project);
is($status, 0, 'project kill works without any asgard-ctl') or diag($out);
ok(wait_until(sub { $t->chat($other)->status == 403 }, 2, 0.05),
    '... and stops the calls');
($status) = $t->{control}->run('project', 'unkill', $project);
is($status, 0, 'project unkill too');
($status) = $t->{control}->run('key', 'revoke', $other->{id});
is($status, 0, 'and key revoke');
ok(wait_until(sub { $t->chat($other)->status == 401 }, 2, 0.05),
    '... which is heard');
($status) = $t->{control}->run('key', 'revoke', 'nonsense');
is($status, 1, 'an unknown key is said to be unknown');

$t->done;
