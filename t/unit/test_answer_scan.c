/*
 * core/answer_scan.h: what is learnt from an answer, wherever it is cut, and
 * what cannot be the beginning of one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/answer_scan.h"

#define AT 1000                         /* the caller's own counting */

static asg_answer_scan_t s;

static void scan(const char *text)
{
    asg_answer_scan_begin(&s, ASG_WORDS_OPENAI);
    asg_answer_scan_feed(&s, text, strlen(text), AT);
}

static void span_is(const char *text, asg_scan_span_t span, const char *should)
{
    assert_true(span.to >= span.from && span.from >= AT);
    assert_int_equal(span.to - span.from, strlen(should));
    assert_memory_equal(text + span.from - AT, should, strlen(should));
}

static const char answer[] =
    " {\"id\":\"chatcmpl-1\",\"model\" : \"gpt\\u0021\",\"usage\":{"
    "\"prompt_tokens\":3,\"completion_tokens\":0,\"prompt_tokens_details\":"
    "{\"cached_tokens\":2}} ,\"choices\":[{\"message\":{\"content\":\"a\\nb\","
    "\"tool_calls\":[{\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]},"
    "\"logprobs\":{\"content\":[{\"text\":\"mute\"}]}},{\"message\":"
    "{\"content\":\"second\"}}]} \n";

static void an_answer_tells_where_its_parts_stand(void **state)
{
    (void) state;
    scan(answer);
    assert_true(asg_answer_scan_is_whole(&s));
    assert_string_equal(s.id, "chatcmpl-1");
    span_is(answer, s.model, "\"gpt\\u0021\"");
    span_is(answer, s.content, "\"a\\nb\"");
    assert_true(s.usage.to > s.usage.from);
    assert_memory_equal(answer + s.usage.from - AT, ",\"usage\"", 8);
    assert_int_equal(answer[s.usage.to - AT - 1], '}');
    assert_true(s.has_usage && !s.usage_bad);
    assert_int_equal(s.counts, 1u << ASG_COUNT_PROMPT
        | 1u << ASG_COUNT_COMPLETION | 1u << ASG_COUNT_CACHED);
    assert_int_equal(s.count[ASG_COUNT_CACHED], 2);
    assert_int_equal(s.content_bytes, 3 + 1 + 2 + 6);
    assert_true(!s.no_choices && !s.is_error);
    assert_memory_equal(answer + s.text_at - AT, "a\\n", 3);
}

/* What was learnt lies before what is private. */
static void cuts_change_nothing(void **state)
{
    static asg_answer_scan_t whole;
    size_t learnt = offsetof(asg_answer_scan_t, state);
    size_t len = strlen(answer);

    (void) state;
    scan(answer);
    whole = s;
    for (size_t cut = 0; cut <= len; cut++) {
        asg_answer_scan_begin(&s, ASG_WORDS_OPENAI);
        asg_answer_scan_feed(&s, answer, cut, AT);
        asg_answer_scan_feed(&s, answer + cut, len - cut, AT + cut);
        assert_memory_equal(&s, &whole, learnt);
        assert_string_equal(s.id, whole.id);
    }
    asg_answer_scan_begin(&s, ASG_WORDS_OPENAI);
    for (size_t i = 0; i < len; i++) {
        assert_int_equal(asg_answer_scan_is_whole(&s), i + 2 >= len);
        asg_answer_scan_feed(&s, answer + i, 1, AT + i);
    }
    assert_memory_equal(&s, &whole, learnt);
}

static void is(const char *text, bool empty, bool whole, bool failed)
{
    scan(text);
    if (asg_answer_scan_is_empty(&s) != empty
        || asg_answer_scan_is_whole(&s) != whole
        || asg_answer_scan_failed(&s) != failed)
    {
        fail_msg("%s", text);
    }
}

static void an_answer_is_one_object(void **state)
{
    (void) state;
    is("", true, false, false);
    is(" \r\n\t", true, false, false);
    is("{", false, false, false);
    is("{} ", false, true, false);
    is("{}{", false, false, true);
    is("{},", false, false, true);
    is("[]", false, false, true);
    is("\"a\"", false, false, true);
    is("{\"a\":1,}", false, false, true);
    is("{\"a\":[1,]}", false, false, true);
    is("{\"a\":[1}", false, false, true);
    is("{\"a\" 1}", false, false, true);
    is("{\"a\":\"\x01\"}", false, false, true);
}

static void levels_are_bounded(void **state)
{
    char text[2 * ASG_SCAN_DEPTH_MAX + 16] = "{\"a\":";
    size_t inner = ASG_SCAN_DEPTH_MAX - 1;

    (void) state;
    memset(text + 5, '[', inner);
    memset(text + 5 + inner, ']', inner);
    text[5 + 2 * inner] = '}';
    is(text, false, true, false);
    text[5 + inner] = '[';
    is(text, false, false, true);
}

static void only_keys_that_matter_may_not_be_repeated(void **state)
{
    (void) state;
    is("{\"x\":1,\"x\":2}", false, true, false);
    is("{\"model\":\"a\",\"model\":\"b\"}", false, false, true);
    is("{\"choices\":[],\"choices\":[]}", false, false, true);
    is("{\"usage\":{},\"usage\":{}}", false, true, false);
    assert_true(s.has_usage && s.usage_bad);
    is("{\"usage\":{\"prompt_tokens\":1,\"prompt_tokens\":1}}", false, true,
       false);
    assert_true(s.usage_bad);
}

static void what_is_null_is_not_there(void **state)
{
    (void) state;
    scan("{\"usage\":null,\"error\":null,\"model\":null,\"choices\":[]}");
    assert_true(!s.has_usage && !s.is_error && s.no_choices);
    assert_int_equal(s.model.to, 0);
    scan("{\"usage\":7}");
    assert_true(s.has_usage && s.usage_bad);
    scan("{\"error\":false}");
    assert_true(s.is_error);
    assert_int_equal(s.error_at, AT + 9);
    scan("{\"object\":\"error\"}");
    assert_true(s.is_error);
    scan("{\"object\":\"errors\"}");
    assert_false(s.is_error);
}

static void a_usage_that_comes_first_takes_the_comma_behind(void **state)
{
    static const char first[] = "{\"usage\":{} , \"x\":1}";
    static const char alone[] = "{ \"usage\":{} }";

    (void) state;
    scan(first);
    span_is(first, s.usage, "\"usage\":{} ,");
    scan(alone);
    span_is(alone, s.usage, "\"usage\":{}");
}

static void the_mark_of_the_end_is_no_object(void **state)
{
    (void) state;
    is(" [DONE] ", false, true, false);
    assert_true(s.done_mark);
    is("[DONE", false, false, false);
    is("[DONE]]", false, false, true);
    is("{\"a\":[DONE]}", false, false, true);
}

static void a_text_is_taken_to_its_end_and_no_further(void **state)
{
    static const char rest[] = "bc\\\"d\",\"x\":1}";

    (void) state;
    scan("{\"choices\":[{\"text\":\"a");
    assert_int_equal(asg_answer_scan_text(&s, rest, 2, AT + 30), 2);
    assert_int_equal(asg_answer_scan_text(&s, rest + 2, sizeof(rest) - 3,
                                          AT + 32), 4);
    assert_int_equal(s.content_bytes, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_tells_where_its_parts_stand),
        cmocka_unit_test(cuts_change_nothing),
        cmocka_unit_test(an_answer_is_one_object),
        cmocka_unit_test(levels_are_bounded),
        cmocka_unit_test(only_keys_that_matter_may_not_be_repeated),
        cmocka_unit_test(what_is_null_is_not_there),
        cmocka_unit_test(a_usage_that_comes_first_takes_the_comma_behind),
        cmocka_unit_test(the_mark_of_the_end_is_no_object),
        cmocka_unit_test(a_text_is_taken_to_its_end_and_no_further)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
