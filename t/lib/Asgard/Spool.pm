# The witness file as structures: what each call came to.  A test in which lines
# cannot be written whole sets $t->{torn_lines}: they are passed over.
#
#     my @calls = calls($t);               # in the order of their ends
#     my $call = call_of($t, $reply);      # by the reply's trace id
package Asgard::Spool;

use strict;
use warnings;
use Exporter qw(import);
use JSON::PP ();

use Asgard::Files qw(wait_until);

our @EXPORT_OK = qw(calls call_of money_of);

my $json = JSON::PP->new->utf8;

sub calls {
    my ($t) = @_;
    my @lines = split /\n/, $t->{gateway}->spool;
    return map { eval { $json->decode($_) } // () } @lines if $t->{torn_lines};
    return map { $json->decode($_) } @lines;
}

# Waits a moment: a call may end after its answer.  Empty when there is none.
sub call_of {
    my ($t, $reply, $seconds) = @_;
    my $trace = ref $reply ? $reply->trace : $reply;
    my $call;
    wait_until(sub {
        ($call) = grep { $_->{trace} eq $trace } calls($t);
        return $call;
    }, $seconds // 5);
    return $call // {};
}

# "s 88000", "e 500000 cut estimated": verb, amount and flags in one line.
sub money_of {
    my ($t, $reply, $seconds) = @_;
    my $call = call_of($t, $reply, $seconds);
    return join ' ', $call->{verb} // 'none', $call->{amount} // '-',
        sort @{$call->{flags} // []};
}

1;
