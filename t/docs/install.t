#!/usr/bin/env perl
# Who follows the README into an nginx that exists gets files that the users of
# the shipped units can read, and nobody else.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Digest::SHA qw(sha256_hex);
use File::Temp qw(tempdir);
use Test::More;

use Asgard::Files qw(build_dir slurp spill top);

plan skip_all => 'files for other users are made by root' if $> != 0;

my ($section) = slurp(top() . '/README.md')
    =~ /^## Into an nginx that exists\n(.*?)^## /ms;
my @lines = grep { !/^(?:adduser|load_module|worker_|http|server|location|\}|
    \s+(?:asgard_|password_|server|listen|ssl_|location|include|\}))/x }
    $section =~ /^ {7}(.+)$/mg;
cmp_ok(scalar @lines, '>=', 10, 'the README has commands for files');

# The same commands below a folder of the test, with users that are there.
my $dir = tempdir('/tmp/asgard-install-XXXXXX', CLEANUP => 1);
chmod 0755, $dir;
my $script = join "\n", 'set -e', 'cd "$1"', "mkdir -p $dir/etc $dir/share",
    @lines;
$script =~ s{/etc/asgard\b}{$dir/etc/asgard}g;
$script =~ s{/usr/share/asgard\b}{$dir/share/asgard}g;
$script =~ s{(-g|chgrp) asgard-keeper\b}{$1 news}g;
$script =~ s{(-g|chgrp) asgard\b}{$1 games}g;
spill("$dir/script", $script);
is(system('sh', "$dir/script", top()), 0, 'they run as they stand there')
    or diag($script);

sub reads {
    my ($user, $file) = @_;
    my ($uid, $gid) = (getpwnam $user)[2, 3];
    return system('setpriv', "--reuid=$uid", "--regid=$gid", '--clear-groups',
        'sh', '-c', 'exec cat "$0" > /dev/null 2>&1', $file) == 0 ? 1 : 0;
}

my $etc = "$dir/etc/asgard";
for (['seal.key', 'news'], ['kek.key', 'news'], ['backends.env', 'news'],
    ['pepper.key', 'games'], ['asgard-ctl.conf', 'games'],
    map { ["$_.conf", 'redis'] } qw(redis redis-base redis-acl))
{
    my ($file, $user) = @$_;
    is(reads($user, "$etc/$file"), 1, "$file can be read by its unit's user");
    is(reads('nobody', "$etc/$file"), 0, '... and by nobody else');
    is((stat "$etc/$file")[4], 0, '... and is root\'s');
}
is(reads('games', "$etc/$_"), 0, "$_ is not for asgard-ctl's user")
    for qw(seal.key kek.key backends.env);
for my $user ('games', 'redis', 'nobody') {
    is(reads($user, "$etc/redis.password"), 0,
        'the password for nginx, which its master reads, is root\'s alone');
}
for my $file (glob "$dir/share/asgard/services/*/service.yaml") {
    is(reads('games', $file), 1, "$1 can be read by asgard-ctl's user")
        if $file =~ m{([^/]+/[^/]+)$};
}
ok(-f "$dir/share/asgard/services/echo/service.yaml", 'the modules are there');

# The password of the file is the one that Redis takes.
my $password = slurp("$etc/redis.password") =~ s/\n//r;
my $hash = sha256_hex($password);
like(slurp("$etc/redis-acl.conf"), qr/^user asgard on #$hash /m,
    'the hash of the password stands in the rights');

# asgard-ctl takes such a configuration: it fails only for want of its stores.
my $program = build_dir() . '/asgard-ctl/asgard-ctl';
my $said = `$program -c $etc/asgard-ctl.conf check 2>&1`;
unlike($said, qr/others may read|mode|permission/i,
    'and asgard-ctl has nothing against their modes');

done_testing();
