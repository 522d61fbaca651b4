# A whole private Asgard for one test, in a folder and on ports of its own.
#
#     use Asgard::Test;
#     my $t = Asgard::Test->new(workers => 2);
#     my $up = $t->upstream('main', completion_tokens => 20);
#     $t->add_model($up, ref => 'model:test/one', route => 'one');
#     $t->start;
#     my $key = $t->key(project => $t->project(budget_usd => '1'));
#     my $reply = $t->chat($key, {model => 'one'});
#     is($reply->status, 200, 'a call is answered');
#     $t->done;
#
# new() takes what Gateway.pm and Control.pm take, and: control => 0 (no
# asgard-ctl, no PostgreSQL), gateway => 0, without_money => 1,
# empty_database => 1 (`migrate` has not been run), proxies => [any of
# gateway_redis, ctl_redis, ctl_postgres]: a FaultProxy between the two, as
# $t->proxy('gateway_redis'); shims => {gateway => 'clock' or 'alloc:LIBRARY',
# redis or postgres => 'clock', control => 'alloc'}: as
# $t->shim('redis')->set(3600);
# gateways => N on the same stores: $t->at(1) is the same test with the calls
# going to the second.  done() checks what must hold after every test
# (Teardown.pm) and ends the plan.
package Asgard::Test;

use strict;
use warnings;
use parent qw(Asgard::Admin);
use Carp qw(croak);
use POSIX ();
use Test::More ();

use Asgard::Control;
use Asgard::Disk;
use Asgard::FakeUpstream;
use Asgard::FaultProxy;
use Asgard::Files qw(spill slurp random_hex wait_until work_dir);
use Asgard::Gateway;
use Asgard::HTTP;
use Asgard::Money;
use Asgard::PostgresServer;
use Asgard::RedisServer;
use Asgard::Shim;
use Asgard::Teardown;
use Asgard::TLS;

my @gateway_words = qw(workers connections main_conf http_conf server_conf
    location_conf zone redis_deadline shutdown_timeout listen);
my @control_words = qw(services backends routing conf without_shipped);

sub new {
    my ($class, %arg) = @_;
    $SIG{$_} //= sub { exit 1 } for qw(INT TERM HUP);
    my $self = bless {control => 1, gateway => 1, canaries => {},
        allowed_alerts => [], upstreams => {}, arg => {%arg},
        owner => $$}, $class;
    $self->{$_} = $arg{$_} for grep { exists $arg{$_} }
        qw(control gateway without_money);
    $self->{dir} = work_dir('t');
    mkdir "$self->{dir}/$_" for qw(redis asan);
    chmod 0777, "$self->{dir}/asan";
    $self->{prompt} = 'prompt-canary-' . random_hex(8);
    $self->canary('the prompt', $self->{prompt});
    $self->write_key_file;
    $self->begin_stores;
    return $self;
}

sub write_key_file {
    my ($self) = @_;
    my %hex = map { $_ => random_hex(32) } qw(seal pepper);
    $self->{key_file} = spill("$self->{dir}/seal.key",
        "seal s1 $hex{seal}\npepper p1 $hex{pepper}\n", 0600);
    $self->canary("the $_ key", $hex{$_}) for keys %hex;
    $self->{kek_hex} = $self->canary('the kek', random_hex(32));
    $self->{kek_file} = spill("$self->{dir}/kek.key",
        "kek k1 $self->{kek_hex}\n", 0400);
}

sub begin_stores {
    my ($self) = @_;
    my $dir = $self->{dir};
    my %arg = %{$self->{arg}};
    $self->{shims}{$_} = Asgard::Shim->new(dir => $dir, name => $_,
        kind => $arg{shims}{$_}) for keys %{$arg{shims} // {}};
    $self->{redis} = Asgard::RedisServer->new(dir => "$dir/redis",
        shim => $self->{shims}{redis});
    my $clock = $self->{shims}{postgres};
    $self->{postgres} = Asgard::PostgresServer->new(dir => "$dir/pg",
        empty => $arg{empty_database},
        $clock ? (env => {$clock->environment}) : ()) if $self->{control};
    $self->begin_proxy($_) for @{$arg{proxies} // []};
    my %common = (dir => $dir, key_file => $self->{key_file},
        kek_file => $self->{kek_file});
    my @gateways = map { $self->begin_gateway($_, %common) }
        1 .. ($arg{gateways} // 1) if $self->{gateway};
    @$self{qw(gateway other_gateways)} = (shift @gateways, \@gateways)
        if $self->{gateway};
    $self->{control} = Asgard::Control->new(%common,
        gateway_url => $self->{gateway} ? $self->url : undef,
        shim => $self->{shims}{control},
        redis => $self->seen_by('ctl', 'redis'),
        postgres => $self->seen_by('ctl', 'postgres'), map { $_ => $arg{$_} }
            grep { exists $arg{$_} } @control_words) if $self->{control};
    $self->note_backend_secrets($arg{backends} // {});
}

sub begin_gateway {
    my ($self, $n, %common) = @_;
    my %arg = %{$self->{arg}};
    my $dir = $n == 1 ? $self->{dir} : "$self->{dir}/gateway$n";
    mkdir $dir if $n > 1;
    return Asgard::Gateway->new(%common, dir => $dir,
        redis => $self->seen_by('gateway', 'redis'),
        shim => $self->{shims}{gateway},
        control_socket => "$self->{dir}/ctl.sock", map { $_ => $arg{$_} }
            grep { exists $arg{$_} } @gateway_words);
}

# One more asgard-ctl on the same stores, not started; the words of Control.pm
# replace what the first one has.
sub another_control {
    my ($self, %arg) = @_;
    my $first = $self->{control};
    my $n = @{$self->{other_controls} // []} + 2;
    my $dir = "$self->{dir}/control$n";
    mkdir $dir;
    mkdir "$dir/asan";
    my $new = Asgard::Control->new((map { $_ => $first->{$_} }
        qw(redis postgres key_file kek_file gateway_url conf without_shipped)),
        backends => {%{$first->{backends}}}, %arg, dir => $dir);
    system('cp', '-a', "$self->{dir}/services", $dir) == 0
        or croak 'cp services';
    $new->write_routing(slurp("$self->{dir}/routing.yaml"))
        if -e "$self->{dir}/routing.yaml";
    push @{$self->{other_controls}}, $new;
    return $new;
}

sub begin_proxy {
    my ($self, $name) = @_;
    my ($server) = $name =~ /^(?:gateway|ctl)_(redis|postgres)$/
        or croak "no place for a proxy: $name";
    $self->{proxies}{$name} = Asgard::FaultProxy->new(dir => $self->{dir},
        name => $name, server => $self->{$server},
        protocol => $self->{arg}{proxy_protocol}
            // ($server eq 'redis' ? 'redis' : 'raw'));
}

sub begin_up_proxy {
    my ($self, $id, $upstream) = @_;
    return $self->{proxies}{"up_$id"} = Asgard::FaultProxy->new(
        dir => $self->{dir}, name => "up_$id", server => $upstream,
        protocol => 'raw');
}

sub shim { $_[0]{shims}{$_[1]} // croak "no shim $_[1]" }
sub proxy { $_[0]{proxies}{$_[1]} // croak "no proxy $_[1]" }

sub seen_by {
    my ($self, $who, $server) = @_;
    return $self->{proxies}{"${who}_$server"} // $self->{$server};
}

sub note_backend_secrets {
    my ($self, $backends) = @_;
    for (grep { /KEY|TOKEN|SECRET/ } keys %$backends) {
        $self->canary("the value of $_", $backends->{$_});
    }
}

# A secret that must be at rest nowhere but in its one store.
sub canary {
    my ($self, $name, $secret) = @_;
    $self->{canaries}{$name} = $secret;
    return $secret;
}

# Log lines that this test provokes on purpose.
sub allow_alert { my ($self, @re) = @_; push @{$self->{allowed_alerts}}, @re }

# --- backends -----------------------------------------------------------------

# A fake provider; the words of FakeUpstream.pm are its defaults.
sub upstream {
    my ($self, $name, %defaults) = @_;
    $name //= 'main';
    my %where = map { exists $defaults{$_} ? ($_ => delete $defaults{$_}) : () }
        qw(tls address port);
    return $self->{upstreams}{$name} //= Asgard::FakeUpstream->new(
        dir => $self->{dir}, name => $name, defaults => \%defaults, %where);
}

sub tls {
    my ($self) = @_;
    mkdir "$self->{dir}/tls";
    return $self->{tls} //= Asgard::TLS->new(dir => "$self->{dir}/tls");
}

# The manifest of a service that is one fake provider.  Each model is a hash:
# ref, route, cost_in, cost_out, and any other field of a model as it stands.
# With proxy => 1 a FaultProxy stands before the provider: proxy("up_$id").
sub add_service {
    my ($self, $id, $upstream, %arg) = @_;
    $arg{base_url} = 'http://' . $self->begin_up_proxy($id, $upstream)->address
        . '/v1' if $arg{proxy};
    my $upper = uc($id =~ s/-/_/gr);
    my $secret = $arg{master_key} // 'mk-' . random_hex(16);
    my @models = @{$arg{models}};
    my $yaml = "id: $id\nname: Test $id\ncategory: ai-models\nstatus: live\n"
        . "description: A fake provider.\ninference:\n"
        . '  kind: ' . ($arg{kind} // 'openai-compatible') . "\n"
        . "  base_url_env: ${upper}_BASE_URL\n"
        . "  api_key_env: ${upper}_MASTER_KEY\n";
    $yaml .= "  $_: $arg{inference}{$_}\n" for sort keys %{$arg{inference}};
    $yaml .= "  models:\n";
    for my $model (@models) {
        my %m = (data_classes => '[public, internal, confidential]',
            cost_in => '0.001', cost_out => '0.01', %$model);
        my $dash = '-';
        for my $field (sort { ($b eq 'ref') <=> ($a eq 'ref') || $a cmp $b }
            keys %m) {
            $yaml .= "    $dash $field: $m{$field}\n";
            $dash = ' ';
        }
    }
    $self->{control}->write_service($id, $yaml);
    $self->{control}->write_backends("${upper}_BASE_URL" =>
        $arg{base_url} // $upstream->url . '/v1',
        "${upper}_MASTER_KEY" => $secret);
    $self->canary("the key of $id", $secret) if length $secret;
    return $secret;
}

# The short form: one model of one service.
sub add_model {
    my ($self, $upstream, %model) = @_;
    my $id = delete $model{service} // $upstream->{name};
    my $proxy = delete $model{proxy};
    return $self->add_service($id, $upstream, proxy => $proxy,
        models => [{%model}]);
}

# --- running ------------------------------------------------------------------

sub start {
    my ($self) = @_;
    if ($self->{control}) {
        $self->{control}->start;
        $_->start for $self->gateways;
        $self->at($_)->wait_ready for 0 .. $self->gateways - 1;
    } else {
        $self->allow_no_control;
        $_->start for $self->gateways;
    }
    return $self;
}

# All of them, the first one first.
sub gateways {
    my ($self) = @_;
    return Asgard::Teardown::gateways($self);
}

# This test, seen from its $n-th gateway, counted from 0.
sub at {
    my ($self, $n) = @_;
    return $self if $n == 0;
    return bless {%$self, gateway => $self->{other_gateways}[$n - 1],
        other_gateways => [], owner => 0}, ref $self;
}

sub wait_ready {
    my ($self, $seconds) = @_;
    my $last;
    wait_until(sub {
        $last = eval { $self->get('/readyz') };
        return $last && $last->status == 200;
    }, $seconds // 20, 0.05);
    return 1 if $last && $last->status == 200;
    croak 'not ready: ' . ($last ? "$last->{status} $last->{body}" : $@)
        . "\n" . $self->{control}->log_text . $self->{gateway}->error_log;
}

sub port { $_[0]{gateway}{port} }
sub url  { 'http://127.0.0.1:' . $_[0]->port }

sub admin_token {
    my ($self) = @_;
    return $self->{admin_token} //= do {
        my $out = $self->{control}->run_ok('admin', 'bootstrap');
        my ($token) = $out =~ /(asg_pat_[0-9a-f]{64})/
            or croak "no token in: $out";
        $self->canary('the admin token', $token);
    };
}

# Changed manifests, routing or backends: true when every worker serves them.
sub reload_catalog {
    my ($self) = @_;
    my ($status) = $self->{control}->run('reload');
    return $status == 0;
}

sub stop_control {
    my ($self, @signal) = @_;
    $self->allow_no_control;
    return $self->{control}->stop(@signal);
}

sub allow_no_control {
    my ($self) = @_;
    $self->allow_alert(qr/connect\(\) to unix:\S+ctl\.sock failed/);
}

sub kill_worker {
    my ($self, $pid) = @_;
    my $killed = $self->{gateway}->kill_worker($pid);
    $self->allow_alert(qr/worker process $killed exited on signal 9/);
    return $killed;
}

# --- calls --------------------------------------------------------------------

sub http { my ($self, %arg) = @_;
    return Asgard::HTTP->new(port => $self->port, %arg) }

sub get {
    my ($self, $path, @headers) = @_;
    return $self->http->request('GET', $path, \@headers);
}

sub bearer {
    my ($key) = @_;
    return ('Authorization', 'Bearer ' . (ref $key ? $key->{key} : $key));
}

# A chat request with the prompt that must not be found at rest.
sub chat_body {
    my ($self, $change) = @_;
    return $self->encode({model => 'echo', max_tokens => 50,
        messages => [{role => 'user', content => $self->{prompt}}],
        %{$change // {}}});
}

# post(KEY, PATH, structure or text, header pairs…)
sub post {
    my ($self, $key, $path, $data, @headers) = @_;
    my $body = ref $data ? $self->encode($data) : $data;
    return $self->http->request('POST', $path, [
        defined $key ? bearer($key) : (),
        'Content-Type', 'application/json', @headers], $body);
}

sub chat {
    my ($self, $key, $change, @headers) = @_;
    return $self->post($key, '/v1/chat/completions',
        $self->chat_body($change), @headers);
}

# The same on a connection that is open.
sub chat_on {
    my ($self, $http, $key, $change) = @_;
    return $http->request('POST', '/v1/chat/completions', [bearer($key),
        'Content-Type', 'application/json'], $self->chat_body($change));
}

# Bytes as they are, and what comes back.
sub raw {
    my ($self, $bytes) = @_;
    my $http = $self->http;
    $http->send_raw($bytes);
    my $reply = $http->read_head;
    $reply->{started} = time;
    $http->plan_body($reply);
    return $http->read_body($reply);
}

# Begin a call whose body is read piece by piece: (http, reply).
sub chat_start {
    my ($self, $key, $change, @headers) = @_;
    my $http = $self->http;
    my $reply = $http->start('POST', '/v1/chat/completions',
        [bearer($key), 'Content-Type', 'application/json', @headers],
        $self->chat_body($change));
    return ($http, $reply);
}

# The two halves of a call: asked, and later read.
sub chat_ask {
    my ($self, $key, $change, @headers) = @_;
    my $http = $self->http;
    $http->send_raw($http->request_text('POST', '/v1/chat/completions',
        [bearer($key), 'Content-Type', 'application/json', @headers],
        $self->chat_body($change)));
    return $http;
}

sub chat_read {
    my ($self, $http) = @_;
    my $reply = $http->read_head;
    $reply->{started} = 0;
    $http->plan_body($reply);
    return $http->read_body($reply);
}

# A stream of the model $name, whose provider is behind the proxy of that name:
# it has begun, and ends when the code that is returned is called, which gives
# the whole reply.
sub stalled_stream {
    my ($self, $key, $name) = @_;
    my $proxy = $self->proxy("up_$name");
    $self->{upstreams}{$name}->script({chunks => 1, chunk_delay => 1});
    my ($http, $reply) = $self->chat_start($key, {model => $name,
        stream => \1});
    $http->read_piece($reply);
    $proxy->freeze('down');
    return sub {
        $proxy->thaw('down');
        $http->read_body($reply);
        return $reply;
    };
}

# Run $n copies of a call at once; $what->($i) returns text for each.
sub in_parallel {
    my ($self, $n, $what) = @_;
    my @pipes;
    for my $i (0 .. $n - 1) {
        my $pid = open my $out, '-|';
        croak "fork: $!" if !defined $pid;
        if (!$pid) {
            my $text = eval { $what->($i) } // "died: $@";
            syswrite STDOUT, $text;
            POSIX::_exit(0);
        }
        push @pipes, $out;
    }
    return map { my $pipe = $_; local $/; my $text = <$pipe> // '';
        close $pipe; $text } @pipes;
}

# --- the end ------------------------------------------------------------------

sub done {
    my ($self) = @_;
    Test::More::subtest('what must hold after every test' => sub {
        Asgard::Teardown::while_running($self);
        $_->stop for $self->gateways;
        $_->stop for Asgard::Teardown::controls($self);
        Asgard::Teardown::after_stop($self);
    });
    $self->finish;
    Test::More::done_testing();
}

sub finish {
    my ($self) = @_;
    return if $self->{finished}++ || $$ != $self->{owner};
    $_->stop for grep { defined } values %{$self->{upstreams}};
    for my $server ($self->gateways, Asgard::Teardown::controls($self),
        @$self{qw(redis postgres)}) {
        $server->stop if ref $server && $server->{process};
    }
    delete $self->{proxies};
    Asgard::Disk::unmount(splice @{$self->{mounts}}) if $self->{mounts};
    if ($ENV{TEST_KEEP}) { Test::More::diag("kept: $self->{dir}"); return }
    system('rm', '-rf', $self->{dir}, "$self->{dir}/pg.log");
}

sub DESTROY { my ($self) = @_; local ($?, $@, $!); $self->finish }

1;
