# An endpoint's name is asked for again after its time to live: a change of
# address is followed by every worker, without a call dropped and without a
# kept connection to the old address; what fails keeps the last good address.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Time::HiRes qw(time sleep);

use Asgard::FakeUpstream;
use Asgard::Files qw(wait_until);
use Asgard::NameServer;
use Asgard::Port qw(free_port);
use Asgard::Stage;

# What resolve.h states: of the time to live at most, then.
my $GRACE = 5;
my $WORKERS = 3;

my $port = free_port();
# Nobody writes a ledger here, so each call keeps its slot: there are enough.
my $s = Asgard::Stage->new(workers => $WORKERS, redis_deadline => '5s',
    zone => '128m');
my $dns = Asgard::NameServer->new(dir => $s->{dir});
$s->{gateway}->write_conf(http_conf => 'asgard_resolver 127.0.0.1:'
    . $dns->port . ';');
my %up = map { $_ => $s->upstream("up$_", address => "127.0.0.$_",
    port => $port) } 1 .. 3;
my $key = $s->key($s->project(limit => '-'));
for my $name (qw(moves two six gone crowd)) {
    $s->endpoint(id => $name, kind => 'openai-compatible',
        host => "$name.test", port => $port, host_header => "$name.test");
    $s->model(route => $name);
}
$s->publish;

sub counts { return join ' ', map { $up{$_}->count } 1 .. 3 }

# Calls of so many connections, so that every worker has some; by whom served.
sub served_by {
    my ($model, $n) = @_;
    my @before = split / /, counts();
    my @status = $s->in_parallel($n // 1, sub {
        return $s->chat($key, {model => $model})->status;
    });
    is(join(' ', grep { $_ ne 200 } @status), '', "$model: all are answered");
    my @after = split / /, counts();
    return join ' ', grep { $after[$_ - 1] > $before[$_ - 1] } 1 .. 3;
}

$dns->say('moves.test', a => ['127.0.0.1'], ttl => 1);
$dns->say('two.test', a => ['127.0.0.9', '127.0.0.2'], ttl => 60);
$dns->say('six.test', a => ['127.0.0.1'], aaaa => ['::1'], ttl => 60);
$dns->say('crowd.test', a => [map { "127.0.0.$_" } 1 .. 3, 101 .. 120]);
$s->start;

is(served_by('moves', 12), '1', 'a name is where the server says');
cmp_ok($dns->asked('moves.test', 'a'), '<=', 3 * $WORKERS,
    'a worker asks once, not once a call');

{
    # callers that go on all the time, on kept connections to the provider
    $dns->say('moves.test', a => ['127.0.0.2'], ttl => 1);
    my $changed = time;
    my @bad;
    my $before = $up{1}->count;
    while (time - $changed < 1 + $GRACE + 2) {
        push @bad, grep { $_ != 200 } $s->in_parallel(4, sub {
            return $s->chat($key, {model => 'moves'})->status;
        });
    }
    is("@bad", '', 'no call is dropped while it moves');
    my $old = $up{1}->count;
    is(served_by('moves', 12), '2', 'every worker has followed');
    is($up{1}->count, $old, 'and keeps no connection to where it was');
}

{
    # nobody called for longer than time to live and grace
    $dns->say('moves.test', a => ['127.0.0.3'], ttl => 1);
    sleep 1 + $GRACE + 2;
    is(served_by('moves', 12), '3', 'also when nobody called meanwhile');
}

{
    $dns->say('moves.test', mute => 1);
    sleep 1 + $GRACE + 2;
    # of each worker its own: one may have had no call since the name moved
    isnt(served_by('moves', 12), '', 'a name server that is silent: the last '
        . 'good address');
    $s->publish;
    $s->wait_version($s->{version});
    isnt(served_by('moves', 12), '', 'which a new catalog does not forget');
    $dns->say('moves.test', code => 2);
    sleep 1 + $GRACE + 2;
    isnt(served_by('moves'), '', 'one that fails: the same');
    $dns->say('moves.test', code => 3);
    sleep 1 + $GRACE + 2;
    isnt(served_by('moves'), '', 'a name that is gone: the same');
    ok(wait_until(sub { $s->metric('asgard_resolve_failures_total') > 0 }, 20),
        'and each is counted');
    $dns->say('moves.test', a => ['127.0.0.1'], ttl => 1);
    ok(wait_until(sub { served_by('moves') eq '1' }, 30),
        'when it answers again it is followed');
}

for (1 .. 8) {
    is(served_by('two'), '2', 'of several addresses one that can be reached');
}
is($s->get('/metrics')->body =~ /endpoint_failures_total\{endpoint="two"\}
    \ (\d+)/x ? $1 : 0, 0,
    'an address that cannot be is no failure while another one is left');
is(served_by('six'), '1', 'a name with IPv6 and IPv4 is reached by either');
for (1 .. 4) {
    is($s->chat($key, {model => 'crowd'})->status =~ /^(200|502)$/ ? 1 : 0, 1,
        'a crowd of addresses is cut, not followed to its end');
}

is($s->chat($key, {model => 'gone'})->status, 502,
    'a name that never was is a failed connection');
$dns->say('gone.test', a => ['127.0.0.1']);
ok(wait_until(sub { $s->chat($key, {model => 'gone'})->status == 200 }, 20),
    'until it is');

$dns->stop;
$s->done;
