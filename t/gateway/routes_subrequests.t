# Neither a subrequest nor an internal redirect makes a call, wherever it was
# started.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Asgard::Stage;

my $s = Asgard::Stage->new(workers => 1, server_conf => <<'CONF');
location = /checked {
    auth_request /v1/chat/completions;
    root /nowhere;
}
location = /mirrored {
    mirror /v1/chat/completions;
    scgi_pass unix:/nowhere;
}
location = /redirected { try_files /nothing /v1/models; }
location = /paged { error_page 404 = /v1/models; }
CONF
$s->model(route => 'echo');
my $key = $s->key($s->project);
$s->start;
$s->allow_alert(qr{unix:/nowhere});

sub call {
    my ($method, $path, $body) = @_;
    return $s->http->request($method, $path, ['Authorization',
        "Bearer $key->{key}", 'Content-Type', 'application/json'], $body);
}

is(call('POST', '/checked', $s->chat_body)->status, 403,
    'auth_request gets a refusal');
cmp_ok(call('POST', '/mirrored', $s->chat_body)->status, '>=', 500,
    'a mirror has no say in the answer');
for my $path ('/redirected', '/paged') {
    is(Asgard::Stage::verdict(call('GET', $path)), '403 subrequest_refused',
        "an internal redirect from $path is refused");
}
is($s->{gateway}->spool, '', 'no call was made');
is($s->metric('asgard_calls_total'), 0, '  … nor counted');
is($s->chat($key)->status, 200, 'a direct call is served');
is($s->metric('asgard_calls_total'), 1, '  … and counted');

$s->done;
