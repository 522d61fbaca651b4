# Each worker counts for itself; whoever is asked gives the sum of all, also of
# those that are gone.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(slurp wait_until);
use Asgard::Stage;

my $s = Asgard::Stage->new(workers => 2);
my $up = $s->upstream('main', prompt_tokens => 10, completion_tokens => 20);
$s->endpoint(kind => 'openai-compatible', host => '127.0.0.1',
    port => $up->port, host_header => '127.0.0.1');
$s->model(route => 'one');
my $key = $s->key($s->project(limit => '-'));
$s->start;

# While the other worker stands still this one gets every connection.
sub alone {
    my ($standing, $do) = @_;
    kill 'STOP', $standing;
    wait_until(sub { slurp("/proc/$standing/stat") =~ /\) T / }, 5)
        or die "the worker goes on\n";
    my @result = $do->();
    kill 'CONT', $standing;
    return @result;
}

sub call {
    my ($n) = @_;
    return grep { $s->chat($key, {model => 'one'})->status == 200 } 1 .. $n;
}

sub counted { $s->metric('asgard_calls_total') }

my ($one, $two);
wait_until(sub { ($one, $two) = $s->{gateway}->workers; defined $two }, 10)
    or die "there are no two workers\n";
is(scalar alone($two, sub { call(3) }), 3, 'one worker serves three calls');
is(scalar alone($one, sub { call(5) }), 5, 'the other five');
is_deeply([alone($two, \&counted)], [8], 'one says that eight were served');
is_deeply([alone($one, \&counted)], [8], '  … and so does the other');

$s->{gateway}->reload;
is(counted(), 8, 'after a reload it is still eight');
is(scalar call(2), 2, 'two more calls');
is(counted(), 10, '  … are ten');

$s->done;
