#!/usr/bin/env perl
# Each allocation of a worker fails once, on the way of each kind of call: the
# call is refused in our words, cut or served, no hold is lost, what a provider
# answered is charged, and the worker lives.
#
# Fault row 36.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Time::HiRes qw(sleep);

use Asgard::Files qw(is_sanitized random_hex slurp wait_until);
use Asgard::Holds qw(open_holds);
use Asgard::Spool qw(calls);
use Asgard::Test;

plan skip_all => 'a sanitizer has the memory for itself' if is_sanitized();

# Pools so small that nearly everything is an allocation of its own; of nginx,
# of the module and of every library.
my $t = Asgard::Test->new(workers => 1, redis_deadline => '1s',
    shims => {gateway => 'alloc'}, routing => <<'YAML',
num_retries: 0
strategy: ordered
models:
  fails-then-one:
    candidates: [{model: fails}, {model: one}]
YAML
    http_conf => 'request_pool_size 112; connection_pool_size 112;');
$t->allow_alert(qr/\[emerg\] .*(?:malloc|posix_memalign|calloc)\(.*\) failed/);
my $up = $t->upstream('main', prompt_tokens => 10, completion_tokens => 20);
$t->add_model($up, ref => 'model:test/one', route => 'one');
$t->add_model($t->upstream('fails', status => 503),
    ref => 'model:fails/fails', route => 'fails');
$t->start;
my ($project, $poor) = map { $t->project(budget_usd => $_) } 1000, '0.000001';
my ($key, $none) = map { $t->key(project => $_) } $project, $poor;
my $shim = $t->shim('gateway');
my ($worker) = $t->{gateway}->workers;

sub resident { slurp("/proc/$worker/status") =~ /^VmRSS:\s+(\d+)/m ? $1 : 0 }

sub said {
    my ($reply) = @_;
    return 'cut' if !$reply || !$reply->status || $reply->{cut};
    return $reply->status == 200 ? 200
        : join ' ', $reply->status, $reply->code // 'no code';
}

# What is refused for want of memory, and what else each kind may be told.  An
# answer without our JSON has no code and is none of these.
my $refused = qr/cut|500[ ]internal_error|502[ ]upstream_error
    |503[ ](?:overloaded|budget_unavailable|auth_unavailable)/x;
my %stream = (stream => JSON::PP::true);
my $chat = sub { my ($with, %change) = @_;
    return sub { $t->chat($with, {model => 'one', %change}) } };
my @kinds = (
    ['an answer', '200', $chat->($key), 1],
    ['a stream', '200', $chat->($key, %stream), 1],
    ['a second attempt', '200', $chat->($key, model => 'fails-then-one')],
    ['a refused budget', '429 budget_exceeded', $chat->($none)],
    ['an unknown model', '404 model_not_found', $chat->($key, model => 'no')],
    ['an unknown field', '400 unknown_field', $chat->($key, no => 1)],
    ['an unknown key', '401 invalid_api_key',
        sub { $chat->('asg_' . random_hex(32))->() }],
    ['the echo', '200', $chat->($key, model => 'echo')],
    ['the list of models', '200', sub { $t->http->request('GET', '/v1/models',
        [Asgard::Test::bearer($key)]) }],
    ['the metrics', '200', sub { $t->get('/metrics') }],
    ['a way that is none', '404 not_found',
        sub { $t->post($key, '/v1/none', {}) }],
);

# Until Redis is there again, should its connection have found no memory.
sub recover {
    $shim->fail_at(0);
    return wait_until(sub { said($t->chat($key, {model => 'echo'})) eq '200' },
        5, 0.02);
}

# The n-th allocation, for each n or each $step-th, until one call passes
# untouched; what it was told.
sub torture {
    my ($call, $step) = @_;
    my (%met, $said);
    for (my $n = 1; $n <= 400; $n += $step) {
        $shim->fail_at($n, $worker);
        $said = said(eval { $call->() });
        sleep 0.01;                         # what follows the answer
        my $hit = $shim->failed;
        recover();
        return ($n, $said, \%met) if !$hit;
        $met{$said}++;
    }
    return (400, 'never untouched', \%met);
}

# All of them take too long for every day.
my $whole = $ENV{ASGARD_TORTURE};
for (@kinds) {
    my ($name, $told, $call, $step) = @$_;
    is(said($call->()), $told, "$name: as it is with memory");
    my ($n, $last, $met) = torture($call, $whole ? 1 : $step // 3);
    is($last, $told, "... and with the memory of $n allocations");
    cmp_ok($n, '>', 5, '... which failed in turn');
    is_deeply([grep { !/^(?:$refused|$told)$/ } keys %$met], [],
        '... without it refused as it should, or served');
    note join ', ', map { "$_: $met->{$_}" } sort keys %$met;
    is(join(' ', $t->{gateway}->workers), $worker, '... the worker lives');
}


# What is lost once more by the same is lost each time.
my $before = resident();
torture($_->[2], 2) for @kinds[0, 1];
cmp_ok(resident() - $before, '<', 512, 'no memory leaks (kB)');

is(said($chat->($key)->()), '200', 'after all that a call is served');
sub unknown { my ($which) = @_;
    return sort map { $_->{hold} }
        grep { $_->{verb} eq 'x' && $_->{ep} =~ $which } calls($t) }
sub opened { return sort map { $_->{id} } open_holds($t) }
ok(wait_until(sub { join(' ', opened()) eq join ' ', unknown(qr/./) }, 20,
    0.1), 'nothing stays held but calls whose answer found no memory');

# Of these the two that cost nothing, had they been read, are in no books.
$t->{uncounted_calls} = 1;
my @open = opened();
my @cheap = unknown(qr/^(?:fails|echo)$/);
is(Asgard::Money::charged_calls($t) + @open - @cheap, $up->count,
    'no call of the provider is free, or paid twice');
$t->done;
