# Open WebUI as its makers start it, on its own data and without a browser:
# its settings come from the environment.
#
#     my $webui = Asgard::OpenWebUI->new(dir => DIR, settings => {NAME => …});
#     $webui->sign_up;                          # the first user is its admin
#     my $reply = $webui->call('POST', '/api/chat/completions', {…});
#
# available() says whether the test may use it: 1.2 GB that nobody installs
# unasked.
package Asgard::OpenWebUI;

use strict;
use warnings;
use Carp qw(croak);
use JSON::PP ();

use Asgard::Files qw(random_hex top wait_until);
use Asgard::HTTP;
use Asgard::Port qw(free_port);
use Asgard::Process;

# A machine that is loaded takes long to import its many modules.
my $patience_s = 240;
my $json = JSON::PP->new->utf8->canonical;

sub program { top() . '/build/sdk/openwebui/bin/open-webui' }
sub available { -x program() && -e top() . '/build/sdk/openwebui.made' }

sub new {
    my ($class, %arg) = @_;
    my $self = bless {port => free_port(), %arg}, $class;
    my $data = "$arg{dir}/openwebui";
    mkdir $data;
    $self->{process} = Asgard::Process->new(name => 'openwebui',
        log => "$arg{dir}/openwebui.log", cwd => $data,
        env => {HOME => $data, DATA_DIR => $data,
            WEBUI_SECRET_KEY => random_hex(16), quiet(), %{$arg{settings}}},
        command => [program(), 'serve', '--host', '127.0.0.1', '--port',
            $self->{port}]);
    wait_until(sub { $self->is_ready }, $patience_s, 0.2)
        or croak 'Open WebUI does not listen: ' . $self->{process}->log_text;
    return $self;
}

# It asks nobody on the network, and loads no model of its own for documents.
sub quiet {
    return (OFFLINE_MODE => 'true', HF_HUB_OFFLINE => 1,
        ENABLE_VERSION_UPDATE_CHECK => 'false', ANONYMIZED_TELEMETRY => 'false',
        DO_NOT_TRACK => 'true', SCARF_NO_ANALYTICS => 'true',
        RAG_EMBEDDING_ENGINE => 'openai');
}

sub is_ready {
    my ($self) = @_;
    croak 'Open WebUI ended: ' . $self->{process}->log_text
        if !$self->{process}->is_running;
    my $reply = eval { $self->call('GET', '/health') };
    return $reply && $reply->status == 200;
}

sub call {
    my ($self, $method, $path, $body) = @_;
    my @headers = ('Content-Type' => 'application/json',
        $self->{token} ? (Authorization => "Bearer $self->{token}") : ());
    return Asgard::HTTP->new(port => $self->{port}, timeout => 60)->request(
        $method, $path, \@headers, $body && $json->encode($body));
}

sub sign_up {
    my ($self) = @_;
    my $reply = $self->call('POST', '/api/v1/auths/signup', {name => 'Admin',
        email => 'admin@example.com', password => random_hex(12)});
    $self->{token} = $reply->at('token');
    return $reply;
}

sub stop { $_[0]{process}->stop }

1;
