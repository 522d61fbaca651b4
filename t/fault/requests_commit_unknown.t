#!/usr/bin/env perl
# The connection to PostgreSQL is cut at the COMMIT of a registration, request,
# decision or budget: asked again with the same Idempotency-Key it is one row,
# whether the COMMIT was executed or not.
#
# Fault row 9.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(wait_until);
use Asgard::Requests;
use Asgard::Test;

my $t = Asgard::Test->new(proxies => ['ctl_postgres']);
$t->start;
my $requests = Asgard::Requests->new($t);
my $proxy = $t->proxy('ctl_postgres');

for my $case (['drop_reply', 'replied', 1, 'executed, its reply is lost'],
    ['drop_request', 'lost', 0, 'not executed']) {
    my ($how, $series, $made, $what) = @$case;
    for my $change ($requests->changes($series)) {
        $proxy->$how(match => 'COMMIT', count => 0, then => 'rst');
        is($requests->try($change)->status, 503,
            "the COMMIT of $change->{name} is $what: 503");
        is($requests->rows($change), $made, '... and it is '
            . ($made ? 'made' : 'not made'));
        $proxy->heal;
        my $again;
        wait_until(sub { $again = $requests->try($change);
            return $again->status != 503 && $again->status != 409 }, 15, 0.2);
        is($again->status, $change->{status}, '... asked again it is done');
        is($requests->rows($change), 1, '... once');
    }
}
is($requests->audited_twice, 0, 'the audit log has each of them once');
is($t->{postgres}->value("SELECT count(*) FROM resources WHERE attempts > 1"),
    0, '... and what was approved was made once');
is($t->{postgres}->value("SELECT count(*) FROM requests r WHERE state ="
    . " 'fulfilled' AND (SELECT count(*) FROM resources s WHERE s.request_id"
    . ' = r.request_id) <> 1'), 0, '... one resource for each');

$t->done;
