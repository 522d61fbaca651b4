# An endpoint with `public_only` is connected to at public addresses alone,
# whatever its name, /etc/hosts or its URL says: a name that turns to this
# machine, a private network or a cloud's metadata is not followed.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Time::HiRes qw(sleep);

use Asgard::Files qw(slurp wait_until);
use Asgard::NameServer;
use Asgard::OwnNet;
use Asgard::Port qw(free_port);
use Asgard::Stage;

my ($PUBLIC, $OTHER) = qw(203.0.113.9 203.0.113.10);
Asgard::OwnNet::enter(addresses => [$PUBLIC, $OTHER, '10.1.2.3',
    '169.254.169.254'], files => {'/etc/hosts' =>
    "127.0.0.1 localhost\n127.0.0.1 hosts.test\n$PUBLIC fine.test\n"});

my $GRACE = 5;                  # resolve.h
my $port = free_port();
my $s = Asgard::Stage->new(workers => 1);
my $dns = Asgard::NameServer->new(dir => $s->{dir});
$s->{gateway}->write_conf(http_conf => 'asgard_resolver 127.0.0.1:'
    . $dns->port . ';');
my %up = map { $_ => $s->upstream("up$_", address => $_, port => $port) }
    $PUBLIC, $OTHER, '127.0.0.1', '10.1.2.3', '169.254.169.254';
my $key = $s->key($s->project(limit => '-'));
my %host = (turns => 'turns.test', mixed => 'mixed.test',
    hosts => 'hosts.test', fine => 'fine.test', literal => '127.0.0.1',
    six => '::ffff:127.0.0.1', free => 'turns.test', public => $PUBLIC);
for my $id (sort keys %host) {
    $s->endpoint(id => $id, kind => 'openai-compatible', host => $host{$id},
        port => $port, host_header => $host{$id},
        public_only => $id eq 'free' ? 0 : 1);
    $s->model(route => $id);
}
$dns->say('turns.test', a => [$PUBLIC], ttl => 1);
$dns->say('mixed.test', a => ['127.0.0.1', '10.1.2.3', $OTHER],
    aaaa => ['::1', 'fd00::1', '::ffff:10.1.2.3'], ttl => 1);
$s->publish;
$s->start;

sub served_by {
    my ($model) = @_;
    my %before = map { $_ => $up{$_}->count } keys %up;
    my $reply = $s->chat($key, {model => $model});
    return $reply->status . ' '
        . join ' ', grep { $up{$_}->count > $before{$_} } sort keys %up;
}

is(served_by('turns'), "200 $PUBLIC", 'a public address is connected to');
is(served_by('public'), "200 $PUBLIC", 'also one that the URL names');
is(served_by('fine'), "200 $PUBLIC", 'or /etc/hosts');
is(served_by('mixed'), "200 $OTHER", 'of several the public one') for 1 .. 6;
is(served_by($_), '502 ', "$_: an inner address is not")
    for qw(hosts literal six);

for my $inner ('127.0.0.1', '10.1.2.3', '169.254.169.254') {
    my $refused = $s->metric('asgard_addresses_refused_total');
    $dns->say('turns.test', a => [$inner], ttl => 1);
    sleep 1 + $GRACE + 2;
    is(served_by('turns'), "200 $PUBLIC",
        "a name that turns to $inner: the last good address stays");
    ok(wait_until(sub {
        $s->metric('asgard_addresses_refused_total') > $refused;
    }, 20), 'it is counted');
    like(slurp("$s->{dir}/log/error.log"),
        qr/"turns\.test" .* \Q$inner\E is none/, 'and logged');
    is(served_by('free'), "200 $inner", 'an operator\'s endpoint may go there');
}

# the same id and name, now without the rule, and with it again
my ($turns) = grep { $_->{id} eq 'turns' } @{$s->{endpoints}};
for my $case ([0, '200 169.254.169.254'], [1, '502 ']) {
    my ($rule, $expect) = @$case;
    $turns->{public_only} = $rule;
    $s->publish;
    $s->wait_version($s->{version});
    is(served_by('turns'), $expect, $rule ? 'with the rule no connection that '
        . 'was kept without it is used' : 'without the rule it goes there');
}

$dns->stop;
$s->done;
