#!/usr/bin/env perl
# The shipped rotation loses no line of the witness while calls go on, and ends
# no process.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(slurp spill top wait_until);
use Asgard::Load;
use Asgard::Test;

my ($logrotate) = grep { -x } map { "$_/logrotate" }
    split /:/, "$ENV{PATH}:/usr/sbin";
plan skip_all => 'there is no logrotate' if !$logrotate;

my $t = Asgard::Test->new(workers => 2);
my $dir = "$t->{dir}/log";
chmod 0755, $dir;
$t->start;
my $project = $t->project(budget_usd => '5');
my $key = $t->key(project => $project);

# The shipped file with our places, and any user.
my $text = slurp(top() . '/conf/asgard.logrotate');
$text =~ s{/var/log/asgard/ctl/ctl\.log}{$dir/ctl.log};
$text =~ s{/var/log/asgard/}{$dir/};
$text =~ s{/run/nginx\.pid}{$t->{dir}/nginx.pid}g;
$text =~ s{/run/asgard/ctl\.pid}{$t->{dir}/ctl.pid}g;
$text =~ s{www-data adm}{www-data www-data} if $> == 0;
$text =~ s{create 0640 asgard adm}{create 0640 root root} if $> == 0;
my $conf = spill("$t->{dir}/logrotate.conf", $text, 0644);

my $load = Asgard::Load->new($t, $key, callers => 3, pause => 0.005);
my $rotations = 4;
for my $n (1 .. $rotations) {
    my $before = length $t->{gateway}->spool;
    ok(wait_until(sub { length $t->{gateway}->spool > 500 }, 10),
        'the witness has lines');
    my $said = `$logrotate --force --state $t->{dir}/state $conf 2>&1`;
    is($?, 0, "rotation $n") or diag($said);
}
my $told = $load->stop;
is_deeply([keys %$told], [200], 'every call was answered')
    or diag(explain($told));
my $calls = $told->{200};
$t->wait_ledger($project, $calls, 30);

my @files = sort glob "$dir/calls.log*";
is(scalar(@files), $rotations + 1, 'each rotation made a file');
my @lines = map { /\.gz$/ ? `zcat $_` : split /^/, slurp($_) } @files;
is(scalar(@lines), $calls, 'together they have a line for each call');
is(scalar(grep { !/^\{.*\}\n\z/ } @lines), 0, 'and each is whole');
my %hold = map { /"hold":"(\w+)"/ => 1 } @lines;
is(scalar(keys %hold), $calls, 'and no call twice');
is((stat $files[0])[2] & 07777, 0640, 'the new file is not for others');

my @plain = map { my $plain = s/\.gz$//r; $plain eq $_ ? $_
    : do { spill("$t->{dir}/" . ($plain =~ s{.*/}{}r), scalar `zcat $_`) } }
    @files;
like($t->{control}->run_ok('audit', 'money', map { ('--witness', $_) } @plain),
    qr/every amount is accounted for/, 'the audit takes them as a whole');

ok($t->{control}{process}->is_running, 'asgard-ctl lives on');
like(slurp("$dir/ctl.log"), qr/the log was rotated/,
    'and writes into its new log');
$t->{control}->kill_role('meter');
ok(wait_until(sub { slurp("$dir/ctl.log") =~ /meter\[\d+\]/ }, 10),
    'its roles too');
$t->wait_ready;
# what is looked at after each test is the witness as a whole
unlink @files;
spill("$dir/calls.log", join('', @lines), 0644);
$t->done;
