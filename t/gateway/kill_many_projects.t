# While no change is announced, a kill cuts the open stream of its project also
# when many others have older ones.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(wait_until);
use Asgard::Spool qw(calls);
use Asgard::Stage;

my $PROJECTS = 70;      # more than are looked at in one go
my $s = Asgard::Stage->new(workers => 1);
$s->model(route => 'echo', max_output_tokens => 100_000);
my @project = map { $s->project } 1 .. $PROJECTS;
my @key = map { $s->key($_) } @project;
$s->start;
ok(wait_until(sub { $s->metric('asgard_channel_up') == 0 }, 10),
    'no change is announced');

# Streams of most of a minute, oldest first.
my %long = (model => 'echo:gap_ms=2000,chunks=25', stream => \1,
    max_tokens => 5000);
my @open = map { [$s->chat_start($_, {%long})] } @key;
is(scalar(grep { $_->[1]->status == 200 } @open), $PROJECTS,
    'each project has a stream');

sub kill_silently { my ($id) = @_;
    return $s->{redis}->cmd('SET', "{asg}:project:$id", $s->encode(
        {%{$s->{projects}{$id}}, v => 1000, killed => 1})) }
sub was_cut { my ($http, $reply) = @{$_[0]};
    $http->read_body($reply);
    return !grep { $_ eq '[DONE]' } $reply->events }

sub cut { return grep { $_->{verdict} eq 'project_killed' } calls($s) }

kill_silently($project[-1]);
ok(was_cut($open[-1]), 'the youngest is cut when its project is killed');
ok(wait_until(sub { cut() == 1 }, 5), '  … and no other');

kill_silently($_) for @project[0 .. $PROJECTS - 2];
is(scalar(grep { was_cut($_) } @open[0 .. $PROJECTS - 2]), $PROJECTS - 1,
    'all that are killed at once are cut');
$s->done;
