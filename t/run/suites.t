#!/usr/bin/perl
# scripts/test counts what all suites proved, reports every failure, also of
# what runs beside the others, and leaves no process behind.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use File::Copy qw(copy);
use File::Path qw(make_path);
use File::Temp ();
use POSIX qw(WNOHANG);

use Asgard::Files qw(slurp spill top wait_until);

# A tree with suites that need nothing; `make` in it has nothing to do.
my $dir = File::Temp::tempdir('/tmp/asgard-tree-XXXXXX', CLEANUP => 1);
make_path(map { "$dir/$_" } qw(scripts t/lib/Asgard t/lua t/ctl t/unit t/sim
    t/fuzz build/fuzz/t/fuzz build/release/t/unit tmp));
copy(top() . "/$_", "$dir/$_") or die "$_: $!\n" for 'scripts/test',
    map { "t/lib/Asgard/$_.pm" } qw(Lane Fuzz Files Work);
chmod 0755, "$dir/scripts/test";
spill("$dir/Makefile", "unit-programs fuzz-programs sim-program: ;\n");
spill("$dir/scripts/$_", "#!/bin/sh\nexit 0\n", 0755)
    for qw(lint check-layers check-scripts);

sub program {
    my ($path, $text) = @_;
    return spill("$dir/$path", "#!/usr/bin/perl\n$text", 0755);
}

# A target is known by its source; it works until it is told to stop.
sub target {
    my ($short, $text) = @_;
    spill("$dir/t/fuzz/fuzz_$short.c", '');
    return program("build/fuzz/t/fuzz/fuzz_$short", $text);
}

sub run_suites {
    my @suites = @_;
    local %ENV = (%ENV, FUZZ_SECONDS => 0.05, TEST_NICE => 0,
        TMPDIR => "$dir/tmp");
    delete @ENV{qw(ASGARD_BUILD ASGARD_TOP TEST_JOBS TEST_VERBOSE)};
    my $pid = fork // die "fork: $!\n";
    return $pid if $pid;
    open STDOUT, '>', "$dir/out";
    open STDERR, '>&', \*STDOUT;
    exec "$dir/scripts/test", @suites or POSIX::_exit(127);
}

sub output_of {
    my $pid = run_suites(@_);
    waitpid $pid, 0;
    return ($?, slurp("$dir/out"));
}

my $good = 'print "ok 1\nok 2\n1..2\n";';
my $busy = '$SIG{USR1} = sub { exit 0 }; 1 while 1;';
program('t/lua/a.t', $good);
program('t/ctl/b.t', $good);
program('t/sim/sim.t', $good);
spill("$dir/t/unit/test_one.c", '');
program('build/release/t/unit/test_one', $good);
target('one', $busy);
target('two', $busy);
my @suites = qw(check unit lua ctl sim fuzz);

my ($status, $text) = output_of(@suites);
is($status, 0, 'suites that pass');
like($text, qr/^13 passed, 0 failed\n\z/m, 'are counted in the last line');
like($text, qr/^fuzz +2 +2 +0 /m, 'and each in a row of its own');
like($text, qr/^build.*fuzz_one: ok, 0 s$/m, 'what ran beside is printed');
cmp_ok(index($text, '== unit'), '>', index($text, 't/ctl/b.t'),
    'after the others');

# Everything fails, each in a way of its own.
my %failing = (
    't/lua/a.t' => ['lua', "$good exit 3"],
    't/ctl/b.t' => ['ctl', 'print "not ok 1\n1..1\n"; exit 1'],
    't/sim/sim.t' => ['sim', 'kill KILL => $$'],
    'test_one (exit 0)' => ['unit', 'exit 0'],
    'build/fuzz/t/fuzz/fuzz_one' => ['fuzz', 'print "it broke\n"; exit 77'],
    'build/fuzz/t/fuzz/fuzz_two' => ['fuzz', 'exit 0'],
);
my %path = ('test_one (exit 0)' => 'build/release/t/unit/test_one');
program($path{$_} // $_, $failing{$_}[1]) for keys %failing;
($status, $text) = output_of(@suites);
isnt($status, 0, 'suites that fail');
like($text, qr/^5 passed, 6 failed\n\z/m, 'are counted in the last line');
for my $what (sort keys %failing) {
    my ($suite) = @{$failing{$what}};
    like($text, qr/^failed: \Q$what\E$/m, "$what is named");
    like($text, qr/^$suite +\d+ +\d+ +[12] /m, "and counted under $suite");
}
like($text, qr/^it broke$/m, 'a target that broke says how');
like($text, qr{^build/fuzz/t/fuzz/fuzz_one: exit \d+; }m,
    '... once more behind the sums of all');

# A test that has started something, a target, and a program of their own.
sub alive {
    my ($what) = @_;
    return grep { slurp($_) =~ /\Q$dir\/$what\E/ } glob '/proc/[0-9]*/cmdline';
}
my $wait = program('wait', '$0 = "' . "$dir/waits" . '"; sleep 60');
program('t/lua/a.t', "system '$wait > /dev/null 2>&1 &'; sleep 60");
target('one', 'sleep 60');
for my $signal (qw(INT TERM)) {
    my $pid = run_suites(qw(lua fuzz));
    ok(wait_until(sub { alive('waits') && grep { slurp($_) =~ /fuzz_one/ }
        glob '/proc/[0-9]*/cmdline' }, 20), 'all is under way');
    kill $signal, $pid;
    ok(wait_until(sub { waitpid($pid, WNOHANG) == $pid }, 30),
        "SIG$signal ends the run");
    is($? & 127, $signal eq 'INT' ? 2 : 15, 'which ends by that signal');
    ok(!alive(''), 'and nothing is left of it');
    is(join(' ', glob "$dir/tmp/*suites*"), '', 'nor a file');
}

# What a test leaves behind ends with the run.
program('t/lua/a.t', "system '$wait > /dev/null 2>&1 &'; $good");
($status, $text) = output_of('lua');
ok(!alive('waits'), 'what a test leaves behind does not stay');

done_testing();
