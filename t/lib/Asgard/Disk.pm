# A disk that is full.  For some processes only and without a mount, so that it
# needs no rights: no file of theirs may grow beyond a size.
#
#     full($bytes, @pids);              # of the files that they write now
#     freed(@pids);
#
# Or a small disk of its own over a folder, with what was in it; root only, and
# only where root may mount (undef otherwise).  done() takes it away.
#
#     my $disk = small($t, $dir, '4m');
#     $disk->fill;
#     $disk->clear;
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

our @EXPORT_OK = qw(full freed family small);

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

sub small {
    my ($t, $dir, $size) = @_;
    my $aside = "$dir.aside";
    return if $> != 0;
    system('cp', '-a', $dir, $aside) == 0 or croak "cp $dir";
    if (system("mount -t tmpfs -o size=$size none '$dir' 2>/dev/null")) {
        system('rm', '-rf', $aside);
        return;
    }
    push @{$t->{mounts}}, $dir;
    system("cp -a '$aside/.' '$dir' && rm -rf '$aside'") == 0
        or croak "cp $aside";
    return bless {dir => $dir, file => "$dir/filling"}, __PACKAGE__;
}

# To the last byte: dd ends when there is no space.
sub fill {
    my ($self) = @_;
    system("dd if=/dev/zero of='$self->{file}' bs=4k 2>/dev/null");
}

sub clear { unlink $_[0]{file} }

sub unmount { system('umount', '-l', $_) for @_ }

# A process and its children.
sub family {
    my ($pid) = @_;
    return ($pid, split ' ', slurp("/proc/$pid/task/$pid/children"));
}

1;
