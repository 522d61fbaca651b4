# Other gateways before the same backend in the same run, each as its makers
# say to start it, with one process.
#
# A peer's row says what it had on.  None of them had a budget: LiteLLM needs a
# database for it, Portkey's open gateway has none.  CPU is that of the peer's
# process.
package Bench::Peers;

use strict;
use warnings;
use Asgard::Files qw(top random_hex wait_until);
use Asgard::HTTP;
use Asgard::LiteLLM;
use Asgard::Port qw(free_port);
use Asgard::Process;
use Bench::Load qw(measure);
use Bench::Rows;
use Bench::Stage;
use Bench::Table;

my $chat = $Bench::Stage::chat;

sub start {
    my ($stage, $name, $port, %arg) = @_;
    my $process = Asgard::Process->new(name => $name,
        log => "$stage->{t}{dir}/$name.log", %arg);
    wait_until(sub { eval { Asgard::HTTP->new(port => $port) } }, 90, 0.5)
        or die "$name does not listen: " . $process->log_text;
    return $process;
}

sub litellm {
    my ($stage) = @_;
    my $key = 'sk-' . random_hex(16);
    my $proxy = Asgard::LiteLLM->new(dir => $stage->{t}{dir}, key => $key,
        models => {bench => {model => 'openai/bench',
            api_base => "http://127.0.0.1:$stage->{port}/v1"}});
    return {name => 'LiteLLM', process => $proxy, key => $key,
        url => $proxy->url . "/$chat",
        features => 'master key, cost map, no database, no budget'};
}

sub portkey {
    my ($stage) = @_;
    my $port = free_port();
    my $process = start($stage, 'portkey', $port, command => ['node', top()
        . '/build/peers/node_modules/@portkey-ai/gateway/build/start-server.js',
        "--port=$port", '--headless']);
    return {name => 'Portkey gateway', process => $process, key => 'none',
        url => "http://127.0.0.1:$port/$chat",
        headers => {'x-portkey-provider' => 'openai',
            'x-portkey-custom-host' => "http://127.0.0.1:$stage->{port}/v1"},
        features => 'pass-through, no keys of its own, no budget'};
}

sub row {
    my ($stage, $peer, $body) = @_;
    my $lua = $stage->wrk_script($body, $peer->{key}, $peer->{headers});
    return {name => $peer->{name}, lua => $lua, url => $peer->{url},
        features => $peer->{features}, measured => [$peer->{process}->pid]};
}

sub peers {
    my ($stage) = @_;
    system(top() . '/scripts/peers-env') == 0
        or die "the peers cannot be installed\n";
    my @peers = (litellm($stage), portkey($stage));
    my $body = Bench::Stage::body(600, 'bench');
    my $lua = $stage->wrk_script($body);
    my $bare = {name => 'bare proxy_pass', lua => $lua,
        features => 'nothing', url => $stage->url("bare/$chat")};
    my $all = {name => 'Asgard, all on', lua => $lua, governed => 1,
        url => $stage->url($chat), features =>
        'key, one budget, price, ledger in PostgreSQL, witness line'};
    my @rows = map { row($stage, $_, $body) } @peers;
    measure($stage, $bare, $all, @rows);
    Bench::Table::head('600 B, gateways');
    for my $row ($bare, $all, @rows) {
        Bench::Table::show('peers', $row, $bare);
        print "    on: $row->{features}\n";
    }
    $_->{process}->stop for @peers;
}

1;
