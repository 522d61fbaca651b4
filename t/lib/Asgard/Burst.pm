# Calls that were all sent before an answer is read, and the answers as they
# come.
#
#     mkdir $dir;                          # refusals are counted there
#     my @told = Asgard::Burst::read_all("$dir/$i", \@open, sub { ... });
#     my $n = Asgard::Burst::refused($dir);
#
# Each 429 is one byte in the file, so that somebody else can count them while
# others still wait.  The sub makes a text of a reply; a minute and a half
# without any answer is 'timeout'.
package Asgard::Burst;

use strict;
use warnings;

my $PATIENCE = 90;

sub refused {
    my ($dir) = @_;
    my $n = 0;
    $n += -s $_ for glob "$dir/*";
    return $n;
}

sub read_all {
    my ($file, $open, $tell) = @_;
    open my $log, '>', $file or die "$file: $!";
    my (%in, @done) = map { (fileno $_->{socket} => $_) } @$open;
    while (%in) {
        my $set = '';
        vec($set, $_, 1) = 1 for keys %in;
        select($set, undef, undef, $PATIENCE) > 0 or return 'timeout';
        for my $fd (grep { vec($set, $_, 1) } keys %in) {
            my $http = delete $in{$fd};
            my $reply = $http->read_head;
            $reply->{started} = 0;
            $http->plan_body($reply);
            $http->read_body($reply);
            syswrite $log, '.' if $reply->status == 429;
            push @done, $tell->($reply);
        }
    }
    return @done;
}

1;
