# An operator's own service judges the texts of a call before anything is held:
# it is asked once, by one deadline, and without its answer nothing leaves
# unless the operator said so.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use Test::More;

use Asgard::Files qw(spill wait_until);
use Asgard::OneModel qw(one_model_stage);
use Asgard::Stage;

my ($s, $up, $project, $key) = one_model_stage();
my $json = JSON::PP->new->canonical->utf8;
my $hook = $s->upstream('hook');
my $secret = 'hook-secret-' . 'x' x 24;
my $file = spill("$s->{gateway}{dir}/hook.secret", "$secret\n", 0400);
my $url = 'http://127.0.0.1:' . $hook->port . '/judge';

sub restart_with { my ($line) = @_;
    my ($old) = $s->{gateway}->workers;
    $s->{gateway}->write_conf(http_conf => $line);
    $s->{gateway}->reload;
    return wait_until(sub { !grep { $_ == $old } $s->{gateway}->workers }, 10)
}
sub says { my ($body, $head) = @_;
    return {raw => "HTTP/1.1 200 OK\r\n" . ($head // 'Content-Length: '
        . length $body) . "\r\n\r\n$body"} }
sub ask { my ($how, $text, $path) = @_;
    spill($hook->{queue}, '');
    $hook->script($how);
    return $s->post($key, $path // '/v1/chat/completions', {model => 'one',
        max_tokens => 50, messages => [{role => 'user',
            content => $text // 'hello'}]}) }
sub verdict { return Asgard::Stage::verdict(@_) }
sub voided { return $s->metric('asgard_voided_total') }
sub counted { my ($name) = @_;
    my ($n) = $s->get('/metrics')->body
        =~ /^asgard_guardrail_hook_$name (\d+)/m;
    return $n }

restart_with("asgard_guardrail_hook $url deadline=1s secret_file=$file;");

# --- what it is asked, and what it answers ---

my $reply = ask(says('{"action":"allow"}'),
    qq(write to jane\@example.com "now" \x{2603}));
is($reply->status, 200, 'what the service allows goes on');
my $asked = $hook->last_request;
is($asked->{method} . ' ' . $asked->{path}, 'POST /judge', '  … it was asked');
is($hook->header_of($asked, 'authorization'), "Bearer $secret",
    '  … with its secret');
is($hook->header_of($asked, 'host'), '127.0.0.1:' . $hook->port,
    '  … by its host and port');
my $said = $json->decode($asked->{body});
is_deeply([sort keys %$said],
    [qw(call_id key model project route texts)], '  … by an object');
is($said->{project}, $project, '  … of the project');
is($said->{call_id}, $reply->header('x-asgard-trace-id'), '  … and the call');
is($said->{route}, '/v1/chat/completions', '  … its route');
is_deeply([grep { $_->{field} eq 'messages[0].content' } @{$said->{texts}}],
    [{field => 'messages[0].content',
      text => qq(write to [REDACTED:pii-email] "now" \x{2603})}],
    '  … with its texts as they would leave');

my $calls = $up->count;
$reply = ask(says('{"action":"block","rule_id":"toxic","category":"abuse"}'));
is(verdict($reply), '400 guardrail_blocked', 'what it blocks is refused');
is($reply->at('error', 'rule_id'), 'toxic', '  … by its rule');
is($reply->at('error', 'category'), 'abuse', '  … and category');
is($up->count, $calls, '  … and no provider saw it');
$reply = ask(says("{\"action\":\"flag\",\"rule_id\":\"odd\"}\n",
    'Connection: close'), 'hello', '/api/gateway/chat');
is($reply->status, 200, 'what it flags goes on');
is_deeply($reply->at('guardrail_verdicts'), [{rule_id => 'odd',
    category => 'hook', action => 'flag', matches => 1}], '  … and is noted');

# Many short texts are more than their body, with the place of each.
sub many { my ($n, $how) = @_;
    spill($hook->{queue}, '');
    $hook->script($how);
    return $s->post($key, '/v1/chat/completions', {model => 'one',
        max_tokens => 50, messages => [{role => 'user', content => 'x'}],
        tools => [{type => 'function', function => {name => 'f', parameters =>
            {type => 'object', properties => {a => {type => 'string',
            enum => [map { "v$_" } 1 .. $n]}}}}}]}) }
my $many = $hook->count;
is(verdict(many(60, says('{"action":"block"}'))), '400 guardrail_blocked',
    'a call of many short texts is asked about, too');
is($hook->count, $many + 1, '  … once');
my $crowd = many(20_000, says('{"action":"allow"}'));
is(verdict($crowd), '413 body_too_large',
    '  … and refused where they are more than it may be asked about');
is($hook->count, $many + 1, '  … without asking');

# --- no good answer ---

my %bad = ('status 500' => {status => 500, body => '{"action":"allow"}'},
    'no HTTP' => {raw => "hello\r\n\r\n{\"action\":\"allow\"}"},
    'no JSON' => says('allow'), 'no verdict' => says('{"action":"maybe"}'),
    'a redaction' => says('{"action":"redact"}'),
    'a name of its own' => says('{"action":"block","rule_id":"A b"}'),
    'a cut body' => {raw => "HTTP/1.0 200 OK\r\nContent-Length: 90\r\n\r\n{"},
    'too much' => says('{"action":"allow","x":"' . 'y' x 20_000 . '"}'),
    'no answer in time' => {%{says('{"action":"allow"}')}, hang => 3},
    'a trickle' => {%{says('{"action":"allow"}')}, one_byte => 1,
        byte_delay => 0.1});
$calls = $up->count;
my $failed = counted('failed_total');
for my $name (sort keys %bad) {
    $reply = ask($bad{$name});
    is(verdict($reply), '503 guardrail_unavailable', "$name is no verdict");
}
is($reply->header('retry-after'), 1, '  … which can be tried again');
is($up->count, $calls, '  … and nothing left');
is(counted('failed_total'), $failed + keys %bad, '  … all of it is counted');
unlike($s->{gateway}->error_log, qr/$secret/, '  … without the secret');

# --- who leaves while it is asked ---

$hook->script({%{says('{"action":"allow"}')}, hang => 2});
my ($before, $voided) = ($hook->count, voided());
my $http = $s->chat_ask($key, {model => 'one'});
ok(wait_until(sub { $hook->count > $before }, 5), 'a client that leaves');
$http->abort;
is(ask(says('{"action":"allow"}'))->status, 200,
    '  … leaves no call behind and others are judged');
ok(wait_until(sub { voided() == $voided + 1 }, 5),
    '  … and its hold is given back');

# --- whose project is killed while it is asked ---

my $doomed = $s->project(limit => '-');
my $doomed_key = $s->key($doomed);
$s->change_project($doomed);
spill($hook->{queue}, '');
my $go = "$s->{gateway}{dir}/go";
$hook->script({%{says('{"action":"allow"}')}, until => $go});
($before, $calls, $voided) = ($hook->count, $up->count, voided());
$http = $s->chat_ask($doomed_key, {model => 'one'});
ok(wait_until(sub { $hook->count > $before }, 5), 'a kill meanwhile');
$s->change_project($doomed, killed => 1);
ok(wait_until(sub { $s->get('/v1/models', 'Authorization',
    "Bearer $doomed_key->{key}")->status == 403 }, 1, 0.02),
    '  … of which the gateway knows');
spill($go, '');
is(verdict($s->chat_read($http)), '403 project_killed',
    '  … refuses the call, whatever the service says');
is($up->count, $calls, '  … and no provider saw it');
ok(wait_until(sub { voided() == $voided + 1 }, 5),
    '  … and its hold is given back');

# --- limits ---

my $few = $s->key($project, rpm => 3);
$voided = voided();
sub asked_with { my ($k) = @_;
    $hook->script(says('{"action":"block"}'));
    return $s->chat($k, {model => 'one', max_tokens => 10}) }
$before = $hook->count;
is(join(' ', map { asked_with($few)->status } 1 .. 5), '400 400 400 429 429',
    'what the service refuses counts as a request');
is($hook->count, $before + 3, '  … and it is not asked above the limit');
ok(wait_until(sub { voided() == $voided + 3 }, 5), '  … and costs nothing');
my $one = $s->key($project, parallel => 1);
spill($hook->{queue}, '');
$hook->script({%{says('{"action":"allow"}')}, hang => 0.8});
$before = $hook->count;
$http = $s->chat_ask($one, {model => 'one'});
ok(wait_until(sub { $hook->count > $before }, 5), 'while one is judged');
is(asked_with($one)->status, 429, '  … a key that may have one gets no other');
is($hook->count, $before + 1, '  … which nobody is asked about');
$http->abort;
spill($hook->{queue}, '');
ok(wait_until(sub { asked_with($one)->status == 400 }, 5),
    '  … until its client has left');

# --- modes, and the way open ---

$s->change_project($project, guardrails => 'off');
ok(wait_until(sub { ask({status => 500})->status == 200 }, 5),
    'a project whose guardrails are off asks nobody');
$s->change_project($project, guardrails => 'monitor');
my $block = says('{"action":"block"}');
ok(wait_until(sub {
    my $n = $hook->count;
    return ask($block)->status == 200 && $hook->count > $n }, 5),
    'in the mode monitor a block is noted alone');
delete $s->{projects}{$project}{guardrails};
$s->change_project($project);
restart_with("asgard_guardrail_hook $url deadline=1s fail=open;");
ok(wait_until(sub { verdict(ask($block)) eq '400 guardrail_blocked' }, 5),
    'with fail=open a verdict still holds');
$reply = ask({status => 500}, 'hello', '/api/gateway/chat');
is($reply->status, 200, '  … and a call without one goes on');
is_deeply($reply->at('guardrail_verdicts'), [{rule_id => 'hook',
    category => 'unavailable', action => 'flag', matches => 1}],
    '  … which is noted');
$hook->stop;
is(ask({})->status, 200, '  … also when nobody is there');

# --- TLS, addresses ---

my $tls = $s->tls;
my $safe = $s->upstream('safe', tls => $tls);
ok(defined $safe, 'a service over TLS');
my $ca = $tls->ca;
$url = 'https://localhost:' . $safe->port . '/judge';
restart_with("asgard_ca_file $ca; asgard_guardrail_hook $url "
    . "secret_file=$file;");
$hook = $safe;
is(verdict(ask($block)), '400 guardrail_blocked', '  … is asked');
is($safe->header_of($safe->last_request, 'authorization'), "Bearer $secret",
    '  … with its secret');
restart_with("asgard_guardrail_hook $url secret_file=$file;");
$calls = $safe->count;
is(verdict(ask(says('{"action":"allow"}'))), '503 guardrail_unavailable',
    'one whose certificate nobody trusts is told nothing');
is($safe->count, $calls, '  … neither texts nor secret');

my %wrong = ('http://192.0.2.1/x' => qr/wants https:\/\/ for a service that/,
    'ftp://127.0.0.1/' => qr/wants a URL of http/,
    "$url deadline=1h" => qr/a deadline that is not 10ms to 30s/,
    "$url secret_file=/nowhere" => qr/cannot read "\/nowhere"/,
    "$url often" => qr/a word that is none of/);
for my $words (sort keys %wrong) {
    $s->{gateway}->write_conf(http_conf => "asgard_guardrail_hook $words;");
    my ($status, $text) = $s->{gateway}->test_conf;
    isnt($status, 0, "$words is refused when it is loaded");
    like($text, $wrong{$words}, '  … and why');
}

$s->done;
