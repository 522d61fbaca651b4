#!/usr/bin/env perl
# Open WebUI itself, with the settings that docs/clients.md shows: it lists our
# models, gets an answer and a stream, and both are in the ledger.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use Test::More;

use Asgard::FakeModel;
use Asgard::OpenWebUI;
use Asgard::Snippets qw(snippet);
use Asgard::Test;

plan skip_all => "Open WebUI is not installed: 'make test-openwebui' does it"
    . ' (1.2 GB)' if !Asgard::OpenWebUI::available();

my $json = JSON::PP->new->utf8;
my $t = Asgard::Test->new(workers => 1, routing =>
    "num_retries: 0\nmodel_alias_map: {default: one}\n");
my $up = Asgard::FakeModel->of($t, 'main');
$t->add_service('main', $up,
    models => [{ref => 'model:test/one', route => 'one'}]);
$t->start;
my $project = $t->project(budget_usd => '50');
my $key = $t->key(project => $project);
my %settings = snippet('Open WebUI', url => $t->url, key => $key->{key})
    =~ /^(\w+)=(.*)$/mg;
my $webui = Asgard::OpenWebUI->new(dir => $t->{dir}, settings => \%settings);

my $reply = $webui->sign_up;
is($reply->status, 200, 'it has an admin') or diag($reply->body);
is($reply->at('role'), 'admin', '... who may do all');

$reply = $webui->call('GET', '/api/models');
is($reply->status, 200, 'it lists models') or diag($reply->body);
my %listed = map { $_->{id} => 1 } @{$reply->at('data') // []};
ok($listed{$_}, "... '$_' among them") for qw(one default echo);

sub ask {
    my (%more) = @_;
    return $webui->call('POST', '/api/chat/completions', {model => 'default',
        messages => [{role => 'user', content => $t->{prompt}}], %more});
}

$reply = ask(stream => \0);
is($reply->status, 200, 'a chat is answered') or diag($reply->body);
is($reply->at('choices', 0, 'message', 'content'), "You said: $t->{prompt}",
    '... with what the model said');

$reply = ask(stream => \1);
is($reply->status, 200, 'a chat is streamed') or diag($reply->body);
is($reply->stream_text, "You said: $t->{prompt}", '... with the whole text');
is(($reply->events)[-1], '[DONE]', '... and its end');

# Nothing else may have been sent, and each is the project's.
my @sent = map { $json->decode($_->{body}) } $up->books;
is_deeply([map { $_->{stream} ? 1 : 0 } @sent], [0, 1],
    'the provider saw these two calls');
is_deeply([map { $_->{user} } @sent], [($project) x 2],
    '... for the project');
my @entries = $t->wait_ledger($project, 2, 20);
is(scalar(@entries), 2, 'both are in the ledger, once each');
is(scalar(grep { $_->{cost_usd} > 0 } @entries), 2, '... with what they cost');

$reply = $webui->call('POST', '/api/chat/completions', {model => 'default',
    messages => [{role => 'user', content => 'status=429'}], stream => \0});
is($reply->status, 429, "a provider's limit is passed on");
like($reply->body, qr/upstream_rate_limited|rate limit/i, '... in our words');

$webui->stop;
$t->done;
