#!/usr/bin/perl
# The API tells of itself: every route that the manual lists, its fields, and
# no other.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(slurp top);
use Asgard::Test;

my $t = Asgard::Test->new;
$t->start;
my $reply = $t->get('/api/openapi.json');
is($reply->status, 200, 'anybody reads how the API is called');
like($reply->header('content-type'), qr{^application/json}, '... as JSON');
my $document = $reply->json;
like($document->{openapi}, qr/^3\.1\./, '... of OpenAPI 3.1');

my %told;
for my $path (keys %{$document->{paths}}) {
    $told{uc($_) . " $path"} = $document->{paths}{$path}{$_}
        for keys %{$document->{paths}{$path}};
}
my $page = slurp(top() . '/asgard-ctl/README.md');
my (%manual, @differs);
while ($page =~ /^\| ([A-Z]+) \| `([^`]+)` \| (.*)\| [^|]*\|$/mg) {
    $manual{"$1 $2"} = $3 if $2 !~ m{^/internal/};
}
is_deeply([sort keys %told], [sort keys %manual],
    'it has the routes of the manual');
my @unknown;
for my $route (sort keys %told) {
    my %known = map { $_ => 1 } $manual{$route} =~ /`(\w+)`/g;
    my $body = $told{$route}{requestBody};
    my @fields = map { $_->{in} && $_->{in} eq 'query' ? $_->{name} : () }
        @{$told{$route}{parameters}};
    push @fields, keys %{$body->{content}{'application/json'}{schema}
        {properties}} if $body;
    push @unknown, map { "$route: $_" } grep { !$known{$_} } @fields;
    my @fine = grep { /^2/ } keys %{$told{$route}{responses}};
    push @unknown, "$route: no success" if !@fine;
}
is_deeply(\@unknown, [], '... and fields that stand there');

# Each name that is referred to is there.
my $text = $reply->body;
my %refs = map { $_ => 1 } $text =~ m{"#/components/([\w/]+)"}g;
cmp_ok(scalar(keys %refs), '>', 10, 'schemas are referred to');
for my $ref (sort keys %refs) {
    my ($kind, $name) = split m{/}, $ref;
    ok($document->{components}{$kind}{$name}, "... $name is there");
}

$t->done;
