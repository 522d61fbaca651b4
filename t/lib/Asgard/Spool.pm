# The witness file as structures: what each call came to.  A test in which lines
# cannot be written whole sets $t->{torn_lines}: they are passed over.
#
#     my @calls = calls($t);               # in the order of their ends
#     my $call = call_of($t, $reply);      # by the reply's trace id
#
# The worker that had the usage is dead, a sibling ended its call with less: its
# own line comes to light later, in a further file.  Gives what it says, as the
# detail of an event.
#
#     my $detail = later_line($t, $call, pt => 7, ct => 7, amount => 77_000);
package Asgard::Spool;

use strict;
use warnings;
use Exporter qw(import);
use JSON::PP ();

use Asgard::Files qw(spill wait_until);

our @EXPORT_OK = qw(calls call_of later_line money_of);

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

my @OF_THE_LINE = qw(ts hold epoch part pins amount verb held verdict);

sub later_line {
    my ($t, $call, %usage) = @_;
    my %line = (%$call, verb => 's', verdict => 'ok',
        flags => ['dead_worker'], %usage);
    my $file = "$t->{gateway}{dir}/log/calls.log.later";
    # every format begins with it
    my ($text) = $json->canonical->encode(\%line) =~ /^\{(.*)\}$/;
    $text =~ s/"f":1,//;
    my $old = -e $file ? Asgard::Files::slurp($file) : '';
    spill($file, qq($old\{"f":1,$text\}\n));
    delete @line{@OF_THE_LINE};
    return $json->canonical->encode(\%line);
}

# "s 88000", "e 500000 cut estimated": verb, amount and flags in one line.
sub money_of {
    my ($t, $reply, $seconds) = @_;
    my $call = call_of($t, $reply, $seconds);
    return join ' ', $call->{verb} // 'none', $call->{amount} // '-',
        sort @{$call->{flags} // []};
}

1;
