#!/usr/bin/env perl
# Groups: as long as none is declared any name is accepted at registration, then
# only those that are; a project without a group always is.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Test;

my $t = Asgard::Test->new;
$t->start;

sub declare { return $t->api('POST', '/api/groups', {@_}) }
sub register { return $t->api('POST', '/api/projects', {name => 'n',
    owner_email => 'o@example.com', manager_email => 'm@example.com', @_}) }
sub refused { my ($reply, $status, $code, $param, $what) = @_;
    is($reply->status, $status, $what) or diag($reply->body);
    is($reply->json->{code}, $code, '... with its code');
    is($reply->json->{param}, $param, '... and the field');
    return }

is_deeply($t->api_ok('GET', '/api/groups'), {open => JSON::PP::true,
    groups => []}, 'with no group declared registration is open');
my $free = register(group => 'whatever');
is($free->status, 201, 'any name is accepted then');
is($free->json->{group}, 'whatever', '... and kept');
is($free->json->{cost_center}, 'whatever', '... and pays');
refused(register(group => 'a b'), 400, 'invalid_value', 'group',
    'but none that is no name');

my $made = declare(key => 'platform', display_name => 'The platform',
    cost_center => 'CC-1');
is($made->status, 201, 'a group is declared') or diag($made->body);
is_deeply([@{$made->json}{qw(key display_name cost_center)}],
    ['platform', 'The platform', 'CC-1'], '... as it was said');
is(declare(key => 'data', display_name => 'Data')->json->{cost_center},
    'data', 'without a cost center it pays by its key');
my $list = $t->api_ok('GET', '/api/groups');
ok(!$list->{open}, 'registration is open no more');
is_deeply([map { $_->{key} } @{$list->{groups}}], ['data', 'platform'],
    '... and the groups are listed');

refused(register(group => 'whatever'), 400, 'invalid_value', 'group',
    'another name is refused now');
my $in = register(group => 'platform');
is($in->status, 201, 'a declared one is accepted');
is($in->json->{cost_center}, 'CC-1', '... and its cost center pays');
is(register()->status, 201, 'a project without a group is accepted as before');
is($t->api_ok('GET', '/api/projects/' . $free->json->{project_id})->{group},
    'whatever', 'what was registered before stays in its group');

refused(declare(key => 'data', display_name => 'again'), 409, 'conflict',
    'key', 'a group is declared once');
refused(declare(display_name => 'x'), 400, 'missing_field', 'key',
    'a group needs a key');
refused(declare(key => 'x'), 400, 'missing_field', 'display_name',
    '... and a name to show');
refused(declare(key => 'a/b', display_name => 'x'), 400, 'invalid_value',
    'key', 'a key is no path');
refused(declare(key => 'x', display_name => "a\nb"), 400, 'invalid_value',
    'display_name', 'a name is one line');
is(scalar(grep { $_->{action} eq 'group.declared' } @{$t->api_ok('GET',
    '/api/audit?entity=platform')->{events}}), 1, 'the audit log has it');
$t->done;
