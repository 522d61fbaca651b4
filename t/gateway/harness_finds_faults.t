# The checks that every test ends with do find what they look for: each is shown
# a planted fault.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Asgard::Files qw(spill);
use Asgard::Test;

{
    package PlantedGateway;
    sub error_log  { $_[0]{error_log} // '' }
    sub access_log { $_[0]{access_log} // '' }
    sub spool      { $_[0]{spool} // '' }
}

my $t = Asgard::Test->new(gateway => 0, without_money => 1);
my $planted = bless {dir => $t->{dir},
    process => bless({status => 0}, 'Asgard::Process')}, 'PlantedGateway';
$planted->{process}{owner} = 0;
my %world = (%$t, gateway => $planted);
delete local $world{control};
my $world = bless \%world, 'PlantedWorld';

sub finds { my ($list, $sentence) = @_; is(scalar @$list, 1, $sentence) }

is_deeply([Asgard::Teardown::alerts($world),
    Asgard::Teardown::bad_ends($world), Asgard::Teardown::reports($world),
    Asgard::Teardown::found_secrets($world)], [], 'a clean world is clean');

$planted->{error_log} = "2026 [notice] ok\n2026 [alert] 1#1: open socket\n";
finds([Asgard::Teardown::alerts($world)], 'an alert is found');
$world->{allowed_alerts} = [qr/open socket/];
is(scalar(Asgard::Teardown::alerts($world)), 0, 'a provoked alert is not');

$planted->{error_log} = "[notice] 5#5: worker process 7 exited with code 2\n";
finds([Asgard::Teardown::bad_ends($world)], 'a failed worker is found');

$planted->{error_log} = '';
spill("$t->{dir}/asan/report.17", "ERROR: AddressSanitizer: overflow\n");
finds([Asgard::Teardown::reports($world)], 'a sanitizer report is found');
unlink "$t->{dir}/asan/report.17";

$planted->{spool} = "{\"prompt\":\"$t->{prompt}\"}\n";
finds([Asgard::Teardown::found_secrets($world)],
    'a prompt in the spool is found');
$planted->{spool} = '';

for my $plant (
    ['a string', sub { $t->{redis}->cmd('SET', 'x', "a $t->{prompt} b") }],
    ['a hash', sub { $t->{redis}->cmd('HSET', 'x', 'f', $t->{prompt}) }],
    ['a stream', sub { $t->{redis}->cmd('XADD', 'x', '*', 'd',
        $t->{prompt}) }]) {
    $t->{redis}->cmd('DEL', 'x');
    $plant->[1]->();
    my @found = Asgard::Teardown::found_secrets($world);
    ok((grep { /stands in Redis$/ } @found), "a prompt in $plant->[0] of Redis"
        . ' is found');
}
$t->{redis}->cmd('FLUSHALL');
my @left = Asgard::Teardown::found_secrets($world);
ok((grep { /Redis file/ } @left), 'what was deleted still stands in its file');

$t->{postgres}->psql($t->{postgres}->owner_url,
    "CREATE TABLE note (text text); INSERT INTO note VALUES ('$t->{prompt}')");
ok((grep { /in PostgreSQL/ } Asgard::Teardown::found_secrets($world)),
    'a prompt in a table is found');

is(scalar(Asgard::Money::limits({budgets => {'p.x' => {'l:total' => 10,
    's:total:0' => 8, 'h:total:0' => 3}}})), 1, 'an overdrawn budget is found');
is(scalar(Asgard::Money::held({holds => [], budgets => {'p.x' => {
    'l:total' => 10, 's:total:0' => 0, 'h:total:0' => 3}}})), 1,
    'held money without a hold is found');

delete $world->{gateway};
$t->finish;
done_testing();
