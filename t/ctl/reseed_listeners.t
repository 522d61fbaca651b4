#!/usr/bin/env perl
# A reseed waits for each worker that listens, by its name: one that has told
# and died does not stand in for another.  And it waits for nobody when what it
# seeded is gone again.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Time::HiRes qw(sleep time);

use Asgard::Files qw(wait_until);
use Asgard::Meter;

my $m = Asgard::Meter->new;
$m->start;
$m->wait_open or die "the partitions do not open\n";

# A worker that listens and beats, as the module's workers do.
my $live = 'w' . '1' x 24;
my $dead = 'w' . '2' x 24;
my $listener = $m->{redis}->connect;
$listener->send('SUBSCRIBE', 'asg:changes', "asg:worker:$live");
$listener->receive for 1, 2;
my $redis = $m->{redis}->connect;
sub beat { $redis->script('beat', ['{asg}:workers'], $live, 60) }

sub partitions { return map { {part => $_->[0], epoch => $_->[1],
    step => $_->[2]} } $m->sql('SELECT partition, epoch, step'
    . ' FROM partitions ORDER BY partition') }
sub adopting { 16 == grep { $_->{step} eq 'adopting' } partitions() }
sub say_told {
    my ($worker) = @_;
    $m->cmd('SADD', sprintf('{p%02d}:a:%d', @$_{qw(part epoch)}), $worker)
        for partitions();
}

$m->cmd('FLUSHALL');
ok(wait_until(sub { beat(); adopting() }, 20, 0.02),
    'after a loss all partitions wait');
say_told($dead);
beat();
sleep 0.7;
ok(adopting(), 'for the one who listens, though another has told');

my ($before) = partitions();
my $began = time;
$m->cmd('DEL', '{p00}:m');
ok(wait_until(sub { beat(); (partitions())[0]{epoch} > $before->{epoch} }, 20,
    0.02),
    'a partition that is lost while it waits begins anew');
cmp_ok(time - $began, '<', 5, '... and not only when the wait is over');

ok(wait_until(sub { (partitions())[0]{step} eq 'adopting' }, 20, 0.02),
    '... and waits again');
say_told($live);
$began = time;
ok($m->wait_open(10), 'who listens tells, and all open');
unlike($m->log_text, qr/opens without hearing/, 'nobody was given up')
    if time - $began < 3;
$m->done;
