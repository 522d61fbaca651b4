# A key may have names of its own for models. They go before those of its
# project, which go before the catalog's; a chain, a loop or a name that is no
# model is refused by its field, and a change is in force on every worker.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Test;

my $WORKERS = 3;
my $t = Asgard::Test->new(workers => $WORKERS, redis_deadline => '5s',
    routing =>
    "num_retries: 0\nmodel_alias_map: {default: one}\n");
my %up = map { $_ => $t->upstream($_) } qw(one two three);
$t->add_service($_, $up{$_}, models => [{ref => "model:$_/$_",
    route => $_}]) for sort keys %up;
$t->start;
my $project = $t->project(budget_usd => '10');
my $key = $t->key(project => $project);
my $other = $t->key(project => $project);
my $path = "/api/projects/$project/keys";

sub patch { my ($k, $aliases) = @_;
    return $t->api('PATCH', "$path/$k->{id}", {aliases => $aliases}) }
sub served_by {
    my ($who, $model, $n) = @_;
    my %before = map { $_ => $up{$_}->count } keys %up;
    my @said = $t->in_parallel($n // 1, sub {
        my $reply = $t->chat($who, {model => $model});
        return $reply->status == 200 ? $reply->at('model') : $reply->code;
    });
    my %said = map { $_ => 1 } @said;
    return join ' ', sort keys %said if !$said{$model};
    return join ' ', grep { $up{$_}->count > $before{$_} } sort keys %up;
}
sub listed {
    my ($who) = @_;
    return join ' ', sort map { $_->{id} }
        @{$t->get('/v1/models', Asgard::Test::bearer($who))->at('data')};
}

is(served_by($key, 'fast'), 'model_not_found', 'a name that nobody has');
my $reply = patch($key, {fast => 'two'});
is($reply->status, 200, 'a key gets a name of its own');
is_deeply($reply->at('aliases'), {fast => 'two'}, 'the answer has it');
is($reply->at('key'), undef, 'and not the key');
is(served_by($key, 'fast', 4 * $WORKERS), 'two',
    'its calls may use it at once, on every worker');
is(served_by($other, 'fast'), 'model_not_found', 'and no other key\'s');

is($t->api('PATCH', "/api/projects/$project", {aliases => {default => 'two',
    team => 'three'}})->status, 200, 'the project has names too');
is(served_by($other, 'default'), 'two',
    'a project\'s go before the catalog\'s');
patch($key, {default => 'three', mine => 'team', fast => 'model:one/one'});
is(served_by($key, 'default', 4 * $WORKERS), 'three',
    'a key\'s go before its project\'s');
is(served_by($key, 'mine'), 'three', 'and may stand for one of those');
is(served_by($key, 'fast'), 'one', 'or for a ref');
is(served_by($other, 'default'), 'two', 'another key has what it had');
is(listed($key), 'default echo fast mine one team three two',
    'they are listed, each once');
is(listed($other), 'default echo one team three two', 'for that key alone');
is($t->get('/v1/models/mine', Asgard::Test::bearer($key))->at('id'), 'mine',
    'one of them can be asked for');
is($t->get('/v1/models/mine', Asgard::Test::bearer($other))->status, 404,
    'not by others');

my $narrow = $t->key(project => $project, models => ['fast'],
    aliases => {fast => 'two'});
is(served_by($narrow, 'fast'), 'two', 'a key is made with a name, and may use '
    . 'that name alone');
is(served_by($narrow, 'two'), 'model_not_found', 'not what stands behind it');
my ($shown) = grep { $_->{id} eq $narrow->{id} }
    @{$t->api('GET', $path)->at('keys')};
is_deeply($shown->{aliases}, {fast => 'two'}, 'a list of keys shows it');

# both lists as long as they may be: a record goes through the cache whole
my @models = map { "m$_-" . 'x' x 190 } 1 .. 9;
my %most = map { ("n$_-" . 'x' x 220 => 'two') } 1 .. 4;
my $full = $t->key(project => $project, models => [@models, 'fast'],
    aliases => {%most, fast => 'two'});
is(served_by($full, 'fast', 4 * $WORKERS), 'two',
    'a key with long lists is served') for 1 .. 2;
is(served_by($full, 'two'), 'model_not_found', 'by what they say');

my @wrong = ([{a => 'b', b => 'one'}, 'aliases.a', 'a chain'],
    [{a => 'b', b => 'a'}, 'aliases.a', 'a loop'],
    [{x => 'one', y => 'y'}, 'aliases.y', 'a name for itself'],
    [{x => 'one', y => 'nobody'}, 'aliases.y', 'what is no model'],
    [{y => 'echo:latency_ms=5'}, 'aliases.y', 'options of the echo'],
    [[], 'aliases', 'a list'], [undef, 'aliases', 'null'],
    ['x', 'aliases', 'a text'], [{a => 1}, 'aliases', 'a number'],
    [{a => ''}, 'aliases', 'nothing'], [{'' => 'one'}, 'aliases', 'no name'],
    [{a => "b\nc"}, 'aliases', 'a control character'],
    [{map { ("name-$_" => 'one') } 1 .. 33}, 'aliases', 'too many'],
    [{map { ("n$_" . 'x' x 200 => 'one') } 1 .. 6}, 'aliases', 'too long']);
for my $case (@wrong) {
    my ($aliases, $field, $what) = @$case;
    for my $answer (patch($key, $aliases), $t->api('POST', $path,
        {name => 'bad', aliases => $aliases}))
    {
        is($answer->status . ' ' . ($answer->at('code') // ''),
            '400 invalid_value', "$what is refused");
        like($answer->at('error'), qr/^\Q$field\E /, 'by its field');
    }
}
is(served_by($key, 'default'), 'three', 'and nothing of it stays');

is($t->api('PATCH', "$path/00000000-0000-4000-8000-000000000000",
    {aliases => {}})->at('code'), 'key_not_found', 'a key that is not there');
my $elsewhere = $t->project(budget_usd => '1');
is($t->api('PATCH', "/api/projects/$elsewhere/keys/$key->{id}",
    {aliases => {}})->at('code'), 'key_not_found', 'or another project\'s');

is(patch($key, {})->status, 200, 'all of them are taken away');
is(served_by($key, 'default', 4 * $WORKERS), 'two',
    'and the project\'s names hold again, on every worker');
is(served_by($key, 'fast'), 'model_not_found', 'the others are gone');
my @events = grep { $_->{action} eq 'key.updated' }
    @{$t->api('GET', "/api/audit?entity=$key->{id}")->at('events')};
is(scalar @events, 3, 'each change is an event of the audit log');

$t->done;
