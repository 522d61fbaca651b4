#!/usr/bin/env perl
# The record of a key, of a project or of the catalog is deleted in Redis: it is
# written again within seconds, whoever deleted it, and a revoked key stays so.
#
# Fault row 5.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(wait_until);
use Asgard::OneModel qw(one_model);

my ($t, undef, $project, $key) = one_model(workers => 2, budget_usd => '10');
my $redis = $t->{redis};

sub names { my ($kind) = @_; return @{$redis->cmd('KEYS', "{asg}:$kind*")} }
sub status { my ($who) = @_; return $t->chat($who, {model => 'one'})->status }
sub missing { return $t->get('/metrics/ctl')->body
    =~ /^asgard_records_missing (\d+)/m ? $1 : '' }

# More keys than one look takes at once.
my $revoked = $t->key(project => $project);
$t->revoke_key($project, $revoked->{id});
$t->{postgres}->rows('INSERT INTO keys (key_id, project_id, pepper_id, digest,'
    . ' prefix, name, version) SELECT gen_random_uuid(), project_id, pepper_id,'
    . " sha256(n::text::bytea), prefix, 'filler ' || n, 1 FROM keys,"
    . " generate_series(1, 450) AS n WHERE key_id = '$key->{id}'");
is(status($key), 200, 'a call');
ok(wait_until(sub { names('key:') == 452 }, 20, 0.1),
    'records that Redis never had are written, of 452 keys')
    or diag(scalar names('key:'));
# The metric follows within a beat of the meter; then it rests.
sub rests { my $now = missing();
    sleep 2;
    return $now >= 450 && missing() == $now }
ok(wait_until(\&rests, 20, 0.1), '... and counted') or diag(missing());
my $before = missing();

for my $kind ('key:', "project:$project", 'catalog') {
    my @lost = names($kind);
    my $n = @lost;
    $redis->cmd('DEL', @lost);
    ok(wait_until(sub { names($kind) == $n }, 20, 0.1),
        "$n lost records of $kind are back");
    ok(wait_until(sub { status($key) == 200 }, 5, 0.1), '... and calls served');
    ok(wait_until(sub { missing() == $before + $n }, 15, 0.1),
        '... the metric has them') or diag(missing(), " of $before + $n");
    $before += $n;
    is(status($revoked), 401, '... a revoked key stays revoked');
}
like($t->{control}->log_text, qr/records were missing in Redis and are written/,
    'the log tells it');
$t->done;
