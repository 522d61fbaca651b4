#!/usr/bin/env perl
# In an nginx that serves other sites the SDK works as anywhere, and the other
# sites are what they were: files, a proxy, a password, error pages.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use MIME::Base64 qw(encode_base64);
use Test::More;

use Asgard::Files qw(spill);
use Asgard::Port qw(free_port);
use Asgard::Sdk;

my @programs = map { [Asgard::Sdk::program("checks.$_")] } qw(py cjs);
my ($site, $app, $dead) = map { free_port() } 1 .. 3;

sub other_sites {
    my ($t) = @_;
    my $dir = "$t->{dir}/site";
    mkdir $_ for $dir, "$dir/private";
    chmod 0755, $dir, "$dir/private";
    spill("$dir/index.html", "<h1>the other site</h1>\n" x 100);
    spill("$dir/lost.html", "<h1>lost on the other site</h1>\n");
    spill("$dir/down.html", "<h1>down on the other site</h1>\n");
    spill("$dir/private/x.html", "<h1>private</h1>\n");
    my $salted = crypt('open sesame', '$6$saltsalt$');
    spill("$dir/users", "ali:$salted\n");
    $t->{gateway}->write_conf(http_conf => <<"HTTP", server_conf => <<"MORE");
gzip on;
gzip_types text/html application/json text/event-stream;
sub_filter 'other' 'OTHER';
sub_filter_types *;
error_page 404 /lost.html;
error_page 500 502 503 504 /down.html;
client_max_body_size 2m;
proxy_buffering on;
server {
    listen 127.0.0.1:$site default_server;
    root $dir;
    location / { try_files \$uri \$uri/ =404; }
    location /app/ {
        proxy_pass http://127.0.0.1:$app/;
        proxy_intercept_errors on;
    }
    location /dead/ { proxy_pass http://127.0.0.1:$dead/; }
    location /private/ {
        auth_basic "members";
        auth_basic_user_file $dir/users;
    }
    location = /old { return 301 /new; }
}
server {
    listen 127.0.0.1:$app;
    location / { return 200 "from the app: \$uri"; }
}
HTTP
location /files/ {
    alias $dir/;
    asgard_errors off;
    error_page 404 /files/lost.html;
}
location /members/ {
    alias $dir/private/;
    auth_basic "members";
    auth_basic_user_file $dir/users;
}
MORE
}

my $sdk = Asgard::Sdk->new(before => \&other_sites);
my $t = $sdk->test;
$t->allow_alert(qr/asgard: .*(?:401|403|credential|key)/);
$sdk->checks(@$_) for @programs;

sub page {
    my ($port, $path, @headers) = @_;
    return $t->http(port => $port)->request('GET', $path,
        [Host => 'www.example.com', @headers]);
}
my @member = (Authorization => 'Basic ' . encode_base64('ali:open sesame', ''));
my $page = page($site, '/', 'Accept-Encoding', 'gzip');
is($page->status, 200, 'a file of the other site');
is($page->header('content-encoding'), 'gzip', '... is compressed as before');
is($page->header('x-asgard-trace-id'), undef, '... and has nothing of ours');
like(page($site, '/')->body, qr/the OTHER site/, 'its filter works');
$page = page($site, '/nothing');
is($page->status, 404, 'its 404');
like($page->body, qr/lost on the OTHER site/, '... is its own page');
$page = page($site, '/dead/x');
is($page->status, 502, 'its 502');
like($page->body, qr/down on the OTHER site/, '... too');
is(page($site, '/private/x.html')->status, 401, 'its members need a password');
is(page($site, '/private/x.html', @member)->status, 200, '... and get in');
is(page($site, '/old')->status, 301, 'its redirects redirect');
is(page($site, '/app/books')->body, 'from the app: /books',
    'its proxy passes on');
like(page($site, '/v1/models')->body, qr/lost on the OTHER site/,
    'our paths are nothing there');
is(page($site, '/api/projects')->status, 404, 'nor is the control plane');

$page = page($t->port, '/files/none');
like($page->body, qr/lost on the OTHER site/,
    'in our own server a location may keep its error page');
is(page($t->port, '/files/index.html')->status, 200, '... and its files');
is(page($t->port, '/members/x.html')->status, 401,
    '... and its password');
is(page($t->port, '/members/x.html', @member)->status, 200,
    '... which is no key of ours');
is(page($t->port, '/nothing')->at('error', 'code'), 'not_found',
    'everything else of it has our shape');
$t->done;
