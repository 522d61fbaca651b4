# Without `asgard_resolver` names are looked up as this machine does: by the
# name servers and the search domains of /etc/resolv.conf.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::NameServer;
use Asgard::OwnNet;
use Asgard::Stage;

Asgard::OwnNet::enter(files => {'/etc/resolv.conf' =>
    "# of a test\ndomain old.test\nnameserver 127.0.0.1\n"
    . "search one.test two.test\noptions ndots:5\n"});

my $s = Asgard::Stage->new(workers => 1);
my $dns = Asgard::NameServer->new(dir => $s->{dir}, port => 53);
my $up = $s->upstream('main');
my $key = $s->key($s->project(limit => '-'));
my %host = (whole => 'whole.test', inner => 'gateway.inference.svc',
    nobody => 'nobody', public => 'gateway.inference.svc',
    ended => 'gateway.inference.svc.');
for my $id (sort keys %host) {
    $s->endpoint(id => $id, kind => 'openai-compatible', host => $host{$id},
        port => $up->port, host_header => $host{$id},
        public_only => $id eq 'public' ? 1 : 0);
    $s->model(route => $id);
}
$dns->say('whole.test', a => ['127.0.0.1']);
$dns->say('gateway.inference.svc.two.test', a => ['127.0.0.1']);
$s->publish;
$s->start;

is($s->chat($key, {model => 'whole'})->status, 200, 'a name as it stands');
is($dns->asked('whole.test.one.test'), 0, 'is looked for nowhere else');
is($s->chat($key, {model => 'inner'})->status, 200,
    'one that does not exist so is found in a search domain');
cmp_ok($dns->asked('gateway.inference.svc.one.test'), '>', 0,
    'the domains are asked in their order');
is($s->chat($key, {model => 'nobody'})->status, 502,
    'what is nowhere cannot be reached');
cmp_ok($dns->asked('nobody.two.test'), '>', 0, 'after the last domain');
is($dns->asked('nobody.old.test'), 0, 'the last line of its kind counts');

my $before = $dns->asked('gateway.inference.svc.two.test');
is($s->chat($key, {model => $_})->status, 502, "$_: is not searched for")
    for qw(public ended);
is($dns->asked('gateway.inference.svc.two.test'), $before,
    'a name that may only be public, or ends with a dot, is asked as it is');

$dns->stop;
$s->done;
