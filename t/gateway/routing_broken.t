# An endpoint whose answers begin well and break off is left alone as one that
# does not answer: a head, or the first events of a stream, say nothing good of
# it. A whole answer does.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(wait_until);
use Asgard::Stage;

my $s = Asgard::Stage->new(workers => 1,
    http_conf => 'asgard_drain_timeout 700ms;');
my %up = map { $_ => $s->upstream($_) } qw(a b);
my $key = $s->key($s->project(limit => '-'));
for my $name (qw(a b)) {
    $s->endpoint(id => $name, provider => $name, port => $up{$name}->port,
        kind => 'openai-compatible', host => '127.0.0.1',
        host_header => "$name.test", $name eq 'a'
            ? (idle_timeout_ms => 300) : ());
    $s->model(route => $name);
}
push @{$s->{names}}, {name => 'pool', candidates => [0, 1], groups => [
        {n => 2, retries => 0, strategy => 'ordered', allowed_fails => 2,
            cooldown_ms => 1500}]},
    {name => 'single', candidates => [0], groups => [{n => 1, retries => 0,
        strategy => 'ordered', allowed_fails => 2, cooldown_ms => 1500}]};
$s->publish;
$s->start;

sub standing {
    my ($value) = $s->get('/metrics')->body
        =~ /^asgard_endpoint_state\{endpoint="a"\} (\d+)$/m;
    return $value;
}

sub call {
    my ($name, @more) = @_;
    return $s->chat($key, {model => $name, @more});
}

# One call ends it, also where it is still being left alone.
sub heal {
    my (@more) = @_;
    is(call('single', @more)->status, 200, 'a whole answer');
    is(standing(), 0, '... and it is called again');
}

my $head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
    . "Content-Length: 90\r\n\r\n";
my @stream = (stream => \1);
for my $case (['a head, then cut', {raw => $head}],
    ['a head, then nothing', {raw => $head, stay => 20}],
    ['a head and a part, then cut', {cut => 30}],
    ['no JSON', {body => 'out of service'}],
    ['a stream cut later', {cut => 400}, @stream],
    ['a stream that stops', {chunk_delay => 20}, @stream])
{
    my ($name, $script, @more) = @$case;
    $up{a}->script(($script) x 3);
    call('pool', @more) for 1 .. 2;
    is(standing(), 0, "$name: two are allowed");
    call('pool', @more);
    ok(wait_until(sub { standing() == 2 }, 10), "$name: the third is not");
    heal(@more);
}

# Whole ones between them count.
for my $more ([], \@stream) {
    for (1 .. 3) {
        $up{a}->script({cut => 30});
        call('single', @$more);
        is(call('single', @$more)->status, 200, 'one that is whole');
    }
    is(standing(), 0, 'one that breaks now and then is called');
}

# The one that tries it, and whose client leaves within the answer.
$up{a}->script(({status => 500}) x 3);
call('pool') for 1 .. 3;
ok(wait_until(sub { standing() == 1 }, 20), 'when its time is over');
$up{a}->script({chunk_delay => 0.2, chunks => 50});
my $http = $s->chat_ask($key, {model => 'pool', @stream});
ok(wait_until(sub { standing() == 2 }, 20), '... one call tries it');
$http->abort;
ok(wait_until(sub { standing() == 1 }, 20),
    '... and when its client leaves another may');
heal(@stream);

$s->done;
