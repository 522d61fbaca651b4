/* core/anthropic_params.c: thinking, sampling, stops, form at their edges. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "anthropic_written.h"

static void temperature_ends_at_one(void **state)
{
    (void) state;
    assert_true(has(ASK(",\"temperature\":0"), "\"temperature\":0"));
    assert_true(has(ASK(",\"temperature\":1.00"), "\"temperature\":1.00"));
    assert_true(has(ASK(",\"temperature\":1.01"), "\"temperature\":1}")
                || has(ASK(",\"temperature\":1.01"), "\"temperature\":1,"));
    assert_false(has(ASK(",\"temperature\":2"), "\"temperature\":2"));
}

static void top_p_stands_alone_or_not_at_all(void **state)
{
    (void) state;
    assert_true(has(ASK(",\"top_p\":0.5"), "\"top_p\":0.5"));
    assert_false(has(ASK(",\"top_p\":1"), "top_p"));
    assert_false(has(ASK(",\"top_p\":0.5,\"temperature\":1"), "top_p"));
    rewrite.refuse_unsupported = true;
    refuses(ASK(",\"top_p\":0.5,\"temperature\":1"),
            ASG_REASON_UNSUPPORTED_FIELD, "top_p");
    rewrite.refuse_unsupported = false;
}

static void effort_thinks_where_there_is_room(void **state)
{
    const int64_t most = rewrite.max_tokens;

    (void) state;
    assert_true(has(ASK(",\"reasoning_effort\":\"high\""),
                    "\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":"));
    assert_false(has(ASK(",\"reasoning_effort\":\"none\""), "thinking"));
    rewrite.max_tokens = ASG_ANTHROPIC_BUDGET_MIN;
    assert_false(has(ASK(",\"reasoning_effort\":\"high\""), "thinking"));
    rewrite.max_tokens = most;
    assert_false(has(ASK(",\"reasoning_effort\":\"high\",\"temperature\":0.5"),
                     "temperature"));
}

static void blank_stops_are_left_out(void **state)
{
    (void) state;
    assert_true(has(ASK(",\"stop\":\"x\""), "\"stop_sequences\":[\"x\"]"));
    assert_true(has(ASK(",\"stop\":[\" \",\"x\",\"\\n\",\"y\"]"),
                    "\"stop_sequences\":[\"x\",\"y\"]"));
    assert_false(has(ASK(",\"stop\":\" \""), "stop_sequences"));
    assert_false(has(ASK(",\"stop\":[]"), "stop_sequences"));
}

static void a_form_needs_its_schema(void **state)
{
    (void) state;
    assert_true(has(ASK(",\"response_format\":{\"type\":\"json_schema\","
        "\"json_schema\":{\"name\":\"n\",\"schema\":{\"type\":\"object\"}}}"),
        "\"output_config\":{\"format\":{\"type\":\"json_schema\","
        "\"schema\":{\"type\":\"object\"}}}"));
    refuses(ASK(",\"response_format\":{\"type\":\"json_schema\","
            "\"json_schema\":{\"name\":\"n\"}}"), ASG_REASON_MISSING_FIELD,
            "response_format.json_schema.schema");
    assert_false(has(ASK(",\"response_format\":{\"type\":\"text\"}"),
                     "output_config"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(temperature_ends_at_one),
        cmocka_unit_test(top_p_stands_alone_or_not_at_all),
        cmocka_unit_test(effort_thinks_where_there_is_room),
        cmocka_unit_test(blank_stops_are_left_out),
        cmocka_unit_test(a_form_needs_its_schema)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
