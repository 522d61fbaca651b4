# What every test must leave true, whatever it tested: a quiet error log, no
# sanitizer report, whole workers, secrets nowhere, money that adds up.
#
# Called by Asgard::Test->done; each check is one assertion of the test.
package Asgard::Teardown;

use strict;
use warnings;
use Test::More;

use Asgard::Files qw(slurp);

sub gateways {
    my ($t) = @_;
    return grep { ref } $t->{gateway}, @{$t->{other_gateways} // []};
}

sub controls {
    my ($t) = @_;
    return grep { ref } $t->{control}, @{$t->{other_controls} // []};
}

# The servers still run: money and secrets are read from the live stores.
sub while_running {
    my ($t) = @_;
    my $control = $t->{control};
    if ($control && $control->{process} && !$t->{without_money}) {
        # A test may have stopped it: the ledger catches up when it is back.
        $control->start if !$control->{process}->is_running;
        Asgard::Money::check($t);
    }
    my $keys = $t->{litellm_keys};
    $keys->check if $keys && $keys->proxy->{pid} && $control->{process};
    nothing_in([found_secrets($t)],
        'no secret and no prompt at rest (M14)');
}

# The servers have ended.
sub after_stop {
    my ($t) = @_;
    nothing_in([alerts($t)], 'no alert, emerg or crit in the error log');
    nothing_in([bad_ends($t)], 'every process ended as it should');
    nothing_in([reports($t)], 'no sanitizer report');
}

sub nothing_in {
    my ($lines, $sentence) = @_;
    my @bad = @$lines;
    ok(!@bad, $sentence) or diag(join "\n", splice @bad, 0, 20);
}

sub alerts {
    my ($t) = @_;
    my @allowed = @{$t->{allowed_alerts} // []};
    return grep { my $line = $_; !grep { $line =~ $_ } @allowed }
        grep { /\[(?:alert|emerg|crit)\]/ }
        map { split /\n/, $_->error_log } gateways($t);
}

sub bad_ends {
    my ($t) = @_;
    my @bad;
    for my $gateway (gateways($t)) {
        push @bad, grep {
            /worker process \d+ exited with (?:fatal )?code [1-9]/ }
            split /\n/, $gateway->error_log;
        my $status = $gateway->{process}->status;
        push @bad, "nginx ended with status $status" if $status;
    }
    for my $control (grep { $_->{process} } controls($t)) {
        my $status = $control->{process}->status;
        push @bad, "asgard-ctl ended with status $status: "
            . $control->log_text if $status && !$t->{control_may_fail};
    }
    return @bad;
}

sub reports {
    my ($t) = @_;
    my @bad = map { "$_:\n" . slurp($_) }
        glob("$t->{dir}/asan/report* $t->{dir}/*/asan/report*");
    for my $text ((map { $_->error_log } gateways($t)),
        map { $_->log_text } controls($t)) {
        push @bad, $1 while $text
            =~ /(.*(?:AddressSanitizer|runtime error:|ThreadSanitizer).*)/g;
    }
    return @bad;
}

# Each place at rest with its text.
sub places {
    my ($t) = @_;
    my %place;
    for my $gateway (gateways($t)) {
        $place{'error log'} .= $gateway->error_log;
        $place{'access log'} .= $gateway->access_log;
        $place{spool} .= $gateway->spool;
        my $tmp = ($gateway->{dir} // '') . '/tmp';
        for my $file (glob "$tmp/*/* $tmp/*/*/* $tmp/*/*/*/*") {
            $place{"temp file $file"} = slurp($file);
        }
    }
    $place{'log of asgard-ctl'} .= $_->log_text for controls($t);
    if ($t->{redis} && $t->{redis}{process}->is_running) {
        $place{Redis} = eval { $t->{redis}->dump_text } // '';
        $place{'Redis file'} = join '',
            map { slurp($_) } glob "$t->{redis}{dir}/appendonlydir/*";
    }
    if ($t->{postgres} && $t->{postgres}{process}->is_running) {
        $place{PostgreSQL} = $t->{postgres}->dump_text;
        $place{'PostgreSQL log'} = slurp("$t->{postgres}{dir}.log");
    }
    return %place;
}

sub found_secrets {
    my ($t) = @_;
    my %place = places($t);
    my @bad;
    for my $name (sort keys %{$t->{canaries}}) {
        my $secret = $t->{canaries}{$name};
        for my $where (sort keys %place) {
            push @bad, "$name stands in $where"
                if index($place{$where}, $secret) >= 0;
        }
    }
    return @bad;
}

1;
