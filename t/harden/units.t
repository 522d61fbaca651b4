#!/usr/bin/env perl
# systemd finds nothing wrong with the shipped units, and little that they leave
# open.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use File::Temp qw(tempdir);
use Test::More;

use Asgard::Files qw(build_dir slurp spill top);

# At most this, of 10, by `systemd-analyze security` of Debian 12.
my %exposure = ('asgard-ctl' => 1.5, 'asgard-keeper' => 1.5,
    'asgard-redis' => 1.5, nginx => 3.5);

plan skip_all => 'there is no systemd-analyze'
    if system('systemd-analyze --version > /dev/null 2>&1');

my $conf = top() . '/conf';
my $dir = tempdir('/tmp/asgard-units-XXXXXX', CLEANUP => 1);
mkdir "$dir/nginx.service.d";
my $program = build_dir() . '/asgard-ctl/asgard-ctl';
for my $name (qw(asgard-ctl asgard-keeper asgard-redis)) {
    my $text = slurp("$conf/$name.service");
    $text =~ s{/usr/bin/asgard-ctl}{$program}g;
    spill("$dir/$name.service", $text);
}
my $nginx = slurp('/lib/systemd/system/nginx.service');
ok(length $nginx, "the distribution's unit of nginx is there");
spill("$dir/nginx.service", $nginx);
spill("$dir/nginx.service.d/asgard.conf",
    slurp("$conf/nginx-asgard.service.d.conf"));

for my $name (sort keys %exposure) {
    my $unit = "$dir/$name.service";
    my $said = `systemd-analyze verify --man=no $unit 2>&1`;
    is($said, '', "$name: systemd understands every line");
    my $table = `systemd-analyze security --offline=true --no-pager $unit 2>&1`;
    my ($level) = $table =~ /exposure level for \S+: ([0-9.]+)/;
    cmp_ok($level // 10, '<=', $exposure{$name}, "$name: exposure") or
        diag($table);
}

# What the score does not tell.
for my $file (qw(asgard-ctl.service asgard-keeper.service
    asgard-redis.service nginx-asgard.service.d.conf)) {
    my $text = slurp("$conf/$file");
    like($text, qr/^$_$/m, "$file says $_")
        for qw(LimitCORE=0 NoNewPrivileges=yes);
}
like(slurp("$conf/$_.service"),
    qr/^\[Unit\]\n(?:.+\n|\n(?!\[))*StartLimitIntervalSec=0$/m,
    "$_ is started again as often as it takes")
    for qw(asgard-ctl asgard-keeper);
unlike(slurp("$conf/nginx-asgard.service.d.conf"), qr/^ProtectProc=/m,
    'workers of nginx see one another');
my ($logs) = slurp("$conf/asgard-ctl.service") =~ /^LogsDirectory=(\S+)$/m;
my ($log) = slurp("$conf/asgard-ctl.conf") =~ /^log\s+(\S+)$/m;
is($log, "/var/log/$logs/ctl.log",
    'asgard-ctl writes its log where its unit lets it');

done_testing();
