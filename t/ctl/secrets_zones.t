#!/usr/bin/perl
# Two trust zones: what parses the untrusted world holds no key that opens a
# secret and no provider's key, and gets a secret opened only under a grant that
# the audit log knows, over a socket that others are not heard at.
use strict;
use warnings;
no warnings 'portable';                 # addresses have 64 bits
use FindBin;
use lib "$FindBin::Bin/../lib";
use IO::Socket::UNIX;
use POSIX ();
use Test::More;

use Asgard::Files qw(slurp random_hex wait_until);
use Asgard::People;
use Asgard::Secrets;
use Asgard::Test;

plan skip_all => 'needs root, to look into processes' if $> != 0;

my $provider = 'provider-canary-' . random_hex(16);
my $t = Asgard::Test->new(backends => {OPENAI_API_KEY => $provider});
$t->start;
my $people = Asgard::People->new($t);
my $owner = $people->person('owner');
my $project = $t->project(owner_email => $owner->{email}, budget_usd => 5);
my $secrets = Asgard::Secrets->new($t);
my $resource = $secrets->resource($project, 'db', $people->as('owner'));
my $value = $secrets->put($resource, 'password');
my $read = "/api/projects/$project/secrets/db-password/read";
is($t->api('POST', $read, {}, $people->as('owner'))->json->{value}, $value,
    'a secret is read');

# --- what the processes hold

# Everything that a process can read of its own.
sub memory {
    my ($pid) = @_;
    my $all = slurp("/proc/$pid/environ") . slurp("/proc/$pid/cmdline");
    open my $mem, '<:raw', "/proc/$pid/mem" or die "mem: $!";
    for (split /\n/, slurp("/proc/$pid/maps")) {
        my ($from, $to, $mode) = /^([0-9a-f]+)-([0-9a-f]+) (\S+)/ or next;
        next if $mode !~ /^rw/;
        my $len = hex($to) - hex($from);
        sysseek $mem, hex($from), 0;
        while ($len > 0 && (my $n = sysread $mem, my $part, 1 << 20)) {
            $all .= substr $part, 0, $len;
            $len -= $n;
        }
    }
    for my $fd (glob "/proc/$pid/fd/*") {
        my $to = readlink $fd // '';
        $all .= slurp($fd) if $to =~ /memfd/;
    }
    return $all;
}

my $roles = $t->{control}->roles;
my ($seal) = slurp($t->{key_file}) =~ /^seal s1 ([0-9a-f]+)/;
my %secret = ('the kek' => pack('H*', $t->{kek_hex}),
    'the text of the kek' => $t->{kek_hex}, "a provider's key" => $provider,
    'the seal key' => pack('H*', $seal));
my %held = map { $_ => memory($roles->{$_}) } keys %$roles;
ok(index($held{keeper}, $secret{$_}) >= 0, "keeper holds $_")
    for 'the kek', "a provider's key";
for my $name (sort keys %secret) {
    is(index($held{$_}, $secret{$name}), -1, "$_ does not hold $name")
        for qw(api meter notify);
}
is(index($held{$_}, $value), -1, "$_ does not keep what was read")
    for sort keys %held;

# --- the socket

my $path = "$t->{control}{dir}/keeper.sock";
is(sprintf('%o', (stat $path)[2] & 0777), '600',
    'the socket is open to its own user alone');

# What comes back, "" when nothing does.
sub says {
    my ($bytes) = @_;
    my $to = IO::Socket::UNIX->new(Peer => $path) or return "no: $!";
    local $SIG{PIPE} = 'IGNORE';        # it may have ended already
    $to->syswrite($bytes);
    $to->shutdown(1);
    local $/;
    return scalar(<$to>) // '';
}

sub message { my ($type, $body) = @_;
    return 'AK' . pack('CCN', 1, $type, length $body) . $body }

sub question { return message(1, $_[0] . pack('N', $_[1] // 1)) }

sub as_nobody {
    my ($code) = @_;
    pipe my $in, my $out or die;
    my $pid = fork // die;
    if (!$pid) {
        POSIX::setgid(65534);
        POSIX::setuid(65534);
        syswrite $out, $code->() . "\n";
        POSIX::_exit(0);
    }
    close $out;
    waitpid $pid, 0;
    return scalar <$in>;
}

my $grant = $t->{postgres}->value('SELECT grant_id FROM secret_grants');
$t->{postgres}->value("UPDATE secret_grants SET opened = 0 RETURNING 1");
chmod 0711, $t->{control}{dir};
like(as_nobody(sub { says(question($grant)) }), qr/^no: /,
    'another user does not come to it');
chmod 0666, $path;
is(as_nobody(sub { says(question($grant)) }), "\n",
    '... and is not heard when it does');
is(says(question($grant)), message(2, $value),
    'the same words of our own user open the secret');
is(says(question($grant)), message(3, pack('n', 403) . 'forbidden'),
    '... once for each entry of the audit log');
is(says(question($grant, 2)), message(3, pack('n', 403) . 'forbidden'),
    'a grant is of one version');
my $forged = $t->{postgres}->value('INSERT INTO secret_grants (project_id,'
    . ' name, version, principal) VALUES ' . "('$project', 'db-password', 1,"
    . " 'user:x') RETURNING grant_id");
is(says(question($forged)), message(3, pack('n', 403) . 'forbidden'),
    'a grant that the audit log does not know opens nothing');
is(says($_->[1]), '', "$_->[0] gets no answer") for ['nothing', ''],
    ['a part of a question', substr(question($grant), 0, 20)],
    ['a length that is too large', 'AK' . pack('CCN', 1, 1, 1 << 30)],
    ['another version', 'AK' . pack('CCN', 2, 1, 40) . 'x' x 40],
    ['what is no grant', question('x' x 36)],
    ['an answer', message(2, 'value')];
is($t->api('POST', $read, {}, $people->as('owner'))->json->{value}, $value,
    'and the keeper still answers');
is($t->{control}->roles->{keeper}, $roles->{keeper}, '... the same process');

$t->done;
