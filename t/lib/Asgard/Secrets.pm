# Secrets of a test: put by asgard-ctl, under keks that the test chooses.
#
#     my $secrets = Asgard::Secrets->new($t);
#     my $id = $secrets->resource($project, 'db', $as_owner);
#     my $value = $secrets->put($id, 'password');
#     $secrets->keks(qw(k2 k1));          # the first is in use
package Asgard::Secrets;

use strict;
use warnings;
use Carp qw(croak);

use Asgard::Files qw(spill random_hex);

sub new {
    my ($class, $t) = @_;
    return bless {t => $t, hex => {k1 => $t->{kek_hex}}}, $class;
}

# A resource that somebody asked for: its id.
sub resource {
    my ($self, $project, $name, @as) = @_;
    my $reply = $self->{t}->api('POST', "/api/projects/$project/resources",
        {resource_type => 's3-bucket', name => $name}, @as);
    return $reply->json->{request}{resource_id}
        // $self->{t}{postgres}->value('SELECT resource_id FROM resources'
        . " WHERE project_id = '$project' AND name = '$name'");
}

# The value, which nobody may find at rest; dies when it was not stored.
sub put {
    my ($self, $resource, $output, $value) = @_;
    my $t = $self->{t};
    $value //= 'secret-canary-' . random_hex(16);
    $t->canary("$output of $resource", $value);
    my $file = spill("$t->{dir}/value", "$value\n", 0600);
    local $t->{control}{first} = sub { open STDIN, '<', $file or die };
    my ($status, $out, $err) = $t->{control}->run('secrets', 'put', $resource,
        $output);
    unlink $file;
    croak "secrets put: $out$err" if $status;
    return $value;
}

# The file has exactly these; new ones are made.
sub keks {
    my ($self, @ids) = @_;
    my $t = $self->{t};
    for (@ids) {
        $self->{hex}{$_} //= $t->canary("kek $_", random_hex(32));
    }
    spill($t->{kek_file}, join('', map { "kek $_ $self->{hex}{$_}\n" } @ids),
        0400);
}

1;
