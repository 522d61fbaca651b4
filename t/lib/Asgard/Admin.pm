# The control API as an administrator uses it; mixed into Asgard::Test.
package Asgard::Admin;

use strict;
use warnings;
use Carp qw(croak);
use JSON::PP ();

use Asgard::Files qw(wait_until);
use Asgard::HTTP;

my $json = JSON::PP->new->utf8->canonical->allow_nonref->allow_bignum;

sub encode { my ($self, $data) = @_; return $json->encode($data) }

# api(METHOD, PATH, structure or undef, extra header pairs): an Asgard::Reply.
# A string body goes out as it stands, so that money keeps its text.
sub api {
    my ($self, $method, $path, $data, @headers) = @_;
    my $body = defined $data && ref $data ? $json->encode($data) : $data;
    my %given = @headers;
    unshift @headers, 'Authorization', 'Bearer ' . $self->admin_token
        if !exists $given{Authorization};
    push @headers, 'Content-Type', 'application/json' if defined $body;
    my $http = Asgard::HTTP->new(port => $self->port);
    return $http->request($method, $path, \@headers, $body);
}

sub api_ok {
    my ($self, $method, $path, $data, @headers) = @_;
    my $reply = $self->api($method, $path, $data, @headers);
    croak "$method $path: $reply->{status} $reply->{body}"
        if $reply->{status} !~ /^2/;
    return $reply->json;
}

sub json_money { my ($v) = @_; return defined $v ? $v : 'null' }

# project(budget_usd => '1.5' (text; undef is unlimited), ...): its id.
sub project {
    my ($self, %arg) = @_;
    my $budget = exists $arg{budget_usd} ? delete $arg{budget_usd} : undef;
    my $fields = $json->encode({
        name => 'test ' . ++$self->{projects}, owner_email => 'o@example.com',
        manager_email => 'm@example.com', data_class => 'internal', %arg});
    $fields =~ s/\}\z/',"budget_usd":' . json_money($budget) . '}'/e;
    my $made = $self->api_ok('POST', '/api/projects', $fields);
    return $made->{project_id};
}

# key(project => ID, budgets => [[window, usd text, zone], …], models => […]):
# its reply {id, key, prefix, project_id}.
sub key {
    my ($self, %arg) = @_;
    my $project = delete $arg{project} // $self->project;
    my $budgets = delete $arg{budgets};
    my $fields = $json->encode({name => 'key ' . ++$self->{keys}, %arg});
    $fields =~ s/\}\z/',"budgets":' . budgets_text($budgets) . '}'/e
        if $budgets;
    my $made = $self->api_ok('POST', "/api/projects/$project/keys", $fields);
    $self->canary("key $made->{prefix}", $made->{key});
    return $made;
}

sub budgets_text {
    my ($budgets) = @_;
    return '[' . join(',', map { sprintf '{"window":"%s","limit_usd":%s%s}',
        $_->[0], json_money($_->[1]),
        defined $_->[2] ? qq(,"zone":"$_->[2]") : '' } @$budgets) . ']';
}

# set_budgets(PROJECT, [window, usd text], [window, usd text, zone], …)
sub set_budgets {
    my ($self, $project, @budgets) = @_;
    return $self->api_ok('PUT', "/api/projects/$project/budgets",
        '{"budgets":' . budgets_text(\@budgets) . '}');
}

sub usage {
    my ($self, $project) = @_;
    return $self->api_ok('GET', "/api/projects/$project/usage");
}

# Every ledger entry of a project, all pages.
sub ledger {
    my ($self, $project) = @_;
    my ($cursor, @all) = ('');
    do {
        my $page = $self->api_ok('GET', "/api/ledger?project=$project"
            . ($cursor ? "&cursor=$cursor" : ''));
        push @all, @{$page->{entries}};
        $cursor = $page->{next_cursor} // '';
    } while (length $cursor);
    return @all;
}

# Wait until the project has $n entries; returns what there is.
sub wait_ledger {
    my ($self, $project, $n, $seconds) = @_;
    my @entries;
    wait_until(sub {
        @entries = $self->ledger($project);
        return @entries >= $n;
    }, $seconds // 5, 0.05);
    return @entries;
}

sub kill_project   { $_[0]->api_ok('POST', "/api/projects/$_[1]/kill", '{}') }
sub unkill_project { $_[0]->api_ok('POST', "/api/projects/$_[1]/unkill", '{}') }
sub revoke_key {
    my ($self, $project, $id) = @_;
    return $self->api_ok('DELETE', "/api/projects/$project/keys/$id");
}

1;
