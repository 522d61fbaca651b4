/*
 * Anthropic's errors as reasons of ours: golden files; which counts, type or
 * status; ids at the bound.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/anthropic_answer.h"
#include "golden.h"

static asg_json_t json;
static char storage[GOLDEN_BYTES];
static asg_buf_t written;

static void check_error(const golden_t *g)
{
    asg_anthropic_error_t error;

    asg_anthropic_error(&json, 1, (unsigned) golden_number(g, "status", 0),
                        g->in, &error);
    asg_buf_init(&written, storage, sizeof(storage));
    asg_buf_u64(&written, asg_reason_info(error.reason)->status);
    asg_buf_z(&written, error.is_too_long ? " too long " : " ");
    asg_anthropic_error_body(&written, &error);
    asg_buf_z(&written, "\n");
    golden_same(g, asg_buf_view(&written));
}

static void an_error_becomes_what_its_golden_file_says(void **state)
{
    (void) state;
    golden_each("anthropic/error", 15, check_error);
}

static void the_type_counts_before_the_status(void **state)
{
    (void) state;
    assert_int_equal(asg_anthropic_error_reason(400,
        ASG_STR("overloaded_error")), ASG_REASON_UPSTREAM_OVERLOADED);
    assert_int_equal(asg_anthropic_error_reason(429, ASG_STR("new_error")),
                     ASG_REASON_UPSTREAM_RATE_LIMITED);
    assert_int_equal(asg_anthropic_error_reason(422, ASG_STR("")),
                     ASG_REASON_UPSTREAM_REJECTED);
    assert_int_equal(asg_anthropic_error_reason(0,
        ASG_STR("timeout_error")), ASG_REASON_UPSTREAM_TIMEOUT);
}

static void an_unknown_status_is_an_error_of_the_provider(void **state)
{
    static const unsigned all[] = {0, 199, 302, 418, 451, 501, 599, 999};

    (void) state;
    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
        assert_int_equal(asg_anthropic_error_reason(all[i], ASG_STR_NULL),
                         ASG_REASON_UPSTREAM_ERROR);
    }
}

/* Whether an error with this request id, raw, keeps it. */
static bool keeps(const char *id)
{
    asg_anthropic_error_t error;
    char body[1024];

    snprintf(body, sizeof(body), "{\"error\":{\"type\":\"api_error\"},"
             "\"request_id\":\"%s\"}", id);
    asg_anthropic_error(&json, 1, 500, asg_str_z(body), &error);
    assert_int_equal(error.reason, ASG_REASON_UPSTREAM_ERROR);
    assert_true(error.request_id[0] == '\0'
                || strcmp(error.request_id, id) == 0);
    return error.request_id[0] != '\0';
}

static void an_id_is_kept_up_to_the_bound_and_when_it_is_plain(void **state)
{
    char id[ASG_ANTHROPIC_ANSWER_ID + 1];

    (void) state;
    memset(id, 'r', sizeof(id));
    id[ASG_ANTHROPIC_ANSWER_ID] = '\0';
    assert_false(keeps(id));
    id[ASG_ANTHROPIC_ANSWER_ID - 1] = '\0';
    assert_true(keeps(id));
    assert_false(keeps(""));
    assert_false(keeps("a b"));
    assert_false(keeps("a\\u0062"));
    assert_false(keeps("caf\xc3\xa9"));
    assert_true(keeps("req_~!"));
}

static void only_the_provider_s_own_mistakes_are_hidden(void **state)
{
    asg_anthropic_error_t error;

    (void) state;
    asg_anthropic_error(&json, 1, 413, ASG_STR("{\"error\":{\"type\":"
        "\"request_too_large\",\"message\":\"prompt is too long: 9\"}}"),
        &error);
    assert_int_equal(error.reason, ASG_REASON_UPSTREAM_REJECTED);
    assert_true(error.is_too_long);
    asg_anthropic_error(&json, 1, 500, ASG_STR("{\"error\":{\"type\":"
        "\"api_error\",\"message\":\"prompt is too long: 9\"}}"), &error);
    assert_false(error.is_too_long);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_error_becomes_what_its_golden_file_says),
        cmocka_unit_test(the_type_counts_before_the_status),
        cmocka_unit_test(an_unknown_status_is_an_error_of_the_provider),
        cmocka_unit_test(an_id_is_kept_up_to_the_bound_and_when_it_is_plain),
        cmocka_unit_test(only_the_provider_s_own_mistakes_are_hidden)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
