# A private Redis as Asgard sees it: by a user of its own, over a socket.
#
#     my $user = Asgard::RedisUser->new(server => $t->{redis},
#         path => "$dir/redis.sock", name => 'asgard');
#     $user->give_to($t);             # before $t->start
#
# acl() is the shipped line with this user's password.
package Asgard::RedisUser;

use strict;
use warnings;
use Digest::SHA qw(sha256_hex);

use Asgard::Files qw(random_hex slurp spill top);

sub new {
    my ($class, %arg) = @_;
    my $self = bless {name => 'asgard', password => random_hex(16), %arg},
        $class;
    spill($self->password_file, "$self->{password}\n", 0600);
    return $self;
}

sub password_file { "$_[0]{server}{dir}/password-$_[0]{name}" }
sub address { "unix:$_[0]{path} user=$_[0]{name}" }

sub url {
    my ($self) = @_;
    return "unix://$self->{name}:$self->{password}\@$self->{path}";
}

sub acl {
    my ($self) = @_;
    my $hash = sha256_hex($self->{password});
    my ($line) = slurp(top() . '/conf/redis-acl.conf') =~ /^(user asgard .*)$/m;
    return $line =~ s/^user asgard/user $self->{name}/r =~ s/#0{64}/#$hash/r;
}

# Both programs of a test that has not started.
sub give_to {
    my ($self, $t) = @_;
    $t->canary('the password of the user in Redis', $self->{password});
    for my $program (@$t{qw(gateway control)}) {
        $program->{redis} = $self;
        $program->write_conf;
    }
}

1;
