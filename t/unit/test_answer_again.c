/*
 * core/answer_again.h: a stream whose events are like the one before gives what
 * it gives when each is walked.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/answer.h"

#define STREAM_MAX  20000
#define OUT_MAX     (2 * STREAM_MAX)

#define HEAD      "data: {\"id\":\"c-1\",\"model\":\"served\",\"choices\":[{" \
                  "\"index\":0,\"delta\":{\"content\":\""
#define TAIL      "\"},\"finish_reason\":null}]}\n\n"
#define TAIL_NULL "\"},\"finish_reason\":null}],\"usage\":null}\n\n"
#define TAIL_USED "\"}}],\"usage\":{\"prompt_tokens\":3," \
                  "\"completion_tokens\":4}}\n\n"

typedef struct {
    asg_answer_t answer;
    char out[OUT_MAX];
    size_t len;
} run_t;

static char line[ASG_ANSWER_LINE];
static run_t run, walked;

static int collect(void *data, const char *bytes, size_t len)
{
    run_t *r = data;

    assert_true(len <= OUT_MAX - r->len);
    memcpy(r->out + r->len, bytes, len);
    r->len += len;
    return 0;
}

static void begin(run_t *r)
{
    r->len = 0;
    asg_answer_init(&r->answer, ASG_STR("mine"), /* hide_usage */ true, 1000,
                    line);
}

/* In parts of at most `most` bytes; 0: at once. */
static void feed(run_t *r, asg_str_t text, size_t most)
{
    while (text.len > 0) {
        size_t n = most == 0 ? text.len : 1 + (size_t) random() % most;
        char *copy;

        n = n < text.len ? n : text.len;
        copy = malloc(n);       /* of that size: a byte too far is seen */
        assert_non_null(copy);
        memcpy(copy, text.data, n);
        assert_int_equal(asg_answer_feed(&r->answer, copy, n, collect, r), 0);
        free(copy);
        text.data += n;
        text.len -= n;
    }
}

static void end(run_t *r)
{
    assert_int_equal(asg_answer_end(&r->answer, collect, r), 0);
}

/* The same stream with nothing known of the events before. */
static void walk(asg_str_t text)
{
    begin(&walked);
    walked.answer.again.head_misses = ASG_AGAIN_MISSES;
    feed(&walked, text, 0);
    end(&walked);
    assert_int_equal(walked.answer.again.head_len, 0);
}

static void same(void)
{
    const asg_usage_t *a = &run.answer.usage, *b = &walked.answer.usage;

    assert_int_equal(run.len, walked.len);
    assert_memory_equal(run.out, walked.out, run.len);
    assert_int_equal(a->events, b->events);
    assert_int_equal(a->content_bytes, b->content_bytes);
    assert_int_equal(a->content_after_usage, b->content_after_usage);
    assert_int_equal(a->verdict, b->verdict);
    assert_memory_equal(&a->tokens, &b->tokens, sizeof(a->tokens));
    assert_int_equal(a->done, b->done);
    assert_int_equal(a->malformed, b->malformed);
    assert_int_equal(a->error_event, b->error_event);
    assert_string_equal(a->id, b->id);
}

static void gives_the_same(const char *text)
{
    walk(asg_str_z(text));
    for (size_t most = 0; most < 40; most++) {
        begin(&run);
        feed(&run, asg_str_z(text), most);
        end(&run);
        same();
    }
}

static void an_event_like_the_one_before_is_not_walked(void **state)
{
    (void) state;
    begin(&run);
    feed(&run, asg_str_z(HEAD "some" TAIL), 0);
    assert_int_equal(run.answer.again.head_len, strlen(HEAD));
    assert_int_equal(run.answer.again.tail_len, strlen(TAIL) - 3);
    assert_int_equal(run.answer.again.head_misses, 1);
    assert_int_equal(run.answer.again.tail_misses, 1);
    feed(&run, asg_str_z(HEAD " other \\\"text\\\"" TAIL), 0);
    assert_int_equal(run.answer.again.head_misses, 0);
    assert_int_equal(run.answer.again.tail_misses, 0);
    assert_int_equal(run.answer.usage.events, 2);
    assert_int_equal(run.answer.usage.content_bytes, 4 + 13);
    assert_null(memmem(run.out, run.len, "served", 6));
}

static void what_differs_is_seen(void **state)
{
    (void) state;
    gives_the_same(HEAD "a" TAIL HEAD "b" TAIL HEAD "" TAIL
                   HEAD "c\"},\"finish_reason\":\"stop\"}]}\n\n"
                   HEAD "d" TAIL "data: [DONE]\n\n");
    gives_the_same(HEAD "a" TAIL
                   HEAD "b\"}}],\"usage\":{\"prompt_tokens\":3,"
                   "\"completion_tokens\":4}}\n\n" HEAD "c" TAIL);
    gives_the_same(HEAD "a" TAIL_NULL HEAD "bcd" TAIL_NULL HEAD "" TAIL_NULL);
    gives_the_same(HEAD "a" TAIL_USED HEAD "bc" TAIL_USED HEAD "d" TAIL);
    gives_the_same(HEAD "a\"}}]}\n\n" HEAD "b\"}}]} x\n\n" HEAD "c" TAIL);
    /* the text is the first of two */
    gives_the_same(HEAD "a\",\"reasoning\":\"x\"}}]}\n\n"
                   HEAD "b\",\"reasoning\":\"x\"}}]}\n\n");
    gives_the_same(HEAD "a\",\"reasoning\":\"x\"}}]}\n\n"
                   HEAD "b\",\"reasoning\":\"y\"}}]}\n\n"
                   HEAD "b\",\"reasoning\":\"yz\"}}]}\n\n");
}

static void an_event_that_breaks_off_or_goes_on_is_no_other(void **state)
{
    (void) state;
    gives_the_same(HEAD "a" TAIL HEAD "b");
    gives_the_same(HEAD "a" TAIL "data: {\"id\":\"c-1\",");
    gives_the_same(HEAD "a" TAIL "data: {\"id\"\n\n" HEAD "b" TAIL);
    gives_the_same(HEAD "a" TAIL HEAD "b\n\n" HEAD "c" TAIL);
    gives_the_same(HEAD "a" TAIL HEAD "b\\u" TAIL HEAD "\\x" TAIL);
    gives_the_same(HEAD "a" TAIL HEAD "\x01" TAIL HEAD "c" TAIL);
    gives_the_same(HEAD "a" TAIL HEAD "b\"}}]} x\n\n" HEAD "c" TAIL);
    gives_the_same(HEAD "a\"}}]}\n\n" HEAD "b\"}}]}\ndata: 1\n\n");
    gives_the_same(HEAD "a\"}}]}\n\n" HEAD "b\"}}]}\nevent: error\n\n");
    gives_the_same(HEAD "a\"}}]}\r\n\r\n" HEAD "b\"}}]}\r\n\r\n");
    gives_the_same(HEAD "a\"}}]}\r\r" HEAD "b\"}}]}\r\r\n" HEAD "c" TAIL);
    gives_the_same("\xef\xbb\xbf" HEAD "a" TAIL ": note\n\n" HEAD "b" TAIL);
}

/* Each event says something else before its text. */
static void a_stream_of_other_events_is_left_alone(void **state)
{
    char event[] = "data: {\"created\":AA,\"choices\":[{\"text\":\"x\"}]}\n\n";
    char *number = strstr(event, "AA");

    (void) state;
    begin(&run);
    for (unsigned i = 10; i < 99; i++) {
        number[0] = (char) ('0' + i / 10);
        number[1] = (char) ('0' + i % 10);
        feed(&run, asg_str_z(event), 0);
    }
    assert_int_equal(run.answer.usage.content_bytes, 89);
    assert_int_equal(run.answer.again.head_misses, ASG_AGAIN_MISSES);
    assert_int_equal(run.answer.again.head_len, 0);
}

static void any_stream_gives_what_it_gives_when_walked(void **state)
{
    static const char *const pieces[] = {
        HEAD, HEAD, HEAD, TAIL, TAIL, TAIL, TAIL_NULL, "text", "\\n", "\\u00e9",
        "\xd0\x96", "\n", "\r\n\r\n", "\r", "\"", "}", "data: ", "[DONE]", "x",
        "event: error\n", "\"error\":{}", ",\"usage\":{\"prompt_tokens\":1}"
    };
    static char text[STREAM_MAX];

    (void) state;
    srandom(11);
    for (unsigned round = 0; round < 4000; round++) {
        asg_buf_t b;

        asg_buf_init(&b, text, sizeof(text));
        for (unsigned i = 0; i < 40; i++) {
            /* mostly events that are well */
            const char *odd = pieces[(size_t) random()
                                     % (sizeof(pieces) / sizeof(*pieces))];

            asg_buf_z(&b, random() % 6 == 0 ? odd : HEAD "words" TAIL);
        }
        walk(asg_buf_view(&b));
        begin(&run);
        feed(&run, asg_buf_view(&b), (size_t) random() % 300);
        end(&run);
        same();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_like_the_one_before_is_not_walked),
        cmocka_unit_test(what_differs_is_seen),
        cmocka_unit_test(an_event_that_breaks_off_or_goes_on_is_no_other),
        cmocka_unit_test(a_stream_of_other_events_is_left_alone),
        cmocka_unit_test(any_stream_gives_what_it_gives_when_walked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
