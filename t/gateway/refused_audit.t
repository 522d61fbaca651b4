# A refusal of a known caller is in the audit log, by its trace and with its
# code; many in a second are one event that counts them; of a stranger nothing
# is.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use List::Util qw(sum0);
use Test::More;

use Asgard::Files qw(wait_until);
use Asgard::OneModel qw(one_model);

my ($t, $up, $project, $key) = one_model();

sub refused { my ($query) = @_;
    return grep { $_->{action} eq 'gateway.refused' } @{$t->api_ok('GET',
        "/api/audit?action=gateway.refused&limit=1000&$query")->{events}} }
sub unaudited { return $t->get('/metrics')->body
    =~ /^asgard_refused_unaudited_total (\d+)$/m ? $1 : 'none' }

my $reply = $t->chat($key, {model => 'no-such-model'});
is($reply->status, 404, 'a call that is refused');
my @found;
ok(wait_until(sub { @found = refused('trace=' . $reply->trace) }, 20, 0.1),
    '... is in the audit log by its trace') or BAIL_OUT('nothing is told');
is(scalar @found, 1, '... once');
is($found[0]{entity_ref}, "project:$project", '... of its project');
is($found[0]{outcome}, 'denied', '... as a denial');
is($found[0]{reason}, 'model_not_found', '... with the code that it was given');
is($found[0]{data}{count}, 1, '... which was given once');
like($found[0]{data}{since}, qr/^20\d\d-\d\d-\d\dT[\d:]+\.\d{3}Z$/,
    '... and when');
my ($id) = $t->{postgres}->value("SELECT key_id FROM keys WHERE project_id ="
    . " '$project'");
is(scalar(refused("entity=$id")), 1, '... and by its key');

# Forty more, of two codes
$t->chat($key, {model => 'no-such-model'}) for 1 .. 30;
$t->chat($key, {model => 'one', messages => 'none'}) for 1 .. 10;
my ($all, %by);
ok(wait_until(sub {
    %by = ();
    $by{$_->{reason}} += $_->{data}{count} for refused("entity=$project");
    return sum0(values %by) >= 41;
}, 20, 0.1), 'forty more are counted') or diag(explain(\%by));
is($by{model_not_found}, 31, '... each with its code');
is(sum0(values %by), 41, '... and none twice');
my $events = refused("entity=$project");
cmp_ok($events, '<', 41, '... in fewer events');

# Each call of an aggregate finds it
my @traces = map { "many-$_" } 0 .. 31;
$t->chat($key, {model => 'never-heard-of'}, 'x-asgard-trace-id', $_)
    for @traces;
my %found;
ok(wait_until(sub {
    $found{$_->{id}} = $_ for refused("entity=$project&since="
        . $found[0]{data}{since});
    my %has = map { $_ => 1 } map { $_->{trace_id}, @{$_->{data}{traces}
        // []} } values %found;
    return !grep { !$has{$_} } @traces;
}, 20, 0.1), 'events of many calls have the traces of all of them');
my @lost = grep { my @events = refused("trace=$_"); @events != 1
    || $events[0]{reason} ne 'model_not_found' } @traces;
is("@lost", '', '... each finds its event, and no other');
cmp_ok(scalar(refused("trace=$traces[0]")), '==', 1, '... as the first does');
is(scalar(refused('trace=many-')), 0, '... by the whole trace');
$events = refused("entity=$project");

# What is none
is($t->chat('asg_0000000000000000', {model => 'one'})->status, 401,
    'a stranger is refused');
is($t->chat($key, {model => 'one'})->status, 200, 'a good call passes');
$up->script({status => 400, body => '{"error":{"message":"no"}}'});
is($t->chat($key, {model => 'one'})->status, 400, 'a provider refuses one');
my $last = $t->chat($key, {model => 'no-such-model'});
ok(wait_until(sub { refused("entity=$project") > $events }, 20, 0.1),
    'a later one comes');
is(sum0(map { $_->{data}{count} } refused('')), 74, '... and nothing else did');
is(unaudited(), 0, 'all of them were told');
is($t->{redis}->cmd('XLEN', '{asg}:refused'), 0, '... and nothing is left');

# While Redis does not answer they are counted, and calls answered as before.
$t->{redis}->freeze;
is($t->chat($key, {model => 'no-such-model'})->status, 404,
    'a call is refused while Redis does not answer');
ok(wait_until(sub { unaudited() > 0 }, 10, 0.1), '... and counted');
$t->{redis}->thaw;

$t->done;
