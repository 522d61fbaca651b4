# Who calls: the grammar of keys, their records, and changes that hold at once
# on every worker and on connections that stay open.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Time::HiRes qw(time sleep);
use Asgard::Files qw(random_hex wait_until);
use Asgard::Stage;

my $s = Asgard::Stage->new(workers => 2);
$s->model(route => 'echo');
my $project = $s->project;
my $key = $s->key($project);
$s->start;

sub call {
    my (@headers) = @_;
    return $s->http->request('POST', '/v1/chat/completions',
        ['Content-Type', 'application/json', @headers], $s->chat_body);
}
sub verdict { return Asgard::Stage::verdict(@_) }

my $none = call();
is(verdict($none), '401 missing_api_key', 'no key is refused');
is(scalar $none->header('www-authenticate'), 'Bearer', '  … and says how');
is(scalar $none->header('x-should-retry'), 'false', '  … and not to retry');

sub commands {
    my ($n) = $s->{redis}->cmd('INFO', 'commandstats')
        =~ /cmdstat_get:calls=(\d+)/;
    return $n // 0;
}
my $before;     # a worker may still be reading the catalog
wait_until(sub { $before = commands(); sleep 0.7; $before == commands() }, 10);
my $hex = random_hex(32);
for (['Basic', "Basic $key->{key}"], ['no space', "Bearer$key->{key}"],
    ['nothing', 'Bearer '], ['bytes after it', "Bearer $key->{key} x"],
    ['a wrong length', "Bearer asg_${hex}0"],
    ['no hex', 'Bearer asg_' . 'g' x 64],
    ['capitals', 'Bearer asg_' . uc $hex], ['UTF-8', "Bearer asg_\xc3\xa4"],
    ['8 kB', 'Bearer ' . 'a' x 8000], ['a template', 'Bearer {{7*7}}'],
    ['quotes', q{Bearer ' OR 1=1 --}], ['a PAT', "Bearer asg_pat_$hex"]) {
    my ($what, $value) = @$_;
    is(verdict(call('Authorization', $value)), '401 invalid_api_key',
        "$what is no key");
}
is(commands(), $before, 'none of these asked Redis');

is(call('Authorization', "Bearer $key->{key}")->status, 200,
    'the key is good');
is(call('authorization', "bearer $key->{key}")->status, 200,
    'the scheme is read in any case');
my $near = $key->{key};
$near =~ s/(.)$/$1 eq '0' ? '1' : '0'/e;
is(verdict(call('Authorization', "Bearer $near")), '401 invalid_api_key',
    'a key with another last character is unknown');
is(verdict(call('Authorization', 'Bearer asg_' . $s->digest($key->{key}))),
    '401 invalid_api_key', 'the stored digest is no key');
is(call('Authorization', "Bearer $key->{key}", 'Authorization',
    "Bearer $near")->status, 400, 'two Authorization headers are refused');
is(verdict(call('x-api-key', $key->{key}, 'Cookie', "key=$key->{key}")),
    '401 missing_api_key', 'a key elsewhere is not read');

is(call('Authorization', 'Bearer ' . $s->key($project,
    token => "sk-asg-$hex")->{key})->status, 200, 'a compatible key is good');
is(call('Authorization', 'Bearer ' . $s->key($project,
    token => 'sk-' . 'Imported_key-0123456789')->{key})->status, 200,
    'an imported key is good');

is(verdict(call('Authorization', 'Bearer ' . $s->key($project,
    expires => time - 1 | 0)->{key})), '401 key_expired',
    'an expired key is refused');
my $old = $s->key($s->project(state => 'archived'));
is(verdict(call('Authorization', "Bearer $old->{key}")),
    '403 project_inactive', 'a project that is not live is refused');

my $rich = $s->key($s->project(limit => 1_000_000_000));
my $poor = $s->key($s->project(limit => 0));
my $pipe = $s->http;
$pipe->send_raw(join '', map { $pipe->request_text('POST',
    '/v1/chat/completions', ['Content-Type', 'application/json',
        'Authorization', "Bearer $_->{key}"], $s->chat_body) }
    $rich, $poor, $rich);
is(join(' ', map { my $reply = $pipe->read_head; $reply->{started} = 0;
    $pipe->plan_body($reply); $pipe->read_body($reply)->status } 1 .. 3),
    '200 429 200', 'each of three pipelined requests is judged by its key');

# --- changes ------------------------------------------------------------------

# Connections until both workers have answered on one each.
my @kept = map { $s->http } 1 .. 12;
sub all_kept {
    my ($with) = @_;
    return map { verdict($_->request('POST', '/v1/chat/completions',
        ['Content-Type', 'application/json', 'Authorization',
            "Bearer $with->{key}"], $s->chat_body)) } @kept;
}
sub soon {
    my ($with, $verdict, $sentence) = @_;
    my $end = time + 1;
    my %seen;
    do {
        %seen = map { $_ => 1 } all_kept($with);
    } while (keys %seen > 1 || !$seen{$verdict}) && time < $end;
    is_deeply([keys %seen], [$verdict], $sentence);
}

soon($key, '200 -', 'all kept connections are served');
$s->change_project($project, killed => 1);
soon($key, '403 project_killed', 'a kill holds within 1 s everywhere');
$s->change_project($project, killed => 0);
soon($key, '200 -', 'so does its end');
$s->change_key($key, revoked => 1);
soon($key, '401 invalid_api_key', 'a revocation holds within 1 s everywhere');

$s->{redis}->kill;
my $begun = time;
is(verdict(call('Authorization', "Bearer asg_$hex")), '503 budget_unavailable',
    'without Redis nobody unknown is let in');
cmp_ok(time - $begun, '<', 1, '  … and that is said at once');
$s->{redis}->start;
$s->allow_alert(qr/Redis|redis/);

$s->done;
