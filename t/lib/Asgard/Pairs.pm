# The whole stack with a fault proxy between each two processes, callers that go
# on while one pair suffers, and the books afterwards: the witness file, the
# ledger and the provider agree on every call.
#
#     my $p = Asgard::Pairs->new(pairs => [qw(gateway_redis ...)]);
#     my ($well, @told) = $p->suffer($name, sub { $_[0]->refuse });
#     my @odd = $p->odd($name, @told);
#     $p->check_books;
#     $p->test->done;
#
# The pairs: gateway_redis, ctl_redis, ctl_postgres, gateway_upstream and
# gateway_ctl.
package Asgard::Pairs;

use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep time);

use Asgard::FaultProxy;
use Asgard::Files qw(spill wait_until);
use Asgard::Holds qw(open_holds time_out);
use Asgard::Spool qw(calls);
use Asgard::Test;

# What a call may be told while that pair suffers.
my %may = (
    gateway_redis    => qr/^200 -$|^503 budget_unavailable$/,
    ctl_redis        => qr/^200 -$/,
    ctl_postgres     => qr/^200 -$/,
    gateway_upstream => qr/^200[ ](?:-|cut)$|^502[ ]upstream_error$
        |^504[ ]upstream_timeout$/x,
    gateway_ctl      => qr/^200 -$/,
);

# new(pairs => [names], the words of Test.pm): started, with one project.
sub new {
    my ($class, %arg) = @_;
    my %wanted = map { $_ => 1 } @{delete $arg{pairs}};
    my $t = Asgard::Test->new(workers => 2, %arg, proxies => [grep {
        $wanted{$_} } qw(gateway_redis ctl_redis ctl_postgres)]);
    my $self = bless {test => $t, names => [sort keys %wanted],
        up => $t->upstream('main', completion_tokens => 20)}, $class;
    $t->add_service('main', $self->{up}, proxy => $wanted{gateway_upstream},
        inference => {first_byte_timeout => '2s', idle_timeout => '2s'},
        models => [{ref => 'model:test/one', route => 'one'}]);
    $self->begin_control_proxy if $wanted{gateway_ctl};
    $t->start;
    $self->{project} = $t->project(budget_usd => '1000');
    $self->{key} = $t->key(project => $self->{project});
    return $self;
}

sub begin_control_proxy {
    my ($self) = @_;
    my $t = $self->{test};
    my $socket = "$t->{dir}/nginx.sock";
    $t->{proxies}{gateway_ctl} = Asgard::FaultProxy->new(dir => $t->{dir},
        name => 'control', protocol => 'raw', listen => "unix:$socket",
        to => "unix:$t->{dir}/ctl.sock");
    $t->{gateway}->write_conf(control_socket => $socket);
    $t->allow_alert(qr/connect\(\) to unix:\S+nginx\.sock failed/);
}

sub test  { $_[0]{test} }
sub names { @{$_[0]{names}} }

sub proxy {
    my ($self, $name) = @_;
    return $self->{test}->proxy($name eq 'gateway_upstream' ? 'up_main'
        : $name);
}

# What a call was told, in one line.
sub call {
    my ($self, %change) = @_;
    my $reply = eval { $self->{test}->chat($self->{key},
        {model => 'one', %change}) } or return 'none -';
    return join ' ', $reply->status,
        $reply->{cut} ? 'cut' : $reply->code // '-';
}

# A caller that goes on until the file is there; every other call a stream.
sub load {
    my ($self, $stop) = @_;
    my ($until, @told) = (time + 90);
    while (!-e $stop && time < $until) {
        push @told, $self->call(@told % 2 ? (stream => \1) : ());
        sleep 0.05;
    }
    return join ',', @told;
}

# A connection that lost something must be given up, and one to Redis be there
# again: another worker than the one that is asked may have it.
sub is_well {
    my ($self, $name, $open) = @_;
    my $ready = eval { $self->{test}->get('/readyz')->status } // 0;
    my $now = $self->proxy($name)->stats;
    return $ready == 200 && $self->call eq '200 -' && !$now->{maimed}
        && ($name !~ /redis/ || $now->{open} >= $open);
}

# The fault is done to the pair's proxy under load, for a while, then all is
# healed: (whether it works again without help, what each call was told).
sub suffer {
    my ($self, $name, $fault) = @_;
    my $proxy = $self->proxy($name);
    my $open = $proxy->stats->{open};
    my $stop = "$self->{test}{dir}/stop-" . ++$self->{runs};
    my ($well, @told) = $self->{test}->in_parallel(4, sub {
        return $self->load($stop) if $_[0];
        sleep 0.2;
        $fault->($proxy);
        sleep 0.8;
        $proxy->heal;
        my $well = wait_until(sub { $self->is_well($name, $open) }, 60, 0.1);
        sleep 0.5;                          # the first words of a connection
        spill($stop, '');
        return $well ? 1 : 0;
    });
    return ($well, map { split /,/ } @told);
}

sub odd {
    my ($self, $name, @told) = @_;
    my %odd;
    $odd{$_}++ for grep { $_ !~ $may{$name} } @told;
    return map { "$_: $odd{$_}" } sort keys %odd;
}

# --- afterwards ---------------------------------------------------------------

sub check_books {
    my ($self) = @_;
    my $t = $self->{test};
    # What cannot be known is charged in full; all else is there once.
    my $unknown = sub { join ' ', sort map { $_->{hold} }
        grep { $_->{verb} eq 'x' } calls($t) };
    my $open = sub { join ' ', sort map { $_->{id} } open_holds($t) };
    ok(wait_until(sub { $open->() eq $unknown->() }, 30),
        'nothing is held but what is unknown') or diag($open->(),
        ' unknown: ', $unknown->());
    time_out($t, open_holds($t));
    ok(wait_until(sub { !open_holds($t) }, 20), '... until its time is over');
    my %line = map { $_->{hold} => $_ } calls($t);
    my @wrong;
    wait_until(sub { !(@wrong = $self->wrong(%line)) }, 20, 0.2);
    is_deeply(\@wrong, [], keys(%line)
        . ' lines of the witness stand in the ledger as they say');
    $self->check_provider(%line);
}

# The lines that the ledger does not have, or not so.
sub wrong {
    my ($self, %line) = @_;
    my %ledger = map { ($_->[0] => "$_->[1] $_->[2]") }
        $self->{test}{postgres}->rows('SELECT h.hold_id,'
        . " coalesce(string_agg(l.kind, ' ' ORDER BY l.id), ''),"
        . ' h.balance_nano FROM holds h LEFT JOIN ledger l USING (hold_id)'
        . ' GROUP BY h.hold_id');
    my @wrong;
    for my $hold (sort keys %line) {
        my $call = $line{$hold};
        my $is = $ledger{$hold} // 'nothing';
        my $should = {s => "settle $call->{amount}",
            e => "settle $call->{amount}", v => ' 0',
            x => "unknown $call->{held}"}->{$call->{verb}};
        push @wrong, "$hold $call->{verb}: $is, not $should"
            if $is ne $should;
    }
    return @wrong;
}

# A request that was lost on its way is charged, though no provider saw it.
sub check_provider {
    my ($self, %line) = @_;
    my $t = $self->{test};
    my $lost = $t->{postgres}->value("SELECT count(*) FROM holds"
        . " WHERE state = 'unknown'");
    note("$lost calls are charged as unknown");
    my $asked = $self->{up}->count;
    my $sent = grep { $_->{verb} ne 'v' } values %line;
    cmp_ok($asked, '<=', $sent, 'the provider saw no call that was not paid');
    cmp_ok($sent - $asked, '<=', $lost,
        '... and what it did not see is unknown');
    $t->{uncounted_calls} = 1;
}

1;
