/*
 * core/answer_sse.c through core/usage.h: events at the edge of the caller's
 * buffer, line ends in every mixture, and what an end leaves over.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/usage.h"

#define OUT_MAX (3 * ASG_ANSWER_LINE)

static asg_answer_t answer;
static char line[ASG_ANSWER_LINE];
static char out[OUT_MAX];
static size_t out_len;

static int collect(void *data, const char *bytes, size_t len)
{
    (void) data;
    assert_true(len > 0 && out_len + len <= sizeof(out));
    memcpy(out + out_len, bytes, len);
    out_len += len;
    return 0;
}

static void begin(void)
{
    asg_answer_init(&answer, ASG_STR("shown"), /* hide_usage */ false, 0,
                    line);
    out_len = 0;
}

static void feed(const char *text, size_t len, size_t step)
{
    begin();
    for (size_t at = 0; at < len; at += step) {
        size_t n = len - at < step ? len - at : step;

        assert_int_equal(asg_answer_feed(&answer, text + at, n, collect, NULL),
                         0);
    }
}

static void end(void)
{
    assert_int_equal(asg_answer_end(&answer, collect, NULL), 0);
}

static void out_is(const char *should)
{
    assert_int_equal(out_len, strlen(should));
    assert_memory_equal(out, should, out_len);
}

/* An event of exactly `len` bytes, its blank line among them. */
static char *event_of(size_t len)
{
    static const char head[] =
        "data: {\"model\":\"served\",\"choices\":[{\"text\":\"";
    static const char tail[] = "\"}],\"usage\":{\"prompt_tokens\":7,"
        "\"completion_tokens\":9}}\n\n";
    char *text = malloc(len);
    size_t fixed = sizeof(head) - 1 + sizeof(tail) - 1;

    assert_non_null(text);
    memcpy(text, head, sizeof(head) - 1);
    memset(text + sizeof(head) - 1, 't', len - fixed);
    memcpy(text + len - (sizeof(tail) - 1), tail, sizeof(tail) - 1);
    return text;
}

/* Both sides of the bound: metered alike, renamed alike, nothing lost. */
static void an_event_may_fill_the_buffer_and_more(void **state)
{
    (void) state;
    for (size_t len = ASG_ANSWER_LINE - 3; len < ASG_ANSWER_LINE + 4; len++) {
        char *text = event_of(len);

        feed(text, len, 4099);
        end();
        assert_int_equal(out_len, len - 1);     /* shown is one shorter */
        assert_memory_equal(out, "data: {\"model\":\"shown\",", 23);
        assert_memory_equal(out + 23, text + 24, len - 24);
        assert_int_equal(answer.usage.verdict, ASG_USAGE_GOOD);
        assert_int_equal(answer.usage.tokens.prompt, 7);
        assert_int_equal(answer.usage.tokens.completion, 9);
        assert_int_equal(answer.usage.events, 1);
        free(text);
    }
}

static void an_event_ends_with_a_blank_line_of_any_kind(void **state)
{
    static const char *const ends[] = {"\n", "\r", "\r\n"};
    char text[128];

    (void) state;
    for (size_t a = 0; a < 3; a++) {
        for (size_t b = 0; b < 3; b++) {
            /* CR, then LF, is one end of a line; and after CR LF the LF that
             * belongs to a CR is waited for */
            bool waits = (a == 1 && b == 0) || (a == 2 && b == 1);

            snprintf(text, sizeof(text), "data: {\"x\":1}%s%s", ends[a],
                     ends[b]);
            for (size_t step = 1; step < 4; step++) {
                feed(text, strlen(text), step);
                end();
                out_is(text);
                assert_int_equal(answer.usage.events, 1);
                assert_false(answer.usage.malformed);
            }
            feed(text, strlen(text), sizeof(text));
            assert_int_equal(out_len == 0, waits);
        }
    }
}

static void data_lines_of_an_event_are_one_text(void **state)
{
    static const char good[] = "data: {\"x\":\ndata:1}\n\n";
    static const char bad[] = "data: {\"x\":1\ndata:2}\n\n";

    (void) state;
    for (size_t step = 1; step < 8; step++) {
        feed(good, sizeof(good) - 1, step);
        out_is(good);
        assert_false(answer.usage.malformed);
        feed(bad, sizeof(bad) - 1, step);
        end();
        assert_true(answer.usage.malformed);
        assert_null(memchr(out, '2', out_len));
    }
}

static void a_byte_order_mark_counts_only_at_the_start(void **state)
{
    static const char first[] = "\xef\xbb\xbf" "data: [DONE]\n\n";
    static const char later[] = ":\n\n\xef\xbb\xbf" "data: [DONE]\n\n";

    (void) state;
    for (size_t step = 1; step < 6; step++) {
        feed(first, sizeof(first) - 1, step);
        end();
        assert_true(answer.usage.done);
        feed(later, sizeof(later) - 1, step);
        end();
        assert_false(answer.usage.done);
    }
}

static void one_space_after_the_colon_is_no_data(void **state)
{
    static const char *const texts[] = {"data:[DONE]\n\n", "data: [DONE]\n\n",
        "data:  [DONE]\n\n"};

    (void) state;
    for (size_t i = 0; i < 3; i++) {
        feed(texts[i], strlen(texts[i]), 3);
        end();
        assert_true(answer.usage.done);
        assert_int_equal(answer.usage.events, 1);
    }
    feed("datax: [DONE]\n\n", 15, 3);
    end();
    assert_false(answer.usage.done);
    assert_int_equal(answer.usage.events, 0);
}

static void an_end_gives_out_what_had_begun(void **state)
{
    static const char *const texts[] = {"da", ": comment", "data: {\"x\":",
        "data: {\"x\":1}", "data: {\"x\":1}\n", "data: {\"x\":1}\r"};

    (void) state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        feed(texts[i], strlen(texts[i]), 1);
        assert_int_equal(out_len, 0);
        end();
        out_is(texts[i]);
    }
    begin();
    end();
    assert_int_equal(out_len, 0);
    assert_int_equal(answer.usage.verdict, ASG_USAGE_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_may_fill_the_buffer_and_more),
        cmocka_unit_test(an_event_ends_with_a_blank_line_of_any_kind),
        cmocka_unit_test(data_lines_of_an_event_are_one_text),
        cmocka_unit_test(a_byte_order_mark_counts_only_at_the_start),
        cmocka_unit_test(one_space_after_the_colon_is_no_data),
        cmocka_unit_test(an_end_gives_out_what_had_begun)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
