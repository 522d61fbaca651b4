#!/usr/bin/env perl
# After its use a secret stands in the memory of no process that does not need
# it for the next call: texts of keys, tokens and requests are wiped.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(is_sanitized slurp wait_until);
use Asgard::Memory;
use Asgard::Test;

plan skip_all => 'only root reads the memory of others' if $> != 0;
plan skip_all => 'the shadow of the sanitizer has terabytes'
    if is_sanitized();

my $t = Asgard::Test->new(workers => 1);
my $up = $t->upstream('main', prompt_tokens => 10, completion_tokens => 20);
my $provider = $t->add_model($up, ref => 'model:test/one', route => 'one');
$t->start;
my $project = $t->project(budget_usd => '1');
my $key = $t->key(project => $project)->{key};
is($t->chat($key, {model => 'one'})->status, 200, 'a call is answered');
is($t->chat($key, {model => 'one', stream => \1})->status, 200,
    'and a stream');
$t->wait_ledger($project, 2);

my $file = slurp($t->{key_file});
my %hex = map { $_ => $file =~ /^$_ \S+ (\S+)/m } qw(seal pepper);
my ($pg_password) = $t->{postgres}->url =~ m{://[^:]+:([^@]+)@};
my %secret = (
    'the text of the seal key' => $hex{seal},
    'the text of the pepper' => $hex{pepper},
    'the seal key' => pack('H*', $hex{seal}),
    'the pepper' => pack('H*', $hex{pepper}),
    'the key of the provider' => $provider,
    'the key of the project' => $key,
    'the token of the administrator' => $t->admin_token,
    'the password of Redis' => $t->{redis}{password},
    defined $pg_password ? ('the password of PostgreSQL' => $pg_password) : (),
);

# Whoever connects keeps what it connects with; each other row is the reason
# that the process is there.
my @stores = ('the password of Redis', 'the password of PostgreSQL');
my @gateway = ('the seal key', 'the pepper', 'the password of Redis');
my %keeps = (
    supervisor => [@stores],
    api => [@stores, 'the pepper'],
    keeper => [@stores, 'the seal key', 'the key of the provider'],
    meter => [@stores],
    notify => [@stores],
    'master of nginx' => [@gateway],
    # nginx's own buffers of a request to /api/ are not ours to wipe
    'worker of nginx' => [@gateway, 'the key of the provider',
        'the token of the administrator'],
);
my %pid = (supervisor => $t->{control}->pid, %{$t->{control}->roles},
    'master of nginx' => $t->{gateway}->pid,
    'worker of nginx' => ($t->{gateway}->workers)[0]);
is_deeply([sort keys %pid], [sort keys %keeps], 'every process is looked at');

sub too_much {
    my ($name) = @_;
    my %may = map { $_ => 1 } @{$keeps{$name}};
    return grep { my ($what) = /^(.*) in \S+$/; !$may{$what} }
        Asgard::Memory::find($pid{$name}, \%secret);
}

for my $name (sort keys %pid) {
    my @left;
    wait_until(sub { @left = too_much($name); !@left }, 5);
    is("@left", '', "$name keeps no secret that it does not need");
}

my @found = Asgard::Memory::find($pid{keeper}, \%secret);
ok(scalar(grep { /^the key of the provider in / } @found),
    'the search finds what is there');
my @at = grep { /^the key of the provider in \[heap\]/ }
    Asgard::Memory::find($pid{'worker of nginx'}, \%secret);
is("@at", '', 'no request that carried the key to the provider is left');

$t->done;
