#!/usr/bin/env perl
# A reload of something that is wrong changes nothing: what was served is served
# on, at the old prices, and the log and a metric say that something is refused.
#
# Fault row 37.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(slurp spill wait_until);
use Asgard::Spool qw(call_of);
use Asgard::Test;

my $routing = "model_alias_map:\n  gpt-4o: one\n";
my $t = Asgard::Test->new(workers => 2, routing => $routing);
my $control = $t->{control};
my $up = $t->upstream('main');
my @models = ({ref => 'model:test/one', route => 'one'});
$t->add_service('main', $up, models => \@models);
$t->start;
my $project = $t->project(budget_usd => '100');
my $key = $t->key(project => $project);
my $manifest = slurp("$t->{dir}/services/main/service.yaml");
my $backends = slurp("$t->{dir}/backends.env");
my $seal = slurp($t->{key_file});

sub refused {
    my $text = $t->get('/metrics/ctl')->body;
    return $text =~ /^asgard_catalog_refused (\d+)$/m ? $1 : 'no metric';
}

sub offered { return join ' ', sort map { $_->{id} }
    @{$t->get('/v1/models', Asgard::Test::bearer($key))->json->{data}} }

sub version { return $t->get('/metrics')->body =~
    /^asgard_catalog_version (\d+)$/m ? $1 : 0 }

# What a call by the alias costs, and by which card.
sub price {
    my $reply = $t->chat($key, {model => 'gpt-4o'});
    my $call = call_of($t, $reply);
    return join ' ', $reply->status, map { $call->{$_} // '-' }
        qw(verb amount cv);
}

my ($offered, $price, $version) = (offered(), price(), version());
like($price, qr/^200 s 210000 /, 'calls are served and priced');
is(refused(), 0, 'nothing is refused');

sub stays {
    my ($what, $says) = @_;
    my $mark = length $control->log_text;
    my ($status, undef, $err) = $control->run('reload');
    is($status, 1, "$what: reload fails");
    like($err, $says, '... and says why');
    ok(wait_until(sub { substr($control->log_text, $mark) =~ $says }, 5),
        '... so does the log');
    ok(wait_until(sub { refused() =~ /^[1-9]/ }, 5),
        '... and a metric: ' . refused());
    is(version(), $version, '... the old catalog is served');
    is(offered(), $offered, '... with the same models');
    is(price(), $price, '... at the same price');
    is($t->api('GET', '/api/projects')->status, 200,
        '... and the control API answers');
}

# Everything is as it was at first.
sub mend {
    $control->write_service('main', $manifest);
    $control->write_service('new', undef);
    $control->write_routing($routing);
    spill("$t->{dir}/backends.env", $backends, 0600);
    spill($t->{key_file}, $seal, 0600);
    unlink "$t->{dir}/prices.json";
    ok($t->reload_catalog, '... mended, it is taken');
    ok(wait_until(sub { refused() eq '0' }, 5),
        '... and nothing is refused any more');
    $version = version();
}

for my $case (
    ['a manifest that is none', sub { $control->write_service('main',
        "id: main\ninference: [\n") }, qr/service\.yaml:\d+/],
    ['a manifest with an unknown field', sub { $control->write_service('main',
        "colour: red\n$manifest") }, qr/colour/],
    ['a price that is no number', sub { $control->write_service('main',
        $manifest =~ s/cost_in: \S+/cost_in: cheap/r) }, qr/cost_in/],
    ['a price below 0', sub { $control->write_service('main',
        $manifest =~ s/cost_out: \S+/cost_out: -1/r) }, qr/cost_out/],
    ['a model without a price', sub { $control->write_service('main',
        $manifest =~ s/^.*cost_(?:in|out): .*\n//mgr) }, qr/price|cost/],
    ['a routing file with a loop', sub { $control->write_routing(
        "model_alias_map:\n  a: b\n  b: a\n") }, qr/routing\.yaml/],
    ['a routing file that names no model', sub { $control->write_routing(
        "model_alias_map:\n  gpt-4o: nothing\n") }, qr/routing\.yaml/],
    ['variables that are none', sub { spill("$t->{dir}/backends.env",
        "MAIN_BASE_URL http://127.0.0.1\n", 0600) }, qr/backends\.env:1/],
    ['a table of prices that is cut', sub { spill("$t->{dir}/prices.json",
        '{"one"') }, qr/prices\.json:1/],
    ['a table of prices with one that is no number', sub {
        spill("$t->{dir}/prices.json",
            '{"one":{"input_cost_per_token":"1"}}') },
        qr/prices\.json:1/],
    ['a key file that is none', sub { spill($t->{key_file},
        "seal s1 short\n", 0600) }, qr/seal\.key/]) {
    my ($what, $break, $says) = @$case;
    $break->();
    stays($what, $says);
    mend();
}

# A new module that is wrong is left out alone.
$control->write_service('new', "id: new\ninference: 7\n");
my ($status) = $control->run('reload');
is($status, 1, 'a new module that is wrong: reload fails');
ok(wait_until(sub { refused() eq '1' }, 5), '... a metric says so');
is(offered(), $offered, '... the others are served');
is(price(), $price, '... at the same price');
mend();

# nginx's own configuration, and the key file that it reads.
my $conf = "$t->{gateway}{dir}/conf/nginx.conf";
my $good = slurp($conf);
my %bad = ('a configuration of nginx that is wrong' => sub {
        spill($conf, $good =~ s/asgard_zone /asgard_zoo /r, 0600) },
    'a key file that is wrong' => sub {
        spill($t->{key_file}, "seal s1 short\n", 0600) });
for my $what (sort keys %bad) {
    my $before = join ' ', $t->{gateway}->workers;
    my $mark = length $t->{gateway}->error_log;
    $bad{$what}->();
    $t->{gateway}{process}->signal('HUP');
    ok(wait_until(sub { substr($t->{gateway}->error_log, $mark)
        =~ /\[emerg\].*(?:asgard_zoo|seal\.key)/ }, 5),
        "$what: nginx says what it refuses");
    is(join(' ', $t->{gateway}->workers), $before, '... the workers stay');
    is(price(), $price, '... and serve at the same price');
    spill($conf, $good, 0600);
    spill($t->{key_file}, $seal, 0600);
}
$t->allow_alert(qr/\[emerg\].*(?:asgard_zoo|seal\.key)/);
ok($t->{gateway}->reload, 'mended, nginx takes it');
is(price(), $price, '... and calls go on');
$t->done;
