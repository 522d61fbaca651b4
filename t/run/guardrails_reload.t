# `make reload` applies run/guardrails.conf to a running gateway: a right file
# counts from then on, a wrong one is refused by file and line and the old one
# stays, and a file that is gone leaves nothing behind.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use File::Temp ();
use Test::More;

use Asgard::Files qw(slurp spill top build_dir wait_until);
use Asgard::HTTP;

my $dir = File::Temp::tempdir('/tmp/asgard-run-XXXXXX', CLEANUP => 0);
chmod 0711, $dir;
my $run = $ENV{ASGARD_RUN} = "$dir/run";
$ENV{ASGARD_BUILD} = build_dir();
delete $ENV{PORT};
END {
    system(top() . '/scripts/stop > /dev/null 2>&1');
    system('rm', '-rf', $dir);
}

sub script { my ($name) = @_;
    my $out = `@{[top()]}/scripts/$name 2>&1`;
    return ($? >> 8, $out) }

my ($status, $out) = script('run');
is($status, 0, 'a gateway runs') or die $out . "\n";
my %env = map { /^([A-Z_]+)=(.*)$/ ? ($1 => $2) : () }
    split /\n/, slurp("$run/env");
my ($port) = $env{ASGARD_URL} =~ /:(\d+)$/;

sub says { my ($text) = @_;
    my $reply = Asgard::HTTP->new(port => $port)->request('POST',
        '/v1/chat/completions', ['Authorization', "Bearer $env{ASGARD_KEY}",
        'Content-Type', 'application/json'], '{"model":"echo","messages":'
        . qq([{"role":"user","content":"$text"}]}));
    return $reply->status . ' '
        . ($reply->at('error', 'rule_id') // 'goes on') }
sub soon { my ($sentence, $text, $wanted) = @_;
    wait_until(sub { says($text) eq $wanted }, 10);
    is(says($text), $wanted, $sentence) }

is(says('see TCK-123456'), '200 goes on', 'without a rule a text goes on');

my $good = qq(asgard_guardrail ticket pattern "\\bTCK-\\d{6}\\b";\n);
spill("$run/guardrails.conf", $good);
($status, $out) = script('reload');
is($status, 0, 'a right file is taken') or diag($out);
soon('... and its rule counts', 'see TCK-123456', '400 ticket');
is(says('see TCK-12345'), '200 goes on', '... for what it names alone');

spill("$run/guardrails.conf", "# two rules\nasgard_guardrail other pattern "
    . qq{"FALCON";\nasgard_guardrail broken pattern "a(";\n});
($status, $out) = script('reload');
isnt($status, 0, 'a wrong file is refused');
like($out, qr{guardrails\.conf:3\b}, '... by file and line');
like($out, qr/missing closing parenthesis/, '... and why');
sleep 1;
is(says('see TCK-123456'), '400 ticket', '... and the old rule stays');
is(says('FALCON'), '200 goes on', '... and nothing of the wrong file counts');
ok(kill(0, $env{ASGARD_NGINX_PID}), '... in the same nginx');

spill("$run/guardrails.conf", qq(asgard_guardrail other pattern "FALCON";\n));
($status, $out) = script('reload');
is($status, 0, 'put right, it is taken') or diag($out);
soon('... its rule counts', 'FALCON', '400 other');
is(says('see TCK-123456'), '200 goes on', '... and the old one is gone');

unlink "$run/guardrails.conf";
($status, $out) = script('reload');
is($status, 0, 'a file that is gone is taken, too') or diag($out);
soon('... and no rule is left', 'FALCON', '200 goes on');

done_testing();
