# Rows 39-42: bodies that are no JSON, say a thing twice, name no model, or are
# larger in some way than any prompt: refused before anything is looked up, in
# little time and memory.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Abuse;
use Asgard::Files qw(is_sanitized);
use Asgard::Work qw(cpu_ms grows_less memory_kb);

my $t = Asgard::Abuse->new;
$t->start;

my $good = $t->chat_body({model => 'one'});
my %body = ('chat/completions' => $good,
    'completions' => qq({"model":"one","prompt":"$t->{prompt}"}),
    'embeddings' => qq({"model":"one","input":"$t->{prompt}"}));

sub sent {
    my ($body, $route) = @_;
    return $t->post($t->{key}, '/v1/' . ($route // 'chat/completions'), $body);
}

# One row: the body of each route, changed, is refused.
sub everywhere_row {
    my ($row, $what, $change, @refusal) = @_;
    $t->row($row, $what, sub {
        for my $route (sort keys %body) {
            note($route);
            local $_ = $body{$route};
            $t->refused(sent($change->(), $route), @refusal);
        }
    });
}

# The good body with a tool whose schema is this.
sub schema {
    my ($schema) = @_;
    return $good =~ s/\}$/,"tools":[{"type":"function","function":{"name":"f",/r
        . qq("parameters":$schema}}]});
}

# --- 39 -----------------------------------------------------------------------

my %broken = ('truncated' => sub { substr $_, 0, -1 },
    'truncated in a string' => sub { substr $_, 0, index($_, 'canary') },
    'one brace' => sub { '{' }, 'trailing bytes' => sub { $_ . 'x' },
    'a trailing comma' => sub { s/\}$/,}/r }, 'two documents' => sub { $_ x 2 },
    'two documents, a line each' => sub { "$_\n$_" },
    'a BOM' => sub { "\xef\xbb\xbf$_" },
    'UTF-16' => sub { join '', map { "$_\0" } split // },
    'a list' => sub { "[$_]" }, 'null' => sub { 'null' },
    'a string' => sub { '"x"' }, 'HTML' => sub { '<html>' },
    'a NUL after it' => sub { "$_\0" }, 'spaces' => sub { ' ' x 100 });
everywhere_row(39, $_, $broken{$_}, 400, 'invalid_json')
    for sort keys %broken;

# Whatever stands in for the text of a message.
sub with_text {
    my ($text) = @_;
    return $good =~ s/\Q$t->{prompt}\E/$text/r;
}

for (['a byte that is no UTF-8', "a\xff"], ['a cut sequence', "a\xe2\x82"],
    ['an overlong slash', "\xc0\xaf"], ['an overlong NUL', "\xc0\x80"],
    ['a surrogate in UTF-8', "\xed\xa0\x80"],
    ['beyond U+10FFFF', "\xf4\x90\x80\x80"], ['a lone high surrogate',
        '\ud83d'], ['a lone low surrogate', '\ude00'],
    ['two high surrogates', '\ud83d\ud83d'], ['a raw control byte', "a\x01"],
    ['a raw line end', "a\n"], ['an escape that is none', '\x41'],
    ['half an escape', '\u00e'])
{
    my ($what, $text) = @$_;
    $t->row(39, "$what in a text", sub {
        $t->refused(sent(with_text($text)), 400, 'invalid_json');
    });
}
$t->row(39, 'bad UTF-8 in a key', sub {
    $t->refused(sent($good =~ s/"model"/"model\xff"/r), 400, 'invalid_json');
});
$t->row(39, 'the same as it should be: served', sub {
    $t->served(sent(with_text('\ud83d\ude00 \u0000 ' . "\xf0\x9f\x98\x80")));
});

# --- 40 -----------------------------------------------------------------------

for (['model', '"model":"one"'], ['model, one escaped', '"m\u006fdel":"one"'],
    ['max_tokens', '"max_tokens":50', 'max_tokens'],
    ['messages', '"messages":[{"role":"user","content":"x"}]', 'messages'],
    ['stream', '"stream":false,"str\u0065am":true', 'stream'])
{
    my ($what, $members, $param) = @$_;
    $t->row(40, "$what twice", sub {
        $t->refused(sent($_), 400, 'duplicate_key', param => $param // 'model')
            for $good =~ s/\}$/,$members}/r, $good =~ s/^\{/{$members,/r;
    });
}
$t->row(40, 'twice in a nested object', sub {
    $t->refused(sent($good =~ s/"role"/"role":"user","r\\u006fle"/r), 400,
        'duplicate_key', param => 'messages[0].role');
});
$t->row(40, 'twice in a schema that is passed on unread', sub {
    $t->refused(sent(schema('{"a":{"b":1,"b":2}}')), 400, 'duplicate_key',
        param => 'tools[0].function.parameters.b');
});
$t->row(40, 'the same name in two objects: served', sub {
    $t->served(sent($good =~ s/\}$/,"metadata":{"model":"x"}}/r));
});

# --- 41 -----------------------------------------------------------------------

for (['a NUL escape', '"one\u0000"'], ['a NUL escape alone', '"\u0000"'],
    ['a line end', '"one\n"'], ['DEL', '"one\u007f"'],
    ['300 characters', '"' . 'm' x 300 . '"'],
    ['257 characters, escaped', '"' . '\u006d' x 257 . '"'],
    ['../x', '"../x"'], ['a/../b', '"a/../b"'], ['escaped dots',
        '"\u002e\u002e/x"'], ['a number', '1'], ['true', 'true'],
    ['null', 'null'], ['a list', '["one"]'], ['an object', '{"one":1}'],
    ['empty', '""'])
{
    my ($what, $model) = @$_;
    everywhere_row(41, "model: $what", sub { s/"one"/$model/r }, 400,
        'invalid_value', param => 'model');
}
everywhere_row(41, 'no model', sub { s/"model":"one",?//r =~ s/,\}/}/r },
    400, 'missing_field', param => 'model');

# --- 42 -----------------------------------------------------------------------

sub deep { my ($n, $a, $b) = @_; return $a x $n . '1' . $b x $n }

my %limit = (
    'depth 10,000 of lists'      => '{"x":' . deep(10_000, '[', ']') . '}',
    'depth 10,000 of objects'    => deep(10_000, '{"a":', '}'),
    'depth 10,000 in a schema'   => schema(deep(10_000, '{"a":', '}')),
    'depth 65'                   => schema(deep(61, '{"a":', '}')),
    'depth 500,000 without end'  => '{"x":' . '[' x 500_000,
    '100,000 keys'               => schema('{' . join(',',
        map { "\"k$_\":1" } 1 .. 100_000) . '}'),
    '100,000 keys in many objects' => schema('{"anyOf":[' . join(',',
        map { '{"a":1}' } 1 .. 100_000) . ']}'),
    '100,000 escaped keys'       => schema('{' . join(',',
        map { "\"\\u006b$_\":1" } 1 .. 100_000) . '}'),
    'a key of 1 MB'              => schema('{"' . 'k' x (1 << 20) . '":1}'),
    'an escaped key of 1 MB'     => schema('{"' . '\u006b' x 180_000 . '":1}'),
    'a key of 1,025 bytes'       => schema('{"' . 'k' x 1025 . '":1}'),
    'a key of 1 MB at the top'   => $good =~ s/^\{/'{"' . 'k' x (1 << 20)
        . '":1,'/er,
);

my ($worker) = $t->{gateway}->workers;
my $ms_max = is_sanitized() ? 200 : 10;
for my $what (sort keys %limit) {
    $t->row(42, $what, sub {
        $t->refused(sent($limit{$what}), 400, 'json_limit');
        my $n = 10;
        my ($cpu, $memory) = (cpu_ms($worker), memory_kb($worker));
        sent($limit{$what}) for 1 .. $n;
        my $each = (cpu_ms($worker) - $cpu) / $n;
        cmp_ok($each, '<', $ms_max, "under $ms_max ms of the worker")
            or diag("$each ms");
        grows_less($worker, $memory, 4 << 10, 'and memory that is given back');
        note(sprintf '%s: %.2f ms', $what, $each);
    });
}
$t->row(42, 'at the limits: served', sub {
    my $deepest = schema(deep(60, '{"a":', '}'));
    my $keys = schema('{' . join(',', map { "\"k$_\":1" } 1 .. 9_980) . '}');
    $t->served(sent($_)) for $deepest, $keys,
        schema('{"' . 'k' x 1024 . '":1}');
});

$t->done;
