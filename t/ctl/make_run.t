# `make run` gives a newcomer a working Asgard, twice; `make reload` and
# `make stop` do what they say.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use File::Temp ();
use Asgard::Files qw(slurp spill top build_dir wait_until);
use Asgard::HTTP;

my $dir = File::Temp::tempdir('/tmp/asgard-run-XXXXXX', CLEANUP => 0);
chmod 0711, $dir;
my $run = "$dir/run";
$ENV{ASGARD_RUN}   = $run;
$ENV{ASGARD_BUILD} = build_dir();
delete $ENV{PORT};
END {
    system(top() . '/scripts/stop > /dev/null 2>&1');
    system('rm', '-rf', $dir);
}

sub script {
    my ($name) = @_;
    my $out = `@{[top()]}/scripts/$name 2>&1`;
    return ($? >> 8, $out);
}

sub env {
    return map { /^([A-Z_]+)=(.*)$/ ? ($1 => $2) : () }
        split /\n/, slurp("$run/env");
}

my ($status, $out) = script('run');
is($status, 0, 'the first run succeeds') or BAIL_OUT($out);
my %env = env();
is_deeply([sort keys %env], [sort map { "ASGARD_$_" } qw(URL ADMIN_TOKEN
    MASTER_KEY PROJECT KEY REDIS PG NGINX_PID CTL_PID CTL)],
    'run/env names everything');
is(sprintf('%o', (stat "$run/env")[2] & 07777), '600', 'run/env is private');
like($out, qr/answer .*Hello/, 'it tells the answer');
like($out, qr/cost +0\.\d+ USD/, 'it tells the cost');
like($out, qr/budget left +[0-9.]+ USD/, 'it tells the budget that is left');
unlike($out, qr/asg_[0-9a-f]{20}/, 'it prints no key');

my ($port) = $env{ASGARD_URL} =~ /:(\d+)$/;
sub chat {
    my ($body, @more) = @_;
    return Asgard::HTTP->new(port => $port)->request('POST',
        '/v1/chat/completions', ['Authorization', "Bearer $env{ASGARD_KEY}",
        'Content-Type', 'application/json', @more], $body);
}
my $hello = '{"model":"echo","messages":[{"role":"user","content":"x"}]}';
is(chat($hello)->status, 200, 'the key of run/env works');
is(`redis-cli -u $env{ASGARD_REDIS} --no-auth-warning ping`, "PONG\n",
    'ASGARD_REDIS suffices for redis-cli');
is(`psql -XAt -d $env{ASGARD_PG} -c 'select count(*) > 0 from ledger'`, "t\n",
    'ASGARD_PG suffices for psql');
like(`pg_dump -d $env{ASGARD_PG} 2>&1`, qr/CREATE TABLE public\.ledger/,
    'ASGARD_PG suffices for pg_dump');
is(system("$env{ASGARD_CTL} status > /dev/null 2>&1"), 0,
    'ASGARD_CTL runs a command');

($status, $out) = script('run');
is($status, 0, 'the second run succeeds');
my %again = env();
is_deeply(\%again, \%env, 'it keeps ports, project, key and processes');

mkdir "$run/services/extra";
spill("$run/services/extra/service.yaml", <<'YAML');
id: extra
name: Extra
category: ai-models
status: live
description: A second name for the embedded backend.
inference:
  kind: echo
  models:
    - ref: model:extra/one
      route: extra-one
      data_classes: [public, internal, confidential]
      cost_in: 0.001
      cost_out: 0.01
YAML
($status, $out) = script('reload');
is($status, 0, 'make reload succeeds') or diag($out);
is(chat($hello =~ s/"echo"/"extra-one"/r)->status, 200,
    'a new module is served when make reload returns');
my %reloaded = env();
ok(kill(0, $env{ASGARD_NGINX_PID}), "nginx's master is the same");

($status, $out) = script('stop');
is($status, 0, 'make stop succeeds');
for my $name (qw(NGINX_PID CTL_PID)) {
    ok(!kill(0, $env{"ASGARD_$name"}), "ASGARD_$name has ended");
}
my ($redis_port) = $env{ASGARD_REDIS} =~ /:(\d+)$/;
ok(!eval { Asgard::HTTP->new(port => $redis_port) }, 'its Redis has ended');

($status, $out) = script('run');
is($status, 0, 'it starts again');
%again = env();
is($again{ASGARD_KEY}, $env{ASGARD_KEY}, 'with the same key');
is(chat($hello)->status, 200, 'and the old key still works');
($status) = script('stop');
is($status, 0, 'and stops again');

done_testing();
