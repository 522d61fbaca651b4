# The settings that docs/clients.md shows, as files: a reader copies them, so a
# test takes them from there and nowhere else.
#
#     my $text = snippet('Continue', url => $t->url, key => $key);
package Asgard::Snippets;

use strict;
use warnings;
use Carp qw(croak);
use Exporter qw(import);

use Asgard::Files qw(slurp top);

our @EXPORT_OK = qw(snippet);

# The code under the heading, with this address and key for those of the page.
sub snippet {
    my ($heading, %here) = @_;
    my $page = slurp(top() . '/docs/clients.md');
    my ($section) = $page =~ /^## \Q$heading\E\n(.*?)(?=^## )/ms
        or croak "no section $heading";
    my ($code) = $section =~ /^```\w+\n(.*?)^```$/ms
        or croak "no code under $heading";
    croak "the code under $heading names no address"
        if $code !~ s{https://gateway\.example\.com(?=/v1")}{$here{url}}g
        && $code !~ s{https://gateway\.example\.com(?=/v1$)}{$here{url}}mg;
    $code =~ s/asg_YOUR_KEY/$here{key}/g;
    return $code;
}

1;
