#!/usr/bin/perl
# The services that can be asked for are those of the modules: shown by the API
# with their estimates and tiers, replaced by an overlay, new after a reload.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(slurp top);
use Asgard::People;
use Asgard::Test;

my $own = <<'YAML';
id: wiki
name: "7"
category: collaboration
description: A wiki of the team's own.
tags: [docs]
documentation: {url: "https://wiki.example.com", pages: 3, open: true}
classification_min: poc
classification_max: wide-operational
auto_approvable: true
required_fields: [space]
provisioner:
  connector: http
  config: {endpoint: "https://wiki.example.com/api"}
secret_outputs: [token]
cost: {model: flat, estimated_monthly_usd: 0.123456789, source: {type: flat}}
variants:
  field: size
  options:
    small: {estimated_monthly_usd: 1}
    large: {estimated_monthly_usd: 9.5, requires_approval: true}
retry: {max_attempts: 3, base_secs: 5, cap_secs: 60}
access_levels: [read, write]
grant: {module: wiki-grant, principal_kind: user}
principal_output: account
principal_kind: user
long_running: true
YAML

my $t = Asgard::Test->new(services => {wiki => $own});
$t->start;
my $people = Asgard::People->new($t);
$people->person('ada');
my @ada = $people->as('ada');

sub service { $t->api('GET', "/api/services/$_[0]", undef, @ada) }

# id: connector, tier, estimate, source
my %shipped = map { my ($id, @what) = split / /; $id => "@what" }
    split /\n/, <<'ROWS';
litellm-key litellm human 0 litellm
databricks-sql-warehouse terraform human 200 databricks-billing
databricks-job terraform human 50 databricks-billing
databricks-model-serving terraform human 150 databricks-billing
databricks-uc-volume terraform auto 0 none
s3-bucket terraform auto 5 aws-cost-explorer
dynamodb-table terraform auto 8 aws-cost-explorer
ecr-repository terraform auto 1 aws-cost-explorer
ecr-credential terraform auto 0 none
secretsmanager-secret terraform auto 0.5 aws-cost-explorer
ecs-task terraform auto 5 aws-cost-explorer
ec2-instance terraform auto 7 aws-cost-explorer
rds-postgres terraform human 120 aws-cost-explorer
ecs-service terraform human 35 aws-cost-explorer
alb terraform human 20 aws-cost-explorer
auth0-application terraform auto 0 none
random-secret random auto 0 none
exec-echo exec auto 0 none
tf-demo terraform auto 1 flat
access-grant terraform auto 0 none
ROWS

my %listed;
my $cursor = '';
do {
    my $page = $t->api_ok('GET', "/api/services?limit=9$cursor", undef, @ada);
    cmp_ok(scalar(@{$page->{services}}), '<=', 9, 'a page');
    $listed{$_->{id}} = $_ for @{$page->{services}};
    $cursor = $page->{next_cursor} ? "&cursor=$page->{next_cursor}" : undef;
} while defined $cursor;
for my $id (sort keys %shipped) {
    my $s = $listed{$id};
    is(join(' ', $s->{provisioner}{connector}, $s->{auto_approvable} ? 'auto'
        : 'human', $s->{cost}{estimated_monthly_usd},
        $s->{cost}{source}{type}), $shipped{$id}, "$id is as it ships");
    is($s->{backend}, {'exec-echo' => 'exec', 'random-secret' => 'random'}
        ->{$id} // 'stub', '... and a stub until it is armed');
}
is_deeply([sort grep { !$listed{$_} } map { m{([^/]+)/service.yaml} }
    glob top() . '/services/*/service.yaml'], [], 'every module is listed');
is($listed{openai}{active}, JSON::PP::false(), 'a backend that is not set up');
like($listed{openai}{inactive_reason}, qr/OPENAI_MASTER_KEY/, '... says why');
is_deeply($listed{echo}{models}, ['model:default/echo'],
    'one that is names its models');

# --- every field of a manifest

my $wiki = service('wiki')->json;
is($wiki->{name}, '7', 'a text of digits stays a text');
is_deeply($wiki->{documentation}, {url => 'https://wiki.example.com',
    pages => 3, open => JSON::PP::true()}, 'what is free keeps its types');
is($wiki->{auto_approvable}, JSON::PP::true(), 'what is true is true');
like(service('wiki')->body, qr/"estimated_monthly_usd": ?0\.123456789/,
    'money is exact');
is_deeply($wiki->{variants}{options}{large}, {estimated_monthly_usd => 9.5,
    requires_approval => JSON::PP::true()}, 'a variant');
is_deeply($wiki->{provisioner}, {connector => 'http'},
    'what the connector is set up with is not shown');
is_deeply([@$wiki{qw(classification_max principal_output principal_kind)},
    $wiki->{retry}{cap_secs}, $wiki->{grant}{module}, "@{$wiki->{tags}}",
    "@{$wiki->{access_levels}}", "@{$wiki->{secret_outputs}}",
    "@{$wiki->{required_fields}}", $wiki->{long_running}],
    ['wide-operational', 'account', 'user', 60, 'wiki-grant', 'docs',
    'read write', 'token', 'space', JSON::PP::true()], 'and the rest');
is(service('none')->status, 404, 'a service that is none');
is($t->api('GET', "/api/services?$_")->status, 400, "$_ is refused")
    for 'cursor=A', 'limit=0', 'x=1';

# --- overlay, reload, refusal

my $ctl = $t->{control};
$ctl->write_service('s3-bucket', slurp(top() . '/services/s3-bucket/'
    . 'service.yaml') =~ s/estimated_monthly_usd: 5/estimated_monthly_usd: 6/r);
$ctl->write_service('wiki', $own =~ s/id: wiki/id: wiki\nowner: me/r);
$ctl->write_service('new', "id: new\nprovisioner: {connector: stub}\n");
ok(!$t->reload_catalog, 'a reload tells of a file that it refuses');
is(service('s3-bucket')->json->{cost}{estimated_monthly_usd}, 6,
    'an overlay replaces what ships');
is(service('new')->status, 200, 'a new file is a new service');
is(service('wiki')->json->{documentation}{pages}, 3,
    'one whose file is refused stays as it was');
like(service('wiki')->json->{inactive_reason}, qr/owner/, '... and says so');
$ctl->write_service('wiki', $own);
$ctl->write_service('new', undef);
ok($t->reload_catalog, 'what is right again');
is(service('new')->status, 404, '... a file that is gone takes its service');
is(service('wiki')->json->{inactive_reason}, undef, '... nothing is said');

# --- validate, without asgard-ctl

sub validate {
    my ($text) = @_;
    $ctl->write_service('tried', $text);
    my ($status, undef, $said) = $ctl->run('validate',
        "$t->{dir}/services/tried/service.yaml");
    return $status == 0 ? 'ok' : $said;
}
my $head = "id: tried\nprovisioner: {connector: stub}\n";
is(validate($head), 'ok', 'a short one is right');
like(validate("id: tried\n"), qr/provisioner/, 'one that does nothing is not');
like(validate("id: tried\nprovisioner: {connector: ftp}\n"),
    qr/:2: "connector" expects one of terraform/, '... unknown connector');
like(validate("${head}cost: {estimated_monthly_usd: 1e3}\n"),
    qr/"estimated_monthly_usd" expects USD/, '... an estimate that is none');
like(validate("${head}classification_min: critical-path\n"
    . "classification_max: poc\n"), qr/below classification_min/,
    '... a range');
like(validate("${head}required_fields: [\"a b\"]\n"), qr/required_fields/,
    '... a field that is none');
like(validate("${head}variants: {field: x, options: {}}\n"), qr/options/,
    '... variants without one');
like(validate("${head}retry: {base_secs: 50, cap_secs: 5}\n"), qr/cap_secs/,
    '... pauses');
like(validate("${head}secret_rotation_days: $_\n"), qr/secret_rotation_days/,
    "... rotations each $_ days") for 0, -1, 3651, '1.5', 'often';
is(validate("${head}secret_rotation_days: 90\n"), 'ok', '... each 90 are');
like(validate("${head}cost: {source: {type: guess}}\n"), qr/"type" expects/,
    '... an unknown source');

$t->done;
