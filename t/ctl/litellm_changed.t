#!/usr/bin/perl
# What somebody changes of a key at LiteLLM - its models, a limit, its budget or
# the period of that - is noticed by the sweep: the audit log says which, and
# the key gets what was approved again.  Nothing else is touched.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(wait_until);
use Asgard::LiteLLMKeys;
use Asgard::People;
use Asgard::Test;

my $t = Asgard::Test->new;
my $keys = Asgard::LiteLLMKeys->new($t);
my $proxy = $keys->proxy;
$t->start;
my $project = $t->project(budget_usd => 5);
my %id = (set => $keys->make($project, 'set', max_budget_usd => 1,
    models => ['chat-small'], rpm_limit => 120, budget_duration => '7d'),
    free => $keys->make($project, 'free', max_budget_usd => 1));
my %was = map { $_ => $keys->wait_state($project, $id{$_}, 'provisioned') }
    sort keys %id;
my %hash = map { $_ => $was{$_}{outputs}{key_hash} } keys %was;

sub row { return $proxy->keys->{$hash{$_[0]}} }

sub settings { my $row = row($_[0]);
    return join ' ', map { ref $_ ? "[@$_]" : $_ // 'none' } @$row{
        qw(max_budget budget_duration models rpm_limit tpm_limit)} }

sub told { return $t->{postgres}->value("SELECT string_agg(data->>'differs',"
    . " '; ' ORDER BY id) FROM audit_events WHERE action ="
    . " 'litellm.key_changed' AND data->>'key_hash' = '$hash{$_[0]}'") // '' }

# Changed by hand, and set right: what the audit log has of it.
sub changed {
    my ($name, %change) = @_;
    my ($before, $n) = (told($name), length told($name));
    my $right = settings($name);
    $proxy->locked(sub { my $row = $_[0]{keys}{$hash{$name}};
        @$row{keys %change} = values %change });
    wait_until(sub { told($name) ne $before && settings($name) eq $right }, 30);
    is(settings($name), $right, join(', ', sort keys %change)
        . ' of a key is set right');
    $keys->wait_state($project, $id{$name}, 'provisioned');
    return substr(told($name), $n) =~ s/^; //r;
}

is(settings('set'), '1 7d [chat-small] 120 none', 'a key is as was approved');
is(changed('set', models => ['chat-small', 'chat-large']), 'models',
    '... and the audit log says what was changed');
is(changed('set', models => []), 'models', '... also to all models');
is(changed('set', rpm_limit => undef), 'rpm_limit', '... a limit taken away');
is(changed('set', tpm_limit => 7), 'tpm_limit', '... or put there');
is(changed('set', budget_duration => '1h'), 'budget_duration',
    '... the period of the budget');
is(changed('free', max_budget => 99, models => ['chat-large']),
    'max_budget, models', '... more than one');
is(changed('free', max_budget => undef), 'max_budget',
    '... and a budget that is gone');
my $of = $t->{postgres}->value("SELECT reason FROM audit_events WHERE action ="
    . " 'litellm.key_changed' ORDER BY id LIMIT 1");
is($of, 'its key has other settings at LiteLLM than were approved: models',
    '... with a reason');

# The order of models is nobody's business; two whole sweeps see no difference.
is($keys->make($project, 'free', max_budget_usd => 1,
    models => ['chat-large', 'chat-small']), $id{free}, 'models are named');
ok(wait_until(sub { @{row('free')->{models}} == 2 }, 30), '... at the proxy');
$keys->wait_state($project, $id{free}, 'provisioned');
my ($before, $jobs) = (told('free'),
    $t->{postgres}->value('SELECT count(*) FROM jobs'));
$proxy->locked(sub { my $row = $_[0]{keys}{$hash{free}};
    $row->{models} = [reverse @{$row->{models}}] });
my $until = 2 + $proxy->count('/key/list');
ok(wait_until(sub { $proxy->count('/key/list') > $until }, 30),
    'the keys are looked at again');
is(told('free'), $before, 'another order of models is no change');
is($t->{postgres}->value('SELECT count(*) FROM jobs'), $jobs,
    '... and begins nothing');

$t->done;
