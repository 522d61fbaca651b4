#!/usr/bin/env perl
# Schemathesis, which makes requests of its own from the API's description,
# finds no 5xx, no status that is not described and no answer of another shape,
# neither as an administrator nor as a member.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::People;
use Asgard::Sdk;
use Asgard::Test;

my $st = Asgard::Sdk::must_have('openapi/bin/st');
my $t = Asgard::Test->new(conf => 'bad_tokens 0');
$t->start;
my $people = Asgard::People->new($t);
my $member = $people->person('member');
my $project = $t->project(owner_email => $member->{email},
    manager_email => $member->{email}, budget_usd => 5);
my $key = $t->key(project => $project);
my $sdk = bless {test => $t}, 'Asgard::Sdk';

# What an id is is told, so that requests are about what there is; what would
# end that is left out.  It keeps a folder of its own where it runs.
my %runs = (
    administrator => [Authorization => 'Bearer ' . $t->admin_token],
    member => [$people->as('member')]);
for my $who (sort keys %runs) {
    my ($name, $value) = @{$runs{$who}};
    open my $config, '>', "$t->{dir}/schemathesis.toml" or die $!;
    print $config "[parameters]\n\"path.project_id\" = \"$project\"\n",
        "\"path.key_id\" = \"$key->{id}\"\n",
        "\"path.user_id\" = \"$member->{id}\"\n";
    print $config "[headers]\n$name = \"$value\"\n";
    close $config;
    my ($status, $out, $err) = $sdk->run({PYTHONDONTWRITEBYTECODE => 1,
        NO_COLOR => 1}, 'sh', '-c', 'cd "$0" && exec "$@"', $t->{dir}, $st,
        '--config-file', "$t->{dir}/schemathesis.toml",
        'run', $t->url . '/api/openapi.json', '--phases', 'fuzzing',
        '--checks', 'not_a_server_error,status_code_conformance,'
        . 'content_type_conformance,response_schema_conformance',
        '--max-examples', $who eq 'administrator' ? 5 : 2, '--workers', 2,
        '--exclude-path-regex', '/(?:kill|decommission|active|archive)$',
        '--generation-database', 'none', '--request-timeout', 20,
        '--suppress-health-check', 'all', '--seed', 7);
    is($status, 0, "what is made up as $who is answered as described")
        or diag(substr("$out\n$err", 0, 20_000));
    like($out, qr/(\d+) generated/, '... and it was made up');
}

$t->done;
