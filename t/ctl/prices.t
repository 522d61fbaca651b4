#!/usr/bin/perl
# `prices`: every active model has a price and it is known where it comes from;
# a map in LiteLLM's format becomes the operator's own table, at once or not.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(spill slurp);
use Asgard::Test;

my $t = Asgard::Test->new(gateway => 0, empty_database => 1,
    without_money => 1, without_shipped => 1);
my $ctl = $t->{control};
my $own = "$t->{dir}/prices.json";
my $map = "$t->{dir}/map.json";

sub service {
    my ($id, @models) = @_;
    $ctl->write_service($id, "id: $id\ninference:\n  kind: openai-compatible\n"
        . "  base_url: http://127.0.0.1:9/v1\n  models:\n"
        . join '', map { "    - ref: model:$id/$_\n" } @models);
}

sub check {
    my ($status, $out, $err) = $ctl->run('prices', 'check');
    return ($status, "$out$err");
}

service('a', "gpt-5.4\n", "gpt-5\n      price: {cached: 0.3}\n",
    "mine\n      cost_in: 0.001\n      cost_out: 0.002\n",
    "gpt-5.1\n      price: {in: 1, out: 10}\n",
    "nothing\n      free: true\n");
my ($status, $said) = check();
is($status, 0, 'a catalog whose models all have a price is right');
like($said, qr/^model:a\/gpt-5\.4\s+table gpt-5\.4$/m,
    'a price of the table is told');
like($said, qr/^model:a\/gpt-5\s+table gpt-5; (.*)$/m, 'and an override');
is(($said =~ /table gpt-5; (.*)/)[0],
    'overridden: cached; differs from gpt-5 in: cached', '... of what');
like($said, qr/^model:a\/mine\s+manifest$/m, 'and one of the manifest');
like($said, qr/^model:a\/gpt-5\.1\s+manifest; differs from gpt-5\.1 in: in, /m,
    'and that it differs from the table');
like($said, qr/^model:a\/nothing\s+free$/m, 'and what is free');
is(($said =~ /^(5 active.*)/m)[0], '5 active models: 2 by the table that ships,'
    . ' 0 by your own, 2 by the manifest, 1 free; 1 overridden, 2 not as in'
    . ' the table; 0 modules refused', 'and the sums');

service('b', "unpriced\n");
($status, $said) = check();
is($status, 1, 'a module with a model without a price is refused');
like($said, qr{^b\s+refused: \S+/b/service\.yaml:6: "ref" has no price}m,
    '... with file and line');

# --- show

my (undef, $partly, $unknown) = $ctl->run('prices', 'show', 'model:a/mine');
like($partly, qr/as it is charged/, 'without tables the files are shown');
like($unknown, qr/what projects pay by the API is not known/,
    '... and that more may be');
$ctl->run_ok('migrate');
my $out = $ctl->run_ok('prices', 'show', 'gpt-5.4');
my %row = map { my ($name, @rest) = split; $name => \@rest }
    split /\n/, $out =~ s/model:.*//sr;
is_deeply($row{standard},
    [qw(standard>272000 priority flex batch)], 'the tiers of a model');
is_deeply($row{in}, [qw(2.5 5 5 1.25 1.25)], 'its prices per million, exact');
is_deeply($row{cached}, [qw(0.25 0.5 0.5 0.13 -)],
    '... and what is not said is not made up');
$out = $ctl->run_ok('prices', 'show', 'model:a/mine');
like($out, qr/as it is charged.*^in\s+1\n.*^out\s+2\n.*^cached\s+1\n/ms,
    'a model of the catalog as it is charged');
is(($ctl->run('prices', 'show', 'nobody'))[0], 1, 'an unknown name');

# --- import

spill($map, <<'JSON');
{"sample_spec": {"input_cost_per_token": "USD"},
 "unpriced": {"mode": "chat", "input_cost_per_token": 1.00000000000005e-06,
  "output_cost_per_token": 2e-06, "input_cost_per_image": 0.1,
  "input_cost_per_token_above_128k_tokens": 3e-06,
  "output_cost_per_token_priority": 4e-06},
 "gpt-5.4": {"input_cost_per_token": 7e-06, "output_cost_per_token": 8e-06},
 "asked": {"input_cost_per_token": 1e-06, "output_cost_per_token": 2e-06,
  "input_cost_per_request": 0.005},
 "picture": {"mode": "image_generation", "output_cost_per_image": 0.04}}
JSON
$out = $ctl->run_ok('prices', 'import', $map);
like($out, qr/^\Q$own\E: 2 models; left out: 2 models .* 3 fields/,
    'an import says what it took and left out');
like($out, qr/\(1 of them cost something per request, which is not charged\)/,
    'and of how many a price by token is not all that they cost');
is((stat $own)[2] & 07777, 0644, 'the table is there for the daemon to read');
($status, $said) = check();
is($status, 0, 'what had no price has one') or diag($said);
like($said, qr/^model:b\/unpriced\s+table unpriced \(own\)$/m,
    '... of the own table');
like($said, qr/^model:a\/gpt-5\.4\s+table gpt-5\.4 \(own\)$/m,
    'which goes before the shipped one');
$out = $ctl->run_ok('prices', 'show', 'unpriced');
like($out, qr/your own table.*^in\s+1\.000001\s+3\s+-\n/ms,
    'digits that the unit does not have are rounded up');

my ($audit) = $t->{postgres}->value(q{SELECT action || ' ' ||
    (data->>'models') || ' ' || (data->>'sha256') FROM audit_events
    WHERE action LIKE 'prices.%'});
my ($sha) = split ' ', `sha256sum $own`;
is($audit, "prices.imported 2 $sha", 'the audit log has the import');

my $before = slurp($own);
for (['a map whose only price is no number',
    '{"a":{"input_cost_per_token":"1"}}',
    qr/map\.json:1: "a" is left out: it has a price that is no number/],
    ['a text that is cut', '{"a":{"input_cost_per_token":1',
    qr/map\.json:1: is no JSON/],
    ['a map without a model', '{}', qr/has no model with a price/]) {
    my ($what, $text, $why) = @$_;
    spill($map, $text);
    ($status, $out, my $err) = $ctl->run('prices', 'import', $map);
    is($status, 1, "$what is refused");
    like($err, $why, '... with the reason');
    is(slurp($own), $before, '... and the old table stays');
}
is_deeply([glob "$own.*"], [], 'no half-written file is left');

spill($map, '{"c":{"input_cost_per_token":1e-6,"output_cost_per_token":0},'
    . "\n" . '"text":{"input_cost_per_token":"1e-6",'
    . '"output_cost_per_token":1e-6}}');
($status, $out, my $err) = $ctl->run('prices', 'import', $map);
is($status, 0, 'a map with a price that is text is imported');
like($err, qr/map\.json:2: "text" is left out: it has a price that is no n/,
    '... and the model named that has none');
like($out, qr/1 models; left out: 1 models .* among them 1 with a price/,
    '... and counted');
unlike(slurp($own), qr/"text"/, '... and is not in the table');

$t->{postgres}->stop;
($status, $out, $err) = $ctl->run('prices', 'import', $map);
is($status, 0, 'an import without a database counts');
like($err, qr/no audit entry was written/, '... and says what is missing');
like(slurp($own), qr/^"c": /m, '... and is there');
$t->{postgres}->start;

spill($own, '{"a":{"input_cost_per_token":"1"}}');
($status, $said) = check();
is($status, 1, 'an own table with a price that is text is refused');
like($said, qr/\Q$own\E:1: "a" has a price that is no number/,
    '... with file and line');
spill($own, '{"broken"');
($status, $said) = check();
is($status, 1, 'an own table that is broken refuses the whole catalog');
like($said, qr/\Q$own\E:1: expects ":"/, '... with file and line');
# --- one of each

unlink $own;

service('a', "gpt-5.4\n");
like((check())[1], qr/^1 active model: .*; 1 module refused$/m,
    'one model is a model, one module a module');

$t->done;
