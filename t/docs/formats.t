#!/usr/bin/env perl
# The records, the snapshot, the event and the witness line have the members
# that docs/formats.md shows.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use Test::More;

use Asgard::Files qw(slurp top wait_until);
use Asgard::Test;

my $page = slurp(top() . '/docs/formats.md');
my $json = JSON::PP->new->utf8;

# The JSON in the block that begins with this text, as text.
sub shown {
    my ($begin) = @_;
    my ($text) = $page =~ /^    (\Q$begin\E.*?)(?:\n\n|\z)/ms;
    die "no block begins with $begin" if !defined $text;
    return $text;
}

sub members_shown {
    my %seen = map { $_ => 1 } shown($_[0]) =~ /"(\w+)":/g;
    return sort keys %seen;
}

# Every name of a structure, all levels.
sub names_in {
    my ($data) = @_;
    return map { names_in($_) } @$data if ref $data eq 'ARRAY';
    return if ref $data ne 'HASH';
    return map { ($_, names_in($data->{$_})) } keys %$data;
}

sub same_members {
    my ($begin, $text, $sentence, @also) = @_;
    my %real = map { $_ => 1 } names_in($json->decode($text));
    my %told = map { $_ => 1 } members_shown($begin), @also;
    is_deeply([sort keys %real], [sort keys %told], $sentence);
}

my $t = Asgard::Test->new(
    backends => {OPENAI_MASTER_KEY => 'mk-7f3c9a1be25d4480c6a2'},
    routing => "model_alias_map:\n  gpt-4o: gpt-5.1\n"
        . "model_group_alias: {quiet: {model: gpt-5.1, hidden: true}}\n")
    ->start;
my $project = $t->project(budget_usd => '1', group => 'platform');
$t->api_ok('PUT', '/api/budgets', {budgets => [], %$_})
    for {scope => 'group', scope_id => 'platform'},
        {scope => 'end_user', scope_id => "$project/*"};
my $key = $t->key(project => $project, networks => ['127.0.0.0/8'],
    not_before => '2026-01-01T00:00:00Z');
is($t->chat($key, {user => 'somebody'})->status, 200, 'a call is answered');
$t->wait_ledger($project, 1);
my $redis = $t->{redis};

my ($record) = @{$redis->cmd('KEYS', '{asg}:key:*')};
same_members('{"f":1,"v":7,', $redis->cmd('GET', $record), 'the key record');
same_members('{"f":1,"v":3,', $redis->cmd('GET', "{asg}:project:$project"),
    'the project record');

my ($head, $body) = split /\n/, $redis->cmd('GET', '{asg}:catalog'), 2;
like($head, qr/^ASGC1 s1 \d+ \d+ [0-9a-f]{64}$/,
    'the snapshot begins with its seal');
same_members('{"format":2,', $body, 'the snapshot');

my ($stream) = @{$redis->cmd('KEYS', '{p*}:u:*')};
my ($event) = @{$redis->cmd('XRANGE', $stream, '-', '+')};
my %field = @{$event->[1]};
my ($fields) = $page =~ /^Stream fields: (.*?)\.\n/ms;
is_deeply([sort keys %field], [sort $fields =~ /`(\w)`/g],
    'the fields of a usage event');
my @later = members_shown('"rid":"<upstream');
same_members('{"f":1,"call":', $field{x}, 'and its detail', @later);

my ($line) = split /\n/, $t->{gateway}->spool;
my %told = map { $_ => 1 } members_shown('{"f":1,"ts":'),
    members_shown('{"f":1,"call":'), @later;
is_deeply([sort keys %{$json->decode($line)}], [sort keys %told],
    'the witness line');

my ($meta) = $page =~ /^\| `\{pNN\}:m` \| hash \| scripts \| (.*) \|$/m;
my ($part) = $stream =~ /^(\{p\d\d\})/;
my %meta = @{$redis->cmd('HGETALL', "$part:m")};
is_deeply([sort keys %meta], [sort $meta =~ /(?:^| · )`(\w+)`/g],
    'the fields of a partition');

my @names = slurp(top() . '/ngx_asgard_module/core/rkey.h')
    =~ /^#define ASG_RKEY_\w+\s+"((?:\{asg\}|asg):\w+)"/mg;
cmp_ok(scalar(@names), '>', 2, 'the fixed keys of Redis were found');
like($page, qr/^\| `\Q$_\E` \|/m, "the key $_ stands there") for @names;

$t->done;
