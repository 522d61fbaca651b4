# An operator's own guardrails: patterns and word lists find in requests and in
# answers what they say, and a file that is wrong changes nothing.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use Test::More;

use Asgard::FakeMessages qw(raw_stream);
use Asgard::Files qw(wait_until);
use Asgard::OneModel qw(one_model_stage);
use Asgard::Spool qw(money_of);
use Asgard::Stage;

my ($s, $up, $project, $key) = one_model_stage();
my $json = JSON::PP->new->canonical->utf8;
my $dir = $s->{gateway}{dir};

sub words_file { my ($name, $text) = @_;
    open my $out, '>', "$dir/$name" or die "$dir/$name: $!";
    print $out $text;
    close $out;
    return "$dir/$name" }
sub restart_with { my ($line) = @_;
    my ($old) = $s->{gateway}->workers;
    $s->{gateway}->write_conf(http_conf => $line);
    $s->{gateway}->reload;
    return wait_until(sub { !grep { $_ == $old } $s->{gateway}->workers }, 10)
}
sub ask { my ($text, $path) = @_;
    return $s->post($key, $path // '/v1/chat/completions', {model => 'one',
        max_tokens => 50, messages => [{role => 'user', content => $text}]}) }
sub sent { return $json->decode($up->last_request->{body})
    ->{messages}[0]{content} }
sub told { my ($text, $path) = @_;
    $up->script({text => $text});
    return ask('hi', $path) }
sub streamed { my ($texts, %how) = @_;
    my $events = join '', map { 'data: ' . $json->encode({id => 'c',
        model => 'hidden', choices => [{index => 0,
        delta => {content => $_}}]}) . "\n\n" } @$texts;
    $up->script({raw => raw_stream($events . 'data: {"id":"c","model":"hidden"'
        . ',"choices":[],"usage":{"prompt_tokens":10,"completion_tokens":20}}'
        . "\n\ndata: [DONE]\n\n"), %how});
    return $s->chat($key, {model => 'one', stream => JSON::PP::true()}) }
sub metric { my ($in, $rule, $action) = @_;
    my ($n) = $s->get('/metrics')->body =~ /^asgard_guardrail_calls_total
        \{in="$in",rule="$rule",action="$action"\}\s(\d+)$/mx;
    return $n }

my $names = words_file('names.txt', "# people\nProject Falcon\nZo\xc3\xab\n");
my @many = map { "codeword$_" } 1 .. 5000;
my $codes = words_file('codes.txt', join "\n", @many, '');
ok(restart_with(qq(
    asgard_guardrail ticket pattern "\\bTCK-\\d{6}\\b" requests=redact
        answers=redact category=internal;
    asgard_guardrail names words $names requests=block answers=block caseless;
    asgard_guardrail codes words $codes requests=flag answers=allow;
    asgard_guardrail hostile pattern "(?:a+)+[0-9]" requests=redact;
)), 'rules of an operator are loaded');

# --- requests ---

is(ask('see TCK-123456, TCK-1234567')->status, 200, 'a pattern redacts');
is(sent(), 'see [REDACTED:ticket], TCK-1234567', '  … what it matches');
is(metric('request', 'ticket', 'redact'), 1, '  … and is counted');
my $reply = ask("about PROJECT\n falcon", '/api/gateway/chat');
is(Asgard::Stage::verdict($reply), '400 guardrail_blocked',
    'words are found whatever their case and space');
is($reply->at('error', 'rule_id'), 'names', '  … by the rule that is named');
is($reply->at('error', 'category'), 'operator', '  … of its category');
is($reply->at('error', 'param'), 'messages[0].content', '  … at its field');
is(Asgard::Stage::verdict($s->post($key, '/v1/completions',
    '{"model":"one","prompt":"hi ZO\u00cb!"}')), '400 guardrail_blocked',
    '  … letters of any alphabet too');
is(ask('the projects falconry')->status, 200, 'but as whole words alone');
$reply = ask('codeword4999 and codeword5000', '/api/gateway/chat');
is_deeply([map { "$_->{rule_id}:$_->{category}:$_->{action}:$_->{matches}" }
    @{$reply->at('guardrail_verdicts')}], ['codes:operator:flag:2'],
    'one of thousands is found, and is in the verdicts');
is(sent(), 'codeword4999 and codeword5000', '  … and goes on as it is');

$reply = $s->post($key, '/v1/chat/completions', {model => 'one',
    max_tokens => 50, messages => [{role => 'user', content => 'x'},
    {role => 'assistant', content => undef, tool_calls => [{id => 'c',
        type => 'function', function => {name => 'f', arguments =>
        '{"a":"TCK-\\u0031\\u0032\\u0033456 b","TCK-111111":"TCK-222222"}'}}]},
    {role => 'tool', tool_call_id => 'c', content => 'ok'}]});
is($reply->status, 200, 'escapes within the arguments of a tool hide nothing');
is($json->decode($up->last_request->{body})->{messages}[1]{tool_calls}[0]
    {function}{arguments},
    '{"a":"[REDACTED:ticket] b","TCK-111111":"[REDACTED:ticket]"}',
    '  … and they stay JSON of the same names');

my $begun = time;
$reply = ask('a' x 200_000 . 'b');
is(Asgard::Stage::verdict($reply), '400 guardrail_blocked',
    'a search that a limit ended refuses');
is($reply->at('error', 'category'), 'match-limit', '  … and says so');
cmp_ok(time - $begun, '<', 20, '  … soon');

# --- answers ---

is(told('it is TCK-123456')->at('choices', 0, 'message', 'content'),
    'it is [REDACTED:ticket]', 'an answer is redacted');
$reply = told('our Project Falcon');
is(Asgard::Stage::verdict($reply), '400 guardrail_blocked', '  … or refused');
is($reply->at('error', 'rule_id'), 'names', '  … by the rule that is named');
is(money_of($s, $reply), 's 210000', '  … at its cost');
for my $how (['at once'], ['a byte at a time', one_byte => 1]) {
    my ($name, @how) = @$how;
    $reply = streamed(['see TCK-1', '234', '56, T', 'CK-12 ok'], @how);
    is($reply->stream_text, 'see [REDACTED:ticket], TCK-12 ok',
        "a stream that comes $name is redacted over its events");
}
$reply = streamed(["the pro", "ject fal", "con is"]);
my ($last) = reverse $reply->event_objects;
is($last->{error}{rule_id}, 'names', 'a stream is refused over its events');
unlike($reply->body, qr/pro/, '  … before any of the words came out');
is(streamed(['codeword', '17 '])->stream_text, 'codeword17 ',
    'what is allowed in answers passes');

# --- modes and files ---

$s->change_project($project, guardrails => 'monitor');
ok(wait_until(sub { ask('Project Falcon, TCK-123456')->status == 200 }, 5),
    'a project in the mode monitor is noted alone');
is(sent(), 'Project Falcon, TCK-123456', '  … and nothing is changed');
delete $s->{projects}{$project}{guardrails};
$s->change_project($project);
ok(wait_until(sub { ask('Project Falcon')->status == 400 }, 5),
    '  … and then not any more');

my $bad = words_file('bad.txt', "good\nfine\n!wrong\n");
my %wrong = (
    'pattern "a("' => qr/pattern "a\(": missing closing parenthesis at byte 2/,
    'pattern "a*"' => qr/pattern "a\*": it matches the empty text/,
    "words $bad" => qr/word list "\Q$bad\E", line 3: an entry begins with/,
    'words nowhere.txt' => qr/nowhere\.txt" failed/,
    'pattern a requests=drop' => qr/"requests=drop" is none of/,
    'strings a' => qr/"strings" is neither "pattern" nor "words"/,
);
for my $rule (sort keys %wrong) {
    $s->{gateway}->write_conf(http_conf => "asgard_guardrail x $rule;");
    my ($status, $said) = $s->{gateway}->test_conf;
    isnt($status, 0, "x $rule is refused when it is loaded");
    like($said, $wrong{$rule}, '  … and why');
    like($said, qr/in \S+:\d+$/m, '  … with file and line');
}
is(Asgard::Stage::verdict(ask('Project Falcon')), '400 guardrail_blocked',
    'what was loaded before still holds');

# A match that is too long is tried again by PCRE2's interpreter, which asks for
# memory: after a reload, when the cycle that read the pattern first is gone.
ok(restart_with('asgard_guardrail m1 pattern "[a-z]+?(?:(?=[a-z]*+[0-9]1)'
    . '|(?= @))" requests=flag;'), 'a pattern is loaded by a reload');
my @workers = $s->{gateway}->workers;
ask('hello');
is(ask('a' x $_ . ' @')->status, 200, "  … a match of $_ letters")
    for 300, 800, 1000, 1200;
is_deeply([$s->{gateway}->workers], \@workers, '  … end no worker');

$s->done;
