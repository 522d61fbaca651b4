#!/usr/bin/env perl
# `migrate` brings what a database lacks, also where it has a later step
# already; until then `check` says so.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use File::Temp ();
use Test::More;

use Asgard::Control;
use Asgard::Files qw(spill random_hex);
use Asgard::PostgresServer;
use Asgard::RedisServer;

my $dir = File::Temp::tempdir('/tmp/asgard-g-XXXXXX', CLEANUP => 1);
chmod 0711, $dir;
mkdir "$dir/redis";
my $db = Asgard::PostgresServer->new(dir => "$dir/pg", empty => 1);
my $redis = Asgard::RedisServer->new(dir => "$dir/redis");
my $control = Asgard::Control->new(dir => $dir, redis => $redis,
    postgres => $db, key_file => spill("$dir/seal.key", 'seal s1 '
    . random_hex(32) . "\npepper p1 " . random_hex(32) . "\n", 0600));
my $count = 'SELECT count(*) FROM schema_migrations';

$control->run_ok('migrate');
my $all = $db->value($count);
cmp_ok($all, '>', 21, 'a new database gets every step');
is(($control->run('check'))[0], 0, 'and is what the program needs');

# As a program left it that did not have step 21 yet.
$db->rows('BEGIN; DROP TABLE held_copies;'
    . 'ALTER TABLE partitions DROP COLUMN copied_at;'
    . 'ALTER TABLE gateway_workers DROP COLUMN unheard_at;'
    . 'DELETE FROM schema_migrations WHERE number = 21; COMMIT');
my ($status, $out, $err) = $control->run('check');
isnt($status, 0, 'a step in between is missed');
like($out . $err, qr/run migrate/, '... and the cure is named');
$control->run_ok('migrate');
is($db->value($count), $all, 'it is brought');
is($db->value('SELECT count(*) FROM held_copies'), 0,
    '... with what it makes');
is(($control->run('check'))[0], 0, 'and nothing is missed any more');
$control->run_ok('migrate');
is($db->value($count), $all, 'again it does nothing');

$redis->{process}->stop('QUIT', 10);
$db->{process}->stop('QUIT', 10);
done_testing();
