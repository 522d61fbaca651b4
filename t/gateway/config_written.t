# What an operator writes in a governed location takes effect or is an error;
# what the location inherits is overridden in words.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use IO::Socket::INET;
use Asgard::Stage;

my $s = Asgard::Stage->new(workers => 1);
$s->model(route => 'echo');
my $gateway = $s->{gateway};

# nginx -t with changed words of Asgard::Gateway: (status, text).
sub test_with {
    my (%change) = @_;
    my %before = map { $_ => $gateway->{$_} } keys %change;
    $gateway->write_conf(%change);
    my $text = '';
    my @command = (Asgard::Gateway::binary(), '-t', '-p', $s->{dir}, '-c',
        "$s->{dir}/conf/nginx.conf", '-e', '/dev/stdout');
    local %ENV = (%ENV, %{$gateway->environment});
    open my $pipe, '-|', 'sh', '-c', '"$@" 2>&1', 'sh', @command
        or die "nginx -t: $!";
    $text .= $_ while <$pipe>;
    close $pipe;
    $gateway->write_conf(%before);
    return ($? >> 8, $text);
}

sub refused {
    my ($change, $match, $sentence) = @_;
    my ($status, $text) = test_with(%$change);
    isnt($status, 0, "$sentence: refused");
    like($text, $match, '  … in words');
}

sub accepted {
    my ($change, $match, $sentence) = @_;
    my ($status, $text) = test_with(%$change);
    is($status, 0, "$sentence: accepted") or diag($text);
    like($text, $match, '  … and said');
}

# --- written in the location --------------------------------------------------

for (['client_body_in_file_only on', 'client_body_in_file_only'],
    ['client_body_buffer_size 8k', 'client_body_buffer_size'],
    ['lingering_close off', 'lingering_close off'],
    ['proxy_store on', 'proxy_store'],
    ['try_files /a =404', 'try_files'],
    ['return 200 hello', 'return'], ['return 403 hello', 'return'],
    ['return 302 http://x/', 'return'],
    ['if ($arg_x) { return 204; }', 'return'],
    ['set $x 1; return 200', 'return'],
    ['add_header X-Asgard-Trace-Id x', 'add_header x-asgard-...']) {
    my ($line, $name) = @$_;
    $line .= ';' if $line !~ /\}$/;
    refused({location_conf => $line},
        qr/"\Q$name\E" cannot be used in location "\S+", which .* in \S+:\d+/,
        "$line in the location");
}
refused({http_conf => 'proxy_cache_path /tmp/none keys_zone=z:1m;',
    location_conf => 'proxy_cache z;'}, qr/"proxy_cache" cannot be used/,
    'proxy_cache in the location');
refused({http_conf => 'add_header x-asgard-trace-id x always;'},
    qr/"add_header x-asgard-\S+" cannot be used/,
    'a second trace header that is inherited');
for my $line ('client_body_in_file_only off', 'lingering_close always',
    'return 403', 'if ($arg_x) { return 403; }', 'set $x 1', 'gzip off',
    'add_header x-other 1', 'proxy_store off', 'asgard_errors data',
    'asgard_expose_backend on') {
    accepted({location_conf => $line =~ /\}$/ ? $line : "$line;"},
        qr/^(?!.*\[(?:warn|emerg)\])/s, "$line in the location");
}

for my $shape (qw(off control)) {
    refused({location_conf => "asgard_errors $shape;"},
        qr/"asgard_errors $shape" cannot take effect .* in \S+nginx\.conf:\d+/,
        "asgard_errors $shape in the location");
    accepted({http_conf => "asgard_errors $shape;"},
        qr/^(?!.*\[(?:warn|emerg)\])/s, "asgard_errors $shape around it");
}
refused({server_conf => 'location /x { asgard_expose_backend on; }'},
    qr/"asgard_expose_backend on" cannot take effect .* in \S+nginx\.conf:\d+/,
    'asgard_expose_backend where nothing is governed');
accepted({server_conf => 'location /x { asgard_expose_backend on; '
        . 'location /x/y { asgard on; } }'}, qr/^(?!.*\[emerg\])/s,
    'asgard_expose_backend around a governed location');

# --- inherited ----------------------------------------------------------------

for (['client_body_in_file_only on', 'client_body_in_file_only'],
    ['lingering_close off', 'lingering_close off'],
    ['proxy_store on', 'proxy_store']) {
    my ($line, $name) = @$_;
    accepted({http_conf => "$line;"},
        qr/inherited "$name" does not hold in location "\/v1\/".* in \S+:\d+/,
        "$line that is inherited");
}

# --- limits -------------------------------------------------------------------

sub says {
    my ($bytes, $time) = @_;
    return qr{"/v1/" is governed: bodies up to $bytes bytes .*, $time for each};
}

accepted({}, says(33554432, '600s'), 'the defaults');
accepted({location_conf => 'client_max_body_size 1m;'}, says(1048576, '600s'),
    'the same size as around, written there');
accepted({http_conf => 'client_max_body_size 2m;',
    location_conf => 'client_max_body_size 2m;'}, says(2097152, '600s'),
    'the same size written twice');
accepted({location_conf => 'client_body_timeout 60s;'},
    says(33554432, '60s'), 'the same timeout as around, written there');
accepted({location_conf => 'client_body_timeout 1500ms;'},
    says(33554432, '1500ms'), 'a timeout of no whole seconds');
accepted({http_conf => 'client_body_timeout 20s;'},
    qr/inherited "client_body_timeout" is 600s in location "\/v1\/"/,
    'an inherited timeout');
accepted({http_conf => 'client_max_body_size 40m;'},
    qr/inherited "client_max_body_size" is 32m in location "\/v1\/"/,
    'an inherited size above ours');
for my $line ('client_body_timeout 601s', 'client_max_body_size 33m',
    'client_max_body_size 0') {
    my ($name) = split ' ', $line;
    refused({location_conf => "$line;"}, qr/"$name" of location .* cannot/,
        $line);
    refused({http_conf => "$line;", location_conf => "$line;"},
        qr/"$name" of location .* cannot/, "$line as around");
}
accepted({server_conf => 'location /n/ { asgard on; client_max_body_size 1m; '
        . 'location /n/m/ { } }'},
    qr{"/n/m/" is governed: bodies up to 1048576 bytes},
    'a location in a governed one has its limit');

# --- and holds ----------------------------------------------------------------

$gateway->write_conf(location_conf =>
    'client_max_body_size 1m; client_body_timeout 1s; if ($arg_x) { set $x 1; }'
    . 'if ($http_x_shut) { return 403; }',
    http_conf => 'client_max_body_size 1m;');
my $key = $s->key($s->project);
$s->publish;
$gateway->start;
$s->wait_version($s->{version});
my $long = [{role => 'user', content => 'x' x (2 << 20)}];
is($s->chat($key, {messages => $long})->code, 'body_too_large',
    'a lower limit of the location holds, though the same stands around');
is($s->chat($key)->status, 200, '  … and a short call passes');
my $shut = $s->chat($key, {}, 'x-shut', 1);
is($shut->status, 403, 'return 403 refuses');
is($shut->code, 'forbidden', '  … in our shape');

my $slow = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$gateway->{port}");
print {$slow} "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n"
    . "Authorization: Bearer $key->{key}\r\nContent-Type: application/json\r\n"
    . "Content-Length: 100\r\n\r\n{";
my $begin = time;
local $SIG{ALRM} = sub { die "no answer\n" };
alarm 20;
my $line = <$slow> // 'closed';
alarm 0;
cmp_ok(time - $begin, '<', 15, 'a lower timeout of the location holds');
like($line, qr/ 408 |closed/, '  … and ends the call');

$s->done;
