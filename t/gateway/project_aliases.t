# A project may have names of its own for models, and its `default_backend` may
# change under a name that its clients keep.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(wait_until);
use Asgard::Test;

my $t = Asgard::Test->new(workers => 2, routing =>
    "num_retries: 0\nmodel_alias_map: {default: one}\n");
my %up = map { $_ => $t->upstream($_) } qw(one two);
$t->add_service($_, $up{$_}, models => [{ref => "model:$_/$_",
    route => $_}]) for qw(one two);
$t->start;
my $project = $t->project(budget_usd => '10');
my $other = $t->project(budget_usd => '10');
my $key = $t->key(project => $project);
my $narrow = $t->key(project => $project, models => ['default']);
my $stranger = $t->key(project => $other);

sub patch { $t->api('PATCH', "/api/projects/$project", {@_}) }
sub served_by {
    my ($who, $model) = @_;
    my %before = map { $_ => $up{$_}->count } keys %up;
    my $reply = $t->chat($who, {model => $model});
    return $reply->code if $reply->status != 200;
    is($reply->at('model'), $model, "$model is answered under its name");
    return join ' ', grep { $up{$_}->count > $before{$_} } sort keys %up;
}
sub listed {
    my ($who) = @_;
    return join ' ', sort map { $_->{id} }
        @{$t->get('/v1/models', Asgard::Test::bearer($who))->at('data')};
}

is(served_by($key, 'default'), 'one', 'default is what the operator says');
my $reply = patch(default_backend => 'two');
is($reply->status, 200, 'a project gets a default backend');
is($reply->at('default_backend'), 'two', 'the answer has it');
is_deeply($reply->at('aliases'), {default => 'two'}, 'as the name it is');
is(served_by($key, 'default'), 'two', 'from then on it serves the name');
is(served_by($narrow, 'default'), 'two',
    'also for a key that may use this name alone');
is(served_by($narrow, 'two'), 'model_not_found', 'which still may no other');
is(served_by($stranger, 'default'), 'one', 'another project has its own');
is(served_by($key, 'one'), 'one', 'other names are what they were');

$reply = patch(aliases => {fast => 'model:one/one', default => 'two',
    gone => 'nobody'});
is($reply->status, 200, 'a project gets names of its own');
is(served_by($key, 'fast'), 'one', 'which its calls may use');
is(served_by($stranger, 'fast'), 'model_not_found', 'and nobody else\'s');
is(served_by($key, 'gone'), 'model_not_found',
    'a name for a model that is not there is no model');
is(listed($key), 'default echo fast one two', 'they are listed');
is(listed($stranger), 'default echo one two', 'for that project alone');
is(listed($narrow), 'default', 'and by what the key may use');
is($t->get('/v1/models/fast', Asgard::Test::bearer($key))->at('id'), 'fast',
    'one of them can be asked for');

is(patch(default_backend => undef)->at('default_backend'), undef,
    'a default backend is taken away');
is(served_by($key, 'default'), 'one', 'and the name is the operator\'s again');
is(served_by($key, 'fast'), 'one', 'the other names stay');
is(patch(aliases => {})->status, 200, 'all of them are taken away');
is(served_by($key, 'fast'), 'model_not_found', 'then there is none');

my @wrong = (['aliases', []], ['aliases', undef], ['aliases', 'x'],
    ['aliases', {a => 1}], ['aliases', {a => ''}], ['aliases', {'' => 'a'}],
    ['aliases', {a => "b\nc"}], ['aliases', {a => 'x' x 257}],
    ['aliases', {map { ("name-$_" => 'one') } 1 .. 33}],
    ['aliases', {map { ("name-$_" => 'x' x 200) } 1 .. 6}],
    ['default_backend', ''], ['default_backend', 7],
    ['default_backend', {}], ['default_backend', "a\x{0}"]);
for my $case (@wrong) {
    my ($field, $value) = @$case;
    my $answer = patch($field => $value);
    is($answer->status . ' ' . ($answer->at('code') // ''),
        '400 invalid_value', "$field: what cannot be is refused");
    like($answer->at('error'), qr/^$field /, 'by its name');
}
is_deeply($t->api('GET', "/api/projects/$project")->at('aliases'), {},
    'and nothing of it stays');

$t->done;
