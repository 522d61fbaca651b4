#!/usr/bin/perl
# The fake LiteLLM answers as the contract of a real one says: keys, spend that
# lags, lost answers, each way to say that there is no database.
use strict;
use warnings;
use Digest::SHA qw(sha256_hex);
use File::Temp qw(tempdir);
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use Test::More;

use Asgard::FakeLiteLLM;
use Asgard::Files qw(lines_of slurp);
use Asgard::HTTP;

my $master = 'sk-the-master';
my $dir = tempdir(CLEANUP => 1);
my $proxy = Asgard::FakeLiteLLM->new(dir => $dir, key => $master);
my $json = JSON::PP->new->canonical;

sub ask {
    my ($method, $path, $body, %arg) = @_;
    my $http = Asgard::HTTP->new(port => $proxy->{port});
    return $http->request($method, $path, ['Authorization', 'Bearer '
        . ($arg{key} // $master), 'Content-Type', 'application/json'],
        defined $body ? $json->encode($body) : undef);
}

sub told {
    my ($reply) = @_;
    my $error = $reply->at('error');
    return join ' ', $reply->status, ref $error ? ($error->{type},
        $error->{param} // 'null') : substr($reply->body, 0, 12);
}

my $key = 'sk-own-value-0001';
my $hash = sha256_hex($key);
my %wish = (key => $key, key_alias => 'asgard-p-n-1', models => ['chat-large'],
    max_budget => 0.5, budget_duration => '30d', metadata => {a => 1});
my $made = ask('POST', '/key/generate', \%wish);
is($made->status . ' ' . $made->at('token'), "200 $hash",
    'a key has the value that was brought');
is(told(ask('POST', '/key/generate', {%wish, key => 'sk-other'})),
    '400 bad_request_error key_alias', 'an alias is taken once');
is(told(ask('POST', '/key/generate', {%wish, key_alias => 'b'})),
    '400 bad_request_error key', '... and so is a value');
is(told(ask('POST', '/key/generate', {key => 'own'})),
    '400 bad_request_error key', 'a value begins with sk-');
my $wrong = ask('POST', '/key/generate', {max_budget => 'much'});
is($wrong->status . ' ' . $wrong->at('detail', 0, 'loc', 1), '422 max_budget',
    'a wrong type is told as the framework tells it');

my $info = ask('GET', "/key/info?key=$hash");
is($info->at('info', 'key_alias'), 'asgard-p-n-1', 'a key is found by hash');
is($info->at('info', 'token'), undef, '... which is not in it');
is(ask('GET', '/key/info?key_alias=asgard-p-n-1')->at('info', 'key_alias'),
    undef, '... and by alias the own is told');
is(told(ask('GET', '/key/info?key=' . sha256_hex('sk-x'))),
    '404 not_found_error key', 'an unknown one');
is(ask('POST', '/v2/key/info', {keys => [$hash]})->at('info', 0, 'token'),
    $hash, 'several are told at once');
is(told(ask('POST', '/key/update', {key => 'sk-x', max_budget => 1})),
    '404 not_found_error key', 'an unknown one is not changed');
is(ask('POST', '/key/update', {key => $hash, rpm_limit => 9,
    budget_duration => undef})->at('budget_duration'), '30d',
    'what is null is dropped for some fields');

sub chat { ask('POST', '/v1/chat/completions', {model => $_[0]}, key => $key) }
is(told(chat('chat-small')), '401 key_model_access_denied model',
    'a model that is not of the key');
is(ask('GET', '/v1/models', undef, key => $key)->at('data', 0, 'id'),
    'chat-large', '... which sees only its own');
$proxy->set(lag => 1);
is(chat('chat-large')->status, 200, 'a call of the key') for 1, 2, 3;
is(ask('GET', "/key/info?key=$hash")->at('info', 'spend'), 0,
    'what was spent is told later');
$proxy->settle;
is(ask('GET', "/key/info?key=$hash")->at('info', 'spend'), 0.75, '... then');
is(told(chat('chat-large')), '429 budget_exceeded None', 'the budget is spent');
$proxy->set(budget_status => 400, lag => 0);
is(told(chat('chat-large')), '400 budget_exceeded None', '... in both forms');
$proxy->new_period($hash);
is(chat('chat-large')->status, 200, 'a new period begins at 0');
ok(ask('POST', '/key/block', {key => $hash})->at('blocked'), 'blocked');
is(told(chat('chat-large')), '401 auth_error None', '... it is refused');
ok(!ask('POST', '/key/unblock', {key => $hash})->at('blocked'), 'unblocked');
is(ask('POST', '/key/block', {key => sha256_hex('sk-x')})->body, 'null',
    'an unknown one is nothing, with success');

$proxy->add_key(key_alias => "asgard-p-n-$_") for 2 .. 5;
my $page = ask('GET', '/key/list?size=2&page=3&return_full_object=true');
is(scalar(@{$page->at('keys')}) . ' of ' . $page->at('total_count') . ', '
    . $page->at('total_pages'), '1 of 5, 3', 'keys are listed in pages');
is(told(ask('GET', '/key/list', undef, key => $key)), '403 auth_error None',
    '... not for a key');
my @deleted = map { told(ask('POST', '/key/delete', {keys => [$hash]})) } 1, 2;
is("@deleted", '200 {"deleted_ke 404 not_found_error None',
    'a key is deleted once');
is(told(ask('POST', '/key/regenerate', {key => $hash})),
    '500 internal_server_error None', 'regenerating takes a licence');

# --- answers that do not come

sub generate { ask('POST', '/key/generate', {key => "sk-$_[0]"}) }
sub is_there { exists $proxy->keys->{sha256_hex("sk-$_[0]")} ? 1 : 0 }
for my $case (['lose', 0, 1], ['drop', 0, 0], ['plain', 500, 0],
    ['validate', 422, 0], ['away', 503, 0], ['not_json', 200, 1],
    ['late', 200, 1], ['slow', 200, 1]) {
    my ($how, $status, $done) = @$case;
    $proxy->next_call('/key/generate', $how, 0.05);
    is(generate($how)->status . ' ' . is_there($how), "$status $done",
        "an answer that is to $how");
    is(generate("$how-after")->status, 200, '... once');
}

# --- no database

$proxy->set(db => 'Not connected');
is(ask('GET', '/health/readiness')->at('db'), 'Not connected',
    'readiness tells that there is no database');
for my $case (['/key/generate', '500 internal_server_error None'],
    ['/key/info', '500 internal_server_error None'],
    ['/v2/key/info', '500 internal_server_error None'],
    ['/key/update', '500 internal_server_error None'],
    ['/key/delete', '500 internal_server_error None'],
    ['/key/block', '500 Internal Ser'], ['/key/unblock', '500 Internal Ser'],
    ['/key/list', '500 internal_server_error None'],
    ['/model/new', '500 auth_error None'],
    ['/spend/logs', '500 internal_error None'],
    ['/spend/logs/v2', '401 internal_error None'],
    ['/spend/keys', '400 {"detail":{"']) {
    my ($path, $says) = @$case;
    is(told(ask('POST', $path, {})), $says, "$path without a database");
}
is(told(ask('GET', '/v1/models', undef, key => 'sk-any')),
    '400 no_db_connection None', 'any other key than the master key');
is(ask('GET', '/v1/models')->status, 200, 'models are told all the same');
$proxy->set(unchecked => 1);
is(chat('chat-large')->status, 200, 'unless it lets all through');
$proxy->set(db => 'failing', unchecked => 0);
is(ask('GET', '/health/readiness')->status, 503, 'a database that fails');

$proxy->set(db => 'connected', master => 'sk-another');
is(told(ask('GET', '/key/list')), '401 token_not_found_in_db key',
    'the master key is another');
$proxy->stop;
$proxy->start;
is(ask('GET', '/key/list', undef, key => 'sk-another')->status, 200,
    'a restart keeps the books');
unlike(slurp("$dir/litellm.state") . slurp("$dir/litellm.journal"), qr/sk-[^.]/,
    '... in which no key stands');
is($proxy->count('/key/regenerate'), 1, 'each request is in its journal');

done_testing;
