# What a governed location overrides is said, and what it cannot hold is an
# error with file and line.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Asgard::Files qw(spill random_hex);
use Asgard::Stage;

my $s = Asgard::Stage->new(workers => 1);
$s->model(route => 'echo');
my $gateway = $s->{gateway};

# A log of its own for each run: Asgard::Gateway names them by the second.
sub tested {
    unlink glob "$s->{dir}/log/test-*";
    return $gateway->test_conf;
}

# nginx -t with changed words of Asgard::Gateway: (status, text).
sub test_with {
    my (%change) = @_;
    my %before = map { $_ => $gateway->{$_} } keys %change;
    $gateway->write_conf(%change);
    my @result = tested();
    $gateway->write_conf(%before);
    return @result;
}

sub refused {
    my ($change, $match, $sentence) = @_;
    my ($status, $text) = test_with(%$change);
    isnt($status, 0, "$sentence: refused");
    like($text, $match, '  … in words');
}

sub warned {
    my ($change, $match, $sentence) = @_;
    my ($status, $text) = test_with(%$change);
    is($status, 0, "$sentence: accepted");
    like($text, $match, '  … with a warning');
}

my ($status, $text) = test_with();
is($status, 0, 'the shipped shape is accepted') or diag($text);
unlike($text, qr/\[(?:warn|emerg)\]/, '  … without a warning');

for (['mirror /m', 'mirror'], ['auth_request /a', 'auth_request'],
    ['slice 1m', 'slice'], ['ssi on', 'ssi'],
    ['add_before_body /b', 'add_before_body'],
    ['add_after_body /b', 'add_after_body'], ['post_action /p', 'post_action'],
    ['internal', 'internal']) {
    my ($line, $name) = @$_;
    refused({location_conf => "$line;"},
        qr/"$name" cannot be used in location "\S+".* in \S+nginx\.conf:\d+/,
        "$name in the location");
    next if $name eq 'internal';
    refused({http_conf => "$line;"}, qr/"$name" cannot be used/,
        "$name that is inherited") if $name ne 'post_action';
}
for (['gzip on', 'gzip'], ['gunzip on', 'gunzip'],
    ['sub_filter a b', 'sub_filter'], ['error_page 401 /x', 'error_page']) {
    my ($line, $name) = @$_;
    refused({location_conf => "$line;"}, qr/"$name" cannot be used/,
        "$name in the location");
    warned({http_conf => "$line;"},
        qr/inherited "$name" does not hold in location "\/v1\/".* in \S+:\d+/,
        "$name that is inherited");
}
refused({location_conf => 'proxy_pass http://127.0.0.1:9;'},
    qr/cannot have proxy_pass/, 'proxy_pass');
refused({location_conf => 'if ($arg_x) { proxy_pass http://127.0.0.1:9; }'},
    qr/cannot have proxy_pass/, 'proxy_pass in an if');
refused({location_conf => 'client_max_body_size 40m;'},
    qr/cannot exceed 32m/, 'a larger body');
refused({location_conf => 'asgard_probe healthz;'},
    qr/cannot be governed and a probe/,
    'a probe in a governed location');
refused({main_conf => 'worker_rlimit_core 1m;'}, qr/holds? keys|would hold/,
    'core dumps');
refused({http_conf => "asgard_fail_mode $_;"},
    qr/"asgard_fail_mode" directive takes "closed", "local USD \[known=TIME\]"/,
    "a fail mode that is $_") for 'shut', 'local', 'local 0', 'local -1',
    'local 1usd', 'local 1 2', 'local 1 known=2h', 'closed known=1s',
    'open known=0', 'open 5';
refused({http_conf => 'asgard_fail_mode open; asgard_fail_mode closed;'},
    qr/"asgard_fail_mode" directive is duplicate/, 'two fail modes');
refused({http_conf => "asgard_call_timeout $_;"},
    qr/"asgard_call_timeout".* must be between 1s and 1d/,
    "a bound of a call of $_") for '0', '900ms', '25h';
warned({http_conf => 'client_max_body_size 2m;'},
    qr/"client_max_body_size" is 32m in/, 'a smaller body that is inherited');
warned({location_conf => 'client_max_body_size 2m;'}, qr/^(?!.*\[warn\])/s,
    'a smaller body of the location');

for my $line (qw(asgard_zone asgard_key_file asgard_redis)) {
    my $conf = "$s->{dir}/conf/nginx.conf";
    my $whole = $gateway->conf_text;
    (my $cut = $whole) =~ s/^\s*\Q$line\E\b[^;]*;//m;
    spill($conf, $cut, 0600);
    my ($bad, $said) = tested();
    isnt($bad, 0, "without $line nginx does not start");
    like($said, qr/"$line .*" is missing/, '  … and says so');
    spill($conf, $whole, 0600);
}

# --- the key file -------------------------------------------------------------

sub key_file {
    my ($mode, $text) = @_;
    my $path = spill("$s->{dir}/other.key", $text, $mode);
    chmod $mode, $path;
    return {key_file => $path};
}
my ($seal, $pepper) = (random_hex(32), random_hex(32));
my $good = "seal s1 $seal\npepper p1 $pepper\n";
is((test_with(%{key_file(0600, $good)}))[0], 0, 'a key file is read');
refused(key_file(0644, $good), qr/has mode 0644.*chmod 0400/,
    'a key file that others can read');
is((test_with(%{key_file(0440, $good)}))[0], 0,
    'a key file that its group can read: asgard-ctl is another user');
refused(key_file(0660, $good), qr/has mode 0660/,
    'a key file that its group can write');
refused({key_file => "$s->{dir}/none"}, qr/cannot read .*none/,
    'no key file');
for (["pepper p1 $pepper\n", 'no seal'], ["seal s1 $seal\n", 'no pepper'],
    ["$good\nodd x1 $seal\n", 'an odd kind'], ["$good$good", 'a line twice'],
    ["seal s1 abcd\npepper p1 $pepper\n", 'a short secret']) {
    refused(key_file(0600, $_->[0]), qr/key file .*line \d+: \w/,
        "a key file with $_->[1]");
}
my $said = (test_with(%{key_file(0600, "seal s1 ${seal}00\n")}))[1];
unlike($said, qr/\Q$seal\E/, 'no message shows a secret');

# --- what holds ---------------------------------------------------------------

$gateway->write_conf(http_conf => 'gzip on; gzip_types *; gzip_min_length 1;'
    . 'error_page 401 404 /page; sub_filter_types *; sub_filter choices X;'
    . 'satisfy any; deny all; lingering_close off;',
    server_conf => 'location = /page { return 200 page; }',
    location_conf => 'if ($http_x_odd) { add_header x-odd yes always; }');
my $key = $s->key($s->project);
$s->publish;
$gateway->start;
is($s->chat($key)->status, 403, 'deny is obeyed');
$gateway->stop;
$gateway->write_conf(
    http_conf => $gateway->{http_conf} =~ s/deny all/allow all/r);
$gateway->start;
$s->wait_version($s->{version});
is($s->chat(undef)->code, 'missing_api_key',
    'satisfy any lets nobody in without a key, error_page hides no refusal');
my $reply = $s->chat($key, {}, 'Accept-Encoding', 'gzip');
is($reply->status, 200, 'a call passes inherited filters');
ok($reply->at('choices', 0), '  … unchanged and not compressed');

$reply = $s->chat($key, {}, 'x-odd', 1);
is($reply->status, 200, 'a call passes an if block');
is(scalar $reply->header('x-odd'), 'yes', '  … that was entered');
is($s->chat(undef, {}, 'x-odd', 1)->code, 'missing_api_key',
    '  … and is governed in it');

$s->done;
