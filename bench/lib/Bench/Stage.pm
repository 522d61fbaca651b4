# Where the rows are measured: a private Asgard as the tests have it, one
# worker, before a backend that is another nginx with a fixed answer.
#
# Beside the governed locations stand the same proxy without us (/bare/) and
# nginx's own answer to the same request (/own/).
package Bench::Stage;

use strict;
use warnings;
use JSON::PP ();
use Asgard::FakeMessages qw(message block start_of end_of);
use Asgard::Files qw(spill slurp wait_until);
use Asgard::HTTP;
use Asgard::Port qw(free_port);
use Asgard::Process;
use Asgard::Test;
use Time::HiRes qw(sleep);

our $chat = 'v1/chat/completions';

my $usage   = '"usage":{"prompt_tokens":10,"completion_tokens":20,'
    . '"total_tokens":30}';
my $answer = '{"id":"chatcmpl-1","object":"chat.completion","created":1,'
    . '"model":"bench","choices":[{"index":0,"message":{"role":"assistant",'
    . '"content":"' . 'x' x 440 . qq("},"finish_reason":"stop"}],$usage});

# $n events of some 180 bytes, the one with the usage, the end.
sub stream_text {
    my ($n) = @_;
    my $head = '"id":"chatcmpl-1","object":"chat.completion.chunk",'
        . '"created":1,"model":"bench","choices":';
    my $event = qq(data: {$head\[{"index":0,"delta":{"content":"some words"},)
        . qq("finish_reason":null}]}\n\n);
    # a token or two each: fewer could not spell them
    my $said = $usage =~ s/20/2 * $n/er =~ s/30/2 * $n + 10/er;
    return $event x ($n - 1)
        . qq(data: {$head\[],$said}\n\ndata: [DONE]\n\n);
}

# The same from Anthropic's API.
sub messages_text {
    my ($n) = @_;
    return start_of() . block(0, {type => 'text', text => ''},
        ({type => 'text_delta', text => 'some words'}) x $n)
        . end_of('end_turn');
}

my $message = JSON::PP->new->canonical->encode(message([{type => 'text',
    text => 'x' x 440}], 'end_turn'));

# A location whose POST is answered by a file, slowly where a rate is given.
sub stream_location {
    my ($dir, $name, $text, $rate) = @_;
    spill("$dir/$name.sse", $text);
    return "        location /$name/ { error_page 405 =200 /$name.sse; "
        . "return 405; }\n        location = /$name.sse { root $dir; "
        . 'open_file_cache max=8;' . ($rate ? " limit_rate $rate;" : '')
        . " }\n";
}

sub backend {
    my ($root) = @_;
    my $port = free_port();
    my $dir = "$root/backend";
    mkdir $dir;
    my $streams = stream_location($dir, 'stream', stream_text(100))
        . stream_location($dir, 'long', stream_text(1000))
        . stream_location($dir, 'slow', stream_text(2000), 400)
        . stream_location($dir, 'claude-stream', messages_text(100));
    spill("$dir/nginx.conf", <<"CONF");
@{[$> == 0 ? 'user www-data;' : '']}
daemon off;
worker_processes 1;
worker_rlimit_nofile 40000;
pid $dir/pid;
error_log $dir/error.log;
events { worker_connections 20000; }
http {
    access_log off;
    keepalive_requests 1000000000;
    types { text/event-stream sse; }
    @{[join ' ', map { "${_}_temp_path $dir/$_;" }
        qw(client_body proxy fastcgi uwsgi scgi)]}
    server {
        listen 127.0.0.1:$port backlog=4096;
        client_body_buffer_size 1m;
        location / {
            default_type application/json;
            return 200 '$answer';
        }
        location /claude/ {
            default_type application/json;
            return 200 '$message';
        }
        location /busy/ { return 503 '{"error":{"message":"busy"}}'; }
$streams    }
}
CONF
    my $process = Asgard::Process->new(name => 'backend',
        log => "$dir/stdout.log", command => ['nginx', '-p', $dir,
            '-c', "$dir/nginx.conf", '-e', "$dir/error.log"]);
    wait_until(sub { eval { Asgard::HTTP->new(port => $port) } }, 5);
    return ($process, $port);
}

sub bare_conf {
    my ($port) = @_;
    my $proxy = 'client_body_buffer_size 1m; proxy_pass http://bare/; '
        . 'proxy_http_version 1.1; proxy_set_header Connection "";';
    my $streams = join '', map { "        location /bare/$_/ { "
        . ($proxy =~ s{bare/;}{bare/$_/;}r) . " proxy_buffering off; }\n" }
        qw(stream long slow);
    return (<<"HTTP", <<"SERVER");
    upstream bare {
        server 127.0.0.1:$port;
        keepalive 64;
        keepalive_requests 1000000000;
    }
HTTP
        location /bare/ { $proxy }
        location /own/ { return 404 '{"error":{"message":"none"}}'; }
$streams
SERVER
}

# Two candidates that fail before the one that serves, in every call: neither is
# tried twice or left alone.
my $routing = <<'YAML';
num_retries: 0
disable_cooldowns: true
strategy: ordered
models:
  refusing: {candidates: [gone-one, gone-two, bench]}
  failing: {candidates: [busy-one, busy-two, bench]}
YAML

sub add_services {
    my ($t, $port) = @_;
    my $nobody = free_port();
    my %base = ((map { $_ => $nobody } qw(gone-one gone-two)),
        (map { $_ => "$port/busy" } qw(busy-one busy-two)),
        bench => $port, flow => "$port/stream", long => "$port/long",
        slow => "$port/slow", claude => "$port/claude",
        'claude-flow' => "$port/claude-stream");
    for my $id (sort keys %base) {
        $t->add_service($id, undef, base_url => "http://127.0.0.1:$base{$id}",
            $id =~ /^claude/ ? (kind => 'anthropic') : (),
            models => [{ref => "model:$id/one", route => $id}]);
    }
}

# The journal (half of the zone) must hold the calls of one run: the ledger
# may be behind by as many.
sub new {
    my ($class) = @_;
    my $t = Asgard::Test->new(workers => 1, without_money => 1,
        zone => '1000m', connections => 40_000,
        listen => 'reuseport backlog=4096', redis_deadline => '2s',
        main_conf => 'worker_rlimit_nofile 80000;'
            . ($ENV{BENCH_PIN} ? ' worker_cpu_affinity 1;' : ''),
        http_conf => "access_log off;\n    keepalive_requests 1000000000;",
        routing => $routing);
    my ($backend, $port) = backend($t->{dir});
    my ($http, $server) = bare_conf($port);
    $t->{gateway}->write_conf(server_conf => $server,
        http_conf => "$t->{gateway}{http_conf}\n$http");
    add_services($t, $port);
    $t->start;
    my $key = $t->key(project => $t->project(budget_usd => '9000000'))->{key};
    return bless {t => $t, backend => $backend, port => $port, key => $key,
        files => 0}, $class;
}

sub url { my ($self, $path) = @_; return $self->{t}->url . "/$path" }

sub worker { my ($self) = @_; return ($self->{t}{gateway}->workers)[0] }

# The processes whose time a governed call takes: name to ids.
sub processes {
    my ($self) = @_;
    my $t = $self->{t};
    return (gateway => [$self->worker],
        redis => [$t->{redis}{process}->pid],
        ctl => [tree($t->{control}{process}->pid)],
        postgres => [tree($t->{postgres}{process}->pid)],
        backend => [tree($self->{backend}->pid)]);
}

sub tree {
    my ($pid) = @_;
    return ($pid, map { tree($_) }
        split ' ', eval { slurp("/proc/$pid/task/$pid/children") } // '');
}

# The ledger has all calls, hence the journal's slots are free again.
sub wait_drained {
    my ($self) = @_;
    my $left;
    wait_until(sub {
        my $text = $self->{t}->get('/metrics/ctl')->body;
        $left = 0;
        $left += $1 while $text =~ /^asgard_usage_backlog\{.*?\} (\d+)/mg;
        return $left == 0;
    }, 60, 0.2) or print "    $left calls are not in the ledger yet\n";
    sleep 0.7;                              # workers look twice a second
}

# --- requests -----------------------------------------------------------------

sub body {
    my ($bytes, $model, $more, $words) = @_;
    my $head = qq({"model":"$model","max_tokens":20,@{[$more // '']})
        . '"messages":[{"role":"user","content":"';
    my $tail = '"}]}';
    my $room = $bytes - length($head) - length($tail);
    $words //= 'x';
    return $head . substr($words x $room, 0, $room) . $tail;
}

# More of nginx's configuration, from the next worker on.
sub configure {
    my ($self, $conf) = @_;
    my $gateway = $self->{t}{gateway};
    $self->{http} //= $gateway->{http_conf};
    my $old = $self->worker;
    $gateway->write_conf(http_conf => "$self->{http}\n$conf");
    $gateway->reload;
    wait_until(sub { my @now = $gateway->workers;
        @now == 1 && $now[0] != $old }, 20) or die "no new worker\n";
    return;
}

sub file {
    my ($self, $end, $text) = @_;
    return spill("$self->{t}{dir}/load-" . ++$self->{files} . $end, $text,
        0600);
}

# The same request for wrk, and as bytes for openload.
sub wrk_script {
    my ($self, $body, $key, $headers) = @_;
    my %all = ('Content-Type' => 'application/json',
        Authorization => 'Bearer ' . ($key // $self->{key}),
        %{$headers // {}});
    my $lines = join '', map { qq(wrk.headers["$_"] = "$all{$_}"\n) }
        sort keys %all;
    return $self->file('.lua', <<"LUA");
wrk.method = "POST"
wrk.body = [==[$body]==]
$lines
LUA
}

sub wire_request {
    my ($self, $path, $body) = @_;
    return $self->file('.http', join "\r\n", "POST /$path HTTP/1.1",
        'Host: bench', "Authorization: Bearer $self->{key}",
        'Content-Type: application/json', 'Content-Length: ' . length $body,
        '', $body);
}

sub stop {
    my ($self) = @_;
    $self->{backend}->stop;
    $self->{t}->finish;
}

1;
