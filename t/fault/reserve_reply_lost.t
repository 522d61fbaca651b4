#!/usr/bin/env perl
# Redis made the hold and its reply was lost: the call is refused, the hold is
# given back by its id, and the id never holds twice.
#
# Fault row 3.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Time::HiRes qw(sleep);

use Asgard::Files qw(wait_until);
use Asgard::Holds qw(ended);
use Asgard::OneModel qw(one_model);
use Asgard::Spool qw(call_of);

my ($t, $up, $project, $key) = one_model(redis_deadline => '1s',
    proxies => ['gateway_redis']);
my $proxy = $t->proxy('gateway_redis');

sub call { $t->chat($key, {model => 'one'}) }
sub open_holds { @{Asgard::Money::read_books($t)->{holds}} }
# A call that is refused while the connection is made anew may leave a void too:
# each hold is looked for by its own id.
sub is_voided {
    my ($reply) = @_;
    my $ended = ended($t, call_of($t, $reply)->{hold}, 20) // {};
    return ($ended->{state} // '') eq 'voided' && $ended->{kinds} eq '';
}

is(call()->status, 200, 'a first call');
my $served = $up->count;
for my $then (qw(hang rst fin)) {
    my $lost = $proxy->drop_reply(match => $proxy->script('reserve'),
        then => $then);
    my $reserves = $proxy->watch(match => $proxy->script('reserve'));
    my $reply = call();
    is($reply->status, 503, "$then: the call is refused");
    is($reply->code, 'budget_unavailable', '... as a budget not known');
    is($proxy->hits($lost), 1, '... because the reply was lost');
    is($proxy->hits($reserves), 1, '... which is not asked for again');
    ok(is_voided($reply), '... and the hold is given back, a void of its id');
    my $line = call_of($t, $reply);
    is("$line->{verb} $line->{verdict}", 'v given_back',
        '... which the witness has a line of');
    is(open_holds(), 0, '... nothing stays held');
    $proxy->cut;
    ok(wait_until(sub { call()->status == 200 }, 20),
        '... and service goes on');
    $served++;
    is($up->count, $served, '... the provider saw only that');
}

# The void overtakes the reserve, which arrives later on its old connection.
my $late = $proxy->hold_request(match => $proxy->script('reserve'));
my $reply = call();
is($reply->status, 503, 'a reserve that is still under way is refused');
ok(is_voided($reply), 'its void overtakes it on a new connection');
my $events = () = grep { /:u:/ } @{$t->{redis}->cmd('KEYS', '*')};
$proxy->release;
my ($marker) = grep { ($t->{redis}->cmd('GET', $_) // '') eq 'V' }
    @{$t->{redis}->cmd('KEYS', '{p*}:h:*')};
ok($marker, 'the void left its mark');
ok(wait_until(sub { $proxy->stats->{open} <= 2 }, 10),
    'the reserve arrives on the old connection');
is(open_holds(), 0, '... and holds nothing: it was voided before it came');
is($t->{redis}->cmd('GET', $marker), 'V', '... the mark is still there');
ok(wait_until(sub { call()->status == 200 }, 10), 'service goes on');
$t->done;
