/* core/str.h: numbers, bounded writing, JSON strings, hex. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/str.h"

static void strings_are_equal_only_byte_for_byte(void **state)
{
    (void) state;
    assert_true(asg_str_eq(ASG_STR("ab"), ASG_STR("ab")));
    assert_false(asg_str_eq(ASG_STR("ab"), ASG_STR("aB")));
    assert_false(asg_str_eq(ASG_STR("ab"), ASG_STR("abc")));
    assert_false(asg_str_eq(ASG_STR("a\0b"), ASG_STR("a\0c")));
    assert_true(asg_str_eq(ASG_STR_NULL, ASG_STR("")));
    assert_true(asg_str_eq_z(asg_str_z(NULL), ""));
    assert_true(asg_str_eq_z(ASG_STR("x"), "x"));
}

static void secrets_are_equal_as_other_strings_are(void **state)
{
    (void) state;
    assert_true(asg_str_eq_secret(ASG_STR("ab"), ASG_STR("ab")));
    assert_false(asg_str_eq_secret(ASG_STR("ab"), ASG_STR("aB")));
    assert_false(asg_str_eq_secret(ASG_STR("ab"), ASG_STR("abc")));
    assert_false(asg_str_eq_secret(ASG_STR("a\0b"), ASG_STR("a\0c")));
    assert_true(asg_str_eq_secret(ASG_STR_NULL, ASG_STR("")));
}

static bool reads_u64(const char *text, uint64_t expected)
{
    uint64_t n = 0;

    return asg_str_u64(asg_str_z(text), &n) && n == expected;
}

static bool refuses_u64(asg_str_t text)
{
    uint64_t n = 77;

    return !asg_str_u64(text, &n) && n == 77;
}

static void a_u64_is_digits_without_sign_or_leading_zero(void **state)
{
    static const char *const bad[] = {
        "", "+1", "-1", "00", "01", " 1", "1 ", "1.0", "1e3", "0x1",
        "18446744073709551616", "99999999999999999999",
        "100000000000000000000"
    };

    (void) state;
    assert_true(reads_u64("0", 0));
    assert_true(reads_u64("18446744073709551615", UINT64_MAX));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_true(refuses_u64(asg_str_z(bad[i])));
    }
    assert_true(refuses_u64(ASG_STR("1\0")));
    assert_true(refuses_u64(ASG_STR_NULL));
}

static bool reads_i64(const char *text, int64_t expected)
{
    int64_t n = 1;

    return asg_str_i64(asg_str_z(text), &n) && n == expected;
}

static void an_i64_reaches_both_its_ends_and_no_further(void **state)
{
    int64_t n = 77;

    (void) state;
    assert_true(reads_i64("-9223372036854775808", INT64_MIN));
    assert_true(reads_i64("9223372036854775807", INT64_MAX));
    assert_true(reads_i64("-0", 0));
    assert_true(reads_i64("-1", -1));
    assert_false(asg_str_i64(ASG_STR("9223372036854775808"), &n));
    assert_false(asg_str_i64(ASG_STR("-9223372036854775809"), &n));
    assert_false(asg_str_i64(ASG_STR("-"), &n));
    assert_false(asg_str_i64(ASG_STR("--1"), &n));
    assert_false(asg_str_i64(ASG_STR("-01"), &n));
    assert_int_equal(n, 77);
}

static void a_full_buffer_stays_full_and_keeps_what_it_has(void **state)
{
    char storage[6] = "......";
    asg_buf_t b;

    (void) state;
    asg_buf_init(&b, storage, 5);
    asg_buf_z(&b, "abc");
    assert_true(asg_buf_ok(&b));
    asg_buf_z(&b, "def");
    assert_false(asg_buf_ok(&b));
    asg_buf_z(&b, "g");         /* would fit, but something is missing */
    assert_true(asg_str_eq_z(asg_buf_view(&b), "abc"));
    assert_int_equal(storage[5], '.');
}

static void a_buffer_takes_exactly_its_capacity(void **state)
{
    char storage[4];
    asg_buf_t b;

    (void) state;
    asg_buf_init(&b, storage, sizeof(storage));
    asg_buf_put(&b, "1234", 4);
    asg_buf_put(&b, NULL, 0);
    assert_true(asg_buf_ok(&b));
    asg_buf_init(&b, NULL, 0);
    asg_buf_str(&b, ASG_STR_NULL);
    assert_true(asg_buf_ok(&b));
    asg_buf_z(&b, "x");
    assert_false(asg_buf_ok(&b));
}

static void numbers_are_written_in_full(void **state)
{
    char storage[128];
    asg_buf_t b;

    (void) state;
    asg_buf_init(&b, storage, sizeof(storage));
    asg_buf_u64(&b, UINT64_MAX);
    asg_buf_z(&b, " ");
    asg_buf_i64(&b, INT64_MIN);
    asg_buf_z(&b, " ");
    asg_buf_i64(&b, 0);
    asg_buf_z(&b, " ");
    asg_buf_hex(&b, (const uint8_t *) "\x00\xaf\xff", 3);
    assert_true(asg_str_eq_z(asg_buf_view(&b),
        "18446744073709551615 -9223372036854775808 0 00afff"));
}

static void hex_is_written_whole_or_not_at_all(void **state)
{
    char storage[5];
    asg_buf_t b;

    (void) state;
    asg_buf_init(&b, storage, sizeof(storage));
    asg_buf_hex(&b, (const uint8_t *) "\x01\x02\x03", 3);
    assert_false(asg_buf_ok(&b));
    assert_int_equal(b.len, 0);
    asg_buf_init(&b, storage, sizeof(storage));
    asg_buf_hex(&b, (const uint8_t *) "\x01\x02", 2);
    assert_true(asg_str_eq_z(asg_buf_view(&b), "0102"));
}

static void is_quoted_as(asg_str_t text, const char *expected)
{
    char storage[256];
    asg_buf_t b;

    asg_buf_init(&b, storage, sizeof(storage));
    asg_buf_json(&b, text);
    assert_true(asg_buf_ok(&b));
    assert_int_equal(b.len, strlen(expected));
    assert_memory_equal(storage, expected, b.len);
}

static void a_json_string_escapes_what_could_break_a_line(void **state)
{
    (void) state;
    is_quoted_as(ASG_STR_NULL, "\"\"");
    is_quoted_as(ASG_STR("a\"b\\c/"), "\"a\\\"b\\\\c/\"");
    is_quoted_as(ASG_STR("\b\f\n\r\t"), "\"\\b\\f\\n\\r\\t\"");
    is_quoted_as(ASG_STR("\0\x1f\x7f"), "\"\\u0000\\u001f\\u007f\"");
    is_quoted_as(ASG_STR("\xc3\xa9 \xf0\x9f\x98\x80"),
                 "\"\xc3\xa9 \xf0\x9f\x98\x80\"");
    is_quoted_as(ASG_STR("sixteen letters!\x7fsixteen letters!"),
                 "\"sixteen letters!\\u007fsixteen letters!\"");
}

static void a_json_string_replaces_each_byte_of_bad_utf8(void **state)
{
    (void) state;
    is_quoted_as(ASG_STR("\xff"), "\"\\ufffd\"");
    is_quoted_as(ASG_STR("\xc0\x80"), "\"\\ufffd\\ufffd\"");
    is_quoted_as(ASG_STR("\xed\xa0\x80x"), "\"\\ufffd\\ufffd\\ufffdx\"");
    is_quoted_as(ASG_STR("\xe2\x82"), "\"\\ufffd\\ufffd\"");
}

/* What follows a text says nothing of it: so is a short one written as the
 * beginning of a long one. */
static void a_short_json_string_is_written_as_in_a_long_one(void **state)
{
    enum { MOST = 64, PAD = 64 };
    char text[MOST + PAD], one[1024], both[1024];

    (void) state;
    memset(text, 'a', sizeof(text));
    for (size_t len = 1; len <= MOST; len++) {
        for (size_t at = 0; at < len; at++) {
            for (unsigned c = 0; c < 0x100; c++) {
                asg_buf_t x, y;

                text[at] = (char) c;
                asg_buf_init(&x, one, sizeof(one));
                asg_buf_json(&x, (asg_str_t) {text, len});
                asg_buf_init(&y, both, sizeof(both));
                asg_buf_json(&y, (asg_str_t) {text, len + PAD});
                assert_int_equal(x.len + PAD, y.len);
                assert_memory_equal(one, both, x.len - 1);
                assert_int_equal(one[x.len - 1], '"');
            }
            text[at] = 'a';
        }
    }
}

static void a_json_string_that_does_not_fit_leaves_nothing(void **state)
{
    char storage[8];

    (void) state;
    for (size_t cap = 0; cap < sizeof(storage); cap++) {
        asg_buf_t b;

        asg_buf_init(&b, storage, cap);
        asg_buf_json(&b, ASG_STR("ab\ncd"));    /* 8 bytes with quotes */
        assert_false(asg_buf_ok(&b));
        assert_int_equal(b.len, 0);
        asg_buf_init(&b, storage, cap);
        asg_buf_json(&b, ASG_STR("abcdef"));
        assert_false(asg_buf_ok(&b));
        assert_int_equal(b.len, 0);
    }
}

static void hex_is_read_only_in_lower_case_and_exact_length(void **state)
{
    uint8_t out[3] = {9, 9, 9};

    (void) state;
    assert_true(asg_hex_decode(ASG_STR("00afff"), out, 3));
    assert_memory_equal(out, "\x00\xaf\xff", 3);
    assert_true(asg_hex_decode(ASG_STR_NULL, out, 0));
    assert_false(asg_hex_decode(ASG_STR("00AFFF"), out, 3));
    assert_false(asg_hex_decode(ASG_STR("00afg0"), out, 3));
    assert_false(asg_hex_decode(ASG_STR("00aff"), out, 3));
    assert_false(asg_hex_decode(ASG_STR("00afff0"), out, 3));
    assert_false(asg_hex_decode(ASG_STR("00afff"), out, 2));
    assert_false(asg_hex_decode(ASG_STR_NULL, out, SIZE_MAX));
    assert_memory_equal(out, "\x00\xaf\xff", 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strings_are_equal_only_byte_for_byte),
        cmocka_unit_test(secrets_are_equal_as_other_strings_are),
        cmocka_unit_test(a_u64_is_digits_without_sign_or_leading_zero),
        cmocka_unit_test(an_i64_reaches_both_its_ends_and_no_further),
        cmocka_unit_test(a_full_buffer_stays_full_and_keeps_what_it_has),
        cmocka_unit_test(a_buffer_takes_exactly_its_capacity),
        cmocka_unit_test(numbers_are_written_in_full),
        cmocka_unit_test(hex_is_written_whole_or_not_at_all),
        cmocka_unit_test(a_json_string_escapes_what_could_break_a_line),
        cmocka_unit_test(a_json_string_replaces_each_byte_of_bad_utf8),
        cmocka_unit_test(a_short_json_string_is_written_as_in_a_long_one),
        cmocka_unit_test(a_json_string_that_does_not_fit_leaves_nothing),
        cmocka_unit_test(hex_is_read_only_in_lower_case_and_exact_length),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
