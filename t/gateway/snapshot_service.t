# A catalog is served when it is whole, authentic and not older than the last;
# in any doubt the old one stays.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Asgard::Files qw(wait_until random_hex);
use Asgard::Stage;

my $s = Asgard::Stage->new(workers => 2);
$s->model(route => 'one');
my $key = $s->key($s->project);
$s->start;
is($s->chat($key, {model => 'one'})->status, 200, 'the first is served');

$s->model(route => 'two');
$s->publish;
ok($s->wait_version(3), 'a second is announced and served by every worker');
is($s->chat($key, {model => 'two'})->status, 200, '  … with its new model');

sub offered {
    my ($text, $why, $sentence) = @_;
    $s->{redis}->cmd('SET', '{asg}:catalog', $text);
    $s->announce(100);
    ok(wait_until(sub { $s->{gateway}->error_log =~ $why }, 5),
        "$sentence is refused, in words");
    is($s->metric('asgard_catalog_version'), 3, '  … the old one stays');
}

my $whole = $s->snapshot_text(version => 50);
offered($whole =~ s/"one"/"two"/r, qr/its authentication failed/,
    'a changed one');
offered('x' x 100, qr/its head cannot be read/, 'a text that is none');
offered($whole =~ s/^ASGC1 s1/ASGC1 s9/r, qr/not in the key file/,
    'one under an unknown seal');
offered($s->snapshot_text(version => 2), qr/is older than one that was/,
    'an older one');
{
    local $s->{models} = [{%{$s->{models}[0]}, endpoint => 'nowhere'}];
    offered($s->snapshot_text(version => 51), qr/its body cannot be read/,
        'one that points nowhere');
}
{
    my %sealed = (seal => 's1', version => 1, nonce => random_hex(12),
        data => random_hex(40));
    local $s->{endpoints} = [{%{$s->{endpoints}[0]},
        kind => 'openai-compatible', host => '127.0.0.1', port => 9,
        host_header => '127.0.0.1', key => \%sealed}];
    offered($s->snapshot_text(version => 52), qr/key in it cannot be opened/,
        'one whose key was sealed for another place');
}
is($s->chat($key, {model => 'two'})->status, 200, 'calls go on');
my ($bad) = $s->get('/metrics')->body =~ /^\w*catalog_bad\w* (\d+)$/m;
cmp_ok($bad, '>=', 6, 'each bad one is counted');

$s->{version} = 100;
$s->publish;
ok($s->wait_version(101), 'the next good one is served');

# --- without Redis, and with age ----------------------------------------------

$s->{redis}->cmd('DEL', '{asg}:catalog');
$s->{gateway}->reload;
ok($s->wait_version(101), 'a new worker serves what the old ones kept');

$s->publish(created => time - 100, max_age_s => 2);
ok(wait_until(sub { ($s->chat($key, {model => 'one'})->code // '')
    eq 'catalog_unavailable' }, 15),
    'one that is too old, from a ctl that is silent, is not served');
is($s->get('/healthz')->status, 503, '  … and the worker says so');
$s->heartbeat;
ok(wait_until(sub { $s->heartbeat;
    $s->chat($key, {model => 'one'})->status == 200 }, 5),
    'when ctl is heard it is');

$s->done;
