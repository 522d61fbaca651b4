/* core/json.h: grammar, events, bounds, duplicate keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/json.h"

#define SEED  UINT64_C(0x0123456789abcdef)

static asg_json_t json;

/* Walks a copy of exactly that size, so that ASan sees every byte too far. */
static asg_json_fault_t walk(asg_str_t text)
{
    char *copy = malloc(text.len + (text.len == 0));
    asg_json_event_t event;

    assert_non_null(copy);
    if (text.len > 0) {
        memcpy(copy, text.data, text.len);
    }
    asg_json_begin(&json, (asg_str_t) {copy, text.len}, SEED);
    do {
        event = asg_json_next(&json);
    } while (event > ASG_JSON_END);
    assert_int_equal(asg_json_next(&json), event);      /* it stays there */
    assert_int_equal(event == ASG_JSON_END, json.fault == ASG_JSON_OK);
    free(copy);
    return json.fault;
}

static void each_is(const asg_str_t *list, size_t n, asg_json_fault_t fault)
{
    for (size_t i = 0; i < n; i++) {
        if (walk(list[i]) != fault) {
            fail_msg("%.*s: %d", (int) list[i].len, list[i].data,
                     (int) json.fault);
        }
    }
}

#define EACH_IS(list, fault) \
    each_is(list, sizeof(list) / sizeof((list)[0]), fault)

static void every_kind_of_value_may_be_a_document(void **state)
{
    static const asg_str_t good[] = {
        ASG_STR("{}"), ASG_STR("[]"), ASG_STR("null"), ASG_STR("true"),
        ASG_STR("false"), ASG_STR("\"\""), ASG_STR("0"), ASG_STR("-0"),
        ASG_STR("-1.50e+10"), ASG_STR("1E-2"), ASG_STR("1e309"),
        ASG_STR(" \t\r\n[ 1 , 2 ] \n"), ASG_STR("{\"\":{\"\":[{}]}}"),
        ASG_STR("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0000\\uAbCd\""),
        ASG_STR("\"\x7f\""), ASG_STR("[{\"a\":1},{\"a\":2}]")
    };

    (void) state;
    EACH_IS(good, ASG_JSON_OK);
}

static void what_is_not_one_json_value_is_bad(void **state)
{
    static const asg_str_t bad[] = {
        ASG_STR(""), ASG_STR(" "), ASG_STR("{"), ASG_STR("["), ASG_STR("]"),
        ASG_STR("{]"), ASG_STR("[}"), ASG_STR("[1,]"), ASG_STR("[,1]"),
        ASG_STR("[1 2]"), ASG_STR("{\"a\"}"), ASG_STR("{\"a\":}"),
        ASG_STR("{\"a\":1,}"), ASG_STR("{,}"), ASG_STR("{1:2}"),
        ASG_STR("{\"a\" 1}"), ASG_STR("{\"a\":1 \"b\":2}"), ASG_STR("{} {}"),
        ASG_STR("{}x"), ASG_STR("1 2"), ASG_STR("nul"), ASG_STR("nulll"),
        ASG_STR("True"), ASG_STR("'a'"), ASG_STR("NaN"), ASG_STR("Infinity"),
        ASG_STR("[1]]"), ASG_STR("/**/1"), ASG_STR("\0"), ASG_STR("1\0"),
        ASG_STR("\xef\xbb\xbf{}"), ASG_STR("\v1")
    };

    (void) state;
    EACH_IS(bad, ASG_JSON_BAD);
}

static void every_proper_prefix_of_a_document_is_bad(void **state)
{
    static const char text[] =
        "{\"a\":[1.5e-3,true,null,\"x\\ud83d\\ude00\xf0\x9f\x98\x80\"],"
        "\"b\":{}}";

    (void) state;
    for (size_t n = 0; n < sizeof(text) - 1; n++) {
        assert_int_equal(walk((asg_str_t) {text, n}), ASG_JSON_BAD);
    }
    assert_int_equal(walk(ASG_STR(text)), ASG_JSON_OK);
}

static void numbers_follow_the_grammar_exactly(void **state)
{
    static const asg_str_t bad[] = {
        ASG_STR("-"), ASG_STR("+1"), ASG_STR("01"), ASG_STR("-01"),
        ASG_STR("1."), ASG_STR(".5"), ASG_STR("1e"), ASG_STR("1e+"),
        ASG_STR("1.e5"), ASG_STR("0x10"), ASG_STR("1_0"), ASG_STR("--1"),
        ASG_STR("1.5.5"), ASG_STR("1e5.5")
    };

    (void) state;
    EACH_IS(bad, ASG_JSON_BAD);
}

static void strings_refuse_controls_and_broken_escapes(void **state)
{
    static const asg_str_t bad[] = {
        ASG_STR("\"\0\""), ASG_STR("\"\n\""), ASG_STR("\"\x1f\""),
        ASG_STR("\"\\x\""), ASG_STR("\"\\"), ASG_STR("\"\\\""),
        ASG_STR("\"\\u12\""), ASG_STR("\"\\u12g4\""), ASG_STR("\"\\U0041\""),
        ASG_STR("\"\\ud800\""), ASG_STR("\"\\udc00\""),
        ASG_STR("\"\\ud800\\ud800\""), ASG_STR("\"\\ud800x\""),
        ASG_STR("\"\\ud83d\\u0041\""), ASG_STR("\"\\ud83d\\ude0\"")
    };

    (void) state;
    EACH_IS(bad, ASG_JSON_BAD);
}

static void utf8_is_checked_wherever_it_appears(void **state)
{
    static const asg_str_t good[] = {
        ASG_STR("\"\xc2\x80\xdf\xbf\""), ASG_STR("\"\xe0\xa0\x80\""),
        ASG_STR("\"\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf\""),
        ASG_STR("\"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\"")
    };
    static const asg_str_t bad[] = {
        ASG_STR("\"\x80\""), ASG_STR("\"\xc0\x80\""), ASG_STR("\"\xc1\xbf\""),
        ASG_STR("\"\xc2\""), ASG_STR("\"\xe0\x9f\xbf\""),
        ASG_STR("\"\xed\xa0\x80\""), ASG_STR("\"\xed\xbf\xbf\""),
        ASG_STR("\"\xe2\x82\""), ASG_STR("\"\xe2\x82\x41\""),
        ASG_STR("\"\xf0\x8f\xbf\xbf\""), ASG_STR("\"\xf4\x90\x80\x80\""),
        ASG_STR("\"\xf5\x80\x80\x80\""), ASG_STR("\"\xf0\x9f\x98\""),
        ASG_STR("\"\xff\""), ASG_STR("{\"\xff\":1}"), ASG_STR("[\xc2\xa0]")
    };

    (void) state;
    EACH_IS(good, ASG_JSON_OK);
    EACH_IS(bad, ASG_JSON_BAD);
}

static void expect(asg_json_event_t event, const char *token, size_t start)
{
    assert_int_equal(asg_json_next(&json), event);
    assert_true(asg_str_eq_z(json.token, token));
    assert_int_equal(json.start, start);
}

static void each_event_carries_the_raw_token_and_its_place(void **state)
{
    (void) state;
    asg_json_begin(&json, ASG_STR("{\"a\\n\": [1.50, \"x\"], \"b\":null}"),
                   SEED);
    expect(ASG_JSON_OBJECT, "{", 0);
    assert_int_equal(json.depth, 1);
    expect(ASG_JSON_KEY, "a\\n", 1);
    assert_true(json.escaped);
    assert_int_equal(json.end, 6);
    expect(ASG_JSON_ARRAY, "[", 8);
    assert_false(json.escaped);
    assert_int_equal(json.depth, 2);
    expect(ASG_JSON_NUMBER, "1.50", 9);
    expect(ASG_JSON_STRING, "x", 15);
    assert_int_equal(json.end, 18);
    expect(ASG_JSON_ARRAY_END, "]", 18);
    assert_int_equal(json.depth, 1);
    expect(ASG_JSON_KEY, "b", 21);
    expect(ASG_JSON_NULL, "null", 25);
    expect(ASG_JSON_OBJECT_END, "}", 29);
    assert_int_equal(json.depth, 0);
    assert_int_equal(asg_json_next(&json), ASG_JSON_END);
    assert_int_equal(asg_json_next(&json), ASG_JSON_END);
}

static void a_fault_names_its_offset(void **state)
{
    (void) state;
    assert_int_equal(walk(ASG_STR("{\"a\":1,\"b\":tru}")), ASG_JSON_BAD);
    assert_int_equal(json.fault_at, 11);
    assert_int_equal(walk(ASG_STR("[\"ab\n\"]")), ASG_JSON_BAD);
    assert_int_equal(json.fault_at, 4);
    assert_int_equal(walk(ASG_STR("{\"a\":1,\"a\":2}")), ASG_JSON_DUPLICATE);
    assert_int_equal(json.fault_at, 7);
}

static void a_key_that_stands_twice_is_found_in_any_spelling(void **state)
{
    static const asg_str_t twice[] = {
        ASG_STR("{\"model\":1,\"model\":2}"),
        ASG_STR("{\"model\":1,\"m\\u006fdel\":2}"),
        ASG_STR("{\"\\u006dodel\":1,\"model\":2}"),
        ASG_STR("{\"\\u006dodel\":1,\"mode\\u006C\":2}"),
        ASG_STR("{\"\":1,\"\":2}"), ASG_STR("{\"/\":1,\"\\/\":2}"),
        ASG_STR("{\"\\\"a\":1,\"\\u0022a\":2}"),
        ASG_STR("{\"\xc3\xa9\":1,\"\\u00e9\":2}"),
        ASG_STR("{\"\xf0\x9f\x98\x80\":1,\"\\ud83d\\uDE00\":2}"),
        ASG_STR("{\"\\u0000\":1,\"\\u0000\":2}"),
        ASG_STR("[{\"a\":{\"a\":[{\"a\":1}]},\"b\":1,\"a\":0}]")
    };
    static const asg_str_t once[] = {
        ASG_STR("{\"a\":{\"a\":{\"a\":1}},\"b\":[{\"a\":1},{\"a\":2}]}"),
        ASG_STR("{\"a\":1,\"A\":2}"), ASG_STR("{\"a\":1,\"a\\u0000\":2}"),
        ASG_STR("{\"\\\\u0061\":1,\"a\":2}"), ASG_STR("{\"\":1,\" \":2}")
    };

    (void) state;
    EACH_IS(twice, ASG_JSON_DUPLICATE);
    EACH_IS(once, ASG_JSON_OK);
}

/* `n` times `open`, a 1, `n` times `close`. */
static asg_str_t nested(char *out, size_t n, const char *open, char close)
{
    size_t len = 0;

    for (size_t i = 0; i < n; i++) {
        memcpy(out + len, open, strlen(open));
        len += strlen(open);
    }
    out[len++] = '1';
    memset(out + len, close, n);
    return (asg_str_t) {out, len + n};
}

static void depth_64_is_read_and_65_is_too_much(void **state)
{
    static char text[80000];

    (void) state;
    assert_int_equal(walk(nested(text, 64, "[", ']')), ASG_JSON_OK);
    assert_int_equal(walk(nested(text, 65, "[", ']')), ASG_JSON_TOO_MUCH);
    assert_int_equal(walk(nested(text, 64, "{\"a\":", '}')), ASG_JSON_OK);
    assert_int_equal(walk(nested(text, 65, "{\"a\":", '}')),
                     ASG_JSON_TOO_MUCH);
    assert_int_equal(walk(nested(text, 10000, "{\"a\":", '}')),
                     ASG_JSON_TOO_MUCH);
    assert_int_equal(json.fault_at, 64 * 5);
}

/* An object of `n` keys "k0", "k1", … with the value 0. */
static asg_str_t many_keys(char *out, size_t cap, unsigned n)
{
    asg_buf_t b;

    asg_buf_init(&b, out, cap);
    asg_buf_z(&b, "{");
    for (unsigned i = 0; i < n; i++) {
        asg_buf_z(&b, i == 0 ? "\"k" : ",\"k");
        asg_buf_u64(&b, i);
        asg_buf_z(&b, "\":0");
    }
    asg_buf_z(&b, "}");
    assert_true(asg_buf_ok(&b));
    return asg_buf_view(&b);
}

static void ten_thousand_keys_are_read_and_one_more_is_too_much(void **state)
{
    static char text[2000000];
    asg_str_t doc;

    (void) state;
    assert_int_equal(walk(many_keys(text, sizeof(text), 10000)), ASG_JSON_OK);
    assert_int_equal(walk(many_keys(text, sizeof(text), 10001)),
                     ASG_JSON_TOO_MUCH);
    assert_int_equal(walk(many_keys(text, sizeof(text), 100000)),
                     ASG_JSON_TOO_MUCH);
    doc = many_keys(text, sizeof(text), 9999);
    memcpy(text + doc.len - 1, ",\"k4711\":0}", 11);
    doc.len += 10;
    assert_int_equal(walk(doc), ASG_JSON_DUPLICATE);
    assert_int_equal(json.fault_at, doc.len - 10);
}

static asg_str_t long_key(char *out, size_t n)
{
    memcpy(out, "{\"", 2);
    memset(out + 2, 'k', n);
    memcpy(out + 2 + n, "\":0}", 4);
    return (asg_str_t) {out, n + 6};
}

static void a_key_of_1024_bytes_is_read_and_a_longer_one_is_not(void **state)
{
    static char text[1100000];

    (void) state;
    assert_int_equal(walk(long_key(text, 1024)), ASG_JSON_OK);
    assert_int_equal(walk(long_key(text, 1025)), ASG_JSON_TOO_MUCH);
    assert_int_equal(walk(long_key(text, 1 << 20)), ASG_JSON_TOO_MUCH);
    assert_int_equal(json.fault_at, 1);
}

static void two_long_escaped_keys_are_compared_whole(void **state)
{
    static char text[2100];
    asg_buf_t b;

    (void) state;
    for (char last = 'a'; last <= 'b'; last++) {
        asg_buf_init(&b, text, sizeof(text));
        for (int key = 0; key < 2; key++) {
            asg_buf_z(&b, key == 0 ? "{\"" : ",\"");
            for (int i = 0; i < 170; i++) {
                asg_buf_z(&b, "\\u0041");
            }
            asg_buf_put(&b, key == 0 ? "a" : &last, 1);
            asg_buf_z(&b, "\":0");
        }
        asg_buf_z(&b, "}");
        assert_true(asg_buf_ok(&b));
        assert_int_equal(walk(asg_buf_view(&b)),
                         last == 'a' ? ASG_JSON_DUPLICATE : ASG_JSON_OK);
    }
}

static void slots_of_an_earlier_document_are_forgotten(void **state)
{
    (void) state;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(walk(ASG_STR("{\"a\":{\"a\":1}}")), ASG_JSON_OK);
    }
    json.objects = UINT32_MAX - ASG_JSON_KEYS_MAX;      /* about to wrap */
    assert_int_equal(walk(ASG_STR("[{\"a\":1},{\"b\":1}]")), ASG_JSON_OK);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(walk(ASG_STR("{\"a\":{\"a\":1}}")), ASG_JSON_OK);
        assert_int_equal(walk(ASG_STR("{\"a\":1,\"a\":1}")),
                         ASG_JSON_DUPLICATE);
    }
    assert_true(json.objects < 100);
    for (size_t i = 0; i < ASG_JSON_SLOTS; i++) {
        assert_true(json.slots[i].object <= json.objects);
    }
}

static void a_text_above_4_gib_is_refused_unread(void **state)
{
    (void) state;
    asg_json_begin(&json, (asg_str_t) {"1", (size_t) UINT32_MAX + 1}, SEED);
    assert_int_equal(asg_json_next(&json), ASG_JSON_ERROR);
    assert_int_equal(json.fault, ASG_JSON_TOO_MUCH);
}

static void skip_reads_one_value_whole_and_spans_it(void **state)
{
    (void) state;
    asg_json_begin(&json,
        ASG_STR("{\"a\":[1,{\"b\":[]}] ,\"c\":\"s\",\"d\":{}}"), SEED);
    assert_int_equal(asg_json_next(&json), ASG_JSON_OBJECT);
    assert_int_equal(asg_json_next(&json), ASG_JSON_KEY);
    assert_true(asg_json_skip(&json));
    assert_true(asg_str_eq_z(json.token, "[1,{\"b\":[]}]"));
    assert_int_equal(json.start, 5);
    assert_int_equal(json.end, 17);
    expect(ASG_JSON_KEY, "c", 19);
    assert_true(asg_json_skip(&json));
    assert_true(asg_str_eq_z(json.token, "s"));
    assert_int_equal(json.end, 26);
    assert_true(asg_json_skip(&json));          /* nothing to read */
    expect(ASG_JSON_KEY, "d", 27);
    assert_int_equal(asg_json_next(&json), ASG_JSON_OBJECT);
    assert_true(asg_json_skip(&json));
    assert_int_equal(asg_json_next(&json), ASG_JSON_OBJECT_END);
    assert_int_equal(asg_json_next(&json), ASG_JSON_END);
}

static void skip_checks_what_it_skips(void **state)
{
    (void) state;
    asg_json_begin(&json, ASG_STR("{\"a\":{\"b\":1,\"b\":2}}"), SEED);
    assert_int_equal(asg_json_next(&json), ASG_JSON_OBJECT);
    assert_false(asg_json_skip(&json));
    assert_int_equal(json.fault, ASG_JSON_DUPLICATE);
    assert_false(asg_json_skip(&json));
    assert_int_equal(asg_json_next(&json), ASG_JSON_ERROR);
    asg_json_begin(&json, ASG_STR("[[1]"), SEED);
    assert_int_equal(asg_json_next(&json), ASG_JSON_ARRAY);
    assert_false(asg_json_skip(&json));
}

static void unescape_gives_the_characters(void **state)
{
    char storage[64];
    asg_buf_t b;

    (void) state;
    asg_buf_init(&b, storage, sizeof(storage));
    assert_true(asg_json_unescape(ASG_STR(
        "a\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0000\\u007F\\u00e9\\u20AC"
        "\\ud83d\\ude00\xc3\xa9"), &b));
    assert_true(asg_str_eq(asg_buf_view(&b), ASG_STR(
        "a\"\\/\b\f\n\r\t\0\x7f\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\xc3\xa9")));
}

static void unescape_writes_nothing_that_does_not_fit(void **state)
{
    char storage[8];
    asg_buf_t b;

    (void) state;
    asg_buf_init(&b, storage, 4);
    assert_true(asg_json_unescape(ASG_STR("\\ud83d\\ude00"), &b));
    asg_buf_init(&b, storage, 3);
    assert_false(asg_json_unescape(ASG_STR("\\ud83d\\ude00"), &b));
    assert_int_equal(b.len, 0);
    asg_buf_init(&b, storage, 3);
    assert_false(asg_json_unescape(ASG_STR("ab\\ncd"), &b));
    assert_int_equal(b.len, 0);
    asg_buf_init(&b, storage, sizeof(storage));
    assert_false(asg_json_unescape(ASG_STR("\\ud83d"), &b));
    assert_false(asg_json_unescape(ASG_STR("\\"), &b));
}

static bool spells(asg_str_t document, const char *z)
{
    asg_json_begin(&json, document, SEED);
    assert_int_equal(asg_json_next(&json), ASG_JSON_STRING);
    return asg_json_is(&json, z);
}

static void is_honours_escapes_and_length(void **state)
{
    (void) state;
    assert_true(spells(ASG_STR("\"model\""), "model"));
    assert_true(spells(ASG_STR("\"m\\u006fde\\u006c\""), "model"));
    assert_true(spells(ASG_STR("\"\\ud83d\\ude00!\""), "\xf0\x9f\x98\x80!"));
    assert_true(spells(ASG_STR("\"\""), ""));
    assert_false(spells(ASG_STR("\"model\\u0000\""), "model"));
    assert_false(spells(ASG_STR("\"mode\\u006d\""), "model"));
    assert_false(spells(ASG_STR("\"mod\\u0065\""), "model"));
    assert_false(spells(ASG_STR("\"mod\\u0065ls\""), "model"));
    assert_false(spells(ASG_STR("\"mode\""), "model"));
    assert_false(spells(ASG_STR("\"\\u0000\""), ""));
}

static bool is_integer(asg_str_t document, int64_t expected)
{
    int64_t n = 77;

    asg_json_begin(&json, document, SEED);
    assert_int_equal(asg_json_next(&json), ASG_JSON_NUMBER);
    return asg_json_int(&json, &n) ? n == expected : (assert_int_equal(n, 77),
                                                      false);
}

static void an_integer_has_no_fraction_and_no_exponent(void **state)
{
    (void) state;
    assert_true(is_integer(ASG_STR("10"), 10));
    assert_true(is_integer(ASG_STR("-1"), -1));
    assert_true(is_integer(ASG_STR("-0"), 0));
    assert_true(is_integer(ASG_STR("9223372036854775807"), INT64_MAX));
    assert_false(is_integer(ASG_STR("9223372036854775808"), 0));
    assert_false(is_integer(ASG_STR("1.0"), 1));
    assert_false(is_integer(ASG_STR("1e1"), 10));
    assert_false(is_integer(ASG_STR("1e309"), 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_value_may_be_a_document),
        cmocka_unit_test(what_is_not_one_json_value_is_bad),
        cmocka_unit_test(every_proper_prefix_of_a_document_is_bad),
        cmocka_unit_test(numbers_follow_the_grammar_exactly),
        cmocka_unit_test(strings_refuse_controls_and_broken_escapes),
        cmocka_unit_test(utf8_is_checked_wherever_it_appears),
        cmocka_unit_test(each_event_carries_the_raw_token_and_its_place),
        cmocka_unit_test(a_fault_names_its_offset),
        cmocka_unit_test(a_key_that_stands_twice_is_found_in_any_spelling),
        cmocka_unit_test(depth_64_is_read_and_65_is_too_much),
        cmocka_unit_test(ten_thousand_keys_are_read_and_one_more_is_too_much),
        cmocka_unit_test(a_key_of_1024_bytes_is_read_and_a_longer_one_is_not),
        cmocka_unit_test(two_long_escaped_keys_are_compared_whole),
        cmocka_unit_test(slots_of_an_earlier_document_are_forgotten),
        cmocka_unit_test(a_text_above_4_gib_is_refused_unread),
        cmocka_unit_test(skip_reads_one_value_whole_and_spans_it),
        cmocka_unit_test(skip_checks_what_it_skips),
        cmocka_unit_test(unescape_gives_the_characters),
        cmocka_unit_test(unescape_writes_nothing_that_does_not_fit),
        cmocka_unit_test(is_honours_escapes_and_length),
        cmocka_unit_test(an_integer_has_no_fraction_and_no_exponent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
