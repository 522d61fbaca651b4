# What a key may use is what it sees, and what it may not use does not exist.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Asgard::Stage;

my $s = Asgard::Stage->new(workers => 1);
$s->model(route => 'one', ref => 'model:default/one', aliases => ['gpt-4o']);
$s->model(route => 'two', ref => 'model:default/two');
$s->model(route => 'secret', data_classes => ['public']);
my $project = $s->project;
my $all = $s->key($project);
my $some = $s->key($project, models => ['model:default/one']);
my $route = $s->key($project, models => ['two']);
$s->start;

sub get { my ($key, $path) = @_;
    return $s->get($path, 'Authorization', "Bearer $key->{key}") }
sub ids { return [sort map { $_->{id} } @{get($_[0], '/v1/models')->json
    ->{data}}] }

is_deeply(ids($all), [qw(gpt-4o one secret two)],
    'a key without a list sees every route and alias');
is_deeply(ids($some), [qw(gpt-4o one)],
    'a key for a ref sees its route and aliases');
is_deeply(ids($route), ['two'], 'a key for a route sees that route');
my $list = get($all, '/v1/models');
is($list->at('object'), 'list', 'the list has the shape of OpenAI');
is_deeply([sort keys %{$list->at('data', 0)}],
    [qw(created id object owned_by)], '  … and so have its entries');
unlike($list->body, qr/"test"/, 'no entry names the provider');
ok($list->trace, 'the list has a trace id');
is($s->get('/v1/models')->status, 401, 'without a key there is no list');

for my $id ('one', 'model:default/one', 'model:default%2Fone',
    'model:default%2fone', 'gpt-4o') {
    my $reply = get($all, "/v1/models/$id");
    is($reply->status, 200, "$id is found");
    is($reply->at('id'), $id =~ s/%2f/\//ir, '  … under that name');
}
my $unknown = get($some, '/v1/models/nothing');
my $denied = get($some, '/v1/models/two');
is(Asgard::Stage::verdict($unknown), '404 model_not_found',
    'an unknown model is not found');
is($denied->body, $unknown->body, 'a model that is not granted is the same');
is(Asgard::Stage::verdict(get($all, "/v1/models/$_")), '404 not_found',
    "$_ is no path") for 'o%6ee', 'model%3adefault/one', 'one%2e';

sub chat { return $s->chat($_[0], {model => $_[1]}) }
is(chat($all, $_)->status, 200, "$_ can be called")
    for 'one', 'gpt-4o', 'model:default/one';
is(chat($all, 'gpt-4o')->at('model'), 'gpt-4o',
    'the answer names what was asked for');
my $no = chat($some, 'two');
is(Asgard::Stage::verdict($no), '404 model_not_found',
    'a call of a model that is not granted is refused');
is($no->body, chat($some, 'nothing')->body,
    '  … byte for byte like one that is not there');
is(chat($all, 'one:status=200')->status, 200, 'an echo takes options');

is(Asgard::Stage::verdict(chat($all, 'secret')), '403 policy_denied',
    'data of a class that the model is not cleared for stays here');
my $open = $s->key($s->project(data_class => 'public'));
is(chat($open, 'secret')->status, 200, 'data of its class goes');
sub gateway { return $s->post($_[0], '/api/gateway/chat',
    $s->chat_body({model => $_[1], data_class => $_[2]})) }
is(Asgard::Stage::verdict(gateway($all, 'secret', 'public')),
    '403 policy_denied', 'what a call says of its data cannot widen');
my $denied_class = gateway($all, 'one', 'restricted');
is(Asgard::Stage::verdict($denied_class), '403 policy_denied',
    '  … it narrows');
is($denied_class->at('error', 'rule_id'), 'data-class',
    '  … by the rule that is named');
is($denied_class->at('error', 'data_class'), 'restricted',
    '  … for the class that counts');
is(Asgard::Stage::verdict(gateway($all, 'one', 'odd')), '400 invalid_value',
    'a class that does not exist is refused');

sub header { return $s->chat($_[0], {model => $_[1]}, 'x-asgard-data-class',
    $_[2]) }
is(Asgard::Stage::verdict(header($all, 'one', 'restricted')),
    '403 policy_denied', 'a header narrows as well');
is(header($all, 'one', 'public')->status, 200,
    '  … and cannot widen: the class of the project counts');
is(Asgard::Stage::verdict(header($all, 'secret', 'public')),
    '403 policy_denied', '  … also where it would open a model');
is(header($open, 'secret', 'public')->status, 200,
    '  … of a project whose data is public it goes');
my $odd = header($all, 'one', 'odd');
is(Asgard::Stage::verdict($odd), '400 invalid_value',
    'a header with another class is refused');
is($odd->at('error', 'param'), 'x-asgard-data-class', '  … by its name');
for my $two (['public', 'restricted'], ['restricted', 'public']) {
    is(Asgard::Stage::verdict($s->chat($all, {model => 'one'},
        map { ('x-asgard-data-class' => $_) } @$two)), '403 policy_denied',
        "of two headers the strictest counts: @$two");
}
is(Asgard::Stage::verdict($s->chat($all, {model => 'one'},
    map { ('x-asgard-data-class' => $_) } qw(public odd))),
    '400 invalid_value', '  … and each must be a class');

$s->done;
