# A kill ends a call between two attempts and in the second one; neither hold
# is left to a provider that was not called.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use POSIX ();
use Test::More;

use Asgard::Files qw(wait_until);
use Asgard::Spool qw(calls);
use Asgard::Stage;

my $s = Asgard::Stage->new(workers => 2, redis_deadline => '5s');
my %up = map { $_ => $s->upstream($_) } qw(a b);
for my $name (qw(a b)) {
    $s->endpoint(id => $name, kind => 'openai-compatible', provider => $name,
        host => '127.0.0.1', port => $up{$name}->port,
        host_header => 'provider.test', connect_timeout_ms => 9000,
        first_byte_timeout_ms => $name eq 'a' ? 900 : 9000);
    $s->model(route => $name);
}
push @{$s->{names}}, {name => 'both', candidates => [0, 1]};
my @project = map { $s->project(limit => '-') } 1 .. 2;
my @key = map { $s->key($_) } @project;
$s->publish;
$s->start;
my $part = $s->partition(3);
my $redis = $s->{redis};

sub of { my ($trace) = @_; return grep { $_->{trace} eq $trace } calls($s) }
sub texts_of { join '; ',
    map { join ' ', @$_{qw(verb ep verdict)} } of($_[0]) }

# A call in a process of its own, while this one goes on: its pipe.
sub begin {
    my ($key, $trace) = @_;
    my $pid = open(my $pipe, '-|') // die "fork: $!";
    return $pipe if $pid;
    my $reply = $s->chat($key, {model => 'both'},
        'x-asgard-trace-id', $trace);
    syswrite STDOUT, $reply->status . ' ' . $reply->code;
    POSIX::_exit(0);
}

sub end { my ($pipe) = @_; my $text = <$pipe>; close $pipe; return $text }

{
    $_->script({hang => 20}) for values %up;
    my $pipe = begin($key[0], 'kill-1');
    $up{b}->wait_count(1);
    $s->change_project($project[0], killed => 1);
    is(end($pipe), '403 project_killed', 'a kill in the second attempt');
    is(texts_of('kill-1'), 'x a upstream_timeout; x b project_killed',
        'both may be at work');
}

# One worker has the call and stands still while its first attempt runs out
# and the other one reads the record of the kill; then Redis stands still.  The
# first one finds the end of its attempt before it looks for kills.
{
    ok(wait_until(sub { $s->metric('asgard_channel_up') == 0 }, 10),
        'no change is announced');
    my ($one, $other) = $s->{gateway}->workers;
    my $asked = $up{a}->count;
    kill STOP => $other;
    $up{a}->script({hang => 20});
    my $pipe = begin($key[1], 'kill-2');
    $up{a}->wait_count($asked + 1);
    kill STOP => $one;
    kill CONT => $other;
    $redis->cmd('SET', "{asg}:project:$project[1]", $s->encode(
        {%{$s->{projects}{$project[1]}}, v => 1000, killed => 1}));
    ok(wait_until(sub { $s->chat($key[1], {model => 'a'})->status == 403 },
        10), 'the other worker knows of the kill');
    $redis->freeze;
    kill CONT => $one;
    is(end($pipe), '403 project_killed', 'a kill between two attempts');
    is(texts_of('kill-2'), 'x a upstream_timeout', 'the first may be at work');
    my $hold = (of('kill-2'))[0]{hold};
    $redis->thaw;
    ok(wait_until(sub { grep { $_->{i} eq "$hold.1" && $_->{v} eq 'v' }
        $part->events }, 5), 'what Redis grants later is given back');
    is($up{b}->count, 1, 'nothing was sent');
}

$s->done;
