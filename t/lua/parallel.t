# A budget with room for k admits exactly k, whoever asks at the same time.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use POSIX qw(_exit);
use Test::More;

use Asgard::Partition;
use Asgard::PrivateRedis;

my ($ROOM, $ASK, $PROCESSES, $AMOUNT) = (97, 100, 4, 13);

my $server = Asgard::PrivateRedis->new;
my $redis = $server->client;
my $p = Asgard::Partition->new(redis => $redis, part => 15);
$p->open;
$p->add('p.x', total => $ROOM * $AMOUNT + $AMOUNT - 1);
$p->add('k.y', total => '-', '1h' => '-');

sub hammer {
    my ($n) = @_;
    my $mine = Asgard::Partition->new(redis => $server->client, part => 15);
    my ($ok, $over, $dup) = (0, 0, 0);
    for my $i (1 .. $ASK) {
        for my $again (0, 1) {
            my $verdict = $mine->reserve("h$n.$i", $AMOUNT,
                ['k.y', 'p.x'])->[0];
            $ok++ if $verdict eq 'OK';
            $over++ if $verdict eq 'OVER';
            $dup++ if $verdict eq 'DUP';
        }
    }
    return "$ok $over $dup";
}

my @pipes;
for my $n (1 .. $PROCESSES) {
    pipe(my $in, my $out) or die "pipe: $!\n";
    my $pid = fork() // die "fork: $!\n";
    if ($pid == 0) {
        my $result = eval { hammer($n) } // "died: $@";
        syswrite($out, $result);
        _exit(0);
    }
    close($out);
    push @pipes, [$pid, $in];
}

my ($ok, $over, $dup) = (0, 0, 0);
for my $pipe (@pipes) {
    my ($pid, $in) = @$pipe;
    my $line = <$in>;
    waitpid($pid, 0);
    like($line, qr/^\d+ \d+ \d+$/, 'a process asked to its end');
    my @n = $line =~ /(\d+)/g;
    $ok += $n[0];
    $over += $n[1];
    $dup += $n[2];
}
is($ok, $ROOM, "$PROCESSES processes were admitted exactly $ROOM times");
is($dup, $ROOM, 'each repetition of an admitted one is DUP');
is($over, 2 * ($PROCESSES * $ASK - $ROOM), 'all the others were refused');
is($p->field('p.x', 'h:total:0'), $ROOM * $AMOUNT, 'held is their sum');
is($p->field('k.y', 'h:total:0'), $ROOM * $AMOUNT,
    'a refusal by the second budget held nothing in the first');
is($redis->cmd('ZCARD', $p->key('x')), $ROOM, 'and as many holds are open');

done_testing();
