# Who calls: the kinds of keys, their records, and changes that hold at once on
# every worker and on connections that stay open.  What is no key stands in
# t/abuse/keys.t.
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

my $hex = random_hex(32);
is(call('Authorization', "Bearer $key->{key}")->status, 200,
    'the key is good');
is(call('authorization', "bearer $key->{key}")->status, 200,
    'the scheme is read in any case');
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
