# The probes need no token, name what fails, and answer while asgard-ctl is
# away or silent.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use IO::Socket::UNIX;
use Test::More;
use Time::HiRes qw(time);
use Asgard::Stage;

my $s = Asgard::Stage->new(workers => 2);
$s->model(route => 'echo');
my $key = $s->key($s->project);
$s->{gateway}->start;
$s->{redis}->cmd('DEL', '{asg}:catalog');
$s->allow_alert(qr/ctl\.sock/);

is($s->get('/healthz')->status, 503, 'without a catalog a worker is not well');
is($s->chat($key)->code, 'catalog_unavailable', '  … and serves nothing');
$s->publish;
$s->wait_version(2);
is($s->get('/healthz')->status, 200, 'with one it is');

my $ready = $s->get('/readyz');
is($ready->status, 503, 'without asgard-ctl it is not ready');
like($ready->at('ctl'), qr/no answer/, '  … and says that ctl is away');
is($ready->at('redis'), 'ok', '  … and that Redis is not');

# A ctl that answers what it is told to.
sub with_ctl {
    my ($answer, $what) = @_;
    my $path = "$s->{dir}/ctl.sock";
    unlink $path;
    my $listen = IO::Socket::UNIX->new(Local => $path, Listen => 4);
    chmod 0777, $path;
    my $pid = fork // die;
    if (!$pid) {
        $SIG{ALRM} = 'DEFAULT';
        alarm 10;
        my $c = $listen->accept;
        sysread $c, my $head, 4096;
        sleep 5 if !defined $answer;
        syswrite $c, $answer;
        close $c;
        require POSIX;
        POSIX::_exit($head =~ /^\d+:CONTENT_LENGTH\0000\0/
            && $head =~ m{REQUEST_URI\0/internal/ready\0} ? 0 : 1);
    }
    my $reply = $s->get('/readyz');
    kill TERM => $pid if !defined $answer;
    waitpid $pid, 0;
    is($?, 0, 'ctl was asked for its readiness') if defined $answer;
    return $reply;
}

my $good = '{"redis":"ok","postgres":"ok","ctl":"ok","catalog":"ok"}';
my $reply = with_ctl("Status: 200 OK\r\nContent-Type: application/json\r\n"
    . "\r\n$good");
is($reply->status, 200, 'ctl that is ready makes the gateway ready');
is($reply->body, $good, '  … in its own words');
$reply = with_ctl("Status: 503 No\r\n\r\n"
    . '{"redis":"ok","postgres":"down","ctl":"ok","catalog":"ok"}');
is($reply->status, 503, 'ctl that is not ready does not');
is($reply->at('postgres'), 'down', '  … and its reason is passed on');
is(with_ctl("nonsense")->status, 503, 'an answer that is none is not ready');
my $begun = time;
is(with_ctl(undef)->status, 503, 'a ctl that hangs is not ready');
my $took = time - $begun;
ok($took > 0.8 && $took < 2.5, '  … known after a second') or diag($took);

# --- metrics ------------------------------------------------------------------

is($s->chat($key)->status, 200, 'a call');
is($s->chat(undef)->status, 401, 'a refusal');
my $text = $s->get('/metrics')->body;
like($text, qr/^asgard_catalog_version 2$/m, 'metrics say the catalog');
like($text, qr/^asgard_refusals_total\{code="missing_api_key"\} 1$/m,
    '  … and the refusals by code');
unlike($text, qr/\Q$key->{prefix}\E|proj-/, '  … and name no caller');
my %type = $text =~ /^# TYPE (\S+) (\S+)$/mg;
my @bare = grep { !$type{$_} && ($type{s/_(?:bucket|sum|count)$//r} // '')
    ne 'histogram' } $text =~ /^(asgard_\w+)(?:\{| )/mg;
is_deeply(\@bare, [], 'every metric has a type');
is($s->http->request('POST', $_, [], '')->status, 405, "$_ is only read")
    for qw(/healthz /readyz /metrics);

$s->done;
