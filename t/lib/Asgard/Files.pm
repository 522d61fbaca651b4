# Small things that every part of the harness needs: files, waiting, places.
package Asgard::Files;

use strict;
use warnings;
use Carp qw(croak);
use Cwd qw(abs_path);
use Exporter qw(import);
use File::Basename qw(dirname);
use File::Temp ();
use Time::HiRes qw(sleep time);

our @EXPORT_OK = qw(spill slurp top build_dir is_sanitized random_hex
    wait_until lines_of work_dir has_room);

my $top = abs_path(dirname(__FILE__) . '/../../..');

sub top { $top }
sub build_dir { $ENV{ASGARD_BUILD} // "$top/build/release" }
sub is_sanitized { build_dir() =~ m{/sanitize$} }

sub spill {
    my ($path, $text, $mode) = @_;
    my $new = "$path.new";
    unlink $new;
    my $mask = umask(0777 & ~($mode // 0644));
    open my $out, '>', $new or croak "$new: $!";
    umask $mask;
    print {$out} $text;
    close $out or croak "$new: $!";
    chmod $mode // 0644, $new;
    rename $new, $path or croak "$path: $!";
    return $path;
}

sub slurp {
    my ($path) = @_;
    open my $in, '<', $path or return '';
    local $/;
    return <$in> // '';
}

sub lines_of { split /\n/, slurp($_[0]) }

sub random_hex {
    my ($bytes) = @_;
    open my $in, '<:raw', '/dev/urandom' or croak "urandom: $!";
    my $raw;
    read $in, $raw, $bytes;
    return unpack 'H*', $raw;
}

# A new folder that others may pass through; who asks for it takes it away.  It
# is in memory where there is room: a database of a thousand small files, made
# and removed for each test, costs a disk's file system more than the test.
sub work_dir {
    my ($name) = @_;
    my $under = has_room('/dev/shm') ? '/dev/shm' : '/tmp';
    my $dir = File::Temp::tempdir("$under/asgard-$name-XXXXXX", CLEANUP => 0);
    chmod 0711, $dir;
    return $dir;
}

# Programs are run from it too, which a mount may forbid.
sub has_room {
    my ($dir) = @_;
    my ($free) = `df -Pk $dir 2>/dev/null` =~ /^\S+\s+\d+\s+\d+\s+(\d+)/m;
    my ($options) = slurp('/proc/mounts') =~ m{^\S+ \Q$dir\E \S+ (\S+)}m;
    return -w $dir && ($options // '') !~ /\bnoexec\b/
        && ($free // 0) > 2 * 1024 * 1024;
}

# Ask again until it is true or $seconds are over; returns its last answer.
sub wait_until {
    my ($question, $seconds, $pause) = @_;
    my $until = time + ($seconds // 5);
    while (1) {
        my $answer = $question->();
        return $answer if $answer || time > $until;
        sleep($pause // 0.02);
    }
}

1;
