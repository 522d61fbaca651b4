# One call is one request and one place among those under way, however many
# attempts it takes; its place is free when it is over, known outcome or not.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(wait_until);
use Asgard::Port qw(free_port);
use Asgard::Stage;

my $s = Asgard::Stage->new(workers => 1,
    http_conf => 'asgard_retry_timeout 6s;');
my %up = map { $_ => $s->upstream($_) } qw(a b);
my @common = (kind => 'openai-compatible', host => '127.0.0.1',
    host_header => 'provider.test', connect_timeout_ms => 400,
    first_byte_timeout_ms => 1500, idle_timeout_ms => 1500);
for my $name (qw(a b)) {
    $s->endpoint(id => $name, @common, provider => $name,
        port => $up{$name}->port);
    $s->model(route => $name);
}
$s->endpoint(id => 'closed', @common, provider => 'closed',
    port => free_port());
$s->model(route => 'closed');
push @{$s->{names}}, {name => 'a-b', candidates => [0, 1]},
    {name => 'closed-b', candidates => [2, 1]};
$s->publish;
$s->start;
my $project = $s->project(limit => '-');

sub limited { return $s->key($project, @_) }
sub call { my ($k, $model, %with) = @_;
    return $s->chat($k, {model => $model, max_tokens => 10, %with}) }
sub left { $_[0]->header('x-ratelimit-remaining-requests') }
sub under_way { my ($k) = @_;
    return $s->{redis}->cmd('ZCARD', "{p03}:o:k.$k->{id}") }
sub is_free { my ($k, $what) = @_;
    ok(wait_until(sub { under_way($k) == 0 }, 5), $what) }

my $key = limited(rpm => 10, parallel => 1);
$up{a}->script({raw => ''});
my $reply = call($key, 'a-b');
is($reply->status, 200, 'a second provider answers what the first broke off');
is(left($reply), 9, '... and it was one request');
is_free($key, '... and is no more under way, though one outcome is unknown');
$reply = call($key, 'closed-b');
is($reply->status . ' ' . left($reply), '200 8',
    'an attempt that cannot have begun is no request of its own');
is_free($key, '... and has no place of its own');

$up{a}->script({raw => ''});
$reply = call($key, 'a');
is($reply->status, 502, 'a call of unknown outcome');
is_free($key, '... is over when it is answered, long before its hold expires');
is($s->{redis}->cmd('ZCARD', '{p03}:x') > 0, 1, '... which is still open');
is(call($key, 'a')->status, 200, '... and the next one is let in');

# Under way from the first to the last attempt, without a gap.
$up{a}->script({first_delay => 0.3, raw => ''});
$up{b}->script({delay => 1});
my $two = limited(parallel => 1);
my @said = sort $s->in_parallel(2, sub { my ($i) = @_;
    select undef, undef, undef, 0.1 * $i;
    my $r = call($two, 'a-b');
    return $r->status . ' ' . ($r->code // 'ok') });
is_deeply(\@said, ['200 ok', '429 rate_limit_exceeded'],
    'a second call finds the place taken while the first changes providers');
is_free($two, 'and then it is free');

# The last of its tokens go to the first attempt: the further one is refused,
# and the call is over.
my $tpm = limited(tpm => 60, parallel => 1);
$up{a}->script({raw => ''});
$reply = call($tpm, 'a-b', max_tokens => 35);
is($reply->status . ' ' . $reply->code, '429 rate_limit_exceeded',
    'a further attempt reserves its tokens too');
is($reply->header('x-should-retry'), 'false',
    '... another call may cost twice');
is_free($tpm, '... and the place is free');

my $dead = limited(parallel => 1);
$up{b}->script({hang => 5});
my $h = $s->http(timeout => 10);
$h->send_raw($h->request_text('POST', '/v1/chat/completions',
    [Asgard::Test::bearer($dead), 'Content-Type', 'application/json'],
    $s->chat_body({model => 'b'})));
ok(wait_until(sub { under_way($dead) == 1 }, 5), 'a call is under way');
undef $h;
is_free($dead, '... and over when its client leaves');

$s->done;
