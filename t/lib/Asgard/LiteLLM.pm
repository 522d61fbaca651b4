# A LiteLLM proxy as its makers start it: one process, a master key and no
# database.
#
#     my $proxy = Asgard::LiteLLM->new(dir => DIR, key => 'sk-…', models => {
#         router => {model => 'openai/mock', mock_response => 'Hello.'}});
#     $proxy->url                                 # http://127.0.0.1:PORT
#
# `models` is name => litellm_params.  A file of its own has them, mode 0600.
package Asgard::LiteLLM;

use strict;
use warnings;
use Carp qw(croak);
use JSON::PP ();

use Asgard::Files qw(spill top wait_until);
use Asgard::HTTP;
use Asgard::Port qw(free_port);
use Asgard::Process;

# A machine that is loaded takes long to import its many modules.
my $patience_s = 240;

sub program { top() . '/build/sdk/litellm/bin/litellm' }

sub new {
    my ($class, %arg) = @_;
    my $self = bless {port => free_port(), %arg}, $class;
    my $file = spill("$arg{dir}/litellm.yaml", $self->conf, 0600);
    $self->{process} = Asgard::Process->new(name => 'litellm',
        log => "$arg{dir}/litellm.log", cwd => $arg{dir},
        env => {HOME => $arg{dir}, LITELLM_LOCAL_MODEL_COST_MAP => 'True'},
        command => [program(), '--config', $file, '--host', '127.0.0.1',
            '--port', $self->{port}]);
    wait_until(sub { $self->is_ready }, $patience_s, 0.2)
        or croak 'LiteLLM does not listen: ' . $self->{process}->log_text;
    return $self;
}

# JSON is YAML.
sub conf {
    my ($self) = @_;
    my %models = %{$self->{models}};
    return JSON::PP->new->canonical->encode({
        model_list => [map { {model_name => $_,
            litellm_params => {api_key => 'sk-not-used', %{$models{$_}}}} }
            sort keys %models],
        general_settings => {master_key => $self->{key}},
        litellm_settings => {telemetry => \0, num_retries => 0},
        router_settings => {num_retries => 0, disable_cooldowns => \1}});
}

sub is_ready {
    my ($self) = @_;
    croak 'LiteLLM ended: ' . $self->{process}->log_text
        if !$self->{process}->is_running;
    my $reply = eval { Asgard::HTTP->new(port => $self->{port})
        ->request('GET', '/health/readiness') };
    return $reply && $reply->status == 200;
}

sub url  { "http://127.0.0.1:$_[0]{port}" }
sub pid  { $_[0]{process}->pid }
sub stop { $_[0]{process}->stop }

1;
