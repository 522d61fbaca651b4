# The checks that every row ends with do find what they look for: each is shown
# a row that breaks it, and must say so.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test2::API qw(intercept);
use Test::More;

use Asgard::Abuse;

my $t = Asgard::Abuse->new;
$t->{patience} = 2;
$t->start;

# The names of the assertions that fail, however deep they stand.
sub failed {
    my ($events) = @_;
    return map { my $event = $_;
        $event->subtest_events ? failed($event->subtest_events)
            : $event->pass ? () : $event->name }
        grep { $_->isa('Test2::Event::Ok') } @$events;
}

{
    package Test2::Event::Ok;
    sub subtest_events { undef }
    package Test2::Event::Subtest;
    sub subtest_events { $_[0]->subevents }
}

sub finds {
    my ($what, $sentence, $code, %want) = @_;
    my @failed = failed(intercept(sub { $t->row(0, $what, $code, %want) }));
    is_deeply(\@failed, [$sentence], "a row with $what is found");
}

is_deeply([failed(intercept(sub { $t->row(0, 'nothing',
    sub { $t->served($t->call) }) }))], [], 'a good row is good');

finds('a call that is not told', 'the providers saw 0 calls',
    sub { is($t->call->status, 200, 'served') }, spent_nusd => 210_000);
finds('a call that costs', 'spent grew by 0 nano-USD',
    sub { $t->served($t->call) }, spent_nusd => 0);
finds('a call that is missing', 'the providers saw 1 calls',
    sub { ok(1, 'nothing') }, calls => 1, spent_nusd => 0);
finds('a hold', '0 holds are open', sub {
    $t->{redis}->cmd('SET', '{p07}:h:planted', '5 1 2 p.x:total:0 1');
});
$t->{redis}->cmd('DEL', '{p07}:h:planted');
finds('an alert', 'no alert', sub {
    open my $log, '>>', "$t->{dir}/log/error.log" or die $!;
    print {$log} "2026 [alert] 1#1: planted\n";
});
for my $file (qw(error.log access.log calls.log ctl.log)) {
    finds("the key in $file",
        'no secret and no prompt in a reply, a log or the audit log', sub {
            open my $log, '>>', "$t->{dir}/log/$file" or die $!;
            print {$log} "planted $t->{key}{key}\n";
        });
}
finds('the prompt in a reply',
    'no secret and no prompt in a reply, a log or the audit log',
    sub { $t->judged(Asgard::Reply->new(body => $t->{prompt})) });
is_deeply([failed(intercept(sub { $t->row(0, 'an echo',
    sub { $t->judged(Asgard::Reply->new(body => $t->{prompt})) },
    echoes => 1) }))], [], 'a row that says so may echo it');
finds('the prompt in the audit log',
    'no secret and no prompt in a reply, a log or the audit log', sub {
        $t->{postgres}->psql($t->{postgres}->owner_url, 'INSERT INTO'
            . ' audit_events (actor, action, entity_ref, entities, outcome)'
            . " VALUES ('x', 'x', 'x:x', '{x}', 'ok'),"
            . " ('x', '$t->{prompt}', 'x:x', '{x}', 'ok')");
    });
finds('a worker that died', 'no worker ended', sub { $t->kill_worker });

for my $place (["unlike the shape" => '{"error":{"code":"x"}}'],
    ['no JSON' => '<html>'])
{
    my ($what, $body) = @$place;
    my @failed = failed(intercept(sub { $t->refused(Asgard::Reply->new(
        status => 400, body => $body), 400, 'x') }));
    ok((grep { $_ eq 'the members of a refusal' } @failed),
        "a refusal $what is found");
}

$t->finish;
done_testing();
