#!/usr/bin/env perl
# docs/errors.md has every code that the sources can answer with, and no other.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(slurp top);

my $page = slurp(top() . '/docs/errors.md');
my ($data, $control, $commands) =
    split /^## Control plane$|^### Of commands only$/m, $page;

sub rows_of {
    my ($text) = @_;
    my %rows;
    while ($text =~ /^\| `(\w+)` \| (.*) \|$/mg) {
        $rows{$1} = [split / \| /, $2];
    }
    return %rows;
}

# --- the data plane: word for word the table of core/reason.c

sub reasons {
    my $source = slurp(top() . '/ngx_asgard_module/core/reason.c');
    my %word = $source =~ /^#define\s+(\w+)\s+"([^"]+)"/mg;
    my %retry = (NEVER => 'no', LATER => 'later', UNSAID => '-');
    my %all;
    while ($source =~ /\[ASG_REASON_(\w+)\]\s*=\s*\{\s*(\d+),\s*ASG_RETRY_(\w+),
        \s*"?(\w+)"?,\s*"(\w+)",\s*((?:"[^"]*"\s*)+)\}/gx) {
        my ($name, $status, $retry, $type, $code, $text) =
            ($1, $2, $3, $4, $5, $6);
        next if $name eq 'NONE';
        $text = join '', $text =~ /"([^"]*)"/g;
        $all{$code} = [$status, '`' . ($word{$type} // $type) . '`',
            $retry{$retry}, $text];
    }
    return %all;
}

my %reason = reasons();
# A refusal's rule may be lifted for one call: outcome.c does it for these.
like(slurp(top() . '/ngx_asgard_module/ngx_http_asgard_outcome.c'),
    qr/ctx->may_retry = /, 'some failures may pass');
$reason{$_}[2] .= ', or -' for qw(upstream_error upstream_timeout);
my ($table) = split /^### /m, $data;
my %told = rows_of($table);
my $enum = slurp(top() . '/ngx_asgard_module/core/reason.h');
my %names = map { $_ => 1 } $enum =~ /\bASG_REASON_([A-Z_]+)\b/g;
delete @names{qw(NONE COUNT H)};
is(scalar(keys %reason), scalar(keys %names),
    'every reason of the module was read');
is_deeply([sort keys %told], [sort keys %reason],
    'the page has the codes of the data plane');
for my $code (sort keys %reason) {
    is_deeply($told{$code}, $reason{$code}, "$code stands there as it is");
}

# --- the control plane: every code of asgard-ctl

# The code is the first text of the call, or the first two of a choice.
sub codes_of {
    my ($source) = @_;
    my @codes;
    while ($source =~ /\bctl_error_(?:set|field|away)\s*\(([^"]*)"(\w+)"
        (?:\s*:\s*"(\w+)")?/gx) {
        my ($before, @found) = ($1, $2, $3);
        next if $before =~ /[;{]/;
        my ($status) = $before =~ /\b(\d{3})\b/;
        push @codes, map { [$_, $status] } grep { defined } @found;
    }
    return @codes;
}

my (%code, %status);
for my $file (split /\n/, `find @{[top()]}/asgard-ctl -name '*.c'`) {
    next if $file =~ m{/base/error\.c$};
    for my $found (codes_of(slurp($file))) {
        $code{$found->[0]} = 1;
        $status{$found->[0]}{$found->[1]} = 1 if defined $found->[1];
    }
}
my %answered = rows_of($control);
my %printed = rows_of($commands);
cmp_ok(scalar(keys %code), '>', 20, 'the codes of asgard-ctl were found');
is_deeply([sort(keys %answered, keys %printed)],
    [sort(keys %code, 'internal_error')],
    'the page has the codes of asgard-ctl, each once');
for my $known (sort keys %answered) {
    my @seen = sort keys %{$status{$known} // {}};
    is_deeply([$answered{$known}[0]], \@seen, "$known has its status")
        if @seen;
}
is(scalar(grep { length $_->[-1] < 20 } values %told, values %answered,
    values %printed), 0, 'each is explained');

done_testing();
