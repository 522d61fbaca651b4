package Asgard::Partition;

# One partition of the money protocol, as a test drives it: the key names, the
# fence, and a method for each script with the arguments that most tests want.
#
#     my $p = Asgard::Partition->new(redis => $redis, part => 7);
#     $p->open;                                   # close, adopt, open
#     $p->add('p.x', total => 1000);              # window => limit, spent 0
#     my $reply = $p->reserve('h1', 100, ['p.x'], ttl => 60);
#     $p->finish('h1', 's', 80, $reply->[1], ['p.x']);

use strict;
use warnings;

my %SECONDS = (s => 1, m => 60, h => 3600, d => 86400, w => 604800);

sub new {
    my ($class, %self) = @_;
    my $self = bless {part => 0, epoch => 1, token => 1, version => 1, %self},
        $class;
    $self->{fence} //= "$self->{epoch}:" . $self->{redis}->run_id;
    return $self;
}

sub key {
    my ($self, $rest) = @_;
    return sprintf('{p%02d}:%s', $self->{part}, $rest);
}

sub stream { return $_[0]->key("u:$_[0]{epoch}") }
sub meta   { return $_[0]{redis}->cmd('HGET', $_[0]->key('m'), $_[1]) }

sub budget_keys {
    my ($self, @budgets) = @_;
    return map { /^\{/ ? $_ : $self->key("b:$_") } @budgets;
}

sub field {
    my ($self, $budget, $field) = @_;
    return $self->{redis}->cmd('HGET', $self->key("b:$budget"), $field);
}

# The entry of a window in the hash field `w`; [window, zone, boundaries…] is
# one of kind c.
sub spec {
    my ($window) = @_;
    return 'total:t' if $window eq 'total';
    if (ref $window) {
        my ($name, $zone, @boundaries) = @$window;
        return "$name:c:" . join('/', @boundaries) . "\@$zone";
    }
    my ($n, $unit) = $window =~ /^(\d+)([smhdw])$/
        or die "no such window: $window\n";
    my $offset = $unit =~ /[dw]/ ? 345600 : 0;
    return "$window:p:" . $n * $SECONDS{$unit} . ":$offset";
}

sub seed {
    my ($self, $verb, $keys, @args) = @_;
    return $self->{redis}->script('seed', [$self->key('m'), @$keys],
        $verb, $self->{token}, $self->{fence}, @args);
}

sub open {
    my ($self, %with) = @_;
    for (['close'], ['adopt'],
        ['open', $with{adj} // 0, $with{cap} // 1000000, '0-0']) {
        my ($verb, @args) = @$_;
        my $reply = $self->seed($verb, [], @args);
        die "seed $verb: @$reply\n" unless $reply->[0] eq 'OK';
    }
    return $self;
}

# A new budget: pairs of window and limit, nothing spent before.
sub add {
    my ($self, $budget, @limits) = @_;
    my (@specs, @args);
    while (my ($window, $limit) = splice(@limits, 0, 2)) {
        push @specs, spec($window);
        push @args, $window, $limit, 0;
    }
    return $self->seed('add', [$self->budget_keys($budget)],
        $self->{version}++, time() - 1, join(',', @specs), @args);
}

# reserve(…, users => DEFAULT) where the last budget is an end user's;
# reserve(…, limits => [[SCOPE, RPM, TPM, PARALLEL]…], tokens => N), then
# finish(…, marks => {SCOPE => MARK}, used => N | '').

# New limits of windows that the budget has.
sub limit {
    my ($self, $budget, @limits) = @_;
    my (@specs, @args);
    while (my ($window, $limit) = splice(@limits, 0, 2)) {
        push @specs, spec($window);
        push @args, $window, $limit, '-';
    }
    return $self->seed('limit', [$self->budget_keys($budget)],
        $self->{version}++, join(',', @specs), @args);
}

sub hold_keys {
    my ($self, $id, $budgets, @scopes) = @_;
    return [$self->key('m'), $self->key("h:$id"), $self->key('x'),
        $self->stream, $self->budget_keys(@$budgets),
        map { ($self->key("r:$_"), $self->key("o:$_")) } @scopes];
}

sub reserve {
    my ($self, $id, $amount, $budgets, %with) = @_;
    my @limits = @{$with{limits} // []};
    return $self->{redis}->script('reserve',
        $self->hold_keys($id, [@$budgets, map { ($_, $self->key("e:$_")) }
            grep { defined } $with{users}],
            map { $_->[0] } @limits),
        $with{fence} // $self->{fence}, $id, $amount, $with{ttl} // 60,
        $with{mode} // 'R', $with{not_after} // 0, $with{detail} // '',
        @limits ? ($with{pins} // '', $with{tokens} // 1,
            map { "$_->[1] $_->[2] $_->[3]" } @limits)
        : defined $with{pins} ? $with{pins} : ());
}

sub finish {
    my ($self, $id, $verb, $amount, $pins, $budgets, %with) = @_;
    my @scopes = sort keys %{$with{marks} // {}};
    my @limits = @scopes ? ('', '', $with{used} // '', @{$with{marks}}{@scopes})
        : ();
    return $self->{redis}->script('finish',
        $self->hold_keys($id, $budgets, @scopes),
        $with{fence} // $self->{fence}, $id, $verb, $amount, $pins,
        $with{detail} // '', @{$with{meant} // []}, @limits);
}

sub extend {
    my ($self, $id, $ttl, $maxlife, %with) = @_;
    return $self->{redis}->script('extend',
        [$self->key('m'), $self->key("h:$id"), $self->key('x')],
        $with{fence} // $self->{fence}, $id, $ttl, $maxlife);
}

sub apply {
    my ($self, $seq, $delta, $pins, $budgets, %with) = @_;
    return $self->{redis}->script('apply',
        [$self->key('m'), $self->budget_keys(@$budgets)],
        $with{fence} // $self->{fence}, $seq, $delta, $pins);
}

# Every usage event of the epoch as a hash, with `id` of the stream.
sub events {
    my ($self) = @_;
    return map { my ($id, $flat) = @$_; {id => $id, @$flat} }
        @{$self->{redis}->cmd('XRANGE', $self->stream, '-', '+')};
}

# The whole partition as text: two equal texts mean that nothing was written.
sub dump {
    my ($self) = @_;
    my $r = $self->{redis};
    my $keys = $r->cmd('KEYS', $self->key('*'));
    return join("\n", map { "$_ " . ($r->cmd('DUMP', $_) // '') } sort @$keys);
}

1;
