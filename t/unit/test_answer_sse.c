/*
 * core/answer_sse.c through core/answer.h: events at the edge of the caller's
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

#include "collected.h"
#include "core/answer.h"

static asg_answer_t answer;
static char line[ASG_ANSWER_LINE];

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

/* An event of exactly `len` bytes, its blank line among them. */
static char *event_of(size_t len)
{
    static const char head[] =
        "data: {\"model\":\"served\",\"choices\":[{\"url\":\"";
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
    static const char *const texts[] = {"data: {\"x\":", "data: {\"x\":1}",
        "data: {\"x\":1}\n", "data: {\"x\":1}\r"};
    static const char *const others[] = {"da", ": comment", "id: 7\n"};

    (void) state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        feed(texts[i], strlen(texts[i]), 1);
        assert_int_equal(out_len, 0);
        end();
        out_is(texts[i]);
    }
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        feed(others[i], strlen(others[i]), 1);
        end();
        out_is(":\n\n");
    }
    begin();
    end();
    assert_int_equal(out_len, 0);
    assert_int_equal(answer.usage.verdict, ASG_USAGE_NONE);
}

/* --- what else a provider may write into an event --- */

static void of_other_lines_only_a_plain_name_passes(void **state)
{
    static const struct { const char *in, *out; } cases[] = {
        {": ping\n\n", ":\n\n"}, {":\n\n", ":\n\n"},
        {"id: 1\nretry: 2\n\n", ":\n\n"},
        {"event: x.y_z\ndata: {}\n\n", "event: x.y_z\ndata: {}\n\n"},
        {"event:a\r\ndata:{}\r\n\r\n", "event:a\r\ndata:{}\r\n\r\n"},
        {"event: A\ndata: {}\n\n", "data: {}\n\n"},
        {"event: a b\nid\ndata: {\n: c\rdata: }\n\n",
         "data: {\ndata: }\n\n"},
        {"event: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\ndata: {}\n\n",
         "data: {}\n\n"},
        {"data: {\"a\":1}\nid: 5\n\n", "data: {\"a\":1}\n\n"},
        {"id: 5\ndata: {\"model\":\n:\ndata: \"served\"}\n\n",
         "data: {\"model\":\ndata: \"shown\"}\n\n"},
        {"\xef\xbb\xbf" "data: {}\nx\n\n", "data: {}\n\n"},
        {"\xef\xbb\xbf: c\ndata: {}\n\n", "data: {}\n\n"}
    };

    (void) state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        for (size_t step = 1; step < 12; step++) {
            feed(cases[i].in, strlen(cases[i].in), step);
            end();
            out_is(cases[i].out);
            assert_false(answer.usage.malformed);
        }
    }
}

static void of_a_long_event_only_its_data_pass(void **state)
{
    size_t size = 2 * ASG_ANSWER_LINE;
    char *text = malloc(size + 64);

    (void) state;
    assert_non_null(text);
    memset(text, 'c', size + 64);
    text[0] = ':';
    memcpy(text + size, "\n\n", 2);
    feed(text, size + 2, 4099);
    out_is(":\n\n");                    /* a long comment */
    memcpy(text + size, "\ndata: {}\n\n", 12);
    feed(text, size + 12, 4099);        /* data behind it */
    assert_non_null(memmem(out, out_len, "upstream_error", 14));
    assert_null(memmem(out, out_len, "ccc", 3));
    free(text);
    text = event_of(size);
    text[size - 1] = 'x';               /* a line behind long data */
    feed(text, size, 4099);
    assert_int_equal(asg_answer_feed(&answer, "\n\n", 2, collect, NULL), 0);
    end();
    assert_true(answer.usage.malformed);
    assert_non_null(memmem(out, out_len, "upstream_error", 14));
    assert_int_equal(answer.usage.tokens.prompt, 7);
    free(text);
}

static void no_clean_end_follows_what_is_no_json(void **state)
{
    static const char text[] = "data: <html>\n\ndata: [DONE]\n\n";
    char *event;

    (void) state;
    for (size_t step = 1; step < 9; step++) {
        feed(text, sizeof(text) - 1, step);
        end();
        assert_true(answer.usage.malformed && answer.usage.done);
        assert_null(memmem(out, out_len, "[DONE]", 6));
        assert_non_null(memmem(out, out_len, "upstream_error", 14));
    }
    event = event_of(2 * ASG_ANSWER_LINE);
    event[2 * ASG_ANSWER_LINE - 3] = ']';
    feed(event, 2 * ASG_ANSWER_LINE, 4099);
    assert_non_null(memmem(out, out_len, "upstream_error", 14));
    free(event);
}

/* --- our key --- */

static const char key[] = "sk-proj-0aKb1Lc2Md3Ne4Of5Pg6Qh7Ri8Sj9Tk-AlBmCnDoEpFq"
    "GrHsItJuKvLwMxNyOz_zyxwvutsrqponmlkjihgfedcba9876543210";

/* `way` behind the `len` bytes of `text`, with the key where it has a #. */
static size_t put_key(char *text, size_t len, const char *way)
{
    for (; *way != '\0'; way++) {
        if (*way == '#') {
            memcpy(text + len, key, sizeof(key) - 1);
            len += sizeof(key) - 1;
        } else {
            text[len++] = *way;
        }
    }
    return len;
}

static void feed_known(const asg_leak_t *leak, const char *text, size_t len,
    size_t step)
{
    begin();
    answer.leak = leak;
    for (size_t at = 0; at < len; at += step) {
        size_t n = len - at < step ? len - at : step;

        assert_int_equal(asg_answer_feed(&answer, text + at, n, collect, NULL),
                         0);
    }
    end();
}

static void the_key_does_not_pass_and_ends_the_stream(void **state)
{
    static const char *const ways[] = {
        "data: {\"x\":\"#\"}\n\n",
        "data: {\"choices\":[{\"delta\":{\"content\":\"#\"}}]}\n\n",
        "data: {\"x\":1,\ndata: \"y\":\"Bearer #\"}\n\n", "data: #\n\n",
        "data: {\"x\":\"#\"", "data: {\"id\":\"#\"}\n\n"
    };
    static const char good[] = "data: {\"choices\":[{\"delta\":{\"content\":"
        "\"Hi\"}}]}\n\n";
    static const char last[] = "data: {\"choices\":[],\"usage\":{"
        "\"prompt_tokens\":7,\"completion_tokens\":9}}\n\ndata: [DONE]\n\n";
    static asg_leak_t leak;
    char text[1024];

    (void) state;
    asg_leak_init(&leak, asg_str_z(key));
    for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
        size_t len = put_key(text, put_key(text, put_key(text, 0, good),
                                           ways[i]), last);

        for (size_t step = 1; step < len; step++) {
            feed_known(&leak, text, len, step);
            assert_null(memmem(out, out_len, key + 20, 12));
            assert_memory_equal(out, good, sizeof(good) - 1);
            assert_non_null(memmem(out, out_len, "upstream_error", 14));
            assert_null(memmem(out, out_len, "[DONE]", 6));
            if (i < 3) {
                assert_true(answer.usage.leaked);
                assert_int_equal(answer.usage.tokens.completion, 9);
            }
        }
    }
}

static void the_key_in_other_lines_is_only_left_out(void **state)
{
    static const char *const ways[] = {": #\n\n", "id: #\ndata: {}\n\n",
        "event: #\ndata: {}\n\n", "retry: 1\n:#\n\n", "#: x\ndata: {}\n\n"};
    static asg_leak_t leak;
    char text[512];

    (void) state;
    asg_leak_init(&leak, asg_str_z(key));
    for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
        size_t len = put_key(text, 0, ways[i]);

        for (size_t step = 1; step < len; step++) {
            feed_known(&leak, text, len, step);
            assert_false(answer.usage.leaked);
            assert_null(memmem(out, out_len, key + 8, 8));
        }
    }
}

static void of_the_key_in_a_long_event_no_piece_passes(void **state)
{
    static asg_leak_t leak;
    size_t size = 2 * ASG_ANSWER_LINE;

    (void) state;
    asg_leak_init(&leak, asg_str_z(key));
    for (size_t from = ASG_ANSWER_LINE - 120; from < ASG_ANSWER_LINE + 60;
         from += 7)
    {
        char *text = event_of(size);

        memcpy(text + from, key, sizeof(key) - 1);
        for (size_t step = 1; step < 40; step += 6) {
            feed_known(&leak, text, size, step);
            assert_true(answer.usage.leaked);
            for (size_t at = 0; at + ASG_LEAK_PIECE < sizeof(key); at++) {
                assert_null(memmem(out + ASG_ANSWER_LINE - 200, 500, key + at,
                                   ASG_LEAK_PIECE));
            }
            assert_non_null(memmem(out, out_len, "upstream_error", 14));
            assert_int_equal(answer.usage.tokens.completion, 9);
        }
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_may_fill_the_buffer_and_more),
        cmocka_unit_test(an_event_ends_with_a_blank_line_of_any_kind),
        cmocka_unit_test(data_lines_of_an_event_are_one_text),
        cmocka_unit_test(a_byte_order_mark_counts_only_at_the_start),
        cmocka_unit_test(one_space_after_the_colon_is_no_data),
        cmocka_unit_test(an_end_gives_out_what_had_begun),
        cmocka_unit_test(of_other_lines_only_a_plain_name_passes),
        cmocka_unit_test(of_a_long_event_only_its_data_pass),
        cmocka_unit_test(no_clean_end_follows_what_is_no_json),
        cmocka_unit_test(the_key_does_not_pass_and_ends_the_stream),
        cmocka_unit_test(the_key_in_other_lines_is_only_left_out),
        cmocka_unit_test(of_the_key_in_a_long_event_no_piece_passes)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
