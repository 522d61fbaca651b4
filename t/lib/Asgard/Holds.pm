# The holds of a real stack as a test looks at them: open in Redis, ended in
# the ledger; and a hold whose time is made to be over.
#
#     my ($hold) = open_holds($t);          # {id, part, amount, pins, key}
#     time_out($t, $hold);
#     my $ended = ended($t, $id);           # its row of `holds`, its entries
package Asgard::Holds;

use strict;
use warnings;
use Exporter qw(import);

use Asgard::Files qw(wait_until);
use Asgard::Partition;

our @EXPORT_OK = qw(open_holds time_out ended partition_of);

sub open_holds {
    my ($t) = @_;
    my ($cursor, @holds) = (0);
    do {
        my $page = $t->{redis}->cmd('SCAN', $cursor, 'MATCH', '{p*}:h:*',
            'COUNT', 1000);
        $cursor = $page->[0];
        for my $key (@{$page->[1]}) {
            my ($part, $id) = $key =~ /^\{p(\d\d)\}:h:(.+)$/;
            my ($amount, undef, undef, $pins) = split / /,
                $t->{redis}->cmd('GET', $key) // next;
            push @holds, {id => $id, part => $part + 0, amount => $amount,
                pins => $pins, key => $key} if $amount =~ /^\d/;
        }
    } while ($cursor ne '0');
    return @holds;
}

# What two minutes without a word would do.
sub time_out {
    my ($t, @holds) = @_;
    for my $hold (@holds) {
        my @words = split / /, $t->{redis}->cmd('GET', $hold->{key}) // next,
            5;
        $words[2] = $words[1];
        $t->{redis}->cmd('SET', $hold->{key}, "@words");
        $t->{redis}->cmd('ZADD', sprintf('{p%02d}:x', $hold->{part}),
            $words[2], $hold->{id});
    }
}

# {state, balance, held, rank, kinds, deltas}; undef while the ledger does not
# know it.  Waits a moment.
sub ended {
    my ($t, $id, $seconds) = @_;
    my $row;
    wait_until(sub {
        ($row) = $t->{postgres}->rows(<<"SQL");
SELECT h.state, h.balance_nano, h.held_nano, h.rank,
    coalesce(string_agg(l.kind, ' ' ORDER BY l.id), ''),
    coalesce(string_agg(l.delta_nano::text, ' ' ORDER BY l.id), '')
FROM holds h LEFT JOIN ledger l USING (hold_id) WHERE h.hold_id = '$id'
GROUP BY h.hold_id
SQL
        return $row;
    }, $seconds // 15, 0.05);
    return if !$row;
    my %ended;
    @ended{qw(state balance held rank kinds deltas)} = @$row;
    return \%ended;
}

# The partition of a project with its fence, for the scripts themselves.
sub partition_of {
    my ($t, $project) = @_;
    my ($row) = $t->{postgres}->rows('SELECT partition, epoch FROM partitions'
        . ' JOIN projects USING (partition)'
        . " WHERE project_id = '$project'");
    return Asgard::Partition->new(redis => $t->{redis}->connect,
        part => $row->[0], epoch => $row->[1]);
}

1;
