#!/usr/bin/env perl
# M5: a call that expired while its gateway was cut off from Redis, whose end
# it has written down, is on its way for an hour.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use Test::More;

use Asgard::Files qw(wait_until);
use Asgard::Holds qw(ended open_holds);
use Asgard::Spool qw(calls);
use Asgard::Test;

my $t = Asgard::Test->new(workers => 1, http_conf => 'asgard_hold_ttl 5s;',
    proxies => ['gateway_redis']);
my $up = $t->upstream('main', prompt_tokens => 10, completion_tokens => 20);
$t->add_model($up, ref => 'model:test/one', route => 'one');
$t->start;
my $project = $t->project(budget_usd => '100');
my $key = $t->key(project => $project);
is($t->chat($key, {model => 'one'})->status, 200, 'a call');
$up->script({chunks => 5, chunk_delay => 0.3});
my ($http, $reply) = $t->chat_start($key, {model => 'one',
    stream => JSON::PP::true});
$http->read_piece($reply);
my $proxy = $t->proxy('gateway_redis');
$proxy->refuse;
$proxy->cut;
$http->read_body($reply);
my ($line) = grep { $_->{verb} eq 's' } reverse calls($t);
ok(wait_until(sub { ended($t, $line->{hold}) }, 30, 0.1),
    'its hold expires while its gateway is cut off');

sub audit {
    my ($status, $out, $err) = $t->{control}->run('audit', 'money',
        '--witness', "$t->{gateway}{dir}/log/calls.log");
    return ($status, "$out$err");
}
my ($status, $text) = audit();
is($status, 0, 'its line is no break') or diag($text);
like($text, qr/^note: 1 calls that expired are not told yet/m, '... but told');
$proxy->accept;
$proxy->heal;
ok(wait_until(sub { my $x = ended($t, $line->{hold}); $x && $x->{rank} == 3 },
    30, 0.1), 'later it is settled');
($status, $text) = audit();
is($status, 0, 'and all is well') or diag($text);
unlike($text, qr/not told yet/, '... with nothing more to tell');
$t->done;
