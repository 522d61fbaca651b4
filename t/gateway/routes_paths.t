# Each of our paths is served, also when it comes as an absolute URI.  What is
# none of them stands in t/abuse/paths.t.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Asgard::Stage;

my $s = Asgard::Stage->new(workers => 1);
$s->model(route => 'echo');
my $key = $s->key($s->project);
$s->start;

sub call {
    my ($method, $path, $body) = @_;
    return $s->http->request($method, $path, ['Authorization',
        "Bearer $key->{key}", 'Content-Type', 'application/json'], $body);
}

for my $path ('/v1/chat/completions', '/v1/completions', '/v1/embeddings',
    '/api/gateway/chat') {
    my %input = $path =~ /embeddings/ ? (input => 'x')
        : $path =~ /chat/ ? (messages => [{role => 'user', content => 'x'}])
        : (prompt => 'x');
    my $body = $s->encode({model => 'echo', %input});
    is(call('POST', $path, $body)->status, 200, "$path is served");
    is(call('POST', "http://any.example$path", $body)->status, 200,
        '  … as an absolute URI too, where every name is served');
}
is(call('GET', $_)->status, 200, "$_ is served")
    for '/v1/models', '/v1/models/echo', '/v1/models/model:test/echo',
        '/v1/models/model:test%2Fecho', '/v1/models/model:test%2fecho';

$s->done;
