# A test whose projects have keys at a fake LiteLLM.
#
#     my $keys = Asgard::LiteLLMKeys->new($t);        # before $t->start
#     my $id = $keys->make($project, 'chat', max_budget_usd => 25);
#     my $r = $keys->wait_state($project, $id, 'provisioned');
#     my $value = $keys->value($project, $r);         # as the owner reads it
#     $keys->check;           # M12: live keys at the proxy = active rows
#
# What takes minutes outside takes no time here: a rotation hands over at once,
# a failure is tried again after a second, a sweep comes each second.
package Asgard::LiteLLMKeys;

use strict;
use warnings;
use Carp qw(croak);
use Digest::SHA qw(sha256_hex);
use Scalar::Util qw(weaken);
use Test::More;

use Asgard::FakeLiteLLM;
use Asgard::Files qw(random_hex slurp top wait_until);
use Asgard::HTTP;

sub new {
    my ($class, $t, %config) = @_;
    my $self = bless {t => $t}, $class;
    weaken($t->{litellm_keys} = $self);         # which has the test
    $self->{master} = $t->canary('the master key of LiteLLM',
        'sk-' . random_hex(16));
    $self->{proxy} = Asgard::FakeLiteLLM->new(dir => $t->{dir},
        key => $self->{master});
    my %set = (handover_s => 0, spend_lag_s => 0, sweep_s => 1,
        timeout_s => 2, %config);
    my $text = slurp(top() . '/services/litellm-key/service.yaml')
        =~ s/^ +(?:handover_s|spend_lag_s): \d+\n//gmr;
    $text =~ s/^(  config:\n)/$1 . join '',
        map { "    $_: $set{$_}\n" } sort keys %set/me;
    $t->{control}->write_service('litellm-key', $text
        . "retry: {max_attempts: 9, base_secs: 1, cap_secs: 1}\n");
    $t->{control}->write_backends(LITELLM_BASE_URL => $self->{proxy}->url,
        LITELLM_MASTER_KEY => $self->{master});
    return $self;
}

sub proxy { $_[0]{proxy} }

# Asked for by the operator and approved by another administrator: the id.
sub make {
    my ($self, $project, $name, %spec) = @_;
    my $t = $self->{t};
    my $asked = $t->api_ok('POST', "/api/projects/$project/resources",
        {resource_type => 'litellm-key', name => $name, spec => \%spec})
        ->{request};
    $self->{judge} //= do {
        my $people = Asgard::People->new($t);
        $people->person('judge', role => 'admin');
        [$people->as('judge')];
    };
    $t->api_ok('POST', "/api/requests/$asked->{id}/approve", {},
        @{$self->{judge}});
    my ($made) = grep { $_->{name} eq $name && $_->{state} ne 'destroyed' }
        @{$t->api_ok('GET', "/api/projects/$project/resources?limit=1000")
        ->{resources}};
    return $made->{id};
}

sub get {
    my ($self, $project, $id) = @_;
    return $self->{t}->api_ok('GET', "/api/projects/$project/resources/$id");
}

# The resource, when it is in that state and $is is true of it.
sub wait_state {
    my ($self, $project, $id, $state, $is) = @_;
    my $r;
    wait_until(sub {
        $r = eval { $self->get($project, $id) } or return 0;
        return $r->{state} eq $state && (!$is || $is->($r));
    }, 40, 0.1) or diag("$id is $r->{state}, "
        . $self->{t}->encode([@$r{qw(error outputs)}]));
    return $r;
}

sub name_of { $_[1]{outputs}{api_key}{secret_ref}{path} =~ s{.*/}{}r }

# What the operator reads; no test may find it anywhere else.
sub value {
    my ($self, $project, $r) = @_;
    my $value = $self->{t}->api_ok('POST', "/api/projects/$project/secrets/"
        . $self->name_of($r) . '/read', {})->{value};
    $self->{t}->canary("a key of $project", $value);
    croak 'another value' if sha256_hex($value) ne $r->{outputs}{key_hash};
    return $value;
}

sub rotate {
    my ($self, $project, $r) = @_;
    $self->{t}->api_ok('POST', "/api/projects/$project/secrets/"
        . $self->name_of($r) . '/rotate', {});
}

# A call of the project to the proxy: the status.
sub chat {
    my ($self, $key, $model) = @_;
    my $http = Asgard::HTTP->new(port => $self->{proxy}{port});
    return $http->request('POST', '/v1/chat/completions', ['Content-Type',
        'application/json', Authorization => "Bearer $key"],
        $self->{t}->encode({model => $model // 'chat-large'}))->status;
}

# M12: the managed keys of the proxy are those of the resources, with their
# budgets, models, limits and periods, blocked or not; waits until what is under
# way has ended.  `done` looks, too.
sub check {
    my ($self, $what) = @_;
    my ($rows, $keys);
    wait_until(sub {
        ($rows, $keys) = (join("\n", $self->wanted), join "\n", $self->told);
        return $rows eq $keys;
    }, 20, 0.1);
    is($keys, $rows, $what // 'the keys at LiteLLM are the resources\' (M12)');
}

# A line of each: its hash, budget, period, models, limits; what was approved,
# or the operator's default.
sub wanted {
    my ($self) = @_;
    my @rows = $self->{t}{postgres}->rows(
        "SELECT outputs->>'key_hash', ((outputs->>'max_budget_usd')::numeric"
        . " - (outputs->>'spent_before_usd')::numeric)::float,"
        . " outputs->>'budget_duration', (SELECT coalesce(string_agg(m, ' '"
        . " ORDER BY m COLLATE \"C\"), '') FROM jsonb_array_elements_text("
        . " coalesce(spec->'models', CASE WHEN jsonb_typeof(manifest #>"
        . " '{provisioner,config,models}') = 'array' THEN manifest #>"
        . " '{provisioner,config,models}' END, '[]')) AS m),"
        . " coalesce(spec->>'rpm_limit', 'none'),"
        . " coalesce(spec->>'tpm_limit', 'none'), state"
        . " FROM resources JOIN services ON service_id = rtype"
        . " WHERE resources.backend = 'litellm' AND state <> 'destroyed'"
        . " AND coalesce(error, '') !~ '^litellm_key_missing: LiteLLM has'"
        . " AND outputs ? 'key_hash'");
    return sort map { line_of($_->[-1] eq 'suspended', @$_) } @rows;
}

sub told {
    my ($self) = @_;
    my %all = %{$self->{proxy}->keys};
    return sort map { my $key = $all{$_};
        line_of($key->{blocked}, $_, @$key{qw(max_budget budget_duration)},
            join(' ', sort @{$key->{models}}), @$key{qw(rpm_limit tpm_limit)})
        } keys %all;
}

sub line_of {
    my ($blocked, $hash, $usd, $period, $models, @limits) = @_;
    return sprintf '%s%s: %s USD each %s, [%s], rpm %s, tpm %s', $hash,
        $blocked ? ' (blocked)' : '', defined $usd ? 0 + $usd : 'any',
        $period // 'none', $models, map { $_ // 'none' } @limits[0, 1];
}

1;
