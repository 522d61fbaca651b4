# What is printed and what goes to the JSON file: one record a figure row.
#
# A target is {figure => [sign, bound]}; each says beside its figure whether it
# was met.
package Bench::Table;

use strict;
use warnings;
use JSON::PP ();
use Asgard::Files qw(spill);

my $line = "%-30s %8s %6s %7s %7s %7s %6s %8s  %s\n";
my @records;

sub head {
    my ($title) = @_;
    printf "\n$line", $title, 'calls/s', 'ratio', 'p50 ms', 'p99 ms',
        'CPU us', 'ratio', 'Redis us', 'target';
}

sub number { my ($format, $n) = @_;
    return defined $n && $n ? sprintf $format, $n : '' }

# `0.50 or more: missed`, for each figure that has a target.
sub verdicts {
    my ($row) = @_;
    my @said;
    for my $figure (sort keys %{$row->{target} // {}}) {
        my ($sign, $bound) = @{$row->{target}{$figure}};
        next if !defined $row->{$figure};
        my $met = $sign eq '>=' ? $row->{$figure} >= $bound
            : $row->{$figure} <= $bound;
        push @said, "$figure $sign $bound " . ($met ? 'met' : 'MISSED');
        $row->{met}{$figure} = $met ? JSON::PP::true : JSON::PP::false;
    }
    return join ', ', @said;
}

# Ratios to `bare` are figured here and nowhere else.
sub compare {
    my ($row, $bare) = @_;
    return if !$bare;
    $row->{ratio} = $row->{rps} / $bare->{rps} if $row->{rps} && $bare->{rps};
    $row->{cpu_ratio} = $row->{gateway_us} / ($bare->{gateway_us} || 1)
        if $row->{gateway_us};
}

sub show {
    my ($group, $row, $bare) = @_;
    compare($row, $bare);
    my $gateway = $row->{once} ? undef : $row->{gateway_us};
    my $verdicts = verdicts($row);
    printf $line, $row->{name}, number('%.0f', $row->{rps}),
        number('%.2f', $row->{ratio}), number('%.2f', $row->{p50_ms}),
        number('%.2f', $row->{p99_ms}), number('%.1f', $gateway),
        number('%.2f', $row->{cpu_ratio}),
        number('%.1f', $row->{governed} ? $row->{redis_us} : undef), $verdicts;
    print "    $row->{bad} answers were not 2xx\n"
        if $row->{bad} && !$row->{refused};
    show_processes($row) if $row->{governed};
    keep($group, $row);
}

sub show_processes {
    my ($row) = @_;
    printf "    us a call: %s\n", join ', ', map {
        sprintf '%s %.0f', $_, $row->{"${_}_us"} }
        qw(gateway redis ctl postgres backend);
}

# A figure that is no row of calls: its name, its text, {figure => value}.
sub say_figures {
    my ($group, $name, $row) = @_;
    $row->{name} = $name;
    my $verdicts = verdicts($row);
    printf "%-46s %s%s\n", $name, $row->{text},
        length $verdicts ? "  ($verdicts)" : '';
    keep($group, $row);
}

sub keep {
    my ($group, $row) = @_;
    my %kept = map { $_ => $row->{$_} }
        grep { !/^(?:all|lua|url|once|text)$/ } keys %$row;
    $kept{$_} = 0 + sprintf '%.4g', $kept{$_}
        for grep { defined $kept{$_} && !ref $kept{$_}
            && $kept{$_} =~ /^[\d.e+-]+$/ } keys %kept;
    push @records, {group => $group, %kept};
}

sub write_json {
    my ($file, $about) = @_;
    spill($file, JSON::PP->new->canonical->pretty->encode(
        {%$about, rows => \@records}));
}

1;
