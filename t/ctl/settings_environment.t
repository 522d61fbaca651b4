#!/usr/bin/perl
# ASGARD_CTL_<NAME> in the environment overrides asgard-ctl.conf, for `serve`
# and all its roles, while no provider variable stays in any environment.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(slurp);
use Asgard::Test;

$ENV{ASGARD_CTL_API_THREADS} = 3;
$ENV{ASGARD_CTL_TARGETS} = 'aws:2222';
$ENV{OPENAI_MASTER_KEY} = 'sk-' . 'canary' x 6;
my $t = Asgard::Test->new(conf => 'targets aws:1111');
$t->canary('a key of the environment', $ENV{OPENAI_MASTER_KEY});
$t->start;
like($t->{control}->log_text, qr/with 3 threads/,
    'a setting of the environment is used by a role');
my ($supervisor) = slurp("$t->{dir}/ctl.pid") =~ /(\d+)/;
my @pids = ($supervisor, map { /^(\d+)$/ }
    split ' ', `cat /proc/$supervisor/task/*/children`);
ok(@pids >= 4, 'the supervisor and its roles are looked at');
is(scalar(grep { slurp("/proc/$_/environ") =~ /canary/ } @pids), 0,
    'and none has the provider key in its environment');
is($t->chat($t->key, {model => 'echo'})->status, 200, 'calls are answered');

# --- which account a resource may be in

my $project = $t->project;

sub asked {
    my ($account) = @_;
    my $reply = $t->api('POST', "/api/projects/$project/resources",
        {resource_type => 's3-bucket', name => "a$account",
        spec => {account => $account}});
    return $reply->status . ' ' . ($reply->json->{code} // '');
}
is(asked('2222'), '201 ', 'the targets of the environment are allowed');
is(asked('1111'), '403 policy_denied',
    '... and stand in place of those of the file');

$t->done;
