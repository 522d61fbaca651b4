# The guardrail service is followed like an endpoint: the next address of its
# name is tried when one takes no connection, within the deadline, and a change
# of address needs no reload; over plain HTTP it never leaves this machine.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use IO::Socket::INET;
use Test::More;
use Time::HiRes qw(time);

use Asgard::Files qw(spill wait_until);
use Asgard::OneModel qw(one_model_stage);
use Asgard::OwnNet;
use Asgard::Port qw(free_port);

my $ELSEWHERE = '203.0.113.9';
my ($HERE, $THERE, $CLOSED, $SILENT) = map { "127.0.0.$_" } 1 .. 4;
sub hosts { return join '', map { "$_\n" } '127.0.0.1 localhost',
    map { "$_ judge.test" } @_ }
Asgard::OwnNet::enter(addresses => [$ELSEWHERE],
    files => {'/etc/hosts' => hosts($CLOSED, $THERE)});

my ($s, $up, $project, $key) = one_model_stage();
my $port = free_port();
my %judge = map { $_ => $s->upstream("judge-$_", address => $_,
    port => $port) } $HERE, $THERE, $ELSEWHERE;

# One that takes no further connection, and refuses none.
my $full = IO::Socket::INET->new(Listen => 1, LocalAddr => $SILENT,
    LocalPort => $port) or die "listen: $!";
my @waiting = map { IO::Socket::INET->new(PeerAddr => $SILENT, PeerPort =>
    $port, Timeout => 1) } 1 .. 3;

my ($old) = $s->{gateway}->workers;
$s->{gateway}->write_conf(http_conf => "asgard_guardrail_hook "
    . "http://judge.test:$port/judge deadline=2s;");
$s->{gateway}->reload;
ok(wait_until(sub { !grep { $_ == $old } $s->{gateway}->workers }, 10),
    'a service with a name');

# The status of a call, and who was asked.
sub asked {
    my %before = map { $_ => $judge{$_}->count } keys %judge;
    for my $judge (values %judge) {
        spill($judge->{queue}, '');
        $judge->script({raw => "HTTP/1.1 200 OK\r\n\r\n"
            . '{"action":"allow"}'});
    }
    my $status = $s->chat($key, {model => 'one', max_tokens => 9})->status;
    return join ' ', $status,
        grep { $judge{$_}->count > $before{$_} } sort keys %judge;
}
sub moves_to { my ($sentence, $wanted, @addresses) = @_;
    open my $out, '>', '/etc/hosts' or die "hosts: $!";  # laid over: in place
    print {$out} hosts(@addresses);
    close $out or die "hosts: $!";
    ok(wait_until(sub { asked() eq $wanted }, 20), $sentence) }

is(asked(), "200 $THERE", 'the next address is tried where one is closed');
is($judge{$THERE}->header_of($judge{$THERE}->last_request, 'host'),
    "judge.test:$port", '  … by its name and port');
moves_to('a change of address is followed', "200 $HERE", $HERE);
moves_to('one that says nothing is left for the next', "200 $THERE", $SILENT,
    $THERE);
my $began = time;
is(asked(), "200 $THERE", '  … from then on at once');
cmp_ok(time - $began, '<', 1, '  … without waiting for it');
moves_to('when none takes a connection there is no answer', '503', $CLOSED);
moves_to('what is not on this machine is not asked over plain HTTP', '503',
    $ELSEWHERE);
is($judge{$ELSEWHERE}->count, 0, '  … not once');
moves_to('when it is back it is asked', "200 $HERE", $HERE);
close $_ for grep { defined } @waiting, $full;

$s->done;
