#!/usr/bin/env perl
# Each allocation of asgard-ctl fails once, libraries included: a command ends
# with an error, a request is refused whole, the meter and the keeper go on;
# nothing is half written and no process dies.
#
# Fault row 36.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(is_sanitized slurp wait_until);
use Asgard::Shim;
use Asgard::Test;

plan skip_all => 'a sanitizer has the memory for itself' if is_sanitized();

# The library of ciphers makes thousands of allocations to check one password.
my $t = Asgard::Test->new(workers => 1,
    shims => {control => 'alloc:!libcrypto'});
my $up = $t->upstream('main');
$t->add_model($up, ref => 'model:test/one', route => 'one');
$t->{postgres}{options} = '?sslmode=disable';
$t->{control}->write_conf;
$t->start;
my $project = $t->project(budget_usd => '100');
my $key = $t->key(project => $project);
my $calls = 0;
sub call { $calls++; return $t->chat($key, {model => 'one'})->status }
call() for 1 .. 3;
$t->wait_ledger($project, $calls);
my $shim = $t->shim('control');
my $far = 1_000_000_000;

# --- commands -----------------------------------------------------------------

# The command itself, none of the processes that run beside it.
sub run_failing {
    my ($at, @words) = @_;
    local $t->{control}{first} = sub { $shim->fail_at($at, $$) };
    my @said = $t->{control}->run(@words);
    my $left = $shim->left;
    $shim->fail_at(0);
    return (@said, $left);
}

my $witness = "$t->{dir}/log/calls.log";
for my $words (['check'], ['catalog'], ['migrate'], ['audit', 'chain'],
    ['audit', 'money', '--witness', $witness], ['replay', $witness])
{
    my $name = $words->[-1] eq $witness ? $words->[0] : "@$words";
    my ($status, $should, undef, $left) = run_failing($far, @$words);
    my $n = $far - $left;
    is($status, 0, "$name: with memory it succeeds, $n allocations");
    my ($runs, @odd) = (0);
    for my $at (Asgard::Shim::points($n, 8)) {
        my ($status, $out, $err) = run_failing($at, @$words);
        $runs++;
        push @odd, "$at: $status $err" if $status == 0 ? $out ne $should
            : $status !~ /^[13]$/ || "$out$err" !~ /\S/;
    }
    is_deeply(\@odd, [], "... with each of $runs failed it ends as that, or"
        . ' with an error that it tells');
}

# --- the API ------------------------------------------------------------------

my %process = %{$t->{control}->roles};
# Every table that a change writes agrees with the audit log.
sub unaudited {
    return map { join ' ', @$_ } $t->{postgres}->rows(<<'SQL');
SELECT what, n, audited FROM (VALUES
    ('project.registered', (SELECT count(*) FROM projects)),
    ('key.minted', (SELECT count(*) FROM keys))) t(what, n)
JOIN LATERAL (SELECT count(*) AS audited FROM audit_events
    WHERE action = what) a ON true WHERE n <> audited
SQL
}

my %new = (owner_email => 'o@example.com', manager_email => 'm@example.com',
    data_class => 'internal');
my @kinds = (
    ['GET', '/readyz'],
    ['GET', '/api/projects?limit=1'],
    ['GET', "/api/projects/$project/keys"],
    ['GET', "/api/projects/$project/usage"],
    ['GET', "/api/ledger?project=$project&limit=2"],
    ['PUT', "/api/projects/$project/budgets",
        '{"budgets":[{"window":"total","limit_usd":100}]}'],
    ['POST', '/api/projects', {%new, name => 'new'}],
    ['POST', "/api/projects/$project/keys", {name => 'new'}],
);

# What tells one answer from a whole one: the names of all that is in it.
sub names { return join ' ', $_[0]->status, $_[0]->body =~ /"(\w+)" ?:/g }

my $refused = qr/^(?:500[ ]internal_error
    |503[ ](?:postgres|redis|control)_unavailable)$/x;
my $ready = qr/"(?:ctl|redis|postgres)":"(?!ok)/;       # 503 of /readyz
for my $kind (@kinds) {
    my ($method, $path) = @$kind;
    my $name = "$method " . $path =~ s/\Q$project\E/…/r;
    my $should = names($t->api(@$kind));
    my ($n, $hit, @odd) = (0, 1);
    while ($hit && ++$n < 300) {
        $shim->fail_at($n, $process{api});
        my $reply = $t->api(@$kind);
        $hit = $shim->failed;
        $shim->fail_at(0);
        my $told = join ' ', $reply->status, $reply->code // '-';
        push @odd, "$n: " . $reply->body if names($reply) ne $should
            && $told !~ $refused && $reply->body !~ $ready;
    }
    is_deeply(\@odd, [], "$name: with each of $n allocations failed it is"
        . ' answered whole or refused');
}
is_deeply([unaudited()], [],
    'what was changed is in the audit log, and no more');

# --- meter and keeper ---------------------------------------------------------

# What the meter does for one call, from the next of its turns on.
$shim->fail_at($far, $process{meter});
call();
$t->wait_ledger($project, $calls, 20);
my $each = $far - $shim->left;
my ($hits, $tried) = (0, 0);
for my $n (Asgard::Shim::points($each, 25)) {
    $shim->fail_at($n, $process{meter});
    call();
    wait_until(sub { $shim->failed }, 0.5);
    $hits += $shim->failed;
    $tried++;
}
$shim->fail_at(0);
cmp_ok($hits, '>', $tried / 2, "$hits of $tried of the meter's $each"
    . ' allocations for a call failed');
is(scalar(@{[$t->wait_ledger($project, $calls, 20)]}), $calls,
    '... every call is in the ledger, once');

# A reload is a new keeper, so it is counted of whichever process is one.
my $served = 'SELECT count(*) FROM catalog_snapshots WHERE body NOT LIKE'
    . q( '%model:test/one%');
sub reload {
    my ($at, $name) = @_;
    $t->{control}->write_backends("ANY_$name" => 'value');
    $shim->fail_in_children($at, $t->{control}->pid);
    $t->{control}->run('reload');
    my $left = $shim->left;
    $shim->fail_at(0);
    return $at - $left;
}
my $keeps = reload($far, 'far');
cmp_ok($keeps, '>', 50, "the keeper makes $keeps allocations for a reload");
my @points = Asgard::Shim::points($keeps, 10);
my $failed = grep { reload($_, $_) == $_ } @points;
cmp_ok($failed, '>', @points / 2, "... of which $failed of " . @points
    . ' failed');
ok($t->reload_catalog, 'after reloads without memory one with it succeeds');
is($t->{postgres}->value($served), 0, '... and no catalog lacked a model');
is(call(), 200, '... which is served');
# A reload may bring a new keeper; a process that fell is told by its signal.
is(join(' ', $t->{control}->log_text =~ /(.*\bsignal \d+.*)/g), '',
    'no process died');
$t->done;
