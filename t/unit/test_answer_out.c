/*
 * core/answer_out.c through core/answer.h: what is replaced in an event, in
 * whatever order it stands, and a key over the texts of events.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "collected.h"
#include "core/answer.h"

#define KEY  "sk-test-0a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8s9T0u"

static asg_answer_t answer;
static asg_leak_t leak;
static char line[ASG_ANSWER_LINE];

static void begin(bool hide_usage)
{
    asg_answer_init(&answer, ASG_STR("shown"), hide_usage, 0, line);
    asg_leak_init(&leak, ASG_STR(KEY));
    answer.leak = &leak;
    out_len = 0;
}

static void feed(const char *text)
{
    assert_int_equal(asg_answer_feed(&answer, text, strlen(text), collect,
                                     NULL), 0);
}

/* One event through a reader of its own. */
static void becomes(const char *event, const char *should)
{
    begin(/* hide_usage */ true);
    feed(event);
    out_is(should);
}

static void model_and_usage_are_replaced_in_either_order(void **state)
{
    (void) state;
    becomes("data: {\"model\":\"served\",\"choices\":[{}],\"usage\":{}}\n\n",
            "data: {\"model\":\"shown\",\"choices\":[{}]}\n\n");
    becomes("data: {\"usage\":{},\"choices\":[{}],\"model\":\"served\"}\n\n",
            "data: {\"choices\":[{}],\"model\":\"shown\"}\n\n");
    becomes("data: {\"model\":\"served\",\"choices\":[{}]}\n\n",
            "data: {\"model\":\"shown\",\"choices\":[{}]}\n\n");
    becomes("data: {\"choices\":[{}]}\n\n", "data: {\"choices\":[{}]}\n\n");
    becomes("data: {\"model\":\"shown\",\"choices\":[{}]}\n\n",
            "data: {\"model\":\"shown\",\"choices\":[{}]}\n\n");
}

static void a_name_of_an_event_passes_up_to_its_bound(void **state)
{
    (void) state;
    becomes("event: abcdefghijklmnopqrstuvwxyz._abcd\ndata: {}\n\n",
            "event: abcdefghijklmnopqrstuvwxyz._abcd\ndata: {}\n\n");
    becomes("event: abcdefghijklmnopqrstuvwxyz._abcde\ndata: {}\n\n",
            "data: {}\n\n");
}

/* An event whose first text is this, another text behind it. */
static void feed_text(const char *text, size_t len)
{
    char event[256];

    snprintf(event, sizeof(event), "data: {\"choices\":[{\"delta\":{"
             "\"content\":\"%.*s\",\"refusal\":\"no\"}}]}\n\n", (int) len,
             text);
    feed(event);
}

static void a_key_over_the_texts_of_events_ends_the_stream(void **state)
{
    (void) state;
    for (size_t step = 1; step < 24; step++) {
        size_t at = 0, n;

        begin(false);
        for (; at < sizeof(KEY) - 1 && !answer.usage.leaked; at += n) {
            n = sizeof(KEY) - 1 - at < step ? sizeof(KEY) - 1 - at : step;
            feed_text(KEY + at, n);
            assert_int_equal(answer.usage.leaked, at + n >= 24);
        }
        assert_true(answer.usage.leaked);
        out[out_len] = '\0';
        assert_non_null(strstr(out, "\"code\":\"upstream_error\""));
        n = out_len;
        feed_text("after that", 10);
        assert_int_equal(out_len, n);
    }
}

static void quotes_and_escapes_do_not_end_a_text(void **state)
{
    (void) state;
    begin(false);
    feed_text("x\\\"\\\\" KEY, 5 + 12);
    assert_false(answer.usage.leaked);
    feed_text(KEY + 12, 12);
    assert_true(answer.usage.leaked);
}

static void texts_apart_are_no_key(void **state)
{
    (void) state;
    begin(false);
    feed_text(KEY, 20);
    feed_text("and", 3);
    feed_text(KEY + 20, 20);
    assert_false(answer.usage.leaked);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(model_and_usage_are_replaced_in_either_order),
        cmocka_unit_test(a_name_of_an_event_passes_up_to_its_bound),
        cmocka_unit_test(a_key_over_the_texts_of_events_ends_the_stream),
        cmocka_unit_test(quotes_and_escapes_do_not_end_a_text),
        cmocka_unit_test(texts_apart_are_no_key)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
