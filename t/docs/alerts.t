#!/usr/bin/env perl
# The alerts and the dashboard that ship are such as Prometheus takes, are of
# metrics that are there, and an alert stands for each row of "Worth an alarm".
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use File::Temp qw(tempdir);
use JSON::PP ();
use Test::More;

use Asgard::Files qw(slurp spill top);

sub source { slurp(top() . "/$_[0]") }

system(top() . '/scripts/promtool-env') == 0 or die "no promtool\n";
my $promtool = top() . '/build/promtool/promtool';
my $alerts = top() . '/conf/prometheus-alerts.yml';
my $dir = tempdir('/tmp/asgard-alerts-XXXXXX', CLEANUP => 1);

sub told { my @said = `@_ 2>&1`; return ($? == 0, join '', @said) }

my ($ok, $said) = told($promtool, 'check', 'rules', $alerts);
ok($ok, 'promtool takes the alerts') or diag($said);

# Every alert's expression, by Prometheus' own parser and engine: without a
# fault none fires, and with the fault of its row each does.
my %fault = (
    AsgardGatewayDown => ['up{job="asgard",instance="g"} 1', '0x40'],
    AsgardPartitionsShut => ['asgard_partitions_open', '15x40'],
    AsgardWorkersUnheard => ['asgard_workers_unheard', '1x40'],
    AsgardStoreDown => ['asgard_ctl_up{store="redis"}', '0x40'],
    AsgardRedisDown => ['asgard_redis_up', '0x40'],
    AsgardFailMode => ['asgard_fail_mode_in_effect', '1x40'],
    AsgardChangesLate => ['asgard_channel_up', '0x40'],
    AsgardRedisMayEvict => ['asgard_redis_may_evict', '1x40'],
    AsgardJournalNearlyFull => ['asgard_journal_slots_used', '80x40'],
    AsgardCountersWrong => ['asgard_counters_wrong', '0+1x40'],
    AsgardOvershoot => ['asgard_overshoot_total', '0+1x40'],
    AsgardBadUsage => ['asgard_bad_usage_total', '0+1x40'],
    AsgardUnknownOutcomes => ['asgard_unknown_total', '0+1x40'],
    AsgardWitnessFails => ['asgard_spool_errors_total', '0+1x40'],
    AsgardUsageCopied => ['asgard_usage_events_copied', '0+1x40'],
    AsgardLedgerBehind => ['asgard_usage_backlog{partition="1"}', '30000x40'],
    AsgardProviderKeyLeaks => ['asgard_key_leaks_total', '0+1x40'],
    AsgardProviderKeyRefused => ['asgard_upstream_auth_failures_total',
        '0+1x40'],
    AsgardGuardrailServiceFails => ['asgard_guardrail_hook_failed_total',
        '0+1x40'],
    AsgardEndpointCooled => ['asgard_endpoint_state{endpoint="e"}', '2x40'],
    AsgardNoticesGivenUp => ['asgard_notices_dead', '0+1x40'],
    AsgardResourceFailed => ['asgard_resources_need_attention', '1x40'],
    AsgardJobsStuck => ['asgard_jobs_oldest_seconds', '0+60x40'],
    AsgardCatalogRefused => ['asgard_catalog_refused', '1x40'],
    AsgardCatalogOld => ['asgard_catalog_version', '6x40'],
    AsgardTokensGuessed => ['asgard_bad_tokens_refused_total', '0+1x40'],
);
my %well = ('up{job="asgard",instance="g"}' => 1, asgard_partitions_open => 16,
    'asgard_ctl_up{store="redis"}' => 1, asgard_redis_up => 1,
    asgard_channel_up => 1, asgard_journal_slots => 100,
    asgard_journal_slots_used => 10, asgard_catalog_version => 7,
    asgard_catalog_version_announced => 7,
    map { $_->[0] =~ s/ 1$//r => 0 } grep { $_->[1] !~ /^(?:0x|15|80|6x)/ }
        values %fault);

my @names = source('conf/prometheus-alerts.yml') =~ /- alert: (\w+)/g;
is_deeply([sort @names], [sort keys %fault], 'each alert is tried');

sub tried {
    my ($fault, $value) = @_;
    my %series = (%well, $fault ? ($fault => $value) : ());
    return "  - interval: 1m\n    input_series:\n" . join('', map {
        my $at = $series{$_} =~ /x/ ? $series{$_} : "$series{$_}x40";
        "      - series: '$_'\n        values: '$at'\n" } sort keys %series)
        . "    promql_expr_test:\n";
}
my $test = "rule_files: [$alerts]\nevaluation_interval: 1m\ntests:\n";
for my $name (@names, undef) {
    my ($series, $value) = $name ? @{$fault{$name}} : ();
    $series =~ s/ 1$// if $name;
    $test .= tried($series, $value)
        . "      - expr: count by (alertname) (ALERTS{alertstate=\"firing\"})\n"
        . "        eval_time: 30m\n        exp_samples: ["
        . ($name ? "{labels: '{alertname=\"$name\"}', value: 1}" : '') . "]\n";
}
spill("$dir/test.yml", $test);
($ok, $said) = told($promtool, 'test', 'rules', "$dir/test.yml");
ok($ok, 'each alert fires at its fault, and none without one') or diag($said);

# What they and the dashboard speak of is on the page.
my $page = source('docs/metrics.md');
my %told = map { $_ => 1 } $page =~ /^\| `(asgard_\w+)`/mg;
my $dashboard = JSON::PP->new->utf8->decode(
    source('conf/grafana-dashboard.json'));
my @targets = map { @{$_->{targets}} } @{$dashboard->{panels}};
cmp_ok(scalar @targets, '>', 20, 'the dashboard has questions');
for my $text (source('conf/prometheus-alerts.yml'),
    map { $_->{expr} } @targets)
{
    my @unknown = grep { !$told{$_} && !$told{s/_bucket$//r} }
        $text =~ /\b(asgard_\w+)/g;
    is("@unknown", '', 'all its metrics are in docs/metrics.md');
}

# Each question of the dashboard is one to Prometheus, too.
my $rules = "groups:\n  - name: dashboard\n    rules:\n";
my $n = 0;
for my $target (@targets) {
    my $expr = $target->{expr} =~ s/\$__rate_interval/5m/gr;
    $rules .= "      - record: q" . $n++ . "\n        expr: '$expr'\n";
}
spill("$dir/dashboard.yml", $rules);
($ok, $said) = told($promtool, 'check', 'rules', "$dir/dashboard.yml");
ok($ok, 'promtool takes each question of the dashboard') or diag($said);

# What a fail mode does is to be seen, and which one it is.
my @asked = map { $_->{expr} } @targets;
for my $metric (grep { /^asgard_fail_mode/ } sort keys %told) {
    ok((grep { /\b$metric\b/ } @asked), "the dashboard asks for $metric");
}
my ($which) = grep { /asgard_fail_mode\b/ } @asked;
my $of = 'job="asgard",instance="g"';
my %value = ("asgard_fail_mode_in_effect{$of}" => 1,
    map { ("asgard_fail_mode{mode=\"$_\",$of}" => $_ eq 'local' || 0) }
        qw(closed local open));
spill("$dir/mode.yml", "tests:\n  - interval: 1m\n    input_series:\n"
    . join('', map { "      - series: '$_'\n        values: '$value{$_}x9'\n" }
        sort keys %value)
    . "    promql_expr_test:\n      - expr: '$which'\n        eval_time: 5m\n"
    . "        exp_samples: [{labels: '{instance=\"g\",mode=\"local\"}',"
    . " value: 1}]\n");
($ok, $said) = told($promtool, 'test', 'rules', "$dir/mode.yml");
ok($ok, '... and shows the mode that is in effect') or diag($said);

my ($rows) = $page =~ /^## Worth an alarm\n(.*)/ms;
my $text = source('conf/prometheus-alerts.yml');
my @rows = $rows =~ /^\| ([^|]*`asgard_[^|]*)\|/mg;
cmp_ok(scalar @rows, '>', 10, 'the page has rows worth an alarm');
for my $row (@rows) {
    my @missing = grep { $text !~ /\b$_\b/ } $row =~ /`(asgard_\w+)`/g;
    is("@missing", '', "an alert for: $row");
}

done_testing();
