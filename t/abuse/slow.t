# Row 12: who sends slowly or not at all is closed at the timeout, and others
# are served meanwhile.  The timeouts are the shipped ones; time is made to pass
# by the clock that nginx's timers have.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Socket qw(PF_INET SOCK_STREAM inet_aton pack_sockaddr_in);
use Test::More;
use Time::HiRes qw(sleep);

use Asgard::Abuse;
use Asgard::Files qw(is_sanitized slurp wait_until);

# As many connections as an attacker may have here: the test and nginx each
# need a descriptor for every one.
chomp(my $descriptors = `sh -c 'ulimit -n'`);
$descriptors = 1 << 20 if $descriptors eq 'unlimited';
my $crowd = $descriptors > 13_000 ? 10_000 : int($descriptors * 0.75);

my $t = Asgard::Abuse->new(shims => {gateway => 'clock'},
    connections => $crowd + 2_000);
$t->start;

my $ahead = 0;
sub later { $ahead += $_[0]; $t->shim('gateway')->set(0, $ahead) }

# Has the other side ended the connection, without a word?
sub is_closed {
    my ($http) = @_;
    return wait_until(sub { is_closed_now($http) }, 10, 0)
        && $http->{in} eq '';
}

sub is_closed_now { my $n = $_[0]->fill(0.1); return defined $n && $n == 0 }

sub logged_408 { scalar(() = $t->{gateway}->access_log =~ /" 408 0 /g) }

sub is_timed_out {
    my ($http) = @_;
    my $before = $t->{row}{logged};
    ok(is_closed($http), 'it is closed without an answer');
    is(logged_408() - $before, 1, 'and logged as 408');
}

# A client that sent $bytes and waits.
sub slow {
    my ($bytes) = @_;
    $t->{row}{logged} = logged_408();
    my $http = $t->http;
    $http->send_raw($bytes);
    sleep 0.1;
    return $http;
}

my $head = $t->call_text(body => '', without => ['content-length'],
    head => ['Content-Length: 1000']);

for (['half a request line', 'POST /v1/chat'],
    ['half a head', "POST /v1/chat/completions HTTP/1.1\r\nHost: 127"])
{
    my ($what, $bytes) = @$_;
    $t->row(12, $what, sub {
        my $http = slow($bytes);
        $t->served($t->call);
        later(61);
        is_timed_out($http);
    });
}

$t->row(12, 'a header now and then', sub {
    my $http = slow("POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n");
    for my $n (1 .. 3) {
        later(19);
        $http->send_raw("X-$n: y\r\n");
        sleep 0.1;
    }
    ok(!$http->fill(0.1), 'it goes on for a minute');
    later(19);
    is_timed_out($http);
});

$t->row(12, 'half a body', sub {
    my $http = slow($head . '{"model":');
    $t->served($t->call);
    later(601);
    is_timed_out($http);
});

$t->row(12, 'a byte of the body now and then', sub {
    my $http = slow($head . '{');
    my $sent = 0;
    until (is_closed_now($http) || ++$sent > 10) {
        later(100);
        $http->send_raw(' ');
        sleep 0.1;
    }
    cmp_ok($sent, '<=', 7, 'it ends after ten minutes');
    cmp_ok($sent, '>=', 5, 'and not before');
    is(logged_408() - $t->{row}{logged}, 1, 'logged as 408');
});

$t->row(12, 'thirty lengths of 32 MB that are announced and not sent', sub {
    my $announced = $t->call_text(body => '', without => ['content-length'],
        head => ['Content-Length: ' . (32 << 20)]);
    my @open = map { slow($announced . '{') } 1 .. 30;
    $t->served($t->call({messages => [{role => 'user',
        content => 'x' x (2 << 20)}]}));
    ok(!defined $_->fill(0), 'it waits') for @open;
});

$t->row(12, 'half a body without a key', sub {
    my $http = slow($head =~ s/Authorization: [^\r]+\r\n//r . '{');
    my $reply = $http->read_head;
    $http->plan_body($reply);
    $t->refused($http->read_body($reply), 401, 'missing_api_key');
});

$t->row(12, 'a client that reads nothing of a stream', sub {
    $t->upstream('main')->script({chunks => 100_000,
        completion_tokens => 20_000});
    my $http = $t->http(rcvbuf => 65_536);
    my $reply = $http->start('POST', '/v1/chat/completions',
        ['Authorization', "Bearer $t->{key}{key}",
        'Content-Type', 'application/json'],
        $t->chat_body({model => 'one', stream => \1}));
    is($reply->status, 200, 'it begins');
    sleep 1;
    is($t->upstream('main')->last_request->{outcome}, 'open',
        'the provider waits for the client');
    later(61);
    ok(wait_until(sub { $t->upstream('main')->last_request->{outcome}
        eq 'whole' }, 20), 'after a minute it is read without the client');
}, calls => 1, spent_nusd => 10 * 1000 + 20_000 * 10_000);

# A bare connection; the crowd must have come before a real minute is over.
sub connection {
    my ($bytes) = @_;
    socket my $socket, PF_INET, SOCK_STREAM, 0 or die "socket: $!";
    connect $socket, pack_sockaddr_in($t->port, inet_aton('127.0.0.1'))
        or die "connect: $!";
    syswrite $socket, $bytes if defined $bytes;
    $socket->blocking(0);
    return $socket;
}

sub memory_kb {
    my ($pid) = $t->{gateway}->workers;
    return slurp("/proc/$pid/status") =~ /^VmRSS:\s+(\d+)/m ? $1 : 0;
}

$t->row(12, "$crowd connections, idle and in the middle of a head", sub {
    my $before = memory_kb();
    $t->{row}{logged} = logged_408();
    my $halves = int($crowd * 0.9);
    my @crowd = map { connection($_ <= $halves
        ? "GET /v1/models HTTP/1.1\r\nX-One: " : undef) } 1 .. $crowd;
    sleep 0.5;
    my $each = (memory_kb() - $before) / $crowd;
    diag(sprintf '%.2f kB a connection', $each);
    # a sanitizer puts zones that may not be touched around what is allocated
    cmp_ok($each, '<', is_sanitized() ? 24 : 12, 'each needs little memory');
    $t->served($t->call);
    later(61);
    my @open = @crowd;
    wait_until(sub { @open = grep { my $n = sysread $_, my $said, 1;
        !defined $n || $n } @open; !@open }, 20, 0.1);
    is(@open, 0, 'all are closed at the timeout');
    is(logged_408() - $t->{row}{logged}, $halves,
        'those that had begun are logged as 408');
});

$t->done;
