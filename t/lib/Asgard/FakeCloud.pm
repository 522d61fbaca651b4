# A fake cloud behind the connector `exec`: a command that makes and ends things
# and keeps its own books, apart from what asgard-ctl says.
#
#     my $cloud = Asgard::FakeCloud->new(dir => $t->{dir});
#     $t->{control}->write_service('thing', $cloud->service('thing'));
#     $cloud->calls;                  # [action, name, spec's `mark`] in order
#     $cloud->things;                 # names that are there now
#     $cloud->made('x');              # how often x began to be there; `ended`
#
# What it does is in the spec; all but a destroy: `sleep_s` (before it acts),
# `fails` (so many calls of this name fail first), `exit` (with this status),
# `polls` (says again_in_secs so often), `flood` (bytes of output), `says`
# (its output as it is); `hold`
# (any action waits until release(HOLD)), `hold_after` (so does what has acted).
# Without a spec: `hold_call`, until `release` without a name.  `serve` offers
# the same at a URL, for the connector `http`.
package Asgard::FakeCloud;

use strict;
use warnings;
use Carp qw(croak);
use IO::Socket::INET;
use POSIX ();

use Asgard::Files qw(spill slurp lines_of);

sub new {
    my ($class, %arg) = @_;
    my $self = bless {dir => "$arg{dir}/cloud"}, $class;
    mkdir $self->{dir};
    mkdir "$self->{dir}/$_" for qw(things counts holds plans);
    spill("$self->{dir}/books", '');
    spill($self->command, program($self->{dir}), 0755);
    return $self;
}

sub command { "$_[0]{dir}/command" }

# A manifest; `more` are further lines, `config` lines of its config.
sub service {
    my ($self, $id, %arg) = @_;
    my $config = join '', map { "    $_\n" } @{$arg{config} // []};
    return <<"YAML" . ($arg{more} // '');
id: $id
auto_approvable: true
provisioner:
  connector: exec
  config:
    command: ["@{[$self->command]}", "--as", "given words"]
$config
cost: {model: free, estimated_monthly_usd: 0, source: {type: none}}
YAML
}

sub calls {
    my ($self) = @_;
    return map { [split /\t/] } grep { !/^(?:made|ended)\t/ }
        lines_of("$self->{dir}/books");
}

sub made  { $_[0]->noted("made\t$_[1]") }
sub ended { $_[0]->noted("ended\t$_[1]") }
sub noted {
    my ($self, $line) = @_;
    return scalar grep { $_ eq $line } lines_of("$self->{dir}/books");
}

sub things {
    my ($self) = @_;
    return sort map { s{.*/}{}r } glob "$self->{dir}/things/*";
}

sub release {
    my ($self, $hold) = @_;
    return spill("$self->{dir}/holds/$hold", '') if defined $hold;
    unlink glob "$self->{dir}/plans/*";
}

# After $skip more calls the next one is held, `before` it acts or `after`; how
# many are.
sub hold_call {
    my ($self, $when, $skip) = @_;
    spill("$self->{dir}/plans/next", $when . ' x' x $skip);
}
sub held { my @held = glob "$_[0]{dir}/plans/*.held"; return scalar @held }

# A process that does what the command does for whoever posts to it: its URL.
sub serve {
    my ($self) = @_;
    my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
        Listen => 64) // croak "a cloud: $!";
    my $pid = fork() // croak "fork: $!";
    if (!$pid) {
        POSIX::setpgid(0, 0);
        $SIG{CHLD} = 'IGNORE';
        while (1) {
            my $client = $listener->accept or next;
            next if fork();
            eval { $self->answer($client) };
            POSIX::_exit(0);
        }
    }
    POSIX::setpgid($pid, $pid);
    @$self{qw(pid owner)} = ($pid, $$);
    return 'http://127.0.0.1:' . $listener->sockport . '/';
}

sub answer {
    my ($self, $client) = @_;
    my ($body, $len) = ('', 0);
    while (defined(my $line = <$client>)) {
        last if $line =~ /^\r?\n/;
        $len = $1 if $line =~ /^content-length: (\d+)/i;
    }
    read $client, $body, $len;
    my $told = spill("$self->{dir}/told.$$", $body);
    $SIG{CHLD} = 'DEFAULT';
    my $command = $self->command;
    my $text = `$command < $told`;
    my $status = !$? ? '200 OK' : $? >> 8 == 75 ? '503 Busy' : '422 No';
    unlink $told;
    print {$client} "HTTP/1.1 $status\r\nConnection: close\r\n"
        . 'Content-Length: ' . length($text) . "\r\n\r\n$text";
}

sub DESTROY {
    my ($self) = @_;
    return if !$self->{pid} || $$ != $self->{owner};
    local ($?, $@, $!);
    kill KILL => -$self->{pid};
    waitpid $self->{pid}, 0;
}

sub program {
    my ($dir) = @_;
    return <<"HEAD" . <<'BODY';
#!/usr/bin/perl
my \$dir = '$dir';
HEAD
use strict;
use warnings;
use Fcntl qw(:flock);
use JSON::PP;

my $told = JSON::PP->new->decode(do { local $/; <STDIN> });
my $spec = $told->{spec};

sub note {
    open my $out, '>>', "$dir/books" or die;
    flock $out, LOCK_EX;
    syswrite $out, join("\t", @_) . "\n";
}

sub count {
    open my $io, '+>>', "$dir/counts/$_[0].$told->{name}" or die;
    flock $io, LOCK_EX;
    seek $io, 0, 0;
    my $n = () = <$io>;
    syswrite $io, "x\n";
    return $n;
}

sub hold {
    my ($plan, $held) = ("$dir/plans/next", "$dir/plans/$$.held");
    open my $in, '<', $plan or return;
    my ($when, @skip) = split / /, <$in>;
    return if $when ne $_[0];
    if (@skip) {
        open my $out, '>', $plan or die;
        print {$out} join ' ', $when, @skip[1 .. $#skip];
        return;
    }
    rename $plan, $held;
    select undef, undef, undef, 0.02 while -e $held;
}

note($told->{action}, $told->{name}, $spec->{mark} // '');
hold('before');
if ($spec->{hold}) {
    select undef, undef, undef, 0.02 while !-e "$dir/holds/$spec->{hold}";
}
if ($told->{action} eq 'destroy') {
    note('ended', $told->{name}) if rmdir "$dir/things/$told->{name}";
    hold('after');
    exit 0;
}
select undef, undef, undef, $spec->{sleep_s} if $spec->{sleep_s};
if ($spec->{fails} && count('fails') < $spec->{fails}) {
    print '{"error":"not today"}';
    exit 75;
}
if ($spec->{exit}) {
    print '{"error":"never"}';
    exit $spec->{exit};
}
if ($told->{action} eq 'make') {
    note('made', $told->{name}) if mkdir "$dir/things/$told->{name}";
}
hold('after');
if ($spec->{hold_after}) {
    select undef, undef, undef, 0.02
        while !-e "$dir/holds/$spec->{hold_after}";
}
if ($spec->{polls} && ($told->{progress}{polled} // 0) < $spec->{polls}) {
    my $n = ($told->{progress}{polled} // 0) + 1;
    print qq({"again_in_secs":0,"progress":{"polled":$n}});
    exit 0;
}
if ($spec->{flood}) {
    print 'x' x $spec->{flood};
    exit 0;
}
if (defined $spec->{says}) {
    print $spec->{says};
    exit 0;
}
print JSON::PP->new->canonical->encode({action => $told->{action},
    generation => $told->{generation}, mark => $spec->{mark} // '',
    before => $told->{was}{mark} // '', words => "@ARGV",
    environment => join(' ', sort keys %ENV), token => $ENV{CLOUD_TOKEN} // '',
    group => getpgrp() == $$ ? 'own' : 'shared',
    descriptors => join(' ', sort { $a <=> $b } grep { $_ > 2
        && -e "/proc/$$/fd/$_"
        && readlink("/proc/$$/fd/$_") !~ m{^(?:/proc/|\Q$0\E)} }
        map { s{.*/}{}r } glob "/proc/$$/fd/*")});
BODY
}

1;
