# The stack that most tests need, started: one fake provider, its one model, a
# project and a key of it.
#
#     my ($t, $up, $project, $key) = one_model(budget_usd => '1');
#
# A call of the model `one` costs $COST nano-USD.  Further words: tokens => 0
# (the provider says what it says by itself), slow => 1 (a second provider with
# a model `slow`, behind the proxy up_slow), inference => {...} of the service,
# aliases => '[...]' of the model, and those of Test.pm.
#
# The same of a gateway alone, whose project has no limit:
#
#     my ($s, $up, $project, $key, $part) = one_model_stage(workers => 2);
package Asgard::OneModel;

use strict;
use warnings;
use Exporter qw(import);

use Asgard::Stage;
use Asgard::Test;

our @EXPORT_OK = qw(one_model one_model_stage $COST);
our $COST = 210_000;

my @tokens = (prompt_tokens => 10, completion_tokens => 20);

sub one_model {
    my (%arg) = @_;
    my ($budget, $slow, $inference, $aliases) = delete @arg{
        qw(budget_usd slow inference aliases)};
    my @says = delete($arg{tokens}) // 1 ? @tokens : ();
    my $t = Asgard::Test->new(workers => 1, %arg);
    my $up = $t->upstream('main', @says);
    $t->add_service('main', $up, inference => $inference // {},
        models => [{ref => 'model:test/one', route => 'one',
            defined $aliases ? (aliases => $aliases) : ()}]);
    $t->add_model($t->upstream('slow', @tokens), ref => 'model:slow/slow',
        route => 'slow', proxy => 1) if $slow;
    $t->start;
    my $project = $t->project(budget_usd => $budget // '1');
    return ($t, $up, $project, $t->key(project => $project));
}

sub one_model_stage {
    my (%arg) = @_;
    my $s = Asgard::Stage->new(workers => 1, %arg);
    my $up = $s->upstream('main', @tokens);
    $s->endpoint(kind => 'openai-compatible', host => '127.0.0.1',
        port => $up->port, host_header => '127.0.0.1');
    $s->model(route => 'one');
    my $project = $s->project(limit => '-');
    my $key = $s->key($project);
    $s->start;
    return ($s, $up, $project, $key, $s->partition(3));
}

1;
