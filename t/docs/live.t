#!/usr/bin/env perl
# What the documents say is what running servers say.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use File::Temp qw(tempdir);

use Asgard::Files qw(slurp spill top);
use Asgard::Test;

my $t = Asgard::Test->new->start;
my $key = $t->key(project => $t->project(budget_usd => '1'));
is($t->chat($key)->status, 200, 'a call is answered');
system(top() . '/scripts/promtool-env') == 0 or die "no promtool\n";
my $promtool = top() . '/build/promtool/promtool';
my $dir = tempdir('/tmp/asgard-live-XXXXXX', CLEANUP => 1);

my $page = slurp(top() . '/docs/metrics.md');
my (undef, $module, $ctl) = split m{^## `/metrics[^\n]*\n}m, $page;
($module) = split /^## /m, $module;
($ctl) = split /^## /m, $ctl;

for (['/metrics', $module], ['/metrics/ctl', $ctl]) {
    my ($path, $text) = @$_;
    my $reply = $t->get($path);
    is($reply->status, 200, "$path needs no token");
    my %type = $reply->body =~ /^# TYPE (\w+) (\w+)$/mg;
    my %told = $text =~ /^\| `(\w+)` \| (\w+) \|/mg;
    is_deeply(\%told, \%type, "$path has the metrics of the page");
    # a histogram has three series of one name
    my %named = map { $_ => 1 } map {
        my $of = s/_(?:bucket|sum|count)$//r;
        ($type{$of} // '') eq 'histogram' ? $of : $_
    } $reply->body =~ /^(asgard_\w+)/mg;
    is_deeply([sort keys %named], [sort keys %type],
        'and a figure of each');
    spill("$dir/metrics", $reply->body);
    is(`$promtool check metrics < $dir/metrics 2>&1`, '',
        'promtool has nothing against them');
}

# Data plane and control plane refuse in the shapes and with the codes told.
my $errors = slurp(top() . '/docs/errors.md');
my $none = $t->post(undef, '/v1/chat/completions', '{}');
is_deeply([sort keys %{$none->at('error')}], [qw(code message param type)],
    'an error of the data plane has its four members');
like($errors, qr/^\| `@{[$none->code]}` \| @{[$none->status]} \|/m,
    'and a code of the page');
my $poor = $t->chat($t->key(project => $t->project(budget_usd => '0')));
my ($section) = $errors =~ /^### `budget_exceeded`\n(.*?)^### /ms;
my %members = map { $_ => 1 } map { /`(\w+)`/g }
    $section =~ /^\| (`\w+`(?:, `\w+`)*) \|/mg;
is_deeply([sort grep { !/^(?:code|message|param|type)$/ }
    keys %{$poor->at('error')}], [sort keys %members],
    'a refusal by a budget has the further members of the page');
my $strange = $t->api('GET', '/api/projects/none');
is_deeply([sort keys %{$strange->json}], [qw(code error trace_id)],
    'an error of the control plane has its three members');
like($errors, qr/^\| `@{[$strange->code]}` \| @{[$strange->status]} \|/m,
    'and a code of the page');

# The sample of `make run` in the README is what it prints now.
my $readme = slurp(top() . '/README.md');
my ($sample) = $readme =~ /^(    Asgard is running at .*?)\n\n`run\/env`/ms;
my $demo = slurp(top() . '/scripts/demo.sh');
for my $line (split /\n/, $sample // '') {
    my ($words) = $line =~ /^\s*((?:[A-Za-z",:()]+ ?){2,})/ or next;
    $words =~ s/ *(?:http:)?$//;
    my $constant = $words =~ /^(?:answer|Hello)/ ? 'answer' : $words;
    ok(index($demo, $constant) >= 0, "make run prints: $constant");
}

# The shipped modules are what the page of variables says they are.
my ($status, $out) = $t->{control}->run('catalog');
is($status, 0, 'asgard-ctl catalog succeeds');
like($out, qr/^echo\s+active/m, 'echo is active without any variable');
like($out, qr/^openai\s+inactive\s+OPENAI_MASTER_KEY/m,
    'openai says which variable it waits for');

my $example = $t->{control}->run_ok('--help');
for my $command ($readme =~ /`asgard-ctl ([a-z]+)/g) {
    like($example, qr/^$command\b/m, "asgard-ctl has the command $command");
}

$t->done;
