/*
 * A chat request as Anthropic's: golden files, a row of the table each and
 * more; what is written is JSON; a callback that fails.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/anthropic_fields.h"
#include "core/anthropic_request.h"
#include "golden.h"

static asg_request_reader_t reader = {.seed = 1};
static asg_request_t request;
static asg_refusal_t why;
static char storage[GOLDEN_BYTES];
static asg_buf_t written;
static uint64_t length;

static int append(void *data, const char *bytes, size_t len)
{
    asg_buf_put(data, bytes, len);
    return 0;
}

static bool is_json(asg_str_t text)
{
    asg_json_event_t event;

    asg_json_begin(&reader.json, text, 1);
    do {
        event = asg_json_next(&reader.json);
    } while (event != ASG_JSON_ERROR && event != ASG_JSON_END);
    return event == ASG_JSON_END;
}

static asg_anthropic_rewrite_t rewrite_of(const golden_t *g)
{
    return (asg_anthropic_rewrite_t) {
        .model = ASG_STR("claude-served"),
        .user = golden_has(g, "nobody") ? ASG_STR_NULL
                                        : ASG_STR("proj-2026-0001"),
        .max_tokens = golden_number(g, "max_tokens", 1024),
        .refuse_unsupported = golden_has(g, "refuse"),
        .structured = golden_has(g, "structured")
    };
}

static void scan(const golden_t *g)
{
    asg_api_t api = golden_has(g, "gateway") ? ASG_API_GATEWAY : ASG_API_CHAT;

    if (asg_request_scan(&reader, api, g->in, &request, &why) != ASG_OK) {
        fail_msg("%s: the scan refused %s", g->name, why.param);
    }
}

static void write_refusal(void)
{
    written.len = (size_t) snprintf(storage, sizeof(storage), "refused %s %s",
        asg_reason_info(why.reason)->code, why.param);
}

static void check(const golden_t *g)
{
    asg_anthropic_rewrite_t rewrite = rewrite_of(g);
    uint64_t counted = 0;
    asg_err_t first, second;

    scan(g);
    asg_buf_init(&written, storage, sizeof(storage));
    first = asg_anthropic_request(&request, &rewrite, NULL, NULL, &counted,
                                  &why);
    second = asg_anthropic_request(&request, &rewrite, append, &written,
                                   &length, &why);
    assert_int_equal(first, second);
    if (second == ASG_OK) {
        assert_int_equal(counted, length);
        assert_int_equal(length, written.len);
        assert_true(is_json(asg_buf_view(&written)));
    } else {
        write_refusal();
    }
    asg_buf_z(&written, "\n");
    golden_same(g, asg_buf_view(&written));
}

static void a_request_becomes_what_its_golden_file_says(void **state)
{
    (void) state;
    golden_each("anthropic/request", 90, check);
}

static bool has_golden(const char *name)
{
    char path[1024];
    FILE *file;

    snprintf(path, sizeof(path),
             ASG_TOP "/t/unit/golden/anthropic/request/row_%s.in", name);
    file = fopen(path, "rb");
    if (file != NULL) {
        fclose(file);
    }
    return file != NULL;
}

static void each_row_of_the_table_has_its_golden_files(void **state)
{
    (void) state;
    for (int i = 0; i < ASG_ANTHROPIC_COUNT; i++) {
        asg_anthropic_field_t field = (asg_anthropic_field_t) i;
        const char *name = asg_anthropic_field_name(field);
        char refused[128];

        snprintf(refused, sizeof(refused), "%s_refused", name);
        if (!has_golden(name)) {
            fail_msg("row_%s.in is missing", name);
        }
        if (asg_anthropic_field_rule(field) == ASG_ANTHROPIC_SETTING
            && !has_golden(refused))
        {
            fail_msg("row_%s.in is missing", refused);
        }
    }
}

static const struct {
    const char *a;
    const char *b;
    int sign;
} numbers[] = {
    {"0", "0", 0}, {"0.0", "0", 0}, {"-0", "0", 0}, {"0e5", "0", 0},
    {"1", "1.0", 0}, {"10e-1", "1", 0}, {"0.1e1", "1", 0}, {"1e0", "1", 0},
    {"0.999999999999999999999", "1", -1}, {"1.000000000000000000001", "1", 1},
    {"2", "1", 1}, {"0.5", "1", -1}, {"0.05", "0.5", -1}, {"10", "9", 1},
    {"-1", "0", -1}, {"-1", "-2", 1}, {"-1", "1", -1}, {"1e999999999", "2", 1},
    {"1e-999999999", "0", 1}, {"0.95", "0.949999", 1}, {"100", "1e2", 0},
    {"1e99999999999999999999", "1", 1}
};

static void numbers_compare_as_they_are_written(void **state)
{
    (void) state;
    for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
        asg_str_t a = asg_str_z(numbers[i].a);
        asg_str_t b = asg_str_z(numbers[i].b);
        int one = asg_anthropic_compare(a, b);
        int other = asg_anthropic_compare(b, a);

        if ((one > 0) - (one < 0) != numbers[i].sign
            || (other > 0) - (other < 0) != -numbers[i].sign)
        {
            fail_msg("%s and %s: %d, %d", numbers[i].a, numbers[i].b, one,
                     other);
        }
    }
}

static int calls_left;

static int append_some(void *data, const char *bytes, size_t len)
{
    (void) data;
    (void) bytes;
    (void) len;
    return calls_left-- > 0 ? 0 : 7;
}

static const char body[] =
    "{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":\"s\"},"
    "{\"role\":\"user\",\"content\":\"hi\"}]}";

static void a_callback_that_fails_is_not_called_again(void **state)
{
    asg_anthropic_rewrite_t rewrite = {.model = ASG_STR("c"), .max_tokens = 1};

    (void) state;
    assert_int_equal(asg_request_scan(&reader, ASG_API_CHAT, asg_str_z(body),
                                      &request, &why), ASG_OK);
    for (int n = 0; n < 8; n++) {
        calls_left = n;
        assert_int_equal(asg_anthropic_request(&request, &rewrite, append_some,
                                               NULL, &length, &why),
                         ASG_ERR_SPACE);
        assert_int_equal(calls_left, -1);
    }
}

static unsigned borrowed;

static int note_borrowed(void *data, const char *bytes, size_t len)
{
    (void) data;
    if (bytes >= body && bytes + len <= body + sizeof(body)) {
        borrowed++;
    }
    return 0;
}

static void text_is_passed_on_from_where_it_stands(void **state)
{
    asg_anthropic_rewrite_t rewrite = {.model = ASG_STR("c"), .max_tokens = 1};

    (void) state;
    borrowed = 0;
    assert_int_equal(asg_request_scan(&reader, ASG_API_CHAT, asg_str_z(body),
                                      &request, &why), ASG_OK);
    assert_int_equal(asg_anthropic_request(&request, &rewrite, note_borrowed,
                                           NULL, &length, &why), ASG_OK);
    assert_int_equal(borrowed, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_becomes_what_its_golden_file_says),
        cmocka_unit_test(each_row_of_the_table_has_its_golden_files),
        cmocka_unit_test(numbers_compare_as_they_are_written),
        cmocka_unit_test(a_callback_that_fails_is_not_called_again),
        cmocka_unit_test(text_is_passed_on_from_where_it_stands),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
