#!/usr/bin/env perl
# The curl line of the Databricks page works with only host and key changed.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use Test::More;

use Asgard::FakeUpstream;
use Asgard::Files qw(spill slurp top);
use Asgard::Port qw(free_port);
use Asgard::Test;

# As it stands there, to the letter.
my $line = slurp("$FindBin::Bin/curl_seed.txt");

# It says https, so this gateway speaks it; databricks is the shipped module.
my $port = free_port();
my $token = 'dapi' . '0123456789abcdef' x 2;
my $t = Asgard::Test->new;
my $tls = $t->tls;
my $up = $t->upstream('databricks', prompt_tokens => 10,
    completion_tokens => 20, text => 'Hello from the lakehouse.');
$t->{gateway}->write_conf(server_conf =>
    "listen 127.0.0.1:$port ssl;\n"
    . "ssl_certificate $tls->{dir}/cert.pem;\n"
    . "ssl_certificate_key $tls->{dir}/key.pem;\n");
$t->{control}->write_backends(DATABRICKS_HOST => $up->url,
    DATABRICKS_TOKEN => $token);
$t->canary('the token of Databricks', $token);
$t->start;
my $project = $t->project(budget_usd => '1', data_class => 'internal');
my $key = $t->key(project => $project)->{key};

$line =~ s/<asgard-host>/localhost:$port/;
$line =~ s/<project-llm-key>/$key/;
my $script = spill("$t->{dir}/line.sh", $line, 0600);
my $body = do {
    local $ENV{CURL_CA_BUNDLE} = $tls->ca;
    `sh $script 2>&1`;
};
unlink $script;
is($?, 0, 'curl is content') or diag($body);
my $reply = eval { JSON::PP->new->utf8->decode($body) } // {};
is($reply->{object}, 'chat.completion', 'the answer is the OpenAI object')
    or diag($body);
is($reply->{choices}[0]{message}{content}, 'Hello from the lakehouse.',
    'with the text of the model');
is($reply->{content}, 'Hello from the lakehouse.', 'and once more as content');
is($reply->{model}, 'model:databricks/llama-3-3-70b',
    'the model is the one that was asked for');
is($reply->{provider}, 'databricks', 'the provider is named');
is_deeply([@$reply{qw(prompt_tokens completion_tokens)}], [10, 20],
    'tokens stand in the answer');
is_deeply($reply->{guardrail_verdicts}, [], 'no guardrail had a say');
like($reply->{trace_id}, qr/^[A-Za-z0-9._-]{1,64}$/, 'it has a trace id');

my ($seen) = $up->books;
my ($served) = slurp(top() . '/services/databricks/service.yaml')
    =~ m{model:databricks/llama-3-3-70b\s+route: (\S+)};
is($seen->{path}, "/serving-endpoints/$served/invocations",
    'Databricks was asked at the path of its serving endpoint');
is(Asgard::FakeUpstream->header_of($seen, 'authorization'), "Bearer $token",
    'with the token of Databricks, not with the key of the project');
unlike($seen->{body}, qr/data_class/, 'data_class did not go out');

my ($entry) = $t->wait_ledger($project, 1);
is($entry->{trace_id}, $reply->{trace_id}, 'the ledger has the call');
my ($cost) = $body =~ /"cost_usd"\s*:\s*([0-9.]+)/;
cmp_ok($cost // 0, '>', 0, 'the call has a cost');
is("$entry->{cost_usd}", $cost, 'which is the ledger\'s');

$t->done;
