/* core/answer.h: the kinds of token that a usage object tells apart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/answer.h"

#define PLUS(more) \
    "{\"prompt_tokens\":100,\"completion_tokens\":50," more "}"
#define DETAILS(more)  PLUS("\"prompt_tokens_details\":{" more "}")
#define BRIEF(n)  "\"ephemeral_5m_input_tokens\":" n
#define HOUR(n)   "\"ephemeral_1h_input_tokens\":" n
#define WRITES(n) "\"cache_creation_input_tokens\":" n

static char line[ASG_ANSWER_LINE];
static asg_answer_t answer;
static asg_answer_splice_t splice;

static const asg_tokens_t *good(const char *usage)
{
    char body[1024];

    snprintf(body, sizeof(body), "{\"choices\":[{\"message\":{\"content\":"
             "\"x\"}}],\"usage\":%s}", usage);
    asg_answer_init(&answer, ASG_STR("mine"), false, 1000, line);
    assert_int_equal(asg_answer_json(&answer, asg_str_z(body), &splice),
                     ASG_OK);
    if (answer.usage.verdict != ASG_USAGE_GOOD) {
        fail_msg("verdict %d for %s", answer.usage.verdict, usage);
    }
    return &answer.usage.tokens;
}

static void writes_are(const char *usage, int32_t all, int32_t hour)
{
    const asg_tokens_t *t = good(usage);

    if (t->cache_write != all || t->cache_write_1h != hour) {
        fail_msg("%d, %d for %s", t->cache_write, t->cache_write_1h, usage);
    }
}

static void cache_writes_that_are_not_told_apart_count_as_the_dearer(
    void **state)
{
    (void) state;
    writes_are(PLUS(WRITES("9")), 9, 9);
    writes_are(PLUS(WRITES("9") ",\"cache_creation\":null"), 9, 9);
    writes_are(PLUS(WRITES("9") ",\"cache_creation\":{" BRIEF("0") ","
                    HOUR("0") "}"), 9, 9);
    writes_are(DETAILS("\"cache_write_tokens\":9,\"other\":{" BRIEF("9")
                       "}"), 9, 9);
}

static void cache_writes_are_told_apart_where_a_backend_does(void **state)
{
    (void) state;
    writes_are(PLUS(WRITES("9") ",\"cache_creation\":{" BRIEF("7") ","
                    HOUR("2") "}"), 9, 2);
    writes_are(PLUS(WRITES("9") ",\"cache_creation\":{" BRIEF("7") "}"),
               9, 2);
    writes_are(PLUS("\"cache_creation\":{" HOUR("2") "," BRIEF("7") "}"),
               9, 2);
    writes_are(DETAILS("\"cache_creation_tokens\":9,"
                       "\"cache_creation_token_details\":{" BRIEF("9") "},"
                       "\"cached_tokens\":3"), 9, 0);
    /* the object is over: what follows is a prompt's again */
    assert_int_equal(answer.usage.tokens.cached, 3);
    writes_are(PLUS("\"completion_tokens_details\":{"
                    "\"cache_creation_token_details\":{" HOUR("9") "}}"),
               0, 0);
}

static void audio_tokens_are_read_on_both_sides(void **state)
{
    const asg_tokens_t *t = good(PLUS(
        "\"prompt_tokens_details\":{\"audio_tokens\":70},"
        "\"completion_tokens_details\":{\"audio_tokens\":40,"
        "\"reasoning_tokens\":3}"));

    (void) state;
    assert_int_equal(t->audio_in, 70);
    assert_int_equal(t->audio_out, 40);
    assert_int_equal(t->reasoning, 3);
    assert_int_equal(good(PLUS("\"audio_tokens\":7"))->audio_in, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            cache_writes_that_are_not_told_apart_count_as_the_dearer),
        cmocka_unit_test(cache_writes_are_told_apart_where_a_backend_does),
        cmocka_unit_test(audio_tokens_are_read_on_both_sides),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
