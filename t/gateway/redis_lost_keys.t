#!/usr/bin/perl
# A Redis that lost its records makes no key unknown.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Stage;

my $s = Asgard::Stage->new(workers => 1);
$s->model(route => 'echo');
$s->publish;
$s->start;
my $project = $s->project;
my $lost = $s->key($project);
my $name = '{asg}:key:p1:' . $s->digest($lost->{key});
my $record = $s->{redis}->cmd('GET', $name);
my $unknown = {key => 'asg_' . 'ab' x 32};

is($s->chat($unknown)->status, 401,
    'a key that no record names is 401 while Redis holds every record');

# a flush takes the mark together with the record
$s->{redis}->cmd('DEL', '{asg}:filled', $name);
my $reply = $s->chat($lost);
is($reply->status, 503, 'a key that was lost with the data is 503, not 401');
is($reply->code, 'budget_unavailable', '... budget_unavailable');

# an old dump brings a mark of another server process back
$s->{redis}->cmd('SET', '{asg}:filled', 'f' x 40);
is($s->chat({key => 'asg_' . 'cd' x 32})->status, 503,
    'the mark of another server process is not believed');

$s->{redis}->cmd('SET', $name, $record);
$s->note_filled;
is($s->chat($lost)->status, 200,
    'once the records are back the key works, nothing was cached against it');
is($s->chat({key => 'asg_' . 'cd' x 32})->status, 401,
    '... and an unknown key is 401 again');

$s->done;
