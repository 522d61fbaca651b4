# What the figures were measured on and with.
package Bench::About;

use strict;
use warnings;
use POSIX ();
use Asgard::Files qw(slurp);

sub version {
    my ($package) = @_;
    my $said = `dpkg-query -W -f '\${Version}' $package 2>/dev/null`;
    return length $said ? $said : 'unknown';
}

sub about {
    my ($cpu) = slurp('/proc/cpuinfo') =~ /^model name\s*:\s*(.*)/m;
    my $cores = () = slurp('/proc/cpuinfo') =~ /^processor\s/mg;
    my $commit = `git rev-parse --short HEAD 2>/dev/null`;
    chomp $commit;
    return {date => POSIX::strftime('%Y-%m-%d', gmtime), cpu => $cpu // '',
        cores => $cores, pinned => $ENV{BENCH_PIN} ? 1 : 0, kernel => (POSIX::uname())[2], commit => $commit,
        load_before => (split ' ', slurp('/proc/loadavg'))[0],
        map { $_ => version($_) } qw(nginx redis-server postgresql-15 wrk)};
}

sub text {
    my ($about) = @_;
    return "$about->{date}, $about->{commit}: $about->{cores} cores "
        . "($about->{cpu}), Linux $about->{kernel}, "
        . join(', ', map { "$_ $about->{$_}" } qw(nginx redis-server
            postgresql-15 wrk)) . "; load before: $about->{load_before}"
        . ($about->{pinned} ? "; the worker has CPU 0\n" : "\n");
}

1;
