# Among the candidates of a group the strategy decides, over all workers.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use Test::More;

use Asgard::Files qw(spill wait_until);
use Asgard::Spool qw(call_of);
use Asgard::Stage;

my $s = Asgard::Stage->new(workers => 2,
    http_conf => 'asgard_user_proxies 127.0.0.1;');
my @names = qw(a b c);
my %up = map { $_ => $s->upstream($_) } @names;
my $key = $s->key($s->project(limit => '-'));

# Each dearer than the one before.
for my $i (0 .. $#names) {
    my $name = $names[$i];
    $s->endpoint(id => $name, provider => $name, port => $up{$name}->port,
        kind => 'openai-compatible', host => '127.0.0.1',
        host_header => "$name.test");
    $s->model(route => $name, card => {in_pusd => 3000000 - $i * 1000000,
        out_pusd => 30000000 - $i * 10000000});
}

sub name {
    my ($name, %how) = @_;
    push @{$s->{names}}, {name => $name, candidates => [0 .. 2],
        groups => [{n => 3, retries => 0, allowed_fails => 3,
            cooldown_ms => 0, %how}]};
}
name('weighted', strategy => 'weighted', weights => [5, 1, 2]);
name('even', strategy => 'weighted');
push @{$s->{names}}, {name => 'pair', candidates => [1, 2],
    groups => [{n => 2, strategy => 'weighted', cooldown_ms => 0}]};
name('ordered', strategy => 'ordered');
name('cheapest', strategy => 'cheapest');
name('least-busy', strategy => 'least-busy');
name('quickest', strategy => 'lowest-latency');
name('sticky', strategy => 'sticky');
$s->publish;
$s->start;

my %mark;
sub mark { %mark = map { $_ => $up{$_}->count } @names }
sub since { map { $up{$_}->count - $mark{$_} } @names }
sub call { $s->chat($key, {model => $_[0], @_[1 .. $#_]})->status }

{
    mark();
    is(call('weighted'), 200, 'a call of 80') for 1 .. 80;
    my @got = since();
    my @want = (50, 10, 20);
    cmp_ok(abs($got[$_] - $want[$_]), '<=', 4,
        "$names[$_] gets its share of the weight") for 0 .. 2;
}

{
    mark();
    call('even') for 1 .. 30;
    cmp_ok(abs($_ - 10), '<=', 3, 'weights left out are one each')
        for since();
}

# A name that is every 13th call: what the 12 between do is not its turn.
{
    my %got;
    for (1 .. 8) {
        mark();
        call('pair');
        my @got = since();
        $got{$names[$_]} += $got[$_] for 0 .. 2;
        call('ordered') for 2 .. 13;
    }
    cmp_ok(abs($got{$_} - 4), '<=', 1,
        "$_ gets its share of a name that others are called between")
        for qw(b c);
}

{
    mark();
    call('ordered') for 1 .. 10;
    is_deeply([since()], [10, 0, 0], 'ordered is the first, while it works');
}

{
    mark();
    call('cheapest') for 1 .. 10;
    is_deeply([since()], [0, 0, 10], 'cheapest is the one that costs least');
}

{
    my $gate = "$s->{dir}/gate";
    $up{$_}->script({until => $gate}) for qw(a b);
    mark();
    my @held = map { $s->chat_ask($key, {model => $_}) } qw(a b);
    wait_until(sub { join(' ', since()) eq '1 1 0' }, 10);
    mark();
    call('least-busy') for 1 .. 10;
    is_deeply([since()], [0, 0, 10], 'least-busy is the one with no call');
    spill($gate, '');
    is($s->chat_read($_)->status, 200, 'which are served too') for @held;
}

{
    call($_) for @names;
    $up{a}->script(map { {delay => 0.4} } 1 .. 2);
    $up{c}->script(map { {delay => 0.4} } 1 .. 2);
    for (1 .. 2) { call($_) for @names }
    mark();
    call('quickest') for 1 .. 10;
    my @got = since();
    is($got[1], 10, 'lowest-latency is the one that answers soonest');
}

# A head is no token: of streams c is the soonest to say something, though it is
# the last to begin.
{
    my $stream = JSON::PP::true();
    $up{$_}->script(map { {first_delay => 0.4} } 1 .. 2) for qw(a b);
    $up{c}->script(map { {delay => 0.1} } 1 .. 2);
    for (1 .. 2) { call($_, stream => $stream) for @names }
    mark();
    is(call('quickest', stream => $stream), 200, 'a stream') for 1 .. 6;
    is_deeply([since()], [0, 0, 6],
        'lowest-latency of streams is the one whose first token came soonest');
    mark();
    call('quickest') for 1 .. 4;
    is_deeply([since()], [0, 4, 0], '... which says nothing of answers');
}

{
    my %serves;
    for my $user (1 .. 12) {
        for (1 .. 3) {
            my $reply = $s->chat($key, {model => 'sticky',
                user => "user-$user"});
            $serves{$user}{call_of($s, $reply)->{ep}}++;
        }
    }
    is(scalar(grep { keys %{$serves{$_}} == 1 } keys %serves), 12,
        'sticky serves a user by one and the same');
    my %used = map { (keys %$_)[0] => 1 } values %serves;
    cmp_ok(scalar keys %used, '>=', 2, 'and not all users by one');

    for my $case (['x-asgard-session', 'a session that is named'],
        ['x-openwebui-user-id', 'a user that a proxy names'])
    {
        my ($header, $what) = @$case;
        my %by;
        for my $user (1 .. 6) {
            my $reply = $s->chat($key, {model => 'sticky', user => "u$user"},
                $header => 'one');
            $by{call_of($s, $reply)->{ep}}++;
        }
        is(scalar keys %by, 1, "$what counts before the user");
    }
}

$s->done;
