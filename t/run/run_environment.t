# What the operator has in the shell is in no process that `make run` starts:
# provider keys come from run/backends.env only.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use File::Temp ();
use Asgard::Files qw(slurp spill top build_dir);

my $dir = File::Temp::tempdir('/tmp/asgard-run-XXXXXX', CLEANUP => 0);
chmod 0711, $dir;
my $run = "$dir/run";
$ENV{ASGARD_RUN}   = $run;
$ENV{ASGARD_BUILD} = build_dir();
delete $ENV{PORT};
my $canary = 'sk-shell-canary-' . 'a1b2c3d4' x 3;
$ENV{OPENAI_MASTER_KEY} = $canary;
my $filed = 'sk-filed-canary-' . 'd4c3b2a1' x 3;
mkdir $run, 0711;
spill("$run/backends.env", "LITELLM_BASE_URL=http://127.0.0.1:9/v1\n"
    . "LITELLM_MASTER_KEY=$filed\n", 0600);
END {
    system(top() . '/scripts/stop > /dev/null 2>&1');
    system('rm', '-rf', $dir);
}

my $out = `@{[top()]}/scripts/run 2>&1`;
is($?, 0, 'make run succeeds') or die $out . "\n";
my $var = readlink("$run/var") // "$run/var";

sub children {
    my ($pid) = @_;
    my @below = split ' ', slurp("/proc/$pid/task/$pid/children");
    return map { ($_, children($_)) } @below;
}

my $processes = 0;
for my $name (qw(redis pg ctl nginx)) {
    my ($top) = slurp("$var/$name.pid") =~ /^(\d+)/;
    my @all = ($top, children($top));
    $processes += @all;
    my @tells = grep { slurp("/proc/$_/environ") =~ /\Q$canary\E|\Q$filed\E/ }
        @all;
    is_deeply(\@tells, [], "no process of $name has a provider key in its"
        . ' environment');
}
cmp_ok($processes, '>', 10, 'many processes were looked at');

my $env = slurp("$run/env");
my ($ctl) = $env =~ /^ASGARD_CTL=(.*)$/m;
my $catalog = `$ctl catalog 2>&1`;
like($catalog, qr/^litellm\s+active/m, 'what stands in the file is active');
like($catalog, qr/^openai\s+inactive/m, 'what stands in the shell is not');
my $found = `grep -rlF -e '$canary' $var $run --exclude-dir=pg 2>/dev/null`;
is($found, '', 'the key of the shell is nowhere under run/');

done_testing();
