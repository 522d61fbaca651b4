# A key's rpm_limit, tpm_limit and max_parallel_requests: set, changed and taken
# away by the API, in force on every worker, and told in the words of OpenAI.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use Test::More;

use Asgard::Files qw(spill wait_until);
use Asgard::Test;

my $t = Asgard::Test->new(workers => 2, redis_deadline => '5s',
    routing => "num_retries: 0\n");
my $up = $t->upstream('main');
$t->add_service('main', $up, models => [{ref => 'model:main/main',
    route => 'main'}]);
$t->start;
my $project = $t->project(budget_usd => '100');
my $path = "/api/projects/$project/keys";

sub limited { return $t->key(project => $project, @_) }
sub patch { my ($k, $with) = @_;
    return $t->api('PATCH', "$path/$k->{id}", $with) }
sub call { my ($k, %with) = @_;
    return $t->chat($k, {model => 'main', max_tokens => 10, %with}) }
sub told { my ($reply) = @_;
    return join ' ', $reply->status, $reply->code // 'ok' }
sub room { my ($reply, $of) = @_;
    return join ' ', map { $reply->header("x-ratelimit-$_-$of") // '-' }
        qw(limit remaining reset) }
sub rates { my ($k) = @_;
    my ($name) = @{$t->{redis}->cmd('KEYS', "*:r:k.$k->{id}")};
    return $name }
# All that was counted of a key was counted so much earlier.
sub age {
    my ($k, $ms) = @_;
    my $name = rates($k);
    my %field = @{$t->{redis}->cmd('HGETALL', $name)};
    for my $f (grep { /^[qt]:/ } keys %field) {
        my ($first, $last, $n) = split / /, $field{$f};
        $t->{redis}->cmd('HSET', $name, $f,
            join ' ', $first - $ms * 1000, $last - $ms * 1000, $n);
    }
    return;
}

my $free = limited();
my $plain = call($free);
is(told($plain), '200 ok', 'a key without limits');
is(room($plain, 'requests') . room($plain, 'tokens'), '- - -- - -',
    '... is told of none');
is(rates($free), undef, '... and Redis keeps nothing for it');

# --- requests -----------------------------------------------------------------

my $five = limited(rpm_limit => 5);
my $before = $up->count;
my @said = sort $t->in_parallel(10, sub { told(call($five)) });
is_deeply(\@said, [('200 ok') x 5, ('429 rate_limit_exceeded') x 5],
    'rpm_limit 5 admits five at once, and then none');
is($up->count - $before, 5, '... and no more reach the provider');
my $no = call($five);
is(room($no, 'requests'), '5 0 ' . ($no->header('x-ratelimit-reset-requests')
    // ''), 'a refusal has the headers of OpenAI');
like($no->header('x-ratelimit-reset-requests'), qr/^(?:1m0s|5\d(?:\.\d+)?s)$/,
    '... with a duration');
my ($s, $ms) = map { $no->header($_) } qw(retry-after retry-after-ms);
cmp_ok($s, '<=', 60, '... and Retry-After within the minute');
cmp_ok($s * 1000 - $ms, '>=', 0, '... not before it is true');
cmp_ok($s * 1000 - $ms, '<', 1000, '... and not a second later');
is($no->header('x-should-retry'), undef, 'waiting helps');
my $error = $no->at('error');
is_deeply([@$error{qw(type code scope scope_id limit_type limit used)}],
    ['rate_limit_error', 'rate_limit_exceeded', 'key', $five->{id}, 'requests',
    5, 5], 'the error says whose limit, and how much');
is($error->{retry_after_ms}, $ms, '... and when');

age($five, $ms - 1500);
$no = call($five);
is(told($no), '429 rate_limit_exceeded', 'a moment before it is refused');
cmp_ok($no->header('retry-after'), '<=', 2, '... for a moment');
select undef, undef, undef, $no->header('retry-after');
is(told(call($five)), '200 ok', '... and admitted when Retry-After says so');

# --- changes ------------------------------------------------------------------

my $reply = patch($five, {rpm_limit => 50, max_parallel_requests => 7});
is($reply->status, 200, 'limits are changed');
is_deeply([map { $reply->at($_) } qw(rpm_limit tpm_limit
    max_parallel_requests)], [50, undef, 7], '... and shown');
is((grep { $_ ne '200 ok' } $t->in_parallel(6, sub { told(call($five)) })) + 0,
    0, '... and in force on every worker');
is(room(call($five), 'requests') =~ /^50 (\d+) / ? 'ok' : 'no', 'ok',
    'an answer tells what is left');
$reply = patch($five, {rpm_limit => undef});
is($reply->at('rpm_limit'), undef, 'null takes a limit away');
is($reply->at('max_parallel_requests'), 7, '... and no other');
is(room(call($five), 'requests'), '- - -', '... at once');
my ($shown) = grep { $_->{id} eq $five->{id} } @{$t->api('GET', $path)
    ->at('keys')};
is($shown->{max_parallel_requests}, 7, 'the list of keys shows them');
is(told(call(limited(rpm_limit => 0))), '429 rate_limit_exceeded',
    'a limit of 0 admits nothing');

my @fields = qw(rpm_limit tpm_limit max_parallel_requests);
for my $bad (-1, 1.5, '5', [], 1_000_000_001, JSON::PP::true) {
    my $field = shift @fields;
    push @fields, $field;
    for my $answer (patch($five, {$field => $bad}), $t->api('POST', $path,
        {name => 'bad', $field => $bad}))
    {
        is($answer->status . ' ' . ($answer->at('code') // ''),
            '400 invalid_value', 'what is no limit is refused');
        like($answer->at('error'), qr/^$field /, '... by its field');
    }
}

# --- tokens -------------------------------------------------------------------

my $tpm = limited(tpm_limit => 1000);
$reply = call($tpm, max_tokens => 700);
is(told($reply), '200 ok', 'a call within tpm_limit');
my ($limit, $left) = split / /, room($reply, 'tokens');
is($limit, 1000, '... is told of its tokens');
cmp_ok($left, '<', 300, '... of which the estimate was reserved');
$no = call($tpm, max_tokens => 1000);
is(told($no), '429 rate_limit_exceeded', 'a call above tpm_limit');
is($no->header('retry-after'), undef, '... is not told to wait');
is($no->header('x-should-retry'), 'false', '... nor to try again');
is($no->at('error')->{limit_type}, 'tokens', '... but why');
ok(wait_until(sub { call($tpm, max_tokens => 600)->status == 200 }, 5),
    'what was not used is free as soon as the call is settled');
my $own = limited(tpm_limit => 200);
is(told(call($own, max_tokens => undef)), '200 ok',
    'a call that says no max_tokens gets what a minute has room for');
cmp_ok(JSON::PP::decode_json($up->last_request->{body})->{max_tokens}, '<', 200,
    '... and the provider is told');

# Without max_tokens one call does not take the minute: a sixteenth is counted.
my $shared = limited(tpm_limit => 1600);
my $gate = "$t->{dir}/gate";
$up->script(({until => $gate}) x 4);
$before = $up->count;
my @open = map { $t->chat_ask($shared, {model => 'main',
    max_tokens => undef}) } 1 .. 4;
ok($up->wait_count($before + 4, 10), 'four of them are under way at once');
$no = call($shared, max_tokens => 1300);
is(told($no), '429 rate_limit_exceeded', '... and one has no room beside them');
cmp_ok($no->at('error')->{used}, '>=', 400, '... for each has its sixteenth');
cmp_ok($no->at('error')->{used}, '<=', 1600,
    '... and all are within the limit');
spill($gate, '');
is_deeply([map { $t->chat_read($_)->status } @open], [(200) x 4],
    '... which are answered');

# --- in the words of Anthropic ------------------------------------------------

my $one = limited(rpm_limit => 1, tpm_limit => 5000);
sub message { return $t->post($one, '/v1/messages', {model => 'echo',
    max_tokens => 9, messages => [{role => 'user', content => 'x'}]}) }
sub own { my ($reply, $of) = @_;
    return map { $reply->header("anthropic-ratelimit-$of-$_") // '-' }
        qw(limit remaining reset) }
my $is_time = qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;
my $message = message();
is(told($message), '200 ok', 'a call of the Messages API');
is_deeply([(own($message, 'requests'))[0, 1]], [1, 0],
    '... is told of its room');
like((own($message, 'requests'))[2], $is_time,
    '... until when');
is((own($message, 'tokens'))[0], 5000, '... and of tokens');
is((split / /, room($message, 'requests'))[0], 1, '... in both languages');
$no = message();
is($no->status, 429, 'one that is refused');
is_deeply([(own($no, 'requests'))[0, 1]], [1, 0], '... is told the same');
like((own($no, 'tokens'))[2], $is_time, '... of both');
cmp_ok($no->header('retry-after'), '>', 0, '... and how long to wait');
is((own(call($one), 'requests'))[0], '-', 'OpenAI\'s API says only its own');

# --- calls under way ----------------------------------------------------------

my $two = limited(max_parallel_requests => 2);
$gate = "$t->{dir}/gate-two";
$up->script({until => $gate}, {until => $gate});
my $text = $t->http->request_text('POST', '/v1/chat/completions',
    [Asgard::Test::bearer($two), 'Content-Type', 'application/json'],
    $t->chat_body({model => 'main'}));
@open = map { $t->http(timeout => 30) } 1, 2;
$_->send_raw($text) for @open;
sub under_way {
    my ($name) = @{$t->{redis}->cmd('KEYS', "*:o:k.$two->{id}")};
    return $name ? $t->{redis}->cmd('ZCARD', $name) : 0;
}
ok(wait_until(sub { under_way() == 2 }, 5), 'two calls are under way');
$no = call($two);
is(told($no), '429 rate_limit_exceeded', 'a third is refused');
is($no->at('error')->{limit_type}, 'parallel', '... for that');
is($no->header('retry-after'), 1, '... for a moment');
spill($gate, '');
is($_->read_head->status, 200, 'both are answered') for @open;
ok(wait_until(sub { call($two)->status == 200 }, 5),
    'and then there is room again');
ok(wait_until(sub { under_way() == 0 }, 5), 'when all have ended none is left');

$t->done;
