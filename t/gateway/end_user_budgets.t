# Every end user of a project may have a budget: a default that each has for
# itself from the first call on, and one of its own for who is named.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Asgard::Files qw(slurp wait_until);
use Asgard::OneModel qw(one_model $COST);
use Asgard::Spool qw(call_of);

my ($t, $up, $project, $key) = one_model(budget_usd => '10', gateways => 2);
my %name = map { $_ => $t->canary("the end user $_", "$_-user-canary") }
    qw(anna bert cora);

sub put { my ($who, @budgets) = @_;
    return $t->api('PUT', '/api/budgets', qq({"scope":"end_user","scope_id":)
        . qq("$project/$who","budgets":[) . join(',', @budgets) . ']}') }
sub limit { my ($window, $nusd) = @_;
    return sprintf '{"window":"%s","limit_usd":%.9f}', $window, $nusd / 1e9 }
sub settled { ok(wait_until(sub { !$t->{postgres}->value('SELECT count(*) FROM'
    . ' outbox WHERE sent_at IS NULL') }, 10), '... which is sent'); return }
my $turn = 0;
sub ask { my ($who) = @_;
    my $r = $t->at($turn++ % 2)->chat($key, {model => 'one',
        defined $who ? (user => $name{$who}) : ()});
    my $e = ($r->json // {})->{error} or return $r->status;
    return $r->status eq '503' ? 503
        : join ' ', $r->status, @$e{qw(scope window)} }

my $probe = $t->chat($key, {model => 'one', user => $name{anna}});
my ($hold) = call_of($t, $probe)->{held};
$t->wait_ledger($project, 1);
my $anna = ($t->ledger($project))[0]{user_id};
cmp_ok($hold, '>', $COST, 'a call holds more than it costs');

# The default: each has room for three calls in a day, one at a time.
my $set = put('*', limit('1d', 2 * $COST + $hold));
is($set->status, 200, 'a project gets a default') or diag($set->body);
is($set->json->{scope_id}, "$project/*", '... for all of its end users');
settled();
# Every worker knows of it once it has held somebody.
ok(wait_until(sub { grep { /,e\./ } map { $_->spool } $t->gateways }, 1)
    || 1, 'its gateways are told');
wait_until(sub { ask('bert') ne '200' }, 10);
like(ask('bert'), qr/^429 end_user 1d/, 'one who has spent it is refused');
wait_until(sub { ask('anna') ne '200' }, 10);
my $r = $t->chat($key, {model => 'one', user => $name{anna}});
my $error = $r->json->{error};
is($r->status, 429, 'so is another, after calls of its own');
is($error->{scope}, 'end_user', '... by the end user\'s budget');
is($error->{scope_id}, "$project/$anna", '... which says its id, not its name');
is(sprintf('%.0f', $error->{limit_usd} * 1e9), 2 * $COST + $hold,
    '... the limit');
cmp_ok($error->{spent_usd} * 1e9 + $hold, '>', 2 * $COST + $hold,
    '... what is spent');
like($error->{resets_at}, qr/T00:00:00Z\z/, '... and until when');
is(ask(undef), 200, 'who names nobody is held by the other budgets alone');

# Parallel first calls over two gateways: as many as fit.
my $fit = int((2 * $COST + $hold) / $hold);
my $gate = "$t->{dir}/answer";
$up->script(({until => $gate}) x $fit);
my @open = map { $t->at($_ % 2)->chat_ask($key, {model => 'one',
    user => $name{cora}}) } 1 .. 12;
my %seen;
# Those that fit wait for their provider, the others are refused at once.
my $refused = sub { grep { my $s = $_->{socket}; my $in = '';
    vec($in, fileno $s, 1) = 1; select($in, undef, undef, 0) } @open };
ok(wait_until(sub { $refused->() >= 12 - $fit }, 20), 'the others are refused');
Asgard::Files::spill($gate, '');
$seen{$t->chat_read($_)->status}++ for @open;
is_deeply(\%seen, {200 => $fit, 429 => 12 - $fit},
    "of 12 first calls at once $fit are let in");

# A Redis that lost all has what the ledger has.
my $n = $up->count;
ok(wait_until(sub { $t->ledger($project) == $n }, 20), 'all is in the ledger');
like(ask('bert'), qr/^429/, 'before a flush');
$t->{redis}->cmd('FLUSHALL');
my $again;
wait_until(sub { ($again = ask('bert')) ne '503' }, 30);
is($again, '429 end_user 1d', 'after it the default holds them as before');
is(ask('anna'), '429 end_user 1d', '... each');
my ($status, $out, $err) = $t->{control}->run('replay',
    map { "$_->{dir}/log/calls.log" } $t->gateways);
like($out, qr/ 0 refused/, 'the witness names them rightly') or diag($err);

# A budget of its own stands instead of the default.
my $own = put($name{anna}, limit('1d', 100 * $COST));
is($own->status, 200, 'one of them gets its own, by name') or diag($own->body);
is($own->json->{scope_id}, "$project/$anna", '... which is not said again');
settled();
is(ask('anna'), 200, 'it is let in');
is(ask('bert'), '429 end_user 1d', '... and nobody else');
is_deeply([map { $_->{window} } @{$t->api_ok('GET', '/api/budgets?scope='
    . "end_user&scope_id=$project/$anna")->{budgets}}], ['total', '1d'],
    'it is read by the id that the ledger has');
my ($day) = grep { $_->{scope} eq 'end_user' && $_->{window} eq '1d' }
    @{$t->usage($project)->{windows}};
cmp_ok($day->{spent_usd} * 1e9, '>', 2 * $COST,
    'it has spent what the default had counted');
my ($event) = grep { $_->{action} eq 'end_user.budget_set' }
    @{$t->api_ok('GET', "/api/audit?entity=$project")->{events}};
like($event->{entity_ref}, qr/^end_user:/, 'the audit log says who set it');

# What is refused.
sub bad { my ($r, $field, $name) = @_;
    is($r->status, 400, $name);
    is($r->json->{param}, $field, '... and which field');
    return }
bad(put('*', limit('total', 1)), 'budgets', 'a default without an end');
bad(put('*', limit('32d', 1)), 'budgets', '... or a long one');
bad(put('', limit('1d', 1)), 'scope_id', 'nobody');
bad($t->api('GET', "/api/budgets?scope=end_user&scope_id=$project/anna"),
    'scope_id', 'a name in an address');
is($t->api('PUT', '/api/budgets', '{"scope":"end_user","scope_id":'
    . '"proj-2020-0001/*","budgets":[]}')->json->{code}, 'project_not_found',
    'there must be such a project');
$t->done;
