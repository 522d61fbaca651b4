# A /proc that hides the processes of others (hidepid, ProtectProc=) does not
# make a worker take its siblings for dead and end their calls.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(wait_until);
use Asgard::Stage;

my @hidden = ('unshare', '--mount', 'sh', '-c',
    'mount -t proc -o hidepid=2 proc /proc && exec "$0" "$@"');
plan skip_all => 'mounting /proc is not permitted here'
    if $> || system("@hidden[0 .. 3] 'mount -t proc -o hidepid=2 proc /proc'"
        . ' 2>/dev/null');

my $s = Asgard::Stage->new(workers => 2, under => \@hidden);
my $up = $s->upstream('main', chunks => 20, chunk_delay => 0.2);
$s->endpoint(kind => 'openai-compatible', host => '127.0.0.1',
    host_header => '127.0.0.1', port => $up->port);
$s->model(route => 'one');
my $key = $s->key($s->project);
$s->start;

my @calls = map { [$s->chat_start($key, {model => 'one', stream => \1})] }
    1 .. 8;
is($_->[1]->status, 200, 'a stream begins') for @calls;
is($s->metric('asgard_catalog_version'), $s->{version},
    'both workers count as alive');
$_->[0]->read_body($_->[1]) for @calls;
like($_->[1]->body, qr/\[DONE\]/, 'it ends whole') for @calls;
is($s->metric('asgard_dead_worker_calls_total'), 0,
    'no worker took a call of the other for its own');
ok(wait_until(sub { $s->metric('asgard_settled_total') == 8 }, 5),
    'each call was settled as measured');

my $killed = $s->kill_worker;
ok(wait_until(sub { ($s->chat($key, {model => 'one'})->status // 0) == 200 },
    5), 'a worker that is killed is replaced');
$s->done;
