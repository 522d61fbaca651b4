# The operator points a name, `default`, a ref of `model:default/` or all of
# them by `model:default/*`, at another backend for all: clients keep asking for
# it, the next call goes there, and no call is dropped meanwhile; the choice of
# a project stays its own.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use Test::More;

use Asgard::Load;
use Asgard::Test;

sub routing {
    my ($to) = @_;
    return "num_retries: 0\nmodel_alias_map:\n  default: $to\n"
        . "  model:default/chat: model:$to/chat\n";
}

# All names of model:default/, name by name or to one model.
sub routing_of_all {
    my ($to) = @_;
    return "num_retries: 0\nmodel_alias_map:\n  default: two\n"
        . "  'model:default/*': $to\n  model:default/own: model:own/chat\n"
        . "  model:default/echo: model:own/chat\n";
}

my $t = Asgard::Test->new(workers => 2, redis_deadline => '5s',
    routing => routing('one'));
my %up = map { $_ => $t->upstream($_) } qw(one two own);
$t->add_service($_, $up{$_}, models => [{ref => "model:$_/chat",
    route => $_, served => "served-by-$_"}]) for sort keys %up;
# a module that says the name itself gives way to the routing file
$t->add_service('base', $t->upstream('base'), models => [map {{
    ref => "model:default/$_", route => $_}} qw(chat code)]);
$t->start;
my $key = $t->key(project => $t->project(budget_usd => '10'));
my $narrow = $t->key(project => $t->project(budget_usd => '10'),
    models => ['default', 'model:default/chat']);
my $own_project = $t->project(budget_usd => '10');
my $own = $t->key(project => $own_project);
$t->api('PATCH', "/api/projects/$own_project", {default_backend => 'own'});

sub served_by {
    my ($who, $model, $n) = @_;
    my %before = map { $_ => $up{$_}->count } keys %up;
    my @said = $t->in_parallel($n // 8, sub {
        my $reply = $t->chat($who, {model => $model});
        return $reply->status . ' ' . ($reply->at('model') // $reply->code);
    });
    is(join('|', grep { $_ ne "200 $model" } @said), '',
        "$model is answered under its name");
    return join ' ', grep { $up{$_}->count > $before{$_} } sort keys %up;
}

is(served_by($key, $_), 'one', "$_ is served by one backend")
    for 'default', 'model:default/chat';

$up{one}->script({chunks => 30, chunk_delay => 0.1});
my ($http, $stream) = $t->chat_start($key, {model => 'default',
    stream => JSON::PP::true});
$http->read_piece($stream);
my @loads = map { Asgard::Load->new($t, $key, callers => 3, kept => $_,
    change => {model => 'default'}) } 0, 1;
for my $to (qw(two one two)) {
    $t->{control}->write_routing(routing($to));
    ok($t->reload_catalog, "the name is pointed at $to");
    is(served_by($key, $_), $to, "the next call of $_ goes there")
        for 'default', 'model:default/chat';
}
for my $load (@loads) {
    my $told = $load->stop;
    is(join(' ', sort keys %$told), '200', 'no call is dropped meanwhile');
    cmp_ok($told->{200} // 0, '>', 10, 'of many');
}
$http->read_body($stream);
like($stream->body, qr/data: \[DONE\]/, 'a stream of before goes on');
is(served_by($narrow, $_), 'two', "also for a key that may use $_ alone")
    for 'default', 'model:default/chat';
is(served_by($own, 'default'), 'own', 'a project\'s own default stays');
is(served_by($own, 'model:default/chat'), 'two',
    'other names are the operator\'s');
like($up{two}->last_request->{body}, qr/"model":"served-by-two"/,
    'a backend is asked for what it calls the model');

# All names of model:default/ at once.
sub names_go_to {
    my ($name) = @_;
    is(served_by($key, "model:default/$_", 2), $name, "$_ goes to $name")
        for qw(chat code);
    is(served_by($key, 'model:default/own', 1), 'own',
        'a name of which a line of its own says something else stays there');
}

$t->{control}->write_routing(routing_of_all('model:one/*'));
ok(!$t->reload_catalog, 'a name that its new module does not have is refused');
like($t->{control}->log_text,
    qr{routing\.yaml:4: "model:one/code" is not the name of any model},
    '... with file and line');
is(served_by($key, 'model:default/chat', 2), 'two', '... and all stays');
$t->add_service('one', $up{one}, models => [map {{ref => "model:one/$_",
    route => "one-$_"}} qw(chat code new)]);
ok($t->reload_catalog, 'all names of model:default/ are pointed at one module');
names_go_to('one');
is(served_by($key, 'model:default/new', 1), 'one',
    'what only that module has is there as well');
$t->{control}->write_routing(routing_of_all('model:two/chat'));
ok($t->reload_catalog, 'all of them are pointed at one model');
names_go_to('two');
is($t->chat($key, {model => 'model:default/new'})->code, 'model_not_found',
    'and what nobody calls so is gone');

$t->{control}->write_routing(routing('nowhere'));
ok(!$t->reload_catalog, 'a name that nobody has is refused');
is(served_by($key, 'default'), 'two', 'and all stays as it was');

$t->done;
