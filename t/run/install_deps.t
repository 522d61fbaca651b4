#!/usr/bin/perl
# Installing what Asgard needs leaves the machine's own services alone: while
# apt-get works nothing may start and no cluster is made, and afterwards all is
# as it was.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use File::Path qw(make_path);
use File::Temp ();

use Asgard::Files qw(slurp spill top);

my $dir = File::Temp::tempdir('/tmp/asgard-deps-XXXXXX', CLEANUP => 1);
my $policy = 'usr/sbin/policy-rc.d';
my $common = 'etc/postgresql-common';

# apt-get that only writes down what it sees, and fails when told to; dpkg
# that knows no package.
make_path("$dir/bin");
spill("$dir/bin/dpkg-query", "#!/bin/sh\nexit 1\n", 0755);
spill("$dir/bin/sudo", "#!/bin/sh\nexec \"\$@\"\n", 0755);
spill("$dir/bin/apt-get", <<'SH', 0755);
#!/bin/sh
echo "$*" >> "$SEEN/calls"
"$ASGARD_DEPS_ROOT/usr/sbin/policy-rc.d" nginx start; echo $? > "$SEEN/policy"
cat "$ASGARD_DEPS_ROOT"/etc/postgresql-common/createcluster.d/*.conf \
    > "$SEEN/cluster"
[ -z "$STALL" ] || { kill -TERM $PPID; sleep 1; }
exit ${APT_STATUS:-0}
SH

my $n = 0;
sub install {
    my ($prepare, %env) = @_;
    my $root = "$dir/root" . ++$n;
    make_path("$root/usr/sbin", "$root/etc");
    $prepare->($root) if $prepare;
    unlink map { "$dir/$_" } qw(calls policy cluster);
    local %ENV = (%ENV, PATH => "$dir/bin:$ENV{PATH}", SEEN => $dir,
        STALL => '', ASGARD_DEPS_ROOT => $root, %env);
    my @command = (top() . '/scripts/install-deps');
    my $status = system("$command[0] > /dev/null 2>&1");
    return ($root, $status);
}

sub tree {
    my ($root) = @_;
    return join '', `cd $root && find . -printf '%p %m\\n' | sort`,
        map { slurp($_) } grep { -f } split /\n/, `find $root | sort`;
}

my ($root, $status) = install();
is($status, 0, 'the packages are installed');
is(slurp("$dir/policy"), "101\n", 'while that is done nothing may start');
like(slurp("$dir/cluster"), qr/^create_main_cluster = false$/m,
    '... and PostgreSQL makes no cluster');
like(slurp("$dir/calls"), qr/--force-confold.* install /,
    '... and files of configuration stay');
ok(!-e "$root/$policy", 'afterwards there is no policy-rc.d');
ok(!-e "$root/$common", '... and nothing of PostgreSQL');

my $own = sub {
    my ($place) = @_;
    make_path("$place/$common");
    spill("$place/$common/createcluster.conf", "ssl = on\n");
    spill("$place/$policy", "#!/bin/sh\nexit 104\n", 0755);
    return tree($place);
};
my $before;
($root) = install(sub { $before = $own->($_[0]) });
is(slurp("$dir/policy"), "104\n", "the machine's own policy stands");
is(tree($root), $before, '... and stays, with createcluster.conf');

($root, $status) = install(sub { $before = $own->($_[0]) },
    APT_STATUS => 100);
isnt($status, 0, 'a failed installation is a failure');
is(tree($root), $before, '... that leaves nothing behind');

($root, $status) = install(undef, STALL => 1);
isnt($status, 0, 'an interrupted one too');
ok(!-e "$root/$policy" && !-e "$root/$common",
    '... and it leaves nothing behind');

done_testing();
