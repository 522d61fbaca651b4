/*
 * core/answer_token.c through core/answer_scan.h: numbers, words and escapes,
 * whole and byte by byte.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/answer_scan.h"
#include "core/price.h"

static asg_answer_scan_t s;

static void feed(const char *text, size_t len, size_t step)
{
    asg_answer_scan_begin(&s, ASG_WORDS_OPENAI);
    for (size_t at = 0; at < len; at += step) {
        size_t n = len - at < step ? len - at : step;

        asg_answer_scan_feed(&s, text + at, n, at);
    }
}

static bool is_whole(const char *value, size_t step)
{
    char text[256];

    snprintf(text, sizeof(text), "{\"x\":%s}", value);
    feed(text, strlen(text), step);
    return asg_answer_scan_is_whole(&s);
}

static void all_are(bool whole, const char *const *values, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t step = 1; step < 8; step++) {
            if (is_whole(values[i], step) != whole) {
                fail_msg("%s by %zu", values[i], step);
            }
        }
    }
}

#define ALL_ARE(whole, values)                                              \
    all_are(whole, values, sizeof(values) / sizeof((values)[0]))

static void numbers_are_those_of_json(void **state)
{
    static const char *const good[] = {"0", "-0", "10", "-1", "0.5", "1.25e9",
        "1E+2", "1e-02", "123456789012345678901234567890"};
    static const char *const bad[] = {"01", "-", "+1", ".5", "1.", "1.e2",
        "1e", "1e+", "-a", "0x1", "1.2.3", "1e5.", "NaN", "1-", "00"};

    (void) state;
    ALL_ARE(true, good);
    ALL_ARE(false, bad);
}

static void words_are_three(void **state)
{
    static const char *const good[] = {"true", "false", "null", "[null,true]"};
    static const char *const bad[] = {"tru", "True", "nulL", "truex", "n",
        "falsee", "undefined"};

    (void) state;
    ALL_ARE(true, good);
    ALL_ARE(false, bad);
}

static void escapes_are_nine(void **state)
{
    static const char *const good[] = {
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
        "\"\\u00Af\"", "\"\x7f\xff\""};
    static const char *const bad[] = {"\"\\x41\"", "\"\\u12g4\"", "\"\\u12\"",
        "\"\\'\"", "\"\n\"", "\"\t\""};

    (void) state;
    ALL_ARE(true, good);
    ALL_ARE(false, bad);
}

/* As UTF-8, which is what the text comes to. */
static void an_escape_counts_as_the_bytes_that_it_means(void **state)
{
    static const struct {
        const char *text;
        unsigned bytes;
    } rows[] = {
        {"", 0}, {"\\n", 1}, {"\\u0041", 1}, {"\\u007f", 1}, {"\\u0080", 2},
        {"\\u07ff", 2}, {"\\u0800", 3}, {"\\uffff", 3},
        {"\\ud83d\\ude00", 4}, {"\xf0\x9f\x98\x80", 4}
    };

    (void) state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (size_t step = 1; step < 5; step++) {
            char text[128];

            snprintf(text, sizeof(text), "{\"choices\":[{\"text\":\"%s\"}]}",
                     rows[i].text);
            feed(text, strlen(text), step);
            assert_true(asg_answer_scan_is_whole(&s));
            assert_int_equal(s.content_bytes, rows[i].bytes);
        }
    }
}

static void count_is(const char *value, bool bad, uint64_t n)
{
    char text[128];

    snprintf(text, sizeof(text), "{\"usage\":{\"prompt_tokens\":%s}}", value);
    for (size_t step = 1; step < 9; step++) {
        feed(text, strlen(text), step);
        assert_true(asg_answer_scan_is_whole(&s));
        if (s.usage_bad != bad
            || (!bad && s.count[ASG_COUNT_PROMPT] != n))
        {
            fail_msg("%s by %zu", value, step);
        }
    }
}

static void a_count_is_a_whole_number_within_bounds(void **state)
{
    char most[32];
    asg_buf_t b;

    (void) state;
    count_is("0", false, 0);
    asg_buf_init(&b, most, sizeof(most) - 1);
    asg_buf_i64(&b, ASG_TOKENS_MAX);
    most[b.len] = '\0';
    count_is(most, false, (uint64_t) ASG_TOKENS_MAX);
    count_is("-1", true, 0);
    count_is("-0", true, 0);
    count_is("1.0", true, 0);
    count_is("1e3", true, 0);
    count_is("\"1\"", true, 0);
    count_is("[1]", true, 0);
    count_is("true", true, 0);
    count_is("99999999999999999999999999", true, 0);
    count_is("null", false, 0);
}

static const char *id_of(const char *id, size_t step)
{
    char text[512];

    snprintf(text, sizeof(text), "{\"id\":\"%s\"}", id);
    feed(text, strlen(text), step);
    assert_true(asg_answer_scan_is_whole(&s));
    return s.id;
}

/* One that is too long is not kept at all: its part may be one of a secret. */
static void an_id_is_kept_when_it_is_plain_text(void **state)
{
    char most[200];

    (void) state;
    for (size_t step = 1; step < 6; step++) {
        assert_string_equal(id_of("a-1", step), "a-1");
        assert_string_equal(id_of("", step), "");
        assert_string_equal(id_of("a b", step), "");
        assert_string_equal(id_of("a\\u0001", step), "");
        assert_string_equal(id_of("\xc3\xa4", step), "");
        assert_string_equal(id_of("a\\u0062", step), "ab");
    }
    memset(most, 'i', sizeof(most) - 1);
    most[sizeof(most) - 1] = '\0';
    assert_string_equal(id_of(most, 7), "");
    most[ASG_SCAN_WORD] = '\0';
    assert_string_equal(id_of(most, 7), "");
    most[ASG_SCAN_WORD - 1] = '\0';
    assert_string_equal(id_of(most, 1), most);
}

/* A key that is ours is so however it is cut, and not when it is longer. */
static void a_key_is_known_by_all_its_bytes(void **state)
{
    static const char *const texts[] = {"{\"model\":\"m\"}",
        "{\"mo\\u0064el\":\"m\"}"};
    char text[256], longer[201];

    (void) state;
    for (size_t step = 1; step < 9; step++) {
        for (size_t i = 0; i < 2; i++) {
            feed(texts[i], strlen(texts[i]), step);
            assert_true(s.model.to > 0);
        }
        feed("{\"model\\u0000\":\"m\"}", 20, step);
        assert_int_equal(s.model.to, 0);
        feed("{\"models\":\"m\"}", 14, step);
        assert_int_equal(s.model.to, 0);
    }
    memset(longer, 'k', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    snprintf(text, sizeof(text), "{\"%s\":1,\"model\":\"m\"}", longer);
    for (size_t step = 1; step < 300; step += 13) {
        feed(text, strlen(text), step);
        assert_true(asg_answer_scan_is_whole(&s) && s.model.to > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_those_of_json),
        cmocka_unit_test(words_are_three),
        cmocka_unit_test(escapes_are_nine),
        cmocka_unit_test(an_escape_counts_as_the_bytes_that_it_means),
        cmocka_unit_test(a_count_is_a_whole_number_within_bounds),
        cmocka_unit_test(an_id_is_kept_when_it_is_plain_text),
        cmocka_unit_test(a_key_is_known_by_all_its_bytes)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
