/* core/anthropic_shape.h: why an answer ended, and its usage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/anthropic_shape.h"

static char storage[1024];
static asg_buf_t written;

static int append(void *data, const char *bytes, size_t len)
{
    asg_buf_put(data, bytes, len);
    return 0;
}

static void writes(const asg_anthropic_usage_t *usage, const char *should)
{
    asg_sink_t sink;

    asg_buf_init(&written, storage, sizeof(storage));
    asg_sink_init(&sink, append, &written);
    asg_anthropic_usage_write(&sink, usage);
    assert_int_equal(sink.length, strlen(should));
    assert_true(asg_str_eq_z(asg_buf_view(&written), should));
}

static void an_object_is_one_whole_object(void **state)
{
    static asg_json_t json;
    static const char *const none[] = {"", "[]", "{} {}", "{}x", "{", "1",
        "{\"a\":}", "null"};

    (void) state;
    assert_true(asg_str_eq_z(asg_anthropic_object(&json, 1,
        ASG_STR(" {\"a\":1,\"a\":2} ")), "{\"a\":1,\"a\":2}"));
    for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++) {
        assert_null(asg_anthropic_object(&json, 1, asg_str_z(none[i])).data);
    }
}

static void an_unknown_reason_is_a_plain_end(void **state)
{
    static const char *const all[][2] = {{"end_turn", "stop"},
        {"pause_turn", "stop"}, {"max_tokens", "length"},
        {"model_context_window_exceeded", "length"},
        {"tool_use", "tool_calls"}, {"refusal", "content_filter"},
        {"Refusal", "stop"}, {"", "stop"}, {"null", "stop"},
        {NULL, "stop"}};

    (void) state;
    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
        assert_string_equal(asg_anthropic_finish_reason(asg_str_z(all[i][0])),
                            all[i][1]);
    }
}

static void a_later_number_replaces_an_earlier_and_the_others_stay(void **state)
{
    asg_anthropic_usage_t usage = {.seen = 0};

    (void) state;
    writes(&usage, "null");
    assert_false(asg_anthropic_usage_is_told(&usage));
    asg_anthropic_usage_read(&usage,
        ASG_STR("{\"usage\":{\"input_tokens\":7}}"));
    assert_false(asg_anthropic_usage_is_told(&usage));
    writes(&usage, "{}");
    asg_anthropic_usage_read(&usage,
        ASG_STR("{\"usage\":{\"output_tokens\":2}}"));
    asg_anthropic_usage_read(&usage,
        ASG_STR("{\"usage\":{\"output_tokens\":3}}"));
    asg_anthropic_usage_read(&usage, ASG_STR("{}"));
    assert_true(asg_anthropic_usage_is_told(&usage));
    writes(&usage, "{\"prompt_tokens\":7,\"completion_tokens\":3,"
           "\"total_tokens\":10,\"prompt_tokens_details\":{"
           "\"cached_tokens\":0,\"cache_creation_tokens\":0}}");
}

static void once_bad_it_stays_bad_and_is_told(void **state)
{
    static const char *const bad[] = {
        "{\"usage\":{\"input_tokens\":1,\"input_tokens\":1}}",
        "{\"usage\":{},\"usage\":{}}", "{\"usage\":[]}", "{\"usage\":7}",
        "{\"usage\":{\"cache_creation\":{},\"cache_creation\":{}}}",
        "{\"usage\":{\"cache_creation\":{\"ephemeral_1h_input_tokens\":"
        "-1}}}"};

    (void) state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        asg_anthropic_usage_t usage = {.seen = 0};

        asg_anthropic_usage_read(&usage, asg_str_z(bad[i]));
        asg_anthropic_usage_read(&usage, ASG_STR("{\"usage\":{"
            "\"input_tokens\":1,\"output_tokens\":1}}"));
        assert_true(usage.is_bad);
        assert_true(asg_anthropic_usage_is_told(&usage));
        writes(&usage, "{}");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_object_is_one_whole_object),
        cmocka_unit_test(an_unknown_reason_is_a_plain_end),
        cmocka_unit_test(
            a_later_number_replaces_an_earlier_and_the_others_stay),
        cmocka_unit_test(once_bad_it_stays_bad_and_is_told)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
