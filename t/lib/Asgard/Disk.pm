# A disk that is full, for some processes only and without a mount, so that it
# needs no rights: no file of theirs may grow beyond a size.
#
#     full($bytes, @pids);              # of the files that they write now
#     freed(@pids);
#
# A write that reaches the size is cut short there, the next one fails, as on a
# disk without space (the error is EFBIG, not ENOSPC).  Process.pm has seen to
# it that no signal comes with it.
package Asgard::Disk;

use strict;
use warnings;
use Carp qw(croak);
use Exporter qw(import);

use Asgard::Files qw(slurp);
use Asgard::Process;

our @EXPORT_OK = qw(full freed family);

# As the user that the process runs as: others may not, not even root in a
# container.  A process may have ended meanwhile.
sub limit {
    my ($size, @pids) = @_;
    for my $pid (@pids) {
        my ($uid) = slurp("/proc/$pid/status") =~ /^Uid:\s+(\d+)/m
            or next;
        my @as = $uid == $> ? ()
            : Asgard::Process::drop_to(scalar getpwuid $uid);
        my $failed = system('sh', '-c', 'exec "$@" 2>/dev/null', 'sh', @as,
            'prlimit', '--pid', $pid, "--fsize=$size:");
        croak "prlimit of $pid" if $failed && -e "/proc/$pid";
    }
}

sub full  { my ($bytes, @pids) = @_; limit($bytes, @pids) }
sub freed { limit('unlimited', @_) }

# A process and its children.
sub family {
    my ($pid) = @_;
    return ($pid, split ' ', slurp("/proc/$pid/task/$pid/children"));
}

1;
