# Rows of the abuse table in which the provider is the attacker.
#
#     my $t = Asgard::Hostile->new;           # the words of Asgard::Abuse
#     $t->start;
#     $t->row(67, 'a redirect', sub {
#         my $reply = $t->answered({status => 302});
#         $t->refused($reply, 502, 'upstream_error');
#         $t->cost($reply, 'v');
#     });
#
# The providers are HostileUpstream's.  cost() says how the call of a reply must
# have ended, by the witness and by the ledger, and counts it for the checks
# after the row: a call that reached a provider, and what it added to spent.
package Asgard::Hostile;

use strict;
use warnings;
use parent qw(Asgard::Abuse);
use Test::More;

use Asgard::Holds qw(ended open_holds time_out);
use Asgard::HostileUpstream;
use Asgard::Spool qw(call_of);

# The fake provider's own usage: 10 tokens in, 20 out.
our $call_nusd = 210_000;

sub upstream {
    my ($self, $name, %defaults) = @_;
    $name //= 'main';
    my %with = map { $_ => delete $defaults{$_} } qw(tls early);
    return $self->{upstreams}{$name} //= Asgard::HostileUpstream->new(
        dir => $self->{dir}, name => $name, defaults => \%defaults, %with);
}

# What `main` answers to one call, with a change of the body.
sub answered {
    my ($self, $script, $change) = @_;
    $self->upstream('main')->script($script);
    return $self->call($change);
}

# The same for a stream.
sub streamed {
    my ($self, $script, $change) = @_;
    return $self->answered($script, {stream => \1, %{$change // {}}});
}

# cost(REPLY, VERB, FLAGS, words): the one end of this call.
#
#     s   measured; `nusd` is the amount, 210,000 unless said
#     e   an estimate, above nothing and within the hold, at least `least`
#     v   nothing
#     x   unknown: the hold is open, and then charged in full as it expires
#
# `sent => 0`: no provider saw the call.
sub cost {
    my ($self, $reply, $verb, $flags, %want) = @_;
    my $call = call_of($self, $reply);
    my $row = $self->{row};
    is(join(' ', $call->{verb} // 'none', sort @{$call->{flags} // []}),
        join(' ', $verb, $flags // ()), "its end: $verb "
        . ($flags // 'without a flag'));
    my $end = $verb eq 'x' ? $self->expired($call)
        : ended($self, $call->{hold});
    my %state = (s => 'settled', e => 'settled', v => 'voided',
        x => 'unknown');
    is($end->{state}, $state{$verb}, "the ledger: $state{$verb}");
    is($end->{balance}, $call->{amount}, 'with the amount of the witness');
    $self->judge_amount($call, $verb, %want);
    $row->{sent} += $want{sent} // 1;
    $row->{nusd} += $end->{balance};
    return $call;
}

sub judge_amount {
    my ($self, $call, $verb, %want) = @_;
    return is($call->{amount}, 0, 'costs nothing') if $verb eq 'v';
    return is($call->{amount}, $call->{held}, 'costs its hold')
        if $verb eq 'x';
    return is($call->{amount}, $want{nusd} // $call_nusd, 'costs its usage')
        if $verb eq 's';
    cmp_ok($call->{amount}, '>=', $want{least} // 1, 'is not free');
    cmp_ok($call->{amount}, '<=', $call->{held}, 'is within its hold');
    return is($call->{ct}, undef, 'no tokens count as measured');
}

sub expired {
    my ($self, $call) = @_;
    my @open = open_holds($self);
    is(join(' ', map { "$_->{id} $_->{amount}" } @open),
        "$call->{hold} $call->{held}", 'its hold is open');
    time_out($self, @open);
    return ended($self, $call->{hold});
}

sub check_row {
    my ($self, %want) = @_;
    my $row = $self->{row};
    return $self->SUPER::check_row(calls => $row->{sent} // 0,
        spent_nusd => $row->{nusd} // 0, %want);
}

# A counter of /metrics.
sub metric {
    my ($self, $name) = @_;
    my ($value) = $self->get('/metrics')->body =~ /^\Q$name\E (\d+)$/m;
    return $value;
}

1;
