# What stands in the memory of a process, read through /proc/PID/mem.
#
#     my @at = Asgard::Memory::find($pid, {key => $bytes});   # ['key in heap']
#
# A page is read as it is now; a process that is not ours to read (not root)
# dies with the reason, so that a test can skip.
package Asgard::Memory;

use strict;
use warnings;
no warnings qw(portable);             # addresses have 48 bits
use Carp qw(croak);

my $PIECE = 1 << 20;

# Readable mappings: [from, to, name].
sub mappings {
    my ($pid) = @_;
    open my $in, '<', "/proc/$pid/maps" or croak "maps of $pid: $!";
    my @found;
    while (<$in>) {
        my ($from, $to, $rights, $name) =
            /^([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \d+\s*(.*)$/ or next;
        next if $rights !~ /^r/ || $name =~ /^\[v(?:var|syscall|dso)/;
        push @found, [hex $from, hex $to, $name || 'anonymous'];
    }
    return @found;
}

# Pieces overlap by the longest secret, so that none is cut.
sub search_mapping {
    my ($mem, $mapping, $wanted, $overlap, $found) = @_;
    my ($from, $to, $name) = @$mapping;
    for (my $at = $from; $at < $to; $at += $PIECE) {
        my $bytes = $to - $at;
        $bytes = $PIECE + $overlap if $bytes > $PIECE + $overlap;
        sysseek $mem, $at, 0 or next;
        defined sysread $mem, my $text, $bytes or next;
        for my $what (keys %$wanted) {
            my $i = index $text, $wanted->{$what};
            $found->{"$what in $name"} = 1 if $i >= 0;
        }
    }
}

# The names of those secrets that stand somewhere, each with the mapping.
sub find {
    my ($pid, $wanted) = @_;
    open my $mem, '<:raw', "/proc/$pid/mem" or croak "mem of $pid: $!";
    my ($overlap) = sort { $b <=> $a } map { length } values %$wanted;
    my %found;
    search_mapping($mem, $_, $wanted, $overlap, \%found)
        for mappings($pid);
    return sort keys %found;
}

1;
