# The first call of a gateway that starts waits for the catalog, which no other
# worker left in its memory: a new master after an upgrade begins with none.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Time::HiRes qw(sleep);

use Asgard::Stage;

my $s = Asgard::Stage->new(workers => 1, redis_deadline => '5s',
    proxies => ['gateway_redis']);
$s->model(route => 'echo');
my $key = $s->key($s->project);
$s->publish;
my $proxy = $s->proxy('gateway_redis');
my $asked = $proxy->hold_request(match => '^GET \{asg\}:catalog');
$s->{gateway}->start;
my ($said) = $s->in_parallel(2, sub {
    return Asgard::Stage::verdict($s->chat($key)) if !$_[0];
    $proxy->wait_hits(id => $asked);
    sleep 0.2;
    $proxy->release;
    return 'released';
});
is($said, '200 -', 'the first call is served, though the catalog came late');
$s->done;
