/*
 * core/request_path.h: a place in a body written as a path, and no more of it
 * than fits.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/request_path.h"

static asg_refusal_t why;

static asg_step_t name(const asg_step_t *up, const char *raw)
{
    return (asg_step_t) {.up = up, .name = asg_str_z(raw)};
}

static asg_step_t item(const asg_step_t *up, uint32_t index)
{
    return (asg_step_t) {.up = up, .index = index};
}

static void a_place_is_a_path(void **state)
{
    char path[ASG_REQUEST_PATH_MAX];
    asg_step_t a = name(NULL, "messages");
    asg_step_t b = item(&a, 0);
    asg_step_t c = name(&b, "content");
    asg_step_t d = item(&c, 4294967295u);
    asg_step_t e = name(&d, "image_url");

    (void) state;
    asg_step_path(&e, path);
    assert_string_equal(path, "messages[0].content[4294967295].image_url");
    asg_step_path(&a, path);
    assert_string_equal(path, "messages");
    asg_step_path(NULL, path);
    assert_string_equal(path, "");
}

static void a_name_is_shown_as_text_of_one_line(void **state)
{
    char path[ASG_REQUEST_PATH_MAX];
    asg_step_t a = name(NULL, "a\\nb\\u0000\\u007f\\u00e4");

    (void) state;
    asg_step_path(&a, path);
    assert_string_equal(path, "a?b??\xc3\xa4");
}

/* 64 bytes of a name, and no character cut in two. */
static void a_long_name_is_cut_between_characters(void **state)
{
    char path[ASG_REQUEST_PATH_MAX], raw[72];
    asg_step_t a;

    (void) state;
    memset(raw, 'x', sizeof(raw));
    memcpy(raw + 63, "\xc3\xa4", 3);
    a = name(NULL, raw);
    asg_step_path(&a, path);
    assert_int_equal(strlen(path), 63);
    memcpy(raw + 62, "\xc3\xa4", 3);
    a = name(NULL, raw);
    asg_step_path(&a, path);
    assert_int_equal(strlen(path), 64);
}

static void a_long_path_ends_after_a_name_that_fits(void **state)
{
    char path[ASG_REQUEST_PATH_MAX];
    char raw[41];
    asg_step_t steps[8];

    (void) state;
    memset(raw, 'k', 40);
    raw[40] = '\0';
    for (unsigned i = 0; i < 8; i++) {
        steps[i] = name(i > 0 ? &steps[i - 1] : NULL, raw);
    }
    memset(path, 'z', sizeof(path));
    asg_step_path(&steps[7], path);
    assert_true(strlen(path) < ASG_REQUEST_PATH_MAX);
    assert_true(strncmp(path, raw, 40) == 0 && path[40] == '.');
    assert_true(strlen(path) % 41 == 40 || path[strlen(path) - 1] == '.');
}

static void a_refusal_is_false_and_says_where(void **state)
{
    asg_step_t a = name(NULL, "n");

    (void) state;
    memset(&why, 'x', sizeof(why));
    assert_false(asg_refuse(&why, ASG_REASON_INVALID_VALUE, &a));
    assert_int_equal(why.reason, ASG_REASON_INVALID_VALUE);
    assert_string_equal(why.param, "n");
    assert_false(asg_refuse(&why, ASG_REASON_INVALID_VALUE, NULL));
    assert_string_equal(why.param, "");
}

static void refused(const char *text, asg_reason_t reason, const char *param)
{
    asg_json_t json = {.seed = 1};
    asg_step_t up = name(NULL, "metadata");
    asg_json_event_t event;

    asg_json_begin(&json, asg_str_z(text), 1);
    do {
        event = asg_json_next(&json);
    } while (event > ASG_JSON_END);
    assert_int_equal(event, ASG_JSON_ERROR);
    assert_false(asg_refuse_json(&why, &json, &up));
    assert_int_equal(why.reason, reason);
    assert_string_equal(why.param, param);
}

static void what_the_reader_stopped_at_has_a_reason(void **state)
{
    char deep[4096];

    (void) state;
    refused("{\"a\\\"b\":1,\"a\\\"b\":2}", ASG_REASON_DUPLICATE_KEY,
            "metadata.a\"b");
    refused("{\"a\":1,}", ASG_REASON_INVALID_JSON, "");
    refused("", ASG_REASON_INVALID_JSON, "");
    memset(deep, '[', sizeof(deep) - 1);
    deep[sizeof(deep) - 1] = '\0';
    refused(deep, ASG_REASON_JSON_LIMIT, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_place_is_a_path),
        cmocka_unit_test(a_name_is_shown_as_text_of_one_line),
        cmocka_unit_test(a_long_name_is_cut_between_characters),
        cmocka_unit_test(a_long_path_ends_after_a_name_that_fits),
        cmocka_unit_test(a_refusal_is_false_and_says_where),
        cmocka_unit_test(what_the_reader_stopped_at_has_a_reason)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
