# What a process has used so far.
#
#     my $before = cpu_ms($pid);
#     …
#     my $used = cpu_ms($pid) - $before;    # time on a processor, not of a clock
package Asgard::Work;

use strict;
use warnings;
use Exporter qw(import);

use Asgard::Files qw(slurp);

our @EXPORT_OK = qw(cpu_ms memory_kb);

# To the nanosecond, while /proc/PID/stat counts in ticks of 10 ms.
sub cpu_ms {
    my ($pid) = @_;
    my ($ns) = slurp("/proc/$pid/schedstat") =~ /^(\d+)/;
    return $ns / 1e6;
}

# Resident memory that is not shared: the zones are left out.
sub memory_kb {
    my ($pid) = @_;
    my ($kb) = slurp("/proc/$pid/status") =~ /^RssAnon:\s+(\d+)/m;
    return $kb;
}

1;
