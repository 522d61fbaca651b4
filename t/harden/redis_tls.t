#!/usr/bin/env perl
# Redis may be on another machine: the shipped stunnel configuration takes both
# programs there over TLS, and nobody else's certificate is believed.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use IO::Socket::UNIX;
use Test::More;

use Asgard::Files qw(slurp spill top wait_until);
use Asgard::Port qw(free_port);
use Asgard::Process;
use Asgard::RedisUser;
use Asgard::Test;
use Asgard::TLS;

my ($stunnel) = grep { -x } map { "$_/stunnel" }
    split /:/, "$ENV{PATH}:/usr/bin";
plan skip_all => 'there is no stunnel' if !$stunnel;

my $t = Asgard::Test->new(workers => 2);
my $redis = $t->{redis};
my $tls = $t->tls;
my $port = free_port();
my $user = Asgard::RedisUser->new(server => $redis,
    path => "$t->{dir}/redis-tls.sock");
$redis->stop;
$redis->write_conf(conf => "tls-port $port\n"
    . "tls-cert-file $tls->{dir}/cert.pem\ntls-key-file $tls->{dir}/key.pem\n"
    . "tls-ca-cert-file " . $tls->ca . "\n" . $user->acl . "\n");
$redis->start;

# The shipped file with our places.
sub tunnel {
    my ($name, %change) = @_;
    my %place = (accept => $user->{path}, connect => "127.0.0.1:$port",
        CAfile => $tls->ca, checkHost => 'localhost',
        cert => "$tls->{dir}/cert.pem", key => "$tls->{dir}/key.pem",
        %change);
    my $text = slurp(top() . '/conf/stunnel-redis.conf');
    $text =~ s/^set[ug]id .*\n//mg;
    $text =~ s/^(\w+) = .*$/defined $place{$1} ? "$1 = $place{$1}" : $&/gme;
    my $conf = spill("$t->{dir}/$name.conf", $text, 0600);
    my $process = Asgard::Process->new(name => 'stunnel',
        command => [$stunnel, $conf], log => "$t->{dir}/$name.log");
    wait_until(sub { IO::Socket::UNIX->new(Peer => $change{accept}
        // $user->{path}) }, 10);
    chmod 0777, $change{accept} // $user->{path};
    return $process;
}

my $tunnel = tunnel('tunnel');
$user->give_to($t);
$t->start;
my $project = $t->project(budget_usd => '1');
my $key = $t->key(project => $project);
is($t->chat($key)->status, 200, 'a call is answered');
is($t->chat($key, {stream => \1})->status, 200, 'and a stream');
is(scalar($t->wait_ledger($project, 2)), 2, 'both are in the ledger');
my ($by_name) = $redis->cmd('CLIENT', 'LIST') =~ / laddr=\S+:$port /;
ok(defined $by_name, 'by the port that speaks TLS');
$t->kill_project($project);
ok(wait_until(sub { $t->chat($key)->status == 403 }, 5),
    'a change reaches the gateway');

$key = $t->key(project => $t->project(budget_usd => '1'));
$tunnel->stop('TERM', 10);
is($t->chat($key)->status, 503, 'without the tunnel nothing is admitted');
$tunnel = tunnel('tunnel');
ok(wait_until(sub { $t->chat($key)->status == 200 }, 15),
    'it is found again');

sub first_words {
    my ($name, %change) = @_;
    my $path = "$t->{dir}/$name.sock";
    my $wrong = tunnel($name, accept => $path, %change);
    my $said = eval { Asgard::Redis->new(socket => $path, user => 'asgard',
        password => $user->{password}, timeout => 5)->cmd('PING') } // '';
    $wrong->stop('TERM', 10);
    return $said;
}
is(first_words('right'), 'PONG', 'a tunnel lets words through');
is(first_words('name', checkHost => 'other.example'), '',
    '... to no server with another name');
mkdir "$t->{dir}/stranger";
my $stranger = Asgard::TLS->new(dir => "$t->{dir}/stranger");
is(first_words('authority', CAfile => $stranger->ca), '',
    '... nor of another authority');
is(first_words('client', cert => "$stranger->{dir}/cert.pem",
    key => "$stranger->{dir}/key.pem"), '',
    '... and Redis takes no client of another one');

$t->{control}->run_ok('project', 'unkill', $project);
Asgard::Teardown::while_running($t);
$t->{gateway}->stop;
$t->{control}->stop;
$tunnel->stop('TERM', 10);
Asgard::Teardown::after_stop($t);
$t->finish;
done_testing();
