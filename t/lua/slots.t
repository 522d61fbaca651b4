#!/usr/bin/env perl
# Every script call names keys of one slot, also as asgard-ctl and a gateway
# make them; no script builds a key's name.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(slurp top wait_until);
use Asgard::Test;

# CRC-16/XMODEM of what stands in the first braces, modulo 16,384: the rule of
# Redis Cluster.
sub slot {
    my ($key) = @_;
    $key = $1 if $key =~ /\{([^}]+)\}/;
    my $crc = 0;
    for my $byte (unpack 'C*', $key) {
        $crc ^= $byte << 8;
        $crc = ($crc << 1 ^ ($crc & 0x8000 ? 0x1021 : 0)) & 0xffff for 1 .. 8;
    }
    return $crc % 16384;
}
is(slot('123456789'), 0x31c3, 'the slot is calculated as Redis does');

my $t = Asgard::Test->new;
my $up = $t->upstream('main');
$t->add_model($up, ref => 'model:test/one', route => 'one');
my $watch = $t->{redis}->connect;
$watch->send('MONITOR');
$watch->receive;
$t->start;
my $project = $t->project(budget_usd => '1');
my $key = $t->key(project => $project, budgets => [['1h', '1']]);
is($t->chat($key, {model => 'one'})->status, 200, 'a call');
$t->{redis}->cmd('FLUSHALL');
ok(wait_until(sub { $t->chat($key, {model => 'one'})->status == 200 }, 10),
    'and one after a reseed');
$t->{redis}->cmd('ECHO', 'the end');

my (%seen, @bad);
while ((my $line = $watch->receive) !~ /"the end"/) {
    my @words = map { s/\\(.)/$1/gr } $line =~ /"((?:[^"\\]|\\.)*)"/g;
    next if ($words[0] // '') !~ /^eval(?:sha)?$/i || $line =~ /\[\d+ lua\]/;
    my %slots = map { slot($_) => 1 } my @keys = @words[3 .. 2 + $words[2]];
    push @bad, "@keys" if keys %slots != 1;
    $seen{$words[1]}++;
}
is_deeply(\@bad, [], 'the keys of every call are of one slot');
cmp_ok(scalar keys %seen, '>=', 6, 'scripts were called');

for my $file (glob top() . '/ngx_asgard_module/core/lua/{,part/}*.lua') {
    my @made = grep { !/^\s*--/ && /\{p|asg[}:]/ && !/match\(/ }
        split /\n/, slurp($file);
    my ($name) = $file =~ m{([^/]+)$};
    is_deeply(\@made, [], "$name builds no name of a key");
}

$t->done;
