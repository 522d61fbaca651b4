# Budgets with a time zone over the control API: what is taken, what is refused,
# and what is shown; another zone begins with what its period had spent.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use POSIX ();
use Test::More;

use Asgard::Files qw(wait_until);
use Asgard::Test;

# No midnight may pass while this runs; all are at a quarter of an hour.
wait_until(sub { time % 900 < 800 }, 120, 1);

my $t = Asgard::Test->new;
$t->start;

# Midnights of the local day that holds now, by the C library: its start, the
# next one.
sub day_of {
    my ($zone) = @_;
    local $ENV{TZ} = $zone;
    POSIX::tzset();
    my (undef, undef, undef, $d, $mon, $y) = localtime;
    my @at = map { POSIX::mktime(0, 0, 0, $d + $_, $mon, $y, 0, 0, -1) } 0, 1;
    return map { POSIX::strftime('%Y-%m-%dT%H:%M:%SZ', gmtime $_) } @at;
}

sub usage_of {
    my ($project, $scope, $window) = @_;
    my ($w) = grep { $_->{scope} eq $scope && $_->{window} eq $window }
        @{$t->usage($project)->{windows}};
    return $w;
}

my $project = $t->project(budget_usd => '2');
my $key = $t->key(project => $project,
    budgets => [['1d', '0.5', 'Asia/Kolkata'], ['1h', '0.4']]);
my $called = $t->chat($key, {model => 'echo', max_tokens => 10});
is($called->status, 200, 'a key with a zoned window works at once')
    or diag($called->body);
my ($entry) = $t->wait_ledger($project, 1);

my $day = usage_of($project, 'key', '1d');
is($day->{zone}, 'Asia/Kolkata', 'usage shows the zone');
my @kolkata = day_of('Asia/Kolkata');
is_deeply([@$day{qw(starts_at resets_at)}], \@kolkata,
    '... and where the local day begins and ends');
is($day->{spent_usd}, $entry->{cost_usd}, '... and what was spent in it');
is(usage_of($project, 'key', '1h')->{zone}, 'UTC', 'others follow UTC');
is(usage_of($project, 'key', 'total')->{zone}, undef, 'total follows nothing');

# --- PUT and GET --------------------------------------------------------------

my $set = $t->set_budgets($project, ['1d', '1', 'Europe/Berlin'],
    ['1w', '1', 'Australia/Lord_Howe'], ['30d', '1', 'America/New_York'],
    ['3d', '1', 'UTC'], ['2d', '1']);
is_deeply([map { [@$_{qw(window zone)}] } @{$set->{budgets}}],
    [['total', undef], ['1d', 'Europe/Berlin'], ['1mo', 'America/New_York'],
        ['2d', 'UTC'], ['3d', 'UTC'], ['7d', 'Australia/Lord_Howe']],
    'PUT takes zones and shows them');
is_deeply($t->api_ok('GET', "/api/projects/$project/budgets"), $set,
    '... GET the same');
is($t->api('PUT', "/api/projects/$project/budgets", $set)->status, 200,
    'what GET shows can be PUT');
my ($before, $after) = map { $_->{data} } grep {
    $_->{action} eq 'project.budget_set' }
    @{$t->api_ok('GET', "/api/audit?entity=$project")->{events}};
like("$before->{before} $before->{after}" . ($after->{after} // ''),
    qr{1d\@Europe/Berlin=1\b}, 'the audit log names the zone');
for ('1d', '1mo', '7d', '2d', '3d') {
    is(usage_of($project, 'project', $_)->{spent_usd}, $entry->{cost_usd},
        "$_ begins with what its period had spent");
}
is($t->api('PATCH', "/api/projects/$project", {budget_usd => 3})->status, 200,
    'a change of the total');
is_deeply([map { $_->{zone} }
    @{$t->api_ok('GET', "/api/projects/$project/budgets")->{budgets}}],
    [map { $_->{zone} } @{$set->{budgets}}], '... keeps the zones');

# --- another zone -------------------------------------------------------------

for my $zone ('Pacific/Kiritimati', 'Pacific/Pago_Pago', 'UTC') {
    $t->set_budgets($project, ['1d', '1', $zone]);
    my $w = usage_of($project, 'project', '1d');
    is_deeply([@$w{qw(zone starts_at resets_at)}], [$zone, day_of($zone)],
        "the day of $zone");
    is($w->{spent_usd}, $entry->{cost_usd}, '... has what was spent in it');
}
is($t->set_budgets($project, ['1d', '1', 'Europe/Rome'])->{budgets}[1]{zone},
    'Europe/Rome', 'a zone');
is($t->set_budgets($project, ['1d', '1'])->{budgets}[1]{zone}, 'UTC',
    '... left out of a PUT is UTC');
is($t->set_budgets($project, ['1d', '0', 'Asia/Kathmandu'])->{budgets}[1]
    {limit_usd}, 0, 'a limit of 0 in a zone');

# --- a refusal ----------------------------------------------------------------

my $refused = $t->chat($key, {model => 'echo', max_tokens => 10});
is($refused->status, 429, 'a call that does not fit is refused');
my $error = $refused->json->{error};
is_deeply([@$error{qw(code scope scope_id window limit_usd spent_usd held_usd
    resets_at zone)}], ['budget_exceeded', 'project', $project, '1d', 0,
    $entry->{cost_usd}, 0, (day_of('Asia/Kathmandu'))[1], 'Asia/Kathmandu'],
    '... by scope, window, limit, used, reset and zone');
is($refused->header('retry-after'), undef, '... and no Retry-After');

# --- what is refused ----------------------------------------------------------

my $stands = $t->api_ok('GET', "/api/projects/$project/budgets");
sub refused {
    my ($window, $zone, $what) = @_;
    my $reply = $t->api('PUT', "/api/projects/$project/budgets", '{"budgets":'
        . Asgard::Admin::budgets_text([[$window, '1', $zone]]) . '}');
    is(join(' ', $reply->status, $reply->json->{code} // '',
        $reply->json->{param} // ''), '400 invalid_value zone', $what)
        or diag($reply->body);
    return;
}
refused('1d', $_, "no zone: $_") for 'CET', 'EST5EDT', 'europe/berlin',
    'Europe/Atlantis', 'Etc/GMT+5', 'US/Eastern', 'posix/Europe/Berlin',
    'CET-1CEST,M3.5.0,M10.5.0/3', '+02:00', 'Europe/Berlin x', 'Z',
    'Europe/' . 'x' x 60;
refused($_, 'Europe/Berlin', "$_ has no days") for 'total', '1h', '90m', '60s';
my $reply = $t->api('PUT', "/api/projects/$project/budgets",
    '{"budgets":[{"window":"1d","limit_usd":1,"zone":7}]}');
is($reply->json->{param}, 'zone', 'a number is no zone');
is($t->api('PUT', "/api/projects/$project/budgets", '{"budgets":'
    . Asgard::Admin::budgets_text([['1d', '1', 'Europe/Berlin'],
        ['1d', '2', 'Europe/Rome']]) . '}')->json->{code},
    'conflicting_fields', 'one window in two zones is one too many');
is($t->api('POST', "/api/projects/$project/keys", '{"name":"k","budgets":'
    . Asgard::Admin::budgets_text([['1d', '1', 'Europe/Atlantis']]) . '}')
    ->json->{param}, 'zone', 'a key with an unknown zone is not made');
is_deeply($t->api_ok('GET', "/api/projects/$project/budgets"), $stands,
    'and nothing has changed');

# --- 8 windows of boundaries --------------------------------------------------

my @most = (map { ["${_}d", '1', 'America/Argentina/ComodRivadavia'] } 1 .. 6);
$t->set_budgets($project, @most, ['1mo', '1', 'Europe/Berlin']);
my $full = $t->key(project => $project, budgets => [@most,
    ['1mo', '1', 'Europe/Berlin']]);
is($t->chat($full, {model => 'echo', max_tokens => 10})->status, 200,
    'two budgets of 8 windows each, most of them zoned, serve a call');
$t->wait_ledger($project, 2);
$t->{redis}->cmd('FLUSHALL');
ok(wait_until(sub { $t->chat($full, {model => 'echo', max_tokens => 10})
    ->status == 200 }, 20, 0.1), '... also after a reseed');
is((grep { $_->{window} eq '1d' && $_->{zone} ne 'UTC' }
    @{$t->usage($project)->{windows}})[0]{resets_at},
    (day_of('America/Argentina/ComodRivadavia'))[1], '... with the same ids');
$t->wait_ledger($project, 3);

$t->done;
