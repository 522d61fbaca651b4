# Of a prompt with an image a minute's tokens count its text and what one image
# has, not the bytes of it: inline and by URL it is the same.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use Test::More;

use Asgard::Stage;

my $s = Asgard::Stage->new(workers => 1);
my $up = $s->upstream('main');
$s->endpoint(kind => 'openai-compatible', host => '127.0.0.1',
    port => $up->port, host_header => 'main.test');
$s->model(route => 'one', card => {image_tokens => 1500});
my $project = $s->project(limit => '-');
$s->publish;
$s->start;

my $inline = 'data:image/png;base64,' . 'QUJD' x 50_000;
my $url = 'https://example.com/a.png';

sub ask {
    my ($key, $image, %with) = @_;
    return $s->chat($key, {model => 'one', max_tokens => undef, %with,
        messages => [{role => 'user', content => [
            {type => 'text', text => 'What is it?'},
            {type => 'image_url', image_url => {url => $image}}]}]});
}
sub used { my ($key, @ask) = @_;
    my $reply = ask($key, @ask);
    is($reply->status, 200, 'a call with an image') or diag($reply->body);
    return $reply->header('x-ratelimit-limit-tokens')
        - $reply->header('x-ratelimit-remaining-tokens') }

my $inlined = used($s->key($project, tpm => 20_000), $inline);
is(JSON::PP::decode_json($up->last_request->{body})->{max_tokens}, 4000,
    'an image takes nothing of an answer that a minute has room for');
my $remote = used($s->key($project, tpm => 20_000), $url);
cmp_ok(abs($inlined - $remote), '<', 20, 'inline it counts as by URL');
cmp_ok($remote, '>', 1500 + 20_000 / 16, '... as one image beside its text');
cmp_ok($remote, '<', 1500 + 20_000 / 16 + 200, '... and no more');
cmp_ok(used($s->key($project, tpm => 20_000), $url, max_tokens => 100), '<',
    1800, 'a limit of the answer counts beside it');

$s->done;
