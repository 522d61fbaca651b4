/* core/anthropic_tools.c: ids, arguments and calls at their edges. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "anthropic_written.h"

/* A call with this id and these arguments, both raw, and its result. */
static const char *call(const char *id, const char *arguments)
{
    static char body[4096];

    snprintf(body, sizeof(body), SAY("{\"role\":\"user\",\"content\":\"hi\"},"
        "{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":"
        "\"%s\",\"type\":\"function\",\"function\":{\"name\":\"f\","
        "\"arguments\":\"%s\"}}]},{\"role\":\"tool\",\"tool_call_id\":\"%s\","
        "\"content\":\"ok\"}"), id, arguments, id);
    return body;
}

static void an_id_is_changed_alike_in_call_and_result(void **state)
{
    (void) state;
    assert_true(has(call("call.1:x", "{}"), "\"id\":\"call_1_x\""));
    assert_non_null(strstr(written, "\"tool_use_id\":\"call_1_x\""));
    assert_true(has(call("Az09_-", "{}"), "\"id\":\"Az09_-\""));
    refuses(call("", "{}"), ASG_REASON_INVALID_VALUE,
            "messages[1].tool_calls[0].id");
}

static void an_id_has_a_bound(void **state)
{
    char id[ASG_ANTHROPIC_ID_MAX + 2];

    (void) state;
    memset(id, 'i', sizeof(id));
    id[ASG_ANTHROPIC_ID_MAX] = '\0';
    assert_true(has(call(id, "{}"), id));
    id[ASG_ANTHROPIC_ID_MAX] = 'i';
    id[ASG_ANTHROPIC_ID_MAX + 1] = '\0';
    refuses(call(id, "{}"), ASG_REASON_INVALID_VALUE,
            "messages[1].tool_calls[0].id");
}

static void arguments_are_one_object_or_nothing(void **state)
{
    static const char *const bad[] = {"[]", "1", "{", "{} {}", "{\\\"a\\\":}",
        "[DONE]", "x"};

    (void) state;
    assert_true(has(call("c", ""), "\"input\":{}"));
    assert_true(has(call("c", " \\n"), "\"input\":{}"));
    assert_true(has(call("c", "{\\\"a\\\":\\\"\\\\n\\\"}"),
                    "\"input\":{\"a\":\"\\n\"}"));
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        refuses(call("c", bad[i]), ASG_REASON_INVALID_VALUE,
                "messages[1].tool_calls[0].function.arguments");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_id_is_changed_alike_in_call_and_result),
        cmocka_unit_test(an_id_has_a_bound),
        cmocka_unit_test(arguments_are_one_object_or_nothing)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
