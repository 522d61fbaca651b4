# The mode of a project's guardrails is said by the API, by an administrator
# alone; it acts within seconds and is in the audit log.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(wait_until);
use Asgard::OneModel qw(one_model);
use Asgard::People;

my ($t, $up, $project, $key) = one_model();
my $secret = 'AKIA' . 'IOSFODNN7EXAMPLE';

sub patch { return $t->api('PATCH', "/api/projects/$project",
    qq({"guardrail_mode": $_[0]})) }
sub mode { return $t->api('GET', "/api/projects/$project")
    ->json->{guardrail_mode} }
sub answers { my ($status) = @_;
    return wait_until(sub { $t->chat($key, {model => 'one', messages => [
        {role => 'user', content => $secret}]})->status == $status }, 20) }

is(mode(), undef, 'a project leaves the mode to the gateway');
ok(answers(400), '  … which enforces');
my $reply = patch('"monitor"');
is($reply->status, 200, 'it can have its own') or diag $reply->body;
is($reply->json->{guardrail_mode}, 'monitor', '  … which is answered');
ok(answers(200), '  … and acts');
is($t->{postgres}->value("SELECT count(*) FROM audit_events WHERE action ="
    . " 'project.updated' AND entity_ref = 'project:$project' AND"
    . " data->>'guardrail_mode' = '\"monitor\"'"), 1, '  … and is audited');
for my $bad ('"loud"', '"Enforce"', '1', '""', '["off"]') {
    $reply = patch($bad);
    is($reply->status . ' ' . $reply->code, '400 invalid_value',
        "$bad is no mode");
    is($reply->json->{param}, 'guardrail_mode', '  … by the field');
}
is(mode(), 'monitor', '  … and changes nothing');
is(patch('null')->status, 200, 'it can leave it again');
is(mode(), undef, '  … as it was');
ok(answers(400), '  … and acts');

my $people = Asgard::People->new($t);
$people->person('ada');
my $hers = $t->api_ok('POST', '/api/projects', {name => 'hers',
    owner_email => 'ada@example.com', manager_email => 'ada@example.com'});
$reply = $t->api('PATCH', "/api/projects/$hers->{project_id}",
    {guardrail_mode => 'off'}, $people->as('ada'));
is($reply->status . ' ' . $reply->code, '403 forbidden',
    'who owns a project does not choose');
$t->done;
