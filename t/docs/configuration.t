#!/usr/bin/env perl
# docs/configuration.md names what the code's tables name, no more and no less.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(slurp top);

sub source { slurp(top() . "/$_[0]") }

my $page = source('docs/configuration.md');

# The names in the first column of the tables of one section.
sub named {
    my ($heading) = @_;
    my ($section) = $page =~ /^##+ \Q$heading\E[^\n]*\n(.*?)(?=^##|\z)/ms;
    die "no section $heading" if !defined $section;
    return $section =~ /^\| `([^`]+)`/mg;
}

sub same_names {
    my ($heading, $sentence, @code) = @_;
    die "nothing found in the code for $heading" if @code < 3;
    is_deeply([sort(named($heading))], [sort @code], $sentence);
}

# --- directives and variables

my ($table) = source('ngx_asgard_module/ngx_http_asgard_module.c')
    =~ /ngx_http_asgard_commands\[\]\s*=\s*\{(.*?)ngx_null_command/s;
my @directives = $table =~ /\{ ngx_string\("(\w+)"\)/g;
same_names('nginx: the module', 'every directive stands there', @directives);
my $readme = source('ngx_asgard_module/README.md');
is_deeply([sort { $a cmp $b } $readme =~ /^\| `(asgard\w*)/mg],
    [sort { $a cmp $b } @directives], 'and in the README of the module');

my @variables = source('ngx_asgard_module/ngx_http_asgard_vars.c')
    =~ /\{ ngx_string\("(asgard_\w+)"\), NULL/g;
for my $text ($page, $readme) {
    my %told = map { $_ => 1 } $text =~ /\$(asgard_\w+)/g;
    is_deeply([sort keys %told], [sort @variables],
        'every variable of nginx stands there');
}

# --- asgard-ctl.conf

my ($settings) = source('asgard-ctl/base/config.c')
    =~ /settings\[\] = \{(.*?)\{NULL/s;
my @settings = $settings =~ /\{"(\w+)",/g;
same_names('asgard-ctl.conf', 'every setting stands there', @settings);
my $example = source('conf/asgard-ctl.conf');
for my $name (@settings) {
    like($example, qr/^(?:# )?$name\s/m, "the example file has $name");
}

# --- service.yaml: the tables by name, walked from the top

my %shape;
my $shapes = source('asgard-ctl/catalog/manifest_shape.c');
for my $macro (qw(PRICES MILLION)) {
    my ($prices) = $shapes =~ /^#define $macro \\\n((?:.*\\\n)*.*)/m;
    $shapes =~ s/\b$macro,/$prices,/g;
}
my $one = qr/^(?:static )?const struct ctl_shape (\w+)\[\] = \{(.*?)^\};/ms;
while ($shapes =~ /$one/g) {
    my ($name, $body) = ($1, $2);
    while ($body =~ /\b([A-Z]+)\("(\w+)"(?:,\s*(\w+))?\)
        |\{"(\w+)",\s*CTL_SHAPE_(\w+),\s*\w+,\s*(\w+),/gx) {
        my ($macro, $word, $inner) = ($1, $2, $3);
        my ($field, $kind, $of) = ($4, $5, $6);
        push @{$shape{$name}}, defined $word ? [$word, $macro, $inner]
            : [$field, $kind, $of];
    }
}

sub fields_of {
    my ($name, $prefix) = @_;
    my @all;
    for my $field (@{$shape{$name} or die "no shape $name"}) {
        my ($word, $kind, $inner) = @$field;
        my $path = "$prefix$word";
        push @all, $kind eq 'MAP' ? fields_of($inner, "$path.")
            : $kind eq 'NAMED' ? fields_of($inner, "$path.*.") : $path;
    }
    return @all;
}

my @fields = fields_of('ctl_manifest_shape', '');
same_names('Identity and governance', 'every field of a module stands there',
    grep { !/^inference\./ } @fields);
same_names('Inference', 'and of its inference part',
    grep { /^inference\./ } @fields);
same_names('One model', 'and of a model', fields_of('model', ''));

# --- the routing file

my ($routing) = source('asgard-ctl/catalog/routing.c')
    =~ /struct setting settings\[\] = \{(.*?)\{NULL, NULL\}/s;
my %acts = $routing =~ /\{"(\w+)", (\w+)\}/g;
same_names('Routing', 'every setting of the routing file stands there',
    keys %acts);
for my $name (sort keys %acts) {
    my $word = $acts{$name} eq 'NULL' ? 'not yet' : 'yes';
    like($page, qr/^\| `$name` \| $word \|/m, "whether $name acts is told");
}

# --- the variables of the backends

my %used = map { $_ => 1 } map { slurp($_) =~
    /^\s*(?:base_url_env|api_key_env):\s*(\w+)/mg }
    glob(top() . '/services/*/service.yaml');
cmp_ok(scalar(keys %used), '>', 4, 'the shipped modules name variables');
my ($backends) = $page =~ /^## Variables of the backends\n(.*?)^## /ms;
for my $variable (sort keys %used) {
    like($backends, qr/`$variable`/, "$variable stands there");
}
my ($asked) = $page =~ /^### What ships to be asked for\n(.*?)^### /ms;
for my $folder (glob(top() . '/services/*/')) {
    my ($id) = $folder =~ m{([^/]+)/$};
    like(slurp("$folder/service.yaml") =~ /^inference:/m ? $backends : $asked,
        qr/^\| \Q$id\E \|/m, "the module $id stands there");
}

# --- make run

my ($written) = source('scripts/run')
    =~ /cat > "\$run\/env.new" << ENV\n(.*?)^ENV/ms;
same_names('`make run`', 'what make run writes and reads stands there',
    $written =~ /^(\w+)=/mg,
    qw(run/backends.env run/services/ run/routing.yaml run/prices.json
    run/guardrails*.conf ASGARD_GUARDRAIL_MODE));

done_testing();
