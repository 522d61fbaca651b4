#!/usr/bin/env perl
# A stream that outlives worker_shutdown_timeout is cut: it is charged by an
# estimate that says so, within its hold and never zero.
#
# Fault row 14.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(wait_until);
use Asgard::Test;

my $t = Asgard::Test->new(workers => 1, shutdown_timeout => '1s');
my $up = $t->upstream('main', prompt_tokens => 10, completion_tokens => 2000,
    chunks => 100, chunk_delay => 0.2);
$t->add_model($up, ref => 'model:test/one', route => 'one');
$t->start;
my $project = $t->project(budget_usd => '1');
my $key = $t->key(project => $project);

my @open = map { [$t->chat_start($key, {model => 'one', stream => \1,
    max_tokens => 2000})] } 1 .. 3;
$_->[0]->read_piece($_->[1]) for @open;
my %held = map { $_->{id} => $_->{amount} }
    @{Asgard::Money::read_books($t)->{holds}};
is(keys %held, 3, 'each has its hold');
ok($t->{gateway}->reload, 'a reload with streams open');
for (@open) {
    my ($http, $reply) = @$_;
    $http->read_body($reply);
    unlike($reply->body, qr/\[DONE\]/, 'a stream is cut by the timeout');
}
my @entries = $t->wait_ledger($project, 3, 10);
is(@entries, 3, 'each is charged');
for ($t->{postgres}->rows("SELECT hold_id, balance_nano, detail->'flags'"
    . " FROM holds WHERE project_id = '$project'")) {
    my ($id, $charged, $flags) = @$_;
    like($flags, qr/"estimated"/, 'it says that it is an estimate');
    cmp_ok($charged, '>', 0, '... which is not zero');
    cmp_ok($charged, '<=', $held{$id}, '... and within its hold');
}
is(@{Asgard::Money::read_books($t)->{holds}}, 0, 'nothing stays held');
$t->done;
