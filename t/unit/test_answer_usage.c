/*
 * core/answer_usage.c: what a provider says of usage is taken while it can be
 * true, and judged by the text that came.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/answer_parts.h"

static asg_answer_t a;

/* A usage of an event at hand, after so many bytes of text. */
static void says(uint64_t prompt, uint64_t completion, uint64_t text)
{
    a.scan.has_usage = true;
    a.scan.counts = 1u << ASG_COUNT_PROMPT | 1u << ASG_COUNT_COMPLETION;
    a.scan.count[ASG_COUNT_PROMPT] = prompt;
    a.scan.count[ASG_COUNT_COMPLETION] = completion;
    a.usage.content_bytes = a.text_bytes = text;
    asg_answer_take_usage(&a);
    asg_answer_judge(&a);
}

static int begin(void **state)
{
    (void) state;
    memset(&a, 0, sizeof(a));
    a.words = ASG_WORDS_OPENAI;
    return 0;
}

static void without_a_word_there_is_none(void **state)
{
    (void) state;
    a.usage.content_bytes = 12;
    asg_answer_take_usage(&a);
    asg_answer_judge(&a);
    assert_int_equal(a.usage.verdict, ASG_USAGE_NONE);
    assert_true(a.usage.has_content);
    assert_int_equal(a.usage.content_after_usage, 0);
}

static void it_may_grow_and_not_fall(void **state)
{
    (void) state;
    says(10, 1, 4);
    says(10, 5, 20);
    assert_int_equal(a.usage.verdict, ASG_USAGE_GOOD);
    assert_int_equal(a.usage.tokens.completion, 5);
    says(10, 4, 20);
    assert_int_equal(a.usage.verdict, ASG_USAGE_BAD);
    says(10, 9, 40);
    assert_int_equal(a.usage.verdict, ASG_USAGE_BAD);
}

static void what_was_told_beside_the_stream_may_be_more(void **state)
{
    (void) state;
    says(10, 50, 20);
    a.was_told = true;
    says(10, 5, 20);
    assert_int_equal(a.usage.verdict, ASG_USAGE_GOOD);
    assert_int_equal(a.usage.tokens.completion, 5);
}

static void no_answer_is_free(void **state)
{
    (void) state;
    says(10, 0, 4);
    assert_int_equal(a.usage.verdict, ASG_USAGE_BAD);
    begin(NULL);
    says(0, 3, 4);
    assert_int_equal(a.usage.verdict, ASG_USAGE_BAD);
    begin(NULL);
    says(10, 0, 0);
    assert_int_equal(a.usage.verdict, ASG_USAGE_GOOD);
}

static void it_is_judged_by_the_text_before_it(void **state)
{
    const uint64_t most = 3 * ASG_TOKEN_BYTES_MAX + ASG_TEXT_BYTES_FREE;

    (void) state;
    says(10, 3, most);
    assert_int_equal(a.usage.verdict, ASG_USAGE_GOOD);
    a.usage.content_bytes = a.text_bytes = most + 700;
    a.scan.has_usage = false;
    asg_answer_judge(&a);
    assert_int_equal(a.usage.verdict, ASG_USAGE_GOOD);
    assert_int_equal(a.usage.content_after_usage, 700);
    begin(NULL);
    says(10, 3, most + 1);
    assert_int_equal(a.usage.verdict, ASG_USAGE_BAD);
    assert_false(a.usage.above);
}

static void more_than_the_call_can_use_is_above(void **state)
{
    (void) state;
    a.context_tokens = 100;
    says(101, 1, 1);
    assert_int_equal(a.usage.verdict, ASG_USAGE_BAD);
    assert_true(a.usage.above);
    begin(NULL);
    a.bound = (asg_bound_t) {.prompt = 10, .output = 5, .hold_nusd = 1};
    says(10, 7, 2);
    assert_int_equal(a.usage.verdict, ASG_USAGE_GOOD);
    begin(NULL);
    a.bound = (asg_bound_t) {.prompt = 10, .output = 5, .hold_nusd = 1};
    says(10, 8, 2);
    assert_true(a.usage.above);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(without_a_word_there_is_none,
                               begin),
        cmocka_unit_test_setup(it_may_grow_and_not_fall,
                               begin),
        cmocka_unit_test_setup(what_was_told_beside_the_stream_may_be_more,
                               begin),
        cmocka_unit_test_setup(no_answer_is_free,
                               begin),
        cmocka_unit_test_setup(it_is_judged_by_the_text_before_it,
                               begin),
        cmocka_unit_test_setup(more_than_the_call_can_use_is_above,
                               begin)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
