#!/usr/bin/perl
# A POST answers 2xx only when Redis has the change, also when it is repeated.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Test;

my $t = Asgard::Test->new;
$t->start;
$t->admin_token;
my %body = (name => 'late', owner_email => 'o@example.com',
    manager_email => 'm@example.com');
sub register {
    return $t->api('POST', '/api/projects', {%body},
        'Idempotency-Key' => 'late-1');
}

$t->{redis}->freeze;
my $first = register();
is($first->status, 503, 'while Redis does not answer a change is 503');
is($first->json->{code}, 'delivery_pending', '... delivery_pending');
my ($id) = $first->json->{error} =~ /(proj-\d{4}-\d{4}) is recorded/;
ok($id, '... and names what was recorded');
is($first->header('retry-after'), 1, '... with Retry-After');
my $again = register();
is($again->status, 503, 'its repetition is 503 too');
is($again->json->{code}, 'delivery_pending', '... delivery_pending');
$t->{redis}->thaw;

my $last = register();
is($last->status, 201, 'when Redis is back the repetition succeeds');
is($last->json->{project_id}, $id, '... with the project of the first');
is($t->{postgres}->value('SELECT count(*) FROM outbox'
    . ' WHERE sent_at IS NULL'), 0, '... and Redis has it');
my $listed = $t->api_ok('GET', '/api/projects')->{projects};
is(scalar(grep { $_->{name} eq 'late' } @$listed), 1, 'it was made once');

$t->done;
