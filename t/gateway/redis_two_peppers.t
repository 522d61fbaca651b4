#!/usr/bin/env perl
# A key is known under any pepper of the key file, whichever is in use.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(random_hex slurp spill);
use Asgard::Stage;

my $s = Asgard::Stage->new(workers => 1);
$s->model(route => 'echo');
my $key = $s->key($s->project(limit => '-'));

# p2 is in use for new keys, p1 still stands in the file.
my $new = random_hex(32);
my ($seal, $old) = split /\n/, slurp($s->{key_file});
spill($s->{key_file}, "$seal\npepper p2 $new\n$old\n", 0600);
$s->canary('the new pepper', $new);
$s->start;

is($s->chat($key, {model => 'echo'})->status, 200,
    'a key made under the older pepper works');
my $misses = $s->metric('asgard_key_misses_total');
is($misses, 2, 'after both were looked up');
is($s->chat($key, {model => 'echo'})->status, 200, 'and again');
is($s->metric('asgard_key_misses_total'), $misses,
    'the second time from memory');

# The same text under the new pepper alone.
$s->{pepper} = pack 'H*', $new;
my $token = 'asg_' . random_hex(32);
my $name = '{asg}:key:p2:' . $s->digest($token);
$s->{redis}->cmd('SET', $name,
    $s->encode({%{$key->{record}}, pepper => 'p2', v => 1}));
is($s->chat($token, {model => 'echo'})->status, 200,
    'a key made under the newer one works');
is($s->chat('asg_' . '1' x 64, {model => 'echo'})->status, 401,
    'a key of neither is refused');

$s->done;
