#!/usr/bin/env perl
# Shared memory that has no room for a record, once or for long: calls are
# served all the same, what is revoked is refused, and nginx does not start
# without the room that it must have.
#
# Fault row 36.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(is_sanitized wait_until);
use Asgard::Test;

plan skip_all => 'the module is a part of the sanitized nginx'
    if is_sanitized();

my $t = Asgard::Test->new(workers => 2, shims => {gateway => 'slab'});
my $up = $t->upstream('main', prompt_tokens => 10, completion_tokens => 20);
$t->add_model($up, ref => 'model:test/one', route => 'one');
$t->start;
my $shim = $t->shim('gateway');
my $project = $t->project(budget_usd => '100');

sub status {
    my ($key) = @_;
    my $reply = $t->chat($key, {model => 'one'});
    return join ' ', $reply->status, $reply->code // ();
}

# The record of the key, that of the project; each fails once.
my $hits = 0;
for my $n (1 .. 3) {
    my $new = $t->project(budget_usd => '100');
    my $key = $t->key(project => $new);
    $shim->fail_at($n);
    is(status($key), '200', "allocation $n fails: a new key is served");
    $hits += $shim->failed;
    $shim->fail_at(0);
    is(status($key), '200', '... and again');
}
cmp_ok($hits, '>', 0, 'allocations did fail');

# Nothing can be remembered: each call asks Redis for the records.
$shim->fail_at(-1);
my @keys = map { $t->key(project => $project) } 1 .. 5;
my %met;
$met{status($_)}++ for (@keys) x 4;
is_deeply(\%met, {200 => 20}, 'without room for any record each key is served');
cmp_ok($shim->failed, '>=', 20, '... and every record was asked for anew');
is(status('asg_' . 'ab' x 32), '401 invalid_api_key',
    '... a key that nobody has is refused');
$t->revoke_key($project, $keys[0]{id});
ok(wait_until(sub { status($keys[0]) eq '401 invalid_api_key' }, 5),
    '... and so is one that was revoked');
is(status($keys[1]), '200', '... the others are served');

# What must stand in shared memory at the start.
my ($exit, $text) = $t->{gateway}->test_conf;
isnt($exit, 0, 'nginx refuses to start without room for the catalog')
    or diag $text;
$shim->fail_at(0);
($exit, $text) = $t->{gateway}->test_conf;
is($exit, 0, '... with room it would') or diag $text;

my $before = $up->count;
$met{status($_)} = 0 for @keys[1 .. 4];
is($up->count - $before, 4, 'with room again all is as before');
$t->done;
