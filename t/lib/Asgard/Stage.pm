# A gateway without asgard-ctl: what ctl would publish is written by hand.
#
#     my $s = Asgard::Stage->new(workers => 1);
#     my $key = $s->key($s->project(limit => 1_000_000_000));
#     $s->model(route => 'echo');
#     $s->publish;
#     $s->start;
#     $s->chat($key, {model => 'echo'});
#     $s->done;
#
# Everything of Asgard::Test that needs no control plane works.  Money is in
# nano-USD; a limit of '-' is unlimited.  The records follow docs/formats.md
# and nothing else, so this is a second reading of that text.
package Asgard::Stage;

use strict;
use warnings;
use parent qw(Asgard::Test);
use Digest::SHA qw(hmac_sha256 hmac_sha256_hex sha256);
use JSON::PP ();

use Asgard::Files qw(slurp random_hex wait_until);
use Asgard::Partition;

my $json = JSON::PP->new->canonical->utf8;

sub new {
    my ($class, %arg) = @_;
    my $self = $class->SUPER::new(control => 0, without_money => 1, %arg);
    %$self = (%$self, models => [], names => [], endpoints => [],
        version => 1, serial => 0);
    my %secret = slurp($self->{key_file}) =~ /^(seal|pepper) \w+ (\w+)$/mg;
    $self->{$_} = pack 'H*', $secret{$_} for keys %secret;
    $self->note_filled;
    return $self;
}

# --- records ------------------------------------------------------------------

sub partition {
    my ($self, $part) = @_;
    return $self->{partitions}{$part} //= Asgard::Partition->new(
        redis => $self->{redis}->connect, part => $part)->open;
}

# "This server process was told of every record": a missing key is unknown.
sub note_filled {
    my ($self) = @_;
    my ($run_id) = $self->{redis}->cmd('INFO', 'server') =~ /run_id:(\w+)/;
    return $self->{redis}->cmd('SET', '{asg}:filled', $run_id);
}

sub set_record {
    my ($self, $name, $record, $message) = @_;
    $record->{v} = ++$self->{record_version};
    $self->{redis}->cmd('SET', $name, $json->encode($record));
    $self->{redis}->cmd('PUBLISH', 'asg:changes', "$message $record->{v}");
    return $record;
}

# project(limit => NANO | '-', part => N, any field of the record).
sub project {
    my ($self, %with) = @_;
    my $id = delete $with{id} // 'proj-' . ++$self->{serial};
    my $limit = delete $with{limit} // '-';
    my $record = {f => 1, project => $id, part => 3, state => 'active',
        killed => 0, data_class => 'internal', aliases => undef, %with};
    $self->{projects}{$id} = $record;
    $self->partition($record->{part})->add("p.$id", total => $limit);
    $self->set_record("{asg}:project:$id", $record, "project $id");
    return $id;
}

sub change_project {
    my ($self, $id, %with) = @_;
    my $record = $self->{projects}{$id};
    %$record = (%$record, %with);
    return $self->set_record("{asg}:project:$id", $record, "project $id");
}

sub digest {
    my ($self, $token) = @_;
    return hmac_sha256_hex(sha256($token), $self->{pepper});
}

# key(PROJECT, token => TEXT, any field of the record): {key, id, prefix}.
sub key {
    my ($self, $project, %with) = @_;
    my $token = delete $with{token} // 'asg_' . random_hex(32);
    my $id = sprintf '00000000-0000-4000-8000-%012d', ++$self->{serial};
    my $record = {f => 1, key => $id, pepper => 'p1', name => 'test',
        prefix => substr($token, 0, 12), project => $project,
        models => undef, budget => 0, expires => 0, revoked => 0, %with};
    my $made = {key => $token, id => $id, record => $record,
        prefix => $record->{prefix}};
    $self->change_key($made);
    $self->canary("key $id", $token) if length $token > 40;
    return $made;
}

sub change_key {
    my ($self, $key, %with) = @_;
    my $record = $key->{record};
    %$record = (%$record, %with);
    my $name = 'p1 ' . $self->digest($key->{key});
    return $self->set_record('{asg}:key:' . $name =~ s/ /:/r, $record,
        "key $name");
}

# --- catalog ------------------------------------------------------------------

# An endpoint that is a fake provider; without one models are echoes.
sub endpoint {
    my ($self, %with) = @_;
    my $id = $with{id} // 'e' . @{$self->{endpoints}};
    push @{$self->{endpoints}}, {id => $id, provider => 'test',
        kind => 'echo', scheme => 'http', host => '', port => 0,
        host_header => '', tls_name => '', ca_file => undef,
        auth_header => 'Authorization', auth_scheme => 'Bearer', key => undef,
        connect_timeout_ms => 1000, first_byte_timeout_ms => 5000,
        idle_timeout_ms => 5000, %with};
    return $id;
}

# model(route => NAME, aliases => […], any field of the snapshot's model).
sub model {
    my ($self, %with) = @_;
    my $aliases = delete $with{aliases} // [];
    my $route = $with{route} //= 'echo';
    my $card = delete $with{card} // {};
    my $index = @{$self->{models}};
    my $ref = $with{ref} //= "model:test/$route";
    $with{endpoint} //= @{$self->{endpoints}}
        ? $self->{endpoints}[-1]{id} : $self->endpoint;
    push @{$self->{models}}, {provider => 'test', served => $route,
        created => 1763719200, context => 100000, max_output_tokens => 4000,
        data_classes => [qw(public internal confidential)],
        default_max_tokens => 0, max_tokens_field => 'max_tokens',
        send_user => 1, send_stream_options => 1, allow_fields => [],
        paths => {chat => '/v1/chat/completions',
            completions => '/v1/completions',
            embeddings => '/v1/embeddings'},
        card => {id => $ref, version => 1, free => 0, in_pusd => 1000000,
            out_pusd => 10000000, cached_pusd => 1000000,
            cache_write_pusd => 1000000, reasoning_pusd => 10000000,
            request_tokens => 16, message_tokens => 8, tool_tokens => 64,
            image_tokens => 0, file_tokens => 0, audio_tokens => 0,
            cache_write_1h_pusd => 0, audio_in_pusd => 0, audio_out_pusd => 0,
            toolset_tokens => 0, value_tokens => 0, byte_tokens => 1,
            reasoning_tokens => 0, above => undef, %$card},
        %with};
    push @{$self->{names}}, {name => $ref, candidates => [$index]},
        {name => $route, candidates => [$index]},
        map { {name => $_, alias => 1, candidates => [$index]} } @$aliases;
    return $ref;
}

sub snapshot_text {
    my ($self, %head) = @_;
    my $version = $head{version} // $self->{version};
    my $created = $head{created} // time;
    my $body = JSON::PP->new->canonical->utf8->encode({
        format => (grep { $_->{public_only} } @{$self->{endpoints}}) ? 4 : 2,
        version => $version, created => $created,
        max_age_s => $head{max_age_s} // 86400,
        map { $_ => $self->{$_} } qw(endpoints models names)});
    my $head = "ASGC1 s1 $version $created";
    my $mac = hmac_sha256_hex("$head\n$body",
        hmac_sha256('asgard mac 1', $self->{seal}));
    return "$head $mac\n$body";
}

# Publishes the next version, announced as ctl announces it.
sub publish {
    my ($self, %head) = @_;
    $self->{version}++;
    my $text = $self->snapshot_text(%head);
    $self->{redis}->cmd('SET', '{asg}:catalog', $text);
    $self->announce;
    return $self->{version};
}

sub announce {
    my ($self, $version) = @_;
    $self->{redis}->cmd('PUBLISH', 'asg:changes', 'catalog '
        . ($version // $self->{version}));
}

sub heartbeat {
    my ($self) = @_;
    $self->{redis}->cmd('PUBLISH', 'asg:changes', 'hb ' . time);
}

# --- running ------------------------------------------------------------------

sub start {
    my ($self) = @_;
    $self->publish if $self->{version} == 1;
    $self->SUPER::start;
    $self->wait_version($self->{version});
    return $self;
}

# Until every worker serves this version.
sub wait_version {
    my ($self, $version) = @_;
    return wait_until(sub {
        $self->metric('asgard_catalog_version') == $version;
    }, 30) || die "version $version is not served: "
        . $self->{gateway}->error_log;
}

# "404 not_found": what a refusal says in two words.
sub verdict {
    my ($reply) = @_;
    return join ' ', $reply->status, $reply->code // '-';
}

sub metric {
    my ($self, $name) = @_;
    my $text = $self->get('/metrics')->body;
    return $text =~ /^\Q$name\E (\d+)$/m ? $1 : -1;
}

1;
