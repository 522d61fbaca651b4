#!/usr/bin/perl
# The audit log is read by what was done, when and by whom, in pages.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Test;

my $t = Asgard::Test->new;
$t->start;

# Events with times of their own, as if they had come long ago
$t->{postgres}->value(<<'SQL');
INSERT INTO audit_events (ts, actor, action, entity_ref, entities, outcome)
SELECT '2020-01-01T00:00:00Z'::timestamptz + n * interval '1 hour',
    'user:' || n % 2, CASE WHEN n % 3 = 0 THEN 'test.third' ELSE 'test.other'
    END, 'test:t' || n, ARRAY['t' || n], 'ok' FROM generate_series(0, 11) n
SQL

sub found {
    my ($query) = @_;
    my $events = $t->api_ok('GET', "/api/audit?$query")->{events};
    return [map { $_->{entity_ref} =~ /^test:t(\d+)$/ ? $1 : 'other' }
        @$events];
}
my $old = 'until=2020-02-01T00:00:00Z';
is_deeply(found($old), [0 .. 11], 'until leaves out what came later');
is_deeply(found('action=test.third'), [0, 3, 6, 9], 'one action');
is_deeply(found('action=test'), [], '... by its whole name');
is_deeply(found('since=2020-01-01T03:00:00Z&until=2020-01-01T06:00:00Z'),
    [3, 4, 5], 'a period has its begin and not its end');
is_deeply(found('since=2020-01-01T04:00:00%2B01:00&until=2020-01-01T03:00:01Z'),
    [3], '... in any zone');
is_deeply(found('action=test.third&actor=user:0&since=2020-01-01T01:00:00Z'),
    [6], 'all of them together');
my @all;
my $cursor = '';
do {
    my $page = $t->api_ok('GET', "/api/audit?action=test.other&limit=3$cursor");
    push @all, map { $_->{entity_ref} } @{$page->{events}};
    $cursor = defined $page->{next_cursor}
        ? "&cursor=$page->{next_cursor}" : undef;
} while (defined $cursor && @all < 20);
is_deeply(\@all, [map { "test:t$_" } 1, 2, 4, 5, 7, 8, 10, 11],
    'pages keep to the filter, each event once');

$t->done;
