#!/usr/bin/env perl
# Every folder of examples/ has a short README and does what it says.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::FakeLiteLLM;
use Asgard::Files qw(random_hex spill slurp top lines_of);
use Asgard::People;
use Asgard::Sdk;
use Asgard::Test;

my $python = Asgard::Sdk::must_have('venv');
my $modules = Asgard::Sdk::must_have('node_modules');
my $t = Asgard::Test->new(workers => 2);
my $master = $t->canary('the master key of LiteLLM', 'sk-' . random_hex(16));
my $proxy = Asgard::FakeLiteLLM->new(dir => $t->{dir}, key => $master);
$t->{control}->write_service('litellm-key', slurp(top()
    . '/services/litellm-key/service.yaml')
    =~ s/(handover_s|spend_lag_s): \d+/$1: 0/gr);
$t->{control}->write_backends(LITELLM_BASE_URL => $proxy->url,
    LITELLM_MASTER_KEY => $master);
$t->start;
my $people = Asgard::People->new($t);
my %who = map { $_ => $people->person($_) } qw(rita max);
my $project = $t->project(budget_usd => '5',
    owner_email => $who{rita}{email}, manager_email => $who{max}{email});
my $key = $t->key(project => $project)->{key};
my $env = spill("$t->{dir}/env", join('', map { "$_\n" }
    'ASGARD_URL=' . $t->url, 'ASGARD_ADMIN_TOKEN=' . $t->admin_token,
    "ASGARD_PROJECT=$project", "ASGARD_KEY=$key",
    "ASGARD_REQUESTER_TOKEN=$who{rita}{token}",
    "ASGARD_APPROVER_TOKEN=$who{max}{token}",
    'ASGARD_REDIS=' . $t->{redis}->url, 'ASGARD_CTL="' . join(' ',
        $t->{control}->binary, '-c', $t->{control}->conf) . '"'), 0600);
my $sdk = bless {test => $t}, 'Asgard::Sdk';

# A copy with the SDK in place, as if it had been installed there.
sub copy_of {
    my ($name, %link) = @_;
    my $to = "$t->{dir}/example-$name";
    system('cp', '-r', top() . "/examples/$name", $to) == 0 or die 'cp';
    system('rm', '-rf', "$to/.venv", "$to/node_modules");
    symlink $link{$_}, "$to/$_" or die "symlink: $!" for keys %link;
    return $to;
}

sub run_example {
    my ($name, %link) = @_;
    my $dir = copy_of($name, %link);
    my ($status, $out, $err) = $sdk->run({ASGARD_ENV => $env}, "$dir/run.sh");
    is($status, 0, "examples/$name runs") or diag("$out\n$err");
    return $out;
}

my %run = (
    messages => sub {
        my $out = run_example('messages', '.venv' => $python);
        sdk_output('messages', $out);
        like($out, qr/^counted: \d+ tokens/m, 'messages: a count');
    },
    curl => sub {
        my $out = run_example('curl');
        like($out, qr/"answer": ".*Hello Asgard/, 'curl: an answer');
        like($out, qr/^data: \{.*\n\ndata: \[DONE\]/ms, 'curl: a stream');
        like($out, qr/^echo$/m, 'curl: the models');
        like($out, qr/"code": "budget_exceeded"/, 'curl: a refusal');
        like($out, qr/"window": "total"/, 'curl: the usage of a window');
        is(scalar(() = $out =~ /^\S+Z model:\S+ \d+\+\d+$/mg), 2,
            'curl: two calls in the ledger');
    },
    money => sub {
        my $out = run_example('money');
        like($out, qr/^Now: settled, charged 0\.0\d+ USD\./m,
            'money: the life of a hold');
        like($out, qr/budget_unavailable\n +1 served$/m,
            'money: refused until the counters are there again');
        like($out, qr/^3 calls are in the ledger, each once\.$/m,
            'money: nothing lost, nothing doubled');
        like($out, qr/^every amount is accounted for \(0 broken\)$/m,
            'money: the audit');
    },
    'litellm-key' => sub {
        my $out = run_example('litellm-key');
        like($out, qr/"state":"requested","rule":"deploy\.human"|"requested"/,
            'litellm-key: it waits for a human');
        like($out, qr/^\{"code":"self_approval"/m,
            'litellm-key: the owner does not approve it');
        like($out, qr/"state": "provisioned",\n *"dry_run": false,/,
            'litellm-key: it is minted');
        is(scalar(() = $out =~ /^\{"answer":"Hello from LiteLLM/mg), 2,
            'litellm-key: both keys were used');
        like($out, qr/"version":2/, 'litellm-key: it was rotated');
        like($out, qr/^\{"refused":"token_not_found_in_db"\}$/m,
            'litellm-key: and is gone');
        unlike($out, qr/sk-/, 'litellm-key: nobody is shown a key');
        is(scalar(keys %{$proxy->keys}), 0, 'litellm-key: nothing is left');
    },
    review => sub {
        my $out = run_example('review');
        like($out, qr/"state": "provisioned",\n *"dry_run": true,/,
            'review: what is self-service is made at once');
        like($out, qr/"waits": "the project's manager or an administrator"/,
            'review: what costs waits');
        is(scalar(() = $out =~ /^\{"code":"self_approval"/mg), 2,
            'review: nobody approves what they or their agent asked');
        like($out, qr/^\{"code":"forbidden"/m, 'review: nor the agent');
        like($out, qr/^\{"code":"request_not_found"/m,
            'review: who has no part sees nothing');
        like($out, qr/^\{"code":"plan_changed"/m,
            'review: an approval is of what was shown');
        like($out, qr/^\{"state":"fulfilled","approver":"max"\}$/m,
            'review: the manager approves');
        like($out, qr/^\{"state":"rejected","approver":null\}$/m,
            'review: and says no');
        like($out, qr/looks again.*"cluster_size": "Large".*_usd": null/s,
            'review: what was approved is made');
        like($out, qr/submit -> requested .*\n.*approve -> approved until/,
            'review: all of it is on record');
    },
    python => sub {
        my $out = run_example('python',
            '.venv' => $python);
        sdk_output('python', $out);
    },
    node => sub {
        my $out = run_example('node',
            node_modules => $modules);
        sdk_output('node', $out);
    },
);

sub sdk_output {
    my ($name, $out) = @_;
    like($out, qr/^answer: .*Hello Asgard/m, "$name: an answer");
    like($out, qr/^tokens: \d+ in, \d+ out$/m, "$name: its tokens");
    like($out, qr/^cost: +0\.0\d+ USD$/m, "$name: its cost");
    like($out, qr/^stream: .*One word after another/m, "$name: a stream");
    like($out, qr/^refused: 404 model_not_found - \S/m, "$name: a refusal");
}

my @folders = map { m{([^/]+)/$} } glob(top() . '/examples/*/');
is_deeply([sort @folders], [sort keys %run], 'each example has its test');
for my $name (sort keys %run) {
    my @lines = lines_of(top() . "/examples/$name/README.md");
    cmp_ok(scalar(@lines), '<=', 14, "the README of $name is short");
    $run{$name}->();
}
for (['python/requirements.txt', 'openai'], ['node/package.json', 'openai'],
    ['messages/requirements.txt', 'anthropic'])
{
    my ($file, $package) = @$_;
    my $version = qr/\b$package"?(?:==|: ")([0-9.]+)/;
    my ($here) = slurp(top() . "/examples/$file") =~ $version;
    my ($there) = slurp(top() . '/t/sdk/' . ($file =~ s{.*/}{}r)) =~ $version;
    is($here, $there, "examples/$file has the version that is tested");
}

$t->done;
