# A call that the gateway refused is joined by its trace with what caused it:
# the kill, the budget that was lowered, the limit of the key, the end of the
# project; each with who did it and why.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(wait_until);
use Asgard::OneModel qw(one_model);
use Asgard::People;

my ($t, $up, $project, $key) = one_model();
$t->{may_overdraw} = 1;         # a budget is lowered below what was spent
my $people = Asgard::People->new($t);
my %who = map { $_ => $people->person($_) } qw(owner other);
$t->api_ok('PATCH', "/api/projects/$project",
    {owner_email => $who{owner}{email}});

# The event of a refused call, as the owner asks for it.
sub told {
    my ($trace, @as) = @_;
    my @found;
    wait_until(sub { @found = grep { $_->{action} eq 'gateway.refused' }
        @{$t->api_ok('GET', "/api/audit?trace=$trace&entity=$project", undef,
        @as ? @as : $people->as('owner'))->{events}} }, 20, 0.1);
    return $found[0];
}

my $n = 0;
sub is_caused {
    my ($status, $code, $rule, $action, $what, %call) = @_;
    my $trace = 'cause-' . ++$n;
    my $reply;
    # the limit of a second is not told twice in it: each code is of one call
    wait_until(sub { $reply = $t->chat($call{key} // $key, {model => 'one',
        %{$call{body} // {}}}, 'x-asgard-trace-id' => $trace);
        ($reply->json->{error}{code} // '') eq $code }, 20, 0.1);
    is(join(' ', $reply->status, $reply->json->{error}{code} // ''),
        "$status $code", $what);
    my $cause = (told($trace) // {})->{cause};
    is($cause->{rule}, $rule, '... by a rule');
    is($cause->{event}{action}, $action, "... because of $action");
    return $cause->{event};
}

my $other = $t->key(project => $project, rpm_limit => 1);
$t->chat($other, {model => 'one'});
my $event = is_caused(429, 'rate_limit_exceeded', 'invoke.limits',
    'key.minted', 'a limit', key => $other);
is($event->{entity_ref}, "key:$other->{id}", '... of this key, not the other');

$t->api_ok('PUT', "/api/projects/$project/budgets",
    '{"budgets":[{"window":"total","limit_usd":0.000001}]}',
    $people->as('owner'));
$event = is_caused(429, 'budget_exceeded', 'invoke.budget',
    'project.budget_set', 'a budget that was lowered');
is($event->{actor}, "user:$who{owner}{id}", '... by whom');
like($event->{data}{after}, qr/0\.000001/, '... to how much');

$t->api_ok('POST', "/api/projects/$project/kill",
    {reason => 'the key leaked'}, $people->as('owner'));
$event = is_caused(403, 'project_killed', 'project.killed', 'project.kill',
    'a kill');
is($event->{reason}, 'the key leaked', '... why it was');
is($event->{actor}, "user:$who{owner}{id}", '... who did it');
my $killed = $event->{id};
$t->api_ok('POST', "/api/projects/$project/unkill", {}, $people->as('owner'));
$t->api_ok('POST', "/api/projects/$project/kill", {reason => 'again'},
    $people->as('owner'));
is(told("cause-$n")->{cause}{event}{id}, $killed,
    'a later kill did not cause it');
is($t->api('GET', "/api/audit?trace=cause-$n&entity=$project", undef,
    $people->as('other'))->status, 404, 'another tenant is told nothing');
is($t->api('GET', "/api/audit?trace=cause-$n", undef, $people->as('owner'))
    ->status, 403, '... nor the owner of all projects');

$t->chat($key, {model => 'one'}, 'x-asgard-trace-id' => "later-$_")
    for 1 .. 8;
is(told("later-$_")->{cause}{event}{reason}, 'again',
    "each of many calls in a second is joined with it: $_") for 2, 8;

$t->api_ok('POST', "/api/projects/$project/unkill", {}, $people->as('owner'));
$t->api_ok('POST', "/api/projects/$project/decommission",
    {reason => 'over'}, $people->as('owner'));
$event = is_caused(403, 'project_inactive', 'project.live',
    'project.decommissioned', 'the end of a project');
is($event->{reason}, 'over', '... why it was');

my ($registered) = grep { $_->{action} eq 'project.registered' }
    @{$t->api_ok('GET', "/api/audit?entity=$project")->{events}};
ok(!exists $registered->{cause}, 'a page of the log has no causes');
is($t->api_ok('GET', "/api/audit?trace=$registered->{trace_id}")
    ->{events}[0]{cause}, undef, 'what was not refused has none');

$t->done;
