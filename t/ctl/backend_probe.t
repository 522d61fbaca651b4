#!/usr/bin/perl
# `backend probe`: two real calls say whether a backend does what its manifest
# says, and what to write into it where not; the exit status agrees.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::XS ();
use Test::More;

use Asgard::FakeMessages ();
use Asgard::Port qw(free_port);
use Asgard::Test;

my $t = Asgard::Test->new(gateway => 0, without_money => 1);
my $ctl = $t->{control};
my $up = $t->upstream('main', prompt_tokens => 10, completion_tokens => 4);
my $secret = $t->add_service('main', $up, inference => {
    auth_header => 'api-key', query => 'api-version=7',
    headers => '{x-fairness: "{project}"}'}, models => [
        {ref => 'model:main/one', route => 'one', served => 'there'},
        {ref => 'model:main/two', route => 'two',
            max_tokens_field => 'max_completion_tokens'}]);

# (exit status, {name => text}, all that was said)
sub probe {
    my ($status, $out, $err) = $ctl->run('backend', 'probe', @_);
    is(index("$out$err", $secret), -1, 'the key is not shown');
    return ($status, {map { /^(\S+)\s+(.*)/ ? ($1 => $2) : () }
        split /\n/, $out}, "$out$err");
}

sub bodies { map { JSON::XS::decode_json($_->{body}) } $up->books }

my ($status, $said, $all) = probe('main');
is($status, 0, 'a backend that does what is said is right') or diag($all);
my @seen = $up->books;
is(scalar(@seen), 2, 'two calls are made');
is($_->{path}, '/v1/chat/completions?api-version=7', '... at its path')
    for @seen;
is($up->header_of($seen[0], 'api-key'), $secret, '... with its key');
is($up->header_of($seen[0], 'authorization'), undef, '... where it belongs');
is($up->header_of($seen[0], 'x-fairness'), 'asgard-probe', '... its headers');
my ($first, $second) = bodies();
is($first->{model}, 'there', '... and the served name');
is($first->{max_tokens}, 16, 'with a small limit');
ok(!$first->{stream} && $second->{stream}, 'one of them is streamed');
is($said->{model}, 'model:main/one, there there', 'it tells the model');
is($said->{reachable}, 'yes', 'that it was reached');
is($said->{tls}, 'none: http', '... without TLS');
is($said->{json}, 'usage 10 tokens in, 4 out', 'that usage came back');
is($said->{stream}, 'usage 10 tokens in, 4 out', '... in the stream too');
is($said->{limit}, 'max_tokens', 'which field of the limit it takes');
is($said->{user}, 'taken', 'and that it takes a user');
is($said->{price}, 'in 1, out 10 USD per million tokens, by its manifest',
    'and its price');
like($said->{cost}, qr/^0\.0001 USD /, 'and what that cost, 2 x (10 + 40)');

$up->forget;
$up->script({status => 400, body => {error => {message => $secret}}});
($status, $said) = probe('main', '--model', 'two');
is($status, 1, 'another field of the limit is a problem');
is($said->{limit}, 'PROBLEM: it refuses max_completion_tokens and takes'
    . ' max_tokens: say so in max_tokens_field', '... with its remedy');
is($said->{user}, 'taken', '... and is not the user');
is(scalar(my @three = bodies()), 3, '... after one more call');

$up->forget;
$up->script(({status => 422}) x 2);
($status, $said) = probe('main');
is($status, 1, 'a user that is refused is a problem');
like($said->{user}, qr/^PROBLEM: .* send_user: false/, '... with its remedy');
is($said->{limit}, 'max_tokens', '... and the field is right');
is_deeply([map { exists $_->{user} ? 1 : 0 } bodies()], [1, 1, 0, 0],
    '... and the stream is asked without');

$up->forget;
$up->script(({status => 400}) x 4);
($status, $said) = probe('main');
is($status, 1, 'a backend that refuses everything is a problem');
like($said->{json}, qr/^PROBLEM: status 400: it refuses the request/, '... so');
is($up->count, 4, '... after four calls and no stream')
    or diag($t->encode([bodies()]));

$up->forget;
$up->script({status => 401, body => {error => {message => "no: $secret"}}});
($status, $said) = probe('main');
is($status, 1, 'a refused key is a problem');
is($said->{json}, 'PROBLEM: status 401: the key is refused', '... named so');
is($up->count, 1, '... and is asked once');

$up->script({}, {usage => 'none'});
($status, $said) = probe('main');
is($status, 1, 'a stream without usage is a problem');
like($said->{stream}, qr/^PROBLEM: no usage that is believed/, '... named so');
is($said->{json}, 'usage 10 tokens in, 4 out', '... and the other has it');

# --- Anthropic's API

my $claude = $t->upstream('claude', prompt_tokens => 10,
    completion_tokens => 4, tls => $t->tls);
my %claude = (kind => 'anthropic', models => [{ref => 'model:claude/one',
    route => 'claude-one', served => 'claude-there'}],
    inference => {ca_file => $t->tls->ca});
$secret = $t->add_service('claude', $claude, %claude);
($status, $said, $all) = probe('claude');
is($status, 0, 'a backend of Anthropic\'s API is asked in its words')
    or diag($all);
@seen = $claude->books;
is(join(' ', map { $_->{path} } @seen), '/v1/messages /v1/messages',
    '... twice, at its path');
is($claude->header_of($seen[0], 'x-api-key'), $secret, '... with its key');
is($claude->header_of($seen[0], 'anthropic-version'), '2023-06-01',
    '... and its version');
($first, $second) = map { JSON::XS::decode_json($_->{body}) } @seen;
is_deeply([@$first{qw(model max_tokens metadata)}, $first->{stream}],
    ['claude-there', 16, {user_id => 'asgard-probe'}, undef],
    '... with a limit and a user in its words');
ok($second->{stream} && !exists $second->{stream_options},
    '... and then for a stream, without words of OpenAI');
is_deeply([@$said{qw(api reachable tls json stream limit user)}],
    ['messages', 'yes', 'verified for localhost',
        ('usage 10 tokens in, 4 out') x 2, 'max_tokens', 'taken'],
    'it tells the same of it');
is($said->{price}, 'in 1, out 10 USD per million tokens, by its manifest',
    '... and the price');

$claude->forget;
$claude->script({status => 400});
($status, $said) = probe('claude');
is($status, 1, 'a user that is refused is a problem there too');
like($said->{user}, qr/^PROBLEM: .* send_user: false/, '... with its remedy');
is_deeply([map { my $body = JSON::XS::decode_json($_->{body});
    (exists $body->{metadata} ? 'user ' : '') . $body->{max_tokens} }
    $claude->books], ['user 16', '16', '16'],
    '... for which it has one field of the limit alone');

$claude->script({}, {raw => "HTTP/1.1 200 OK\r\nContent-Type: "
    . "text/event-stream\r\n\r\n" . Asgard::FakeMessages::start_of()});
($status, $said) = probe('claude');
is($status, 1, 'a stream that only begins is a problem');
is($said->{stream}, 'PROBLEM: it ends before its end', '... named so');

$t->add_service('claude', $claude, %claude, models => [{
    ref => 'model:claude/one', route => 'claude-one', apis => '[messages]'}]);
$claude->forget;
($status, $said, $all) = probe('claude');
is($status, 0, 'a model of that API alone, without chat, is asked too')
    or diag($all);
is(join(' ', $said->{api}, map { $_->{path} } $claude->books),
    'messages /v1/messages /v1/messages', '... in its words');

# --- completions and embeddings

$t->add_service('texts', $up, inference => {apis => '[completions]'},
    models => [{ref => 'model:texts/one', route => 'texts-one',
        max_tokens_field => 'max_completion_tokens'}]);
$up->forget;
($status, $said, $all) = probe('texts');
is($status, 0, 'a backend that completes texts alone is asked for that')
    or diag($all);
is($said->{api}, 'completions', '... which is told');
@seen = $up->books;
is(join(' ', map { $_->{path} } @seen), '/v1/completions /v1/completions',
    '... twice');
($first, $second) = bodies();
is_deeply([@$first{qw(prompt max_tokens user messages)}],
    ['Answer with one word.', 16, 'asgard-probe', undef], '... in its words');
ok($second->{stream}, '... and for a stream');

$t->add_service('vectors', $up, models => [{ref => 'model:vectors/chat',
    route => 'vectors-chat'}, {ref => 'model:vectors/one', route => 'vectors',
    apis => '[embeddings]'}]);
$up->forget;
($status, $said, $all) = probe('vectors', '--model', 'vectors');
is($status, 0, 'a model that only embeds is asked for that') or diag($all);
is(join(' ', $said->{api}, map { $_->{path} } $up->books),
    'embeddings /v1/embeddings', '... once, for there is no stream');
is_deeply(bodies(), {model => 'vectors', input => 'One word.',
    user => 'asgard-probe'}, '... in its words, without a limit');
is_deeply([@$said{qw(json stream limit user)}], ['usage 10 tokens in, 0 out',
    undef, 'none: what comes back is no text', 'taken'], '... and told so');
like($said->{cost}, qr/^0\.00001 USD for the call,/, '... with what it cost');
$up->forget;
$up->script({status => 400});
($status, $said) = probe('vectors', '--model', 'model:vectors/one');
is($status, 1, 'one that takes no user there is a problem');
like($said->{user}, qr/^PROBLEM: .* send_user: false/, '... with its remedy');
is($up->count, 2, '... after a second call');
is((probe('vectors', '--model', 'nobody'))[0], 1, 'a model that is not there');

# --- TLS

my $tls = $t->tls;
my $far = $t->upstream('far', tls => $tls, prompt_tokens => 1);
$t->add_service('far', $far, inference => {ca_file => $tls->ca},
    models => [{ref => 'model:far/one', route => 'far-one'}]);
($status, $said, $all) = probe('far');
is($status, 0, 'an endpoint with TLS is right') or diag($all);
is($said->{tls}, 'verified for localhost', '... and its name was checked');
$t->add_service('far', $far, models => [{ref => 'model:far/one',
    route => 'far-one'}]);
($status, $said) = probe('far');
is($status, 1, 'a certificate that nobody trusts is a problem');
like($said->{tls}, qr/^PROBLEM: /, '... of TLS');

# --- nobody there

$ctl->write_backends(FAR_BASE_URL => 'http://127.0.0.1:' . free_port());
($status, $said) = probe('far');
is($status, 1, 'an address where nobody listens is a problem');
like($said->{reachable}, qr/^PROBLEM: /, '... of the way');

($status, undef, $all) = probe('openai');
is($status, 1, 'a module without its variables is not asked');
like($all, qr/openai is inactive: OPENAI_MASTER_KEY is not set/, '... and why');
is((probe('echo'))[0], 0, 'the built-in one needs no call');
is((probe('nobody'))[0], 1, 'an unknown module');
is((probe())[0], 2, 'and no module at all is wrong usage');

$t->done;
