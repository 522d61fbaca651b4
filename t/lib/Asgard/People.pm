# People of a test, each with a token that can do all that they may.
#
#     my $people = Asgard::People->new($t);
#     my $ada = $people->person('ada', role => 'finance');
#     $t->api('GET', '/api/projects', undef, $people->as('ada'));
#
# They are made over the API, without a password: a token is put into the
# database, for a password costs a quarter of a second.
package Asgard::People;

use strict;
use warnings;
use Digest::SHA qw(sha256_hex);

use Asgard::Files qw(random_hex);

sub new {
    my ($class, $t) = @_;
    return bless {t => $t, people => {}}, $class;
}

# {id, email, token}; the address is NAME@example.com.
sub person {
    my ($self, $name, %arg) = @_;
    my $t = $self->{t};
    my $made = $t->api_ok('POST', '/api/users', {username => $name,
        email => "$name\@example.com", role => $arg{role} // 'member'});
    return $self->{people}{$name} = {id => $made->{id},
        email => $made->{email},
        token => $self->token($made->{id}, $arg{scopes})};
}

# One more token of a person.
sub token {
    my ($self, $id, $scopes) = @_;
    my $t = $self->{t};
    my $token = $t->canary("a token of $id", 'asg_pat_' . random_hex(32));
    $t->{postgres}->value('INSERT INTO tokens (name, sha256, suffix, user_id,'
        . " scopes) VALUES ('test', decode('" . sha256_hex($token)
        . "', 'hex'), '" . substr($token, -8) . "', '$id', '{"
        . ($scopes // 'read,request,admin') . "}') RETURNING 1");
    return $token;
}

sub as {
    my ($self, $name) = @_;
    return (Authorization => "Bearer $self->{people}{$name}{token}");
}

1;
