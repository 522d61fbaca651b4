# What a process has used so far.
#
#     my $before = cpu_ms($pid);
#     …
#     my $used = cpu_ms($pid) - $before;    # time on a processor
package Asgard::Work;

use strict;
use warnings;
use Exporter qw(import);
use Test::More ();

use Asgard::Files qw(slurp is_sanitized);

our @EXPORT_OK = qw(cpu_ms memory_kb grows_less);

# Less than so many kB since memory_kb() said $before.  A sanitizer keeps what
# was freed, to find those who use it: there is nothing to ask then.
sub grows_less {
    my ($pid, $before, $kb, $sentence) = @_;
    my $grown = memory_kb($pid) - $before;
    Test::More::cmp_ok(is_sanitized() ? 0 : $grown, '<', $kb, $sentence);
}

# To the nanosecond, while /proc/PID/stat counts in ticks of 10 ms; 0 of a
# process that has ended.
sub cpu_ms {
    my ($pid) = @_;
    my ($ns) = slurp("/proc/$pid/schedstat") =~ /^(\d+)/;
    return ($ns // 0) / 1e6;
}

# Resident memory that is not shared: the zones are left out.
sub memory_kb {
    my ($pid) = @_;
    my ($kb) = slurp("/proc/$pid/status") =~ /^RssAnon:\s+(\d+)/m;
    return $kb;
}

1;
