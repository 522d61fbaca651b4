#!/usr/bin/env perl
# The README's installation: its commands make two users and their files, the
# shipped units run each as its own, and the user of what parses requests can
# read nothing that opens anything.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use POSIX ();

use Asgard::Files qw(random_hex slurp spill top wait_until);
use Asgard::OwnNet;
use Asgard::Process;
use Asgard::Secrets;
use Asgard::Test;

plan skip_all => 'needs root and adduser'
    if $> != 0 || system('command -v adduser > /dev/null');
Asgard::OwnNet::enter();

# What an installation writes to, for this test alone.
for my $place (qw(/etc /run /var/log)) {
    my $copy = "/mnt$place" =~ s{/var/}{/}r;
    system('mount', '-t', 'tmpfs', 'none', '/mnt') if $place eq '/etc';
    system('mkdir', $copy);
    system('cp', '-a', "$place/.", $copy) if $place eq '/etc';
    system('mount', '--bind', $copy, $place) == 0 or die "mount $place";
}

my $t = Asgard::Test->new;
my $control = $t->{control};
my $conf = '/etc/asgard/asgard-ctl.conf';
my $readme = slurp(top() . '/README.md');

# The commands of a numbered step; the first or the only block of it.
sub step {
    my ($n) = @_;
    my ($text) = $readme =~ /^## Into an nginx.*?^$n\. (.*?)^\d\. /ms;
    my ($block) = $text =~ /\n\n((?: {7}.*\n|\n)+)/;
    $block =~ s{/usr/share/asgard}{$t->{dir}/share}g;
    return $block;
}

sub commands {
    my ($n) = @_;
    my $out = `cd @{[top()]} && sh -e -c '@{[step($n) =~ s/'/'\\''/gr]}' 2>&1`;
    is($?, 0, "the commands of step $n work") or diag($out);
}

commands(2);
commands(4);

# "Edit it."
my %place = (postgres => $t->{postgres}->url,
    postgres_owner => $t->{postgres}->owner_url, redis => $t->{redis}->url,
    public_url => $t->url);
my $text = slurp($conf);
$text =~ s{^(\w+)(\s+)\S.*$}{$1 . $2 . ($place{$1}
    // substr($&, length "$1$2"))}gme;
$text =~ s{/usr/share/asgard}{$t->{dir}/share};
mkdir '/etc/asgard/services';
open my $out, '>', $conf or die "$conf: $!";
print {$out} $text;
close $out;
unlink $control->conf;
symlink $conf, $control->conf or die "link: $!";
symlink '/run/asgard/ctl.sock', $control->socket or die "link: $!";
spill($t->{key_file}, slurp('/etc/asgard/seal.key'), 0600);
$t->canary('the kek', (slurp('/etc/asgard/kek.key') =~ /(\w{64})/)[0]);

# --- who reads what

sub reads {
    my ($user) = @_;
    return join ' ', grep { system("setpriv --reuid=$user --regid=$user"
        . " --init-groups cat /etc/asgard/$_ > /dev/null 2>&1") == 0 }
        qw(asgard-ctl.conf pepper.key seal.key kek.key backends.env);
}
is(reads('asgard'), 'asgard-ctl.conf pepper.key',
    'the user of what parses requests reads no key but the pepper');
is(reads('asgard-keeper'),
    'asgard-ctl.conf pepper.key seal.key kek.key backends.env',
    'the keeper reads all');
is(reads('www-data'), '', '... and another user nothing');

# --- the units

# What systemd does with a unit, as far as users, places and words go.
sub unit {
    my ($name) = @_;
    my %u;
    for (split /\n/, slurp(top() . "/conf/$name.service")) {
        $u{$1} = $2 if /^(\w+)=(.*)/;
    }
    for (["/run/$u{RuntimeDirectory}", $u{RuntimeDirectoryMode}],
        $u{LogsDirectory} ? ["/var/log/$u{LogsDirectory}",
            $u{LogsDirectoryMode}] : ()) {
        system('install', '-d', '-m', $_->[1], '-o', $u{User}, '-g',
            $u{Group}, $_->[0]);
    }
    my @words = map { s{^/usr/bin/asgard-ctl$}{$control->binary}er }
        split ' ', $u{ExecStart};
    my @as = ('setpriv', "--reuid=$u{User}", "--regid=$u{Group}",
        '--init-groups', '--');
    return {%u, as => \@as, command => [@as, @words]};
}

sub begin {
    my ($unit) = @_;
    return Asgard::Process->new(name => $unit->{User},
        command => $unit->{command}, env => {map { split /=/, $_, 2 }
            grep { defined } $unit->{Environment}},
        log => "$control->{dir}/log/$unit->{User}.log");
}

$control->run_ok('migrate');
like($control->run_ok('check'), qr/^ok    peppers$/m,
    'root checks all of it');
my %unit = map { $_ => unit($_) } qw(asgard-ctl asgard-keeper);
my $pre = $unit{'asgard-ctl'}{ExecStartPre}
    =~ s{^/usr/bin/asgard-ctl}{$control->binary}er;
is(system("@{$unit{'asgard-ctl'}{as}} $pre > /dev/null"), 0,
    'the user of asgard-ctl checks its half');
my $keeper = begin($unit{'asgard-keeper'});
$control->{process} = begin($unit{'asgard-ctl'});
ok(wait_until(sub { -S '/run/asgard/ctl.sock' }, 20), 'both units run');
is(join(' ', sort keys %{$control->roles}), 'api meter notify',
    '... the keeper apart');
$t->{gateway}->start;
ok($t->wait_ready, '... and all is ready');

my $project = $t->project(budget_usd => 5);
my $secrets = Asgard::Secrets->new($t);
my $value = $secrets->put($secrets->resource($project, 'db'), 'password');
is($t->api('POST', "/api/projects/$project/secrets/db-password/read", {})
    ->json->{value}, $value, 'a secret is read through both');

# --- a reload

my ($status, undef, $err) = $control->run('role', 'keeper');
isnt($status, 0, 'a second keeper at the same socket is refused');
is(system("@{$unit{'asgard-ctl'}{as}} @{[$control->binary]} -c $conf reload"
    . ' > /dev/null 2>&1') >> 8, 1,
    'the user of asgard-ctl may not reload the keeper');
my $pid = fork() // die "fork: $!";
POSIX::_exit(($control->run('reload'))[0]) if !$pid;
ok($keeper->wait_end(20), 'root reloads: the keeper goes');
$keeper = begin($unit{'asgard-keeper'});
waitpid $pid, 0;
is($?, 0, '... and the new one\'s catalog is served');

# --- peppers that differ

spill('/etc/asgard/pepper.key', 'pepper p1 ' . random_hex(32) . "\n", 0400);
($status, my $said) = $control->run('check');
like("$status $said", qr/^1 .*^FAIL  peppers: .*not those of/ms,
    'the check tells of peppers that are not those of the key file');

$keeper->stop('TERM', 15);
$t->done;
