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
is($status, 0, 'the first run succeeds') or die $out . "\n";
my %env = env();
is_deeply([sort keys %env], [sort map { "ASGARD_$_" } qw(URL ADMIN_TOKEN
    MASTER_KEY PROJECT KEY REDIS PG NGINX_PID CTL_PID CTL REQUESTER_TOKEN
    APPROVER_TOKEN)],
    'run/env names everything');
is(sprintf('%o', (stat "$run/$_")[2] & 07777), '600', "run/$_ is private")
    for qw(env backends.env);
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
sub who {
    my ($token, $path) = @_;
    return Asgard::HTTP->new(port => $port)->request('GET', $path,
        ['Authorization', "Bearer $token"]);
}
for my $name (qw(requester approver)) {
    my $token = $env{'ASGARD_' . uc($name) . '_TOKEN'};
    my $me = who($token, '/api/auth/me')->json;
    is("$me->{username} $me->{role}", "$name member", "there is the $name");
    is(who($token, "/api/projects/$env{ASGARD_PROJECT}")->status, 200,
        '... who sees the demo project');
    is(who($token, '/api/users')->status, 403, '... and is no administrator');
}
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
my $client = Asgard::HTTP->new(port => $port);
my $stream = $client->start('POST', '/v1/chat/completions',
    ['Authorization', "Bearer $env{ASGARD_KEY}", 'Content-Type',
    'application/json'], '{"model":"echo:gap_ms=150,chunks=30","stream":true,'
    . '"messages":[{"role":"user","content":"' . 'w ' x 30 . '"}]}');
is($stream->status, 200, 'a slow stream begins');
($status, $out) = script('reload');
is($status, 0, 'make reload succeeds') or diag($out);
is(chat($hello =~ s/"echo"/"extra-one"/r)->status, 200,
    'a new module is served when make reload returns');
ok(kill(0, $env{ASGARD_NGINX_PID}), "nginx's master is the same");

my $module = slurp("$run/services/extra/service.yaml");
spill("$run/services/extra/service.yaml",
    $module =~ s/status: live/status: no/r);
($status, $out) = script('reload');
isnt($status, 0, 'a reload with a bad module is refused');
like($out, qr/extra/, '... by the name of the module');
is(chat($hello =~ s/"echo"/"extra-one"/r)->status, 200,
    '... and the old catalog stays');
spill("$run/services/extra/service.yaml", $module);
is((script('reload'))[0], 0, 'put right, it is accepted');
$client->read_body($stream);
ok(!$stream->{cut} && $stream->body =~ /data: \[DONE\]/,
    'the stream lived through the reloads');

# A ledger of any length, a project of any fate.
sub psql {
    my ($text) = @_;
    return system('psql', '-qXAt', '-v', 'ON_ERROR_STOP=1', '-d',
        $env{ASGARD_PG}, '-c', $text);
}

sub until_status {
    my ($wanted) = @_;
    return wait_until(sub { chat($hello)->status == $wanted }, 5);
}

is(psql("SELECT ledger_month_make(now() - interval '1 h');"
    . "INSERT INTO ledger (seq, kind, delta_nano, rank, cause, at,"
    . " partition, project_id, detail, hash) SELECT 1, 'unknown', 0, 0, '',"
    . " now() - interval '1 h', 15, '$env{ASGARD_PROJECT}', '{}', ''"
    . ' FROM generate_series(1, 1001)'), 0, 'a thousand old entries');
($status, $out) = script('run');
is($status, 0, 'it finds its call behind a thousand others') or diag($out);
chat($hello) for 1 .. 5;
{
    local $ENV{ASGARD_DEMO_PAGE} = 2;
    ($status, $out) = script('run');
    is($status, 0, '... and pages through those of the moment') or diag($out);
}

my $quiet = '> /dev/null';
is(system("$env{ASGARD_CTL} project kill $env{ASGARD_PROJECT} $quiet"), 0,
    'the demo project is killed');
until_status(403);
($status, $out) = script('run');
is($status, 0, '... and that is no failure of the servers') or diag($out);
like($out, qr/demo project was stopped/, '... but said');
like($out, qr/servers are up/, '... with what works');
is(system("$env{ASGARD_CTL} project unkill $env{ASGARD_PROJECT} $quiet"), 0,
    'the project is resumed');
until_status(200);
my $budgets = '{"budgets":[{"window":"total","limit_usd":0}]}';
is(Asgard::HTTP->new(port => $port)->request('PUT',
    "/api/projects/$env{ASGARD_PROJECT}/budgets", ['Authorization',
    "Bearer $env{ASGARD_ADMIN_TOKEN}", 'Content-Type', 'application/json'],
    $budgets)->status, 200, 'its budget is taken away');
until_status(429);
($status, $out) = script('run');
is($status, 0, '... and that is no failure either') or diag($out);
like($out, qr/5 USD of the demo project are spent/, '... but said');
$budgets =~ s/:0\}/:5}/;
is(Asgard::HTTP->new(port => $port)->request('PUT',
    "/api/projects/$env{ASGARD_PROJECT}/budgets", ['Authorization',
    "Bearer $env{ASGARD_ADMIN_TOKEN}", 'Content-Type', 'application/json'],
    $budgets)->status, 200, 'and given back');
until_status(200);

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
