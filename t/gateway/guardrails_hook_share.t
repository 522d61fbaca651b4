# One project does not take all places at the guardrail service of an operator:
# calls that cost nothing, and so are in no limit of a key, get at most half of
# them and are then refused, other calls seven eighths; another project is
# judged meanwhile.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use IO::Select;
use IO::Socket::INET;
use Test::More;

use Asgard::Files qw(wait_until);
use Asgard::Stage;
use Asgard::Test;

my $PLACES = 128;
my $answer = '{"action":"allow"}';
my $service = IO::Socket::INET->new(Listen => 512, LocalAddr => '127.0.0.1')
    or die "no socket: $!\n";
my $url = 'http://127.0.0.1:' . $service->sockport . '/';
my $s = Asgard::Stage->new(workers => 1,
    http_conf => "asgard_guardrail_hook $url deadline=30s fail=open;");
$s->model(route => 'one', paths => {chat => '/v1/chat/completions',
    messages => '/v1/messages', count_tokens => '/v1/messages/count_tokens'});
my %key = map { $_ => $s->key($s->project(limit => '-')) } qw(many other paid);
$s->start;

my @asked;
sub count_tokens {
    my ($key) = @_;
    my $http = $s->http;
    $http->send_raw($http->request_text('POST', '/v1/messages/count_tokens',
        [Asgard::Test::bearer($key), 'Content-Type', 'application/json'],
        '{"model":"one","messages":[{"role":"user","content":"Hello"}]}'));
    return $http;
}
sub accepted { # so many more that the service is asked about
    my ($n) = @_;
    my $until = time + 20;
    while (@asked < $n && time < $until) {
        push @asked, scalar $service->accept
            if IO::Select->new($service)->can_read(1);
    }
    return scalar @asked;
}
sub allow {
    for my $c (splice @asked) {
        print {$c} "HTTP/1.0 200 OK\r\nContent-Length: " . length($answer)
            . "\r\n\r\n$answer";
        close $c;
    }
}
sub answered { # those that have an answer by now
    my %at = map { (fileno $_->{socket} => $_) } @_;
    return map { $at{fileno $_} }
        IO::Select->new(map { $_->{socket} } @_)->can_read(0);
}

# --- calls that cost nothing ---

my $more = 6;
my @open = map { count_tokens($key{many}) } 1 .. $PLACES / 2 + $more;
is(accepted($PLACES / 2), $PLACES / 2, 'half of the places are taken');
ok(wait_until(sub { answered(@open) >= $more }, 20),
    'and whoever wants more is answered at once');
my %is_refused = map { $_ => 1 } my @refused = answered(@open);
is(scalar @refused, $more, '... they alone');
for my $reply (map { $s->chat_read($_) } @refused) {
    is(Asgard::Stage::verdict($reply), '429 rate_limit_exceeded',
        '... refused, also with fail=open');
    is($reply->header('retry-after'), 1, '... for a moment');
    like($reply->body, qr/being judged by the guardrail service/,
        '... and told why');
}
my $other = count_tokens($key{other});
my $chat = $s->chat_ask($key{other}, {model => 'one'});
is(accepted($PLACES / 2 + 2), $PLACES / 2 + 2, 'another project is judged');
my $own = $s->chat_ask($key{many}, {model => 'one'});
is(accepted($PLACES / 2 + 3), $PLACES / 2 + 3,
    '... and so is a call of the first that its limits bound');
allow();
is($s->chat_read($_)->status, 200, '... and goes on') for $other, $chat, $own;
is_deeply([grep { $_ != 200 } map { $s->chat_read($_)->status }
    grep { !$is_refused{$_} } @open], [], '... as do those that had a place');
my $again = count_tokens($key{many});
accepted(1);
allow();
is($s->chat_read($again)->status, 200, 'their places are free again');
is($s->metric('asgard_guardrail_hook_failed_total'), 0,
    'the service has not failed');

# --- calls that a hold bounds ---

my $most = $PLACES * 7 / 8;
@open = map { $s->chat_ask($key{paid}, {model => 'one'}) } 1 .. $most + 1;
is(accepted($most), $most, 'seven eighths are taken by calls of one project');
ok(wait_until(sub { answered(@open) >= 1 }, 20), '... but no more');
my @rest = map { count_tokens($key{$_}) } qw(many other);
is(accepted($most + 2), $most + 2, '... and others are judged');
allow();
is($s->chat_read($_)->status, 200, '... and go on') for @rest, @open;
is($s->metric('asgard_guardrail_hook_failed_total'), 1,
    'what it could not judge goes by "fail", and is counted');
$s->done;
