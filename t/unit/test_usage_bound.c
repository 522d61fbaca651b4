/*
 * core/answer_usage.c: what is believed of a provider's numbers, by what was
 * held and by what was delivered.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/answer.h"

static asg_answer_t answer;
static asg_answer_splice_t splice;
static char body[8192];

/* An answer of `text` bytes of text under `key`, and this usage; a call that
 * was held with 50 tokens of prompt and 16 of answer. */
static asg_usage_verdict_t judged(const char *key, size_t text,
    const char *usage)
{
    asg_buf_t b;

    asg_buf_init(&b, body, sizeof(body));
    asg_buf_z(&b, "{\"choices\":[{\"message\":{\"");
    asg_buf_z(&b, key);
    asg_buf_z(&b, "\":\"");
    while (text-- > 0) {
        asg_buf_z(&b, "t");
    }
    asg_buf_z(&b, "\"}}],\"usage\":{");
    asg_buf_z(&b, usage);
    asg_buf_z(&b, "}}");
    assert_true(asg_buf_ok(&b));
    answer.bound = (asg_bound_t) {.prompt = 50, .output = 16, .hold_nusd = 9};
    assert_int_equal(asg_answer_json(&answer, asg_buf_view(&b), &splice),
                     ASG_OK);
    return answer.usage.verdict;
}

static asg_usage_verdict_t said(const char *key, size_t text,
    long long prompt, long long completion)
{
    char usage[128];

    asg_answer_init(&answer, ASG_STR("m"), false, 0, NULL);
    snprintf(usage, sizeof(usage), "\"prompt_tokens\":%lld,"
             "\"completion_tokens\":%lld", prompt, completion);
    return judged(key, text, usage);
}

static void a_prompt_is_at_most_its_bound(void **state)
{
    (void) state;
    assert_int_equal(said("content", 5, 50, 2), ASG_USAGE_GOOD);
    assert_int_equal(said("content", 5, 51, 2), ASG_USAGE_BAD);
    assert_true(answer.usage.above);
    assert_int_equal(said("content", 4000, 51, 900), ASG_USAGE_BAD);
    assert_true(answer.usage.above);
}

static void an_answer_is_at_most_its_limit_and_its_text(void **state)
{
    (void) state;
    assert_int_equal(said("content", 5, 10, 21), ASG_USAGE_GOOD);
    assert_int_equal(said("content", 5, 10, 22), ASG_USAGE_BAD);
    assert_true(answer.usage.above);
    assert_int_equal(said("url", 500, 10, 16), ASG_USAGE_GOOD);
    assert_int_equal(said("url", 500, 10, 17), ASG_USAGE_BAD);
    assert_int_equal(said("arguments", 500, 10, 516), ASG_USAGE_GOOD);
}

/* 2^32 and ten is ten in 32 bits. */
static void a_count_of_any_size_is_seen_whole(void **state)
{
    static const long long counts[] = {999999999, 1000000000, 4294967306,
        9999999999, 10000000000, 1000000000000000000};

    (void) state;
    for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
        assert_int_equal(said("content", 5, counts[i], 2), ASG_USAGE_BAD);
        assert_true(answer.usage.above);
        assert_int_equal(said("content", 5, 10, counts[i]), ASG_USAGE_BAD);
        assert_true(answer.usage.above);
    }
    assert_int_equal(said("content", 5, -999999999999, 2), ASG_USAGE_BAD);
    assert_false(answer.usage.above);
}

static void a_text_is_at_most_what_its_tokens_can_spell(void **state)
{
    (void) state;
    assert_int_equal(said("content", 1024 + 128, 10, 1), ASG_USAGE_GOOD);
    assert_int_equal(said("content", 1024 + 129, 10, 1), ASG_USAGE_BAD);
    assert_false(answer.usage.above);
    assert_int_equal(said("arguments", 1024 + 129, 10, 1), ASG_USAGE_BAD);
    assert_int_equal(said("data", 4000, 10, 1), ASG_USAGE_GOOD);
}

static void what_may_be_the_request_again_is_no_text(void **state)
{
    (void) state;
    asg_answer_init(&answer, ASG_STR("m"), false, 0, NULL);
    answer.echoed_bytes = 1000;
    assert_int_equal(judged("content", 2152,
        "\"prompt_tokens\":10,\"completion_tokens\":1"), ASG_USAGE_GOOD);
    asg_answer_init(&answer, ASG_STR("m"), false, 0, NULL);
    answer.echoed_bytes = 1000;
    assert_int_equal(judged("content", 2153,
        "\"prompt_tokens\":10,\"completion_tokens\":1"), ASG_USAGE_BAD);
}

static void no_prompt_is_free(void **state)
{
    (void) state;
    assert_int_equal(said("content", 0, 0, 0), ASG_USAGE_BAD);
    assert_int_equal(said("content", 0, 1, 0), ASG_USAGE_GOOD);
    assert_int_equal(said("content", 1, 1, 0), ASG_USAGE_BAD);
    asg_answer_init(&answer, ASG_STR("m"), false, 0, NULL);
    assert_int_equal(asg_answer_json(&answer, ASG_STR("{\"data\":[],\"usage\":"
        "{\"prompt_tokens\":0}}"), &splice), ASG_OK);
    assert_int_equal(answer.usage.verdict, ASG_USAGE_BAD);
}

static void no_member_of_usage_may_stand_twice(void **state)
{
    static const char *const twice[] = {
        "\"prompt_tokens\":10,\"completion_tokens\":2,\"prompt_tokens\":null",
        "\"prompt_tokens\":null,\"completion_tokens\":2,\"prompt_tokens\":10",
        "\"prompt_tokens\":10,\"prompt_tokens_details\":{\"cached_tokens\":5},"
        "\"prompt_tokens_details\":null",
        "\"prompt_tokens\":10,\"prompt_tokens_details\":{\"cached_tokens\":5,"
        "\"cached_tokens\":null}",
        "\"prompt_tokens\":10,\"completion_tokens_details\":null,"
        "\"completion_tokens_details\":{}"
    };

    (void) state;
    for (size_t i = 0; i < sizeof(twice) / sizeof(*twice); i++) {
        asg_answer_init(&answer, ASG_STR("m"), false, 0, NULL);
        assert_int_equal(judged("content", 0, twice[i]), ASG_USAGE_BAD);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_prompt_is_at_most_its_bound),
        cmocka_unit_test(an_answer_is_at_most_its_limit_and_its_text),
        cmocka_unit_test(a_count_of_any_size_is_seen_whole),
        cmocka_unit_test(a_text_is_at_most_what_its_tokens_can_spell),
        cmocka_unit_test(what_may_be_the_request_again_is_no_text),
        cmocka_unit_test(no_prompt_is_free),
        cmocka_unit_test(no_member_of_usage_may_stand_twice)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
