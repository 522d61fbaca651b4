# What routing costs: a call that is translated against one that is passed on,
# and one whose first two candidates fail against one that has a single one.
#
# `ratio` and the gateway's us are to the first row of each group, which is
# governed too: bare proxy_pass stands in the sizes.
package Bench::Routing;

use strict;
use warnings;
use Bench::Load qw(measure);
use Bench::Stage;
use Bench::Table;

my $chat = $Bench::Stage::chat;

# [name, model] of each row; more is what stands in the body.
sub compare {
    my ($stage, $group, $title, $more, @rows) = @_;
    my @measured = map { {name => $_->[0], governed => 1,
        url => $stage->url($chat), lua => $stage->wrk_script(
            Bench::Stage::body(600, $_->[1], $more))} } @rows;
    measure($stage, @measured);
    Bench::Table::head($title);
    Bench::Table::show($group, $_, $measured[0]) for @measured;
}

sub translation {
    my ($stage) = @_;
    compare($stage, 'translation', 'kind anthropic, 600 B', '',
        ['passed on, JSON', 'bench'], ['translated, JSON', 'claude']);
    compare($stage, 'translation', 'kind anthropic, 100 events',
        '"stream":true,', ['passed on, stream', 'flow'],
        ['translated, stream', 'claude-flow']);
}

sub fallback {
    my ($stage) = @_;
    compare($stage, 'fallback', 'three candidates, 600 B', '',
        ['one candidate', 'bench'], ['two refuse at connect', 'refusing'],
        ['two answer 503', 'failing']);
}

1;
