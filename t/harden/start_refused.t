#!/usr/bin/env perl
# asgard-ctl does not start on secrets that are none, on files that others may
# read, or in the open; it names the setting and never the value.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(random_hex slurp spill);
use Asgard::Test;

my $t = Asgard::Test->new(gateway => 0, without_money => 1);
my $control = $t->{control};
$control->run_ok('migrate');
my $whole = slurp($control->conf);

sub both_refuse {
    my ($match, $sentence, @secrets) = @_;
    for my $command (qw(check serve)) {
        my ($status, $out, $err) = $control->run($command);
        my $said = $out . $err . $control->log_text;
        isnt($status, 0, "$sentence: $command refuses");
        like($said, $match, '... and names it');
        is(scalar(grep { index($said, $_) >= 0 } @secrets), 0,
            '... but not the value') if @secrets;
    }
}

# One line of asgard-ctl.conf replaced, or taken out.
sub with_setting {
    my ($name, $value) = @_;
    my $text = $whole =~ s/^$name .*\n//mgr;
    spill($control->conf, defined $value ? "$text$name $value\n" : $text,
        0600);
}

for my $case (['changeme', 'a sample'], ['sk-1234', 'another sample'],
    ['k7Qw2', 'a short one'], ['abababababababababab', 'one of two letters']) {
    my ($password, $what) = @$case;
    for my $name (qw(postgres postgres_owner redis)) {
        my $scheme = $name eq 'redis' ? 'redis' : 'postgresql';
        with_setting($name, "$scheme://u:$password\@127.0.0.1:1/x"
            =~ s{/x$}{$name eq 'redis' ? '' : '/x'}er);
        both_refuse(qr/the password of the setting $name \w+/,
            "$what as password of $name", $password);
    }
}

for my $url ('http://ai.example.com', 'http://10.0.0.5:8080',
    'http://[2001:db8::1]', 'ftp://127.0.0.1') {
    with_setting('public_url', $url);
    both_refuse(qr/public_url/, "public_url $url");
}
for my $url ('https://ai.example.com', 'http://localhost:1',
    'http://[::1]:1', 'http://127.0.0.1:1') {
    with_setting('public_url', $url);
    is(($control->run('check'))[0], 0, "public_url $url is fine");
}
for my $address ('10.0.0.5:6379', 'redis://redis.example:6379',
    '[2001:db8::5]:6379') {
    with_setting('redis', $address);
    both_refuse(qr/redis is on the network and has no password/,
        "redis $address");
}
for my $address ('127.0.0.1:1', '[::1]:1', "unix:$t->{dir}/none.sock") {
    with_setting('redis', $address);
    unlike(join('', ($control->run('check'))[1, 2]), qr/on the network/,
        "redis $address needs no password");
}
spill($control->conf, $whole, 0600);

my $key_file = $t->{key_file};
my $good = slurp($key_file);
my %bad = ('the byte aa' => 'aa' x 32, 'two bytes' => 'a1b2' x 16,
    'a count' => join('', map { sprintf '%02x', $_ } 0 .. 31));
for my $what (sort keys %bad) {
    for my $kind (qw(seal pepper)) {
        spill($key_file, $good =~ s/^($kind \S+) \S+/$1 $bad{$what}/mr, 0600);
        both_refuse(qr/seal\.key:\d+: the key .*openssl rand/,
            "a $kind key of $what", $bad{$what});
    }
}
spill($key_file, $good, 0600);
SKIP: {
    skip 'only root can give files away', 20 if $> != 0;
    my $nobody = getpwnam('nobody');
    my $backends = "$t->{dir}/backends.env";
    spill($backends, "OPENAI_MASTER_KEY=@{[random_hex(16)]}\n", 0600);
    for my $file ($key_file, $control->conf) {
        for my $mode (0644, 0604, 0660) {
            chmod $mode, $file;
            both_refuse(qr/\Q$file\E: holds .* others may read it/,
                sprintf '%s with mode %o', $file =~ s{.*/}{}r, $mode);
        }
        chmod 0640, $file;
        is(($control->run('check'))[0], 0,
            "a group may read root's " . $file =~ s{.*/}{}r);
        chmod 0600, $file;
        chown $nobody, -1, $file;
        both_refuse(qr/\Q$file\E: holds .* to another user/,
            "somebody else's " . $file =~ s{.*/}{}r);
        chown 0, -1, $file;
    }
    chown $nobody, -1, $backends;
    my ($status, $out, $err) = $control->run('check');
    like($out . $err, qr/\Q$backends\E: holds secrets but belongs to another/,
        "somebody else's backends.env is found");
    chown 0, -1, $backends;
}

{
    my $password = random_hex(16);
    local $ENV{ASGARD_CTL_REDIS} = "redis://u:$password\@127.0.0.1:1";
    both_refuse(qr/environment: ASGARD_CTL_REDIS holds a password/,
        'a password in the environment', $password);
    delete local $ENV{ASGARD_CTL_REDIS};
    local $ENV{PGPASSWORD} = $password;
    both_refuse(qr/environment: PGPASSWORD holds a password/,
        "libpq's password in the environment", $password);
    $ENV{PGPASSWORD} = '';
    is(($control->run('check'))[0], 0, '... an empty one is none');
}

# A backend that takes the sample of its manual.
my $sample = 'sk-1234';
$control->write_backends(LITELLM_BASE_URL => 'http://litellm.example:4000',
    LITELLM_MASTER_KEY => $sample, OPENAI_MASTER_KEY => '');
my ($status, $out, $err) = $control->run('catalog');
like($out, qr/^litellm +inactive +LITELLM_MASTER_KEY is a sample/m,
    'a backend elsewhere with a sample as its key is left out');
unlike($out . $err, qr/\Q$sample\E/, '... without telling it');
$control->write_backends(LITELLM_BASE_URL => 'http://127.0.0.1:4000');
($status, $out) = $control->run('catalog');
like($out, qr/^litellm +active/m, '... on this machine it may be tried');
is(($control->run('check'))[0], 0, 'everything put right is accepted');

$t->done;
