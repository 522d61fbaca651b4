#!/usr/bin/env perl
# nginx is replaced by another binary under load, goes back, is replaced for
# good and quits: no call is lost, and each is in the ledger once.
#
# The new master has a memory of its own.  The old workers keep theirs, with the
# journal of the calls that they have begun, until they have ended them; that
# Redis and the ledger have these before the memory goes is what is shown here.
#
# Fault row 13.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(slurp wait_until);
use Asgard::Load;
use Asgard::Test;
use Asgard::Upgrade;

for my $listen ('', 'reuseport') {
    subtest $listen || 'one queue for all workers' => sub {
        upgrade($listen);
    };
}

sub upgrade {
    my ($listen) = @_;
    my $t = Asgard::Test->new(workers => 2, redis_deadline => '2s',
        shutdown_timeout => '120s', $listen ? (listen => $listen) : ());
    my $up = $t->upstream('main', prompt_tokens => 10,
        completion_tokens => 20, delay => 0.05);
    $t->add_model($up, ref => 'model:test/one', route => 'one');
    my $masters = Asgard::Upgrade->new($t->{gateway});
    $t->start;
    my $project = $t->project(budget_usd => '100');
    my $key = $t->key(project => $project);

    my $streams = sub {
        $up->script(({chunks => 20, chunk_delay => 0.15}) x 2);
        return map { [$t->chat_start($key, {model => 'one', stream => \1})] }
            1 .. 2;
    };
    my %how = (callers => 2, pause => 0.03, change => {model => 'one'});
    my @open = $streams->();
    my @load = map { Asgard::Load->new($t, $key, %how, kept => $_) } 0, 1;

    my $first = $masters->now;
    my $second = $masters->replace;
    ok($second, 'a new master starts beside the old one')
        or die "nobody to go on with\n";
    ok($masters->workers_leave($first, 'WINCH'),
        'the workers of the old one leave when their streams have ended');
    push @open, $streams->();
    kill HUP => $first;
    ok(wait_until(sub { $masters->workers($first) == 2 }, 20),
        'going back: the old one has workers again');
    ok($masters->ends($second, 'QUIT'), '... the new one leaves');
    push @open, $streams->();
    my $third = $masters->replace;
    ok($third, 'a newer master starts') or die "nobody to go on with\n";
    ok($masters->workers_leave($first, 'WINCH'), '... and takes over');
    ok($masters->ends($first, 'QUIT'), '... for good');
    push @open, $streams->();

    my %told;
    for my $told (map { $_->stop } @load) {
        $told{$_} += $told->{$_} for keys %$told;
    }
    note 'sent again on a new connection: ', delete $told{again} // 0;
    is_deeply([keys %told], [200], 'no call was lost or refused')
        or diag explain \%told;
    is((grep { my ($http, $reply) = @$_; $http->read_body($reply);
        $reply->body =~ /\[DONE\]/ } @open), scalar @open,
        'every stream ended as it should');
    my $calls = ($told{200} // 0) + @open;
    is($up->count, $calls, 'the provider saw each call once, and no other');
    ok(wait_until(sub { $t->{postgres}->value('SELECT count(*) FROM ledger')
        == $calls }, 20, 0.1), 'every call is in the ledger, once');
    is($t->{postgres}->value(q(SELECT count(*) FROM ledger WHERE kind <>
        'settle')), 0, '... by what it used');
    is(@{Asgard::Money::read_books($t)->{holds}}, 0, 'no hold leaked');
    Asgard::Teardown::while_running($t);
    ok($masters->ends($third, 'QUIT'), 'the last one quits');
    $t->{control}->stop;
    Asgard::Teardown::after_stop($t);
    $t->finish;
}
done_testing();
