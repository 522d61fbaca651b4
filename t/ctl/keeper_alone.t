#!/usr/bin/perl
# The keeper runs as a user of its own: it alone reads its files, serves the
# catalog, and opens secrets for the user of asgard-ctl and for nobody else.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(wait_until);
use Asgard::People;
use Asgard::Process;
use Asgard::Secrets;
use Asgard::Test;

plan skip_all => 'needs root, to be two users' if $> != 0;

my $t = Asgard::Test->new;
my $control = $t->{control};
$t->start;
my $people = Asgard::People->new($t);
my $owner = $people->person('owner');
my $project = $t->project(owner_email => $owner->{email}, budget_usd => 5);
my $secrets = Asgard::Secrets->new($t);
my $value = $secrets->put($secrets->resource($project, 'db',
    $people->as('owner')), 'password');

sub reads { return $t->api('POST',
    "/api/projects/$project/secrets/db-password/read", {},
    $people->as('owner')) }

# --- another user has what is the keeper's

my ($uid, $gid) = (getpwnam 'daemon')[2, 3];
my $dir = "$control->{dir}/keeper";
mkdir $dir;
chown $uid, $gid, $dir, $t->{kek_file}, "$control->{dir}/backends.env";
my ($status, undef, $err) = $control->run('role', 'keeper', 'more');
is($status, 2, 'a role takes no more words');
my $text = do { local (@ARGV, $/) = $control->conf; <> };
$text =~ s{^keeper_socket .*}{keeper_socket unix:$dir/keeper.sock}m;
$text =~ s{^(keeper_socket .*)}{$1\nkeeper_peer root}m;
open my $out, '>', $control->conf or die;
print {$out} $text;
close $out;
chmod 0440, $control->conf, $t->{key_file};

$control->stop;
my @serve = ($control->binary, '-c', $control->conf);
$control->{process} = Asgard::Process->new(name => 'asgard-ctl',
    command => [@serve, 'serve', '--without', 'keeper'],
    log => "$control->{dir}/log/ctl-stdout.log");
ok(wait_until(sub { -S $control->socket && $t->api('GET', '/api/auth/me')
    ->status == 200 }, 20), 'asgard-ctl runs without a keeper');
is(join(' ', sort keys %{$control->roles}), 'api meter notify',
    '... all but it');
my $reply = reads();
is($reply->status . ' ' . $reply->json->{code}, '503 keeper_unavailable',
    '... and opens no secret');

my $keeper = Asgard::Process->new(name => 'keeper', env =>
    {ASGARD_CTL_LOG => 'stderr'}, command => [
    'setpriv', "--reuid=$uid", "--regid=$gid", '--groups=0', '--', @serve,
    'role', 'keeper'],
    log => "$dir.log");
ok(wait_until(sub { -S "$dir/keeper.sock" }, 20), 'a keeper runs alone');
is(join(' ', (stat "$dir/keeper.sock")[4, 5], sprintf '%o',
    (stat _)[2] & 0777), "$uid 0 660",
    '... its socket is for the user of asgard-ctl');
is(reads()->json->{value}, $value, '... and it opens a secret for it');
my ($served) = $control->run_ok('status') =~ /(catalog.*)/;
ok($served, 'it serves the catalog');
($status, undef, $err) = $control->run('secrets', 'verify');
is($status, 3, 'asgard-ctl\'s own user may not read its keys');

$keeper->stop('TERM', 15);
$t->done;
