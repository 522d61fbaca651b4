#!/usr/bin/perl
# The file of backends_env: what is wrong with it refuses the reload, and the
# keeper, `catalog` and `check` go by the same values.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(spill wait_until);
use Asgard::Test;

my $secret = 'sk-live-' . 'a1b2c3d4' x 4;
my $t = Asgard::Test->new(gateway => 0, without_money => 1,
    backends => {OPENAI_MASTER_KEY => $secret});
my $ctl  = $t->{control};
my $pg   = $t->{postgres};
my $file = "$t->{dir}/backends.env";

sub version {
    return $pg->value('SELECT max(version) FROM catalog_snapshots');
}
sub served {
    return $pg->value(q{SELECT body LIKE '%"openai"%' FROM catalog_snapshots
        ORDER BY version DESC LIMIT 1});
}

sub refused {
    my ($what, $reason) = @_;
    my $before = version();
    my ($status, $out, $err) = $ctl->run('reload');
    is($status, 1, "a reload with $what is refused");
    like($err, $reason, '... with the reason') or diag("$out$err");
    is(index("$out$err", $secret), -1, '... without the secret');
    is(version(), $before, '... and the old catalog stays');
    like($ctl->log_text, qr/keeper\[\d+\] error: .*$reason/,
        '... and the log has it as an error');
    for my $command ('catalog', 'check') {
        ($status, $out, $err) = $ctl->run($command);
        is($status, 1, "$command fails too");
        like("$out$err", $reason, '... with the same reason');
    }
}

$ctl->start;
ok(wait_until(sub { version() }, 10), 'a first catalog is published');
is(served(), 't', '... with the backend of the file');

chmod 0644, $file;
refused('a file that others may read',
    qr/\Q$file\E: holds secrets but others may read it/);
chmod 0600, $file;

spill($file, "# mine\nOPENAI_MASTER_KEY=$secret\n$secret\n", 0600);
refused('a line that is none', qr/\Q$file\E:3: not KEY=VALUE/);

unlink $file;
mkdir $file;
refused('a folder in its place', qr/\Q$file\E: not a regular file/);
rmdir $file;

# --- no file: no values, whatever the environment says

{
    local $ENV{OPENAI_MASTER_KEY} = $secret;
    my ($status, $out) = $ctl->run('catalog');
    like($out, qr/^openai\s+inactive\s+OPENAI_MASTER_KEY is not set/m,
        'catalog takes nothing from the environment');
    ($status, $out) = $ctl->run('reload');
    is($status, 0, 'a reload without the file succeeds');
    is(served(), 'f', '... and its keys are out of service');
    $ctl->stop;
    $ctl->start;
    my $before = version();
    is(($ctl->run('reload'))[0], 0, 'also after a start');
    is(served(), 'f', '... they are out of service');
}

$ctl->write_backends;
is(($ctl->run('reload'))[0], 0, 'with the file back it reloads');
is(served(), 't', '... and serves the backend again');

$t->done;
