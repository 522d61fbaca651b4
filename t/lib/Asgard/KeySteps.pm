# Keys at a fake LiteLLM of two asgard-ctl, and a fault at every step of a mint,
# a rotation and an end of them (Steps.pm): as many at once as there are
# workers.
#
#     my $t = Asgard::Test->new(proxies => ['ctl_postgres']);
#     my $keys = Asgard::KeySteps->new($t);       # starts both
#     $keys->walk(sub { kill … });                # with all that is held
#     $keys->walk(undef, 'rst');                  # each COMMIT is cut instead
#
# No sweep mends anything: what ends well does so by the jobs alone.
package Asgard::KeySteps;

use strict;
use warnings;
use Test::More;
use parent -norequire, 'Asgard::LiteLLMKeys';

use Asgard::Files qw(wait_until);
use Asgard::LiteLLMKeys;
use Asgard::People;
use Asgard::Steps;

my $at_once = 8;                        # workers of two keepers

sub new {
    my ($class, $t) = @_;
    my $self = $class->SUPER::new($t, timeout_s => 60, sweep_s => 3600);
    $t->{control}->run_ok('migrate');
    $t->{postgres}->rows('INSERT INTO leaders VALUES ('
        . "'litellm', 'the test', 1, 'infinity')");
    $t->{control}{migrated} = 1;
    $t->start;
    $self->{second} = $t->another_control;
    $self->{second}{migrated} = 1;
    $self->{second}->start;
    $self->{steps} = Asgard::Steps->new($t, at => $self->proxy);
    return $self;
}

sub controls { my ($self) = @_; return ($self->{t}{control}, $self->{second}) }

# --- keys: {project, id} and what is known of them

# A project each, for jobs of one wait for each other at its row.
sub begin_mint {
    my ($self) = @_;
    my %key = (project => $self->{t}->project(budget_usd => 5));
    $key{id} = $self->make($key{project}, 'k', max_budget_usd => 1);
    return \%key;
}

sub begin_rotation {
    my ($self, $key) = @_;
    $self->rotate($key->{project}, $key->{resource});
    return $key;
}

sub begin_end {
    my ($self, $key) = @_;
    $self->{t}->api_ok('DELETE',
        "/api/projects/$key->{project}/resources/$key->{id}");
    return $key;
}

sub job_counts {
    my ($self) = @_;
    my ($row) = $self->{t}{postgres}->rows("SELECT count(*) FILTER (WHERE"
        . " state = 'done'), count(*) FROM jobs");
    return @$row;
}

# What the key is now; its value is one more that may be found nowhere.
sub look {
    my ($self, $key) = @_;
    $key->{resource} = $self->get($key->{project}, $key->{id});
    push @{$key->{values}}, $self->value($key->{project}, $key->{resource});
}

# --- the walk

sub walk {
    my ($self, $fault, $then) = @_;
    @$self{qw(first keys)} = ();
    my @first = map { $self->flow_of($_) } $self->flows;
    for my $flow (@first) {
        my ($name, $places) = @$flow{qw(name places)};
        my @places = grep { !$then || $_->[0] eq 'commit' } @$places;
        note("$name: " . join ', ', map { $self->{steps}->name($_) } @places);
        cmp_ok(scalar @places, '>=', $then ? 2 : 4, "the flow: $name");
        while (my @now = splice @places, 0, $at_once) {
            $self->round($flow, \@now, $fault, $then);
        }
        $flow->{judge}->($self);
    }
    is_deeply($self->proxy->keys, {}, 'at last no key is left');
}

sub flows {
    return (
        {name => 'mint', begin => \&begin_mint, judge => \&judge_live},
        {name => 'rotation', begin => \&begin_rotation,
            judge => \&judge_live},
        {name => 'end', begin => \&begin_end, judge => \&judge_ended});
}

# Its places, by a run of the first key, whom nothing happens to.
sub flow_of {
    my ($self, $flow) = @_;
    my $first = $self->{first};
    $flow->{places} = [$self->{steps}->of(
        sub { $self->{first} = $flow->{begin}->($self, $first) })];
    $self->look($self->{first}) if $flow->{name} ne 'end';
    return $flow;
}

# One key at each place, then the fault.
sub round {
    my ($self, $flow, $places, $fault, $then) = @_;
    my @keys;
    for my $place (@$places) {
        my $key = $flow->{name} eq 'mint' ? undef : $self->next_key;
        push @keys, $self->{steps}->hold($place,
            sub { $flow->{begin}->($self, $key) }, $then);
        $self->{steps}->wait_idle(20) if $then;
    }
    $self->{keys} = [@{$self->{keys} // []}, @keys];
    $fault->(scalar grep { !$self->{steps}->has_ended($_) } @$places)
        if $fault;
    $self->{steps}->release;
    ok($self->{steps}->wait_idle(40), "$flow->{name}: "
        . join(', ', map { $self->{steps}->name($_) } @$places)
        . ': all come to their end');
    my ($done, $all) = $self->job_counts;
    is($done, $all, '... and none has failed');
}

# Those that no fault met yet in this flow come first.
sub next_key {
    my ($self) = @_;
    my $key = shift @{$self->{keys}};
    return $key // $self->spare;
}

# One more, made without a fault.
sub spare {
    my ($self) = @_;
    my $key = $self->begin_mint;
    wait_until(sub { $self->get($key->{project}, $key->{id})->{state}
        eq 'provisioned' }, 20, 0.1);
    $self->look($key);
    return $key;
}

# --- what must hold

# After a mint, after a rotation.
sub judge_live {
    my ($self) = @_;
    my @keys = @{$self->{keys}};
    $self->check('each has one key (M12)');
    is($self->proxy->locked(sub { $_[0]{n} }), $self->{chats} // 0,
        '... none of another value');
    $self->look($_) for @keys;
    is(join(' ', map { $self->chat($_->{values}[-1]) } @keys),
        join(' ', (200) x @keys), '... which can be read, and works');
    $self->{chats} += @keys;
    my @gone = map { @{$_->{values}}[0 .. $#{$_->{values}} - 1] } @keys;
    is(join(' ', map { $self->chat($_) } @gone), join(' ', (401) x @gone),
        '... and no other one does');
}

sub judge_ended {
    my ($self) = @_;
    $self->begin_end($_) for grep { $self->get($_->{project}, $_->{id})
        ->{state} ne 'destroyed' } @{$self->{keys}};
    $self->{steps}->wait_idle(40);
    $self->check('nothing is left of what has ended (M12)');
}

1;
