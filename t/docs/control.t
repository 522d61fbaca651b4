#!/usr/bin/env perl
# asgard-ctl/README.md has every route, command and role of the program.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(slurp top);

sub source { slurp(top() . "/asgard-ctl/$_[0]") }

my $page = source('README.md');

my $table = source('http/routes.c');
my ($project) = $table =~ /#define PROJECT "([^"]+)"/;
my @routes;
while ($table =~ /\{"([A-Z]+)",\s(PROJECT(?:\s"[^"]*")?|"[^"]+"),\s
    CTL_RULE_(\w+),[^}]*?(\w+)\}/gx) {
    my ($method, $path, $rule, $handler) = ($1, $2, $3, $4);
    $path =~ s/^PROJECT/$project/;
    $path =~ s/[" ]//g;
    push @routes, {line => "$method $path", handler => $handler,
        rule => $rule};
}
cmp_ok(scalar(@routes), '>', 10, 'the routes were found');
my @told;
push @told, "$1 $2" while $page =~ /^\| ([A-Z]+) \| `([^`]+)` \|/mg;
is_deeply([sort @told], [sort map { $_->{line} } @routes],
    'every route stands there');

# Who may enter: one word of the page for each rule.
my %who = (OPEN => 'anybody', SIGNED_IN => 'signed in', SESSION => 'a session',
    READ => 'may read', ASK => 'may ask', PROJECT_SEE => 'sees the project',
    PROJECT_STEER => 'steers the project',
    REQUEST => 'may ask', DECIDE => 'decides', ADMIN => 'administrator',
    LINK => 'who has the token of a link',
    (map { $_ => 'own, no agent' } qw(OWN_TOKENS OWN_TOKENS_READ)),
    (map { $_ => 'own, a person' } qw(OWN_AGENTS OWN_AGENTS_READ)));
for my $route (@routes) {
    my ($method, $path) = split / /, $route->{line};
    my ($told) = $page =~ /^\| $method \| `\Q$path\E` \|.* \| (.*) \|$/m;
    is($told, $who{$route->{rule}}, "$route->{line}: who may enter");
}

# The fields of a body or query, route by route.
my %fields;
for my $file (qw(auth_routes token_routes user_routes project_routes
    life_routes group_routes approver_routes key_routes budget_routes
    ledger_routes ask_routes service_routes resource_routes secret_routes)) {
    my $text = source("http/$file.c");
    while ($text =~ /^CTL_HANDLER\((\w+)\)(.*?)^\}/msg) {
        my ($handler, $body) = ($1, $2);
        $fields{$handler} = [$body =~ /\{"(\w+)", (?:CTL_JSON|&)/g];
    }
}
for my $route (@routes) {
    my ($method, $path) = split / /, $route->{line};
    my ($cell) = $page =~ /^\| $method \| `\Q$path\E` \| (.*) \|$/m;
    my %here = map { $_ => 1 } ($cell // '') =~ /`(\w+)`/g;
    ok($here{$_}, "$route->{line}: $_")
        for @{$fields{$route->{handler}} // []};
}

my ($commands) = $page =~ /^## Commands\n(.*?)^## /ms;
my @known = source('main.c') =~ /^\s*\{"(\w+)", ctl_command_\w+, "/mg;
cmp_ok(scalar(@known), '>', 5, 'the commands were found');
for my $name (@known, qw(serve validate)) {
    like($commands, qr/`$name[ `]/, "the command $name stands there");
}

# What a command takes: by its own source, by --help, by the table.
my $help = source('main.c');
my @taken = map { slurp($_) =~ /strcmp\([^;]*?"(--[a-z]+)"/g }
    glob top() . '/asgard-ctl/proc/command_*.c';
cmp_ok(scalar(@taken), '>', 4, 'the options were found');
for my $option (@taken) {
    my @usages = $help =~ /^    \{"\w+", \w+,\s+((?:"[^"]*"\s*)+),/mg;
    ok((grep { /\Q$option\E\b/ } @usages), "--help has $option");
}
while ($help =~ /^    \{"(\w+)", \w+,\s+((?:"[^"]*"\s*)+),/mg) {
    my ($name, $usage) = ($1, $2);
    my $rows = join ' ', $commands =~ /^\| (.*`$name[ `].*?) \|/mg;
    for my $word ($usage =~ /(?<!\w)(--[a-z]+|[A-Z][-A-Z]{1,})\b/g) {
        like($rows, qr/(?<![\w-])\Q$word\E(?![\w-])/,
            "the table says that $name takes $word");
    }
}
my @roles = source('proc/role.c') =~ /\[CTL_ROLE_\w+\] = \{"(\w+)"/g;
is_deeply([sort($page =~ /^\| `(\w+)` \| .* \| .* \|$/mg)], [sort @roles],
    'every role stands there');

done_testing();
