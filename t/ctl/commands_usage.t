#!/usr/bin/perl
# asgard-ctl teaches its words before it reads anything, and `status` does not
# call ok what it could not look at.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(build_dir wait_until);
use Asgard::Test;

my $program = build_dir() . '/asgard-ctl/asgard-ctl';

sub said {
    my (@words) = @_;
    my $out = qx($program @words 2>&1);
    return ($? >> 8, $out);
}

my ($status, $help) = said('--help');
is($status, 0, '--help is help');
my @commands = $help =~ /^([a-z]+)(?: .*)?\n    /mg;
ok(@commands > 10, 'it lists the commands');
for my $command (@commands) {
    ($status, my $out) = said('-c', '/nonexistent', $command, '--help');
    is($status, 0, "$command --help needs no configuration");
    like($out, qr/^usage: asgard-ctl $command/, '... and shows its usage');
}
for my $wrong (['serve', 'x'], ['validate'], ['validate', 'a', 'b']) {
    ($status, my $out) = said(@$wrong);
    is($status, 2, "@$wrong is wrong usage");
    like($out, qr/^usage: asgard-ctl $wrong->[0]/, '... and says the right');
}
is((said('nonsense'))[0], 2, 'an unknown command is wrong usage');
is((said('-c'))[0], 2, '-c without a file too');

my $t = Asgard::Test->new(gateway => 0);
$t->start;
for my $wrong (['audit'], ['audit', 'all'], ['audit', 'chain', 'x'],
    ['audit', 'money', 'x'], ['audit', 'money', '--witness'],
    ['audit', 'money', '--explain', 'a b'],
    ['audit', 'money', '--explain', 'a', '--explain', 'b'],
    ['replay'], ['replay', '--all']) {
    my ($rc, $out, $err) = $t->{control}->run(@$wrong);
    is($rc, 2, "@$wrong is wrong usage");
    like($err, qr/^usage: asgard-ctl $wrong->[0]/, '... and says the right');
}
like(($t->{control}->run('status'))[1], qr/^endpoints not known: /m,
    'status says so where there is no gateway to ask');
$t->{redis}->stop;
my ($rc, $out) = $t->{control}->run('status');
is($rc, 1, 'status fails when a part is away');
like($out, qr/^redis +Redis does not answer$/m, '... names it');
like($out, qr/^served +not known without Redis$/m,
    '... and does not call ok what it did not look at');
$t->{redis}->start;
ok(wait_until(sub { ($t->{control}->run('status'))[0] == 0 }, 20, 0.2),
    'and is content again when the counters are seeded');
$t->done;
