/*
 * Request bodies by tables of fields.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/json_body.h"

static struct ctl_arena arena;
static struct ctl_error e;
static struct json_body b;


static bool
read_body(const char *text)
{
    memset(&b, 0, sizeof(b));
    ctl_arena_reset(&arena);
    ctl_error_clear(&e);

    return json_body_read(asg_str_z(text), &b, &arena, &e);
}


static void
every_type_is_read(void **state)
{
    (void) state;
    assert_true(read_body("{\"name\":\"a\\u00e9\",\"flag\":true,\"count\":-7,"
                          "\"usd\":0.000000001,\"list\":[\"x\",\"y\"],"
                          "\"raw\":[{\"a\":1}]}"));
    assert_string_equal(b.name, "a\xc3\xa9");
    assert_int_equal(b.flag, 1);
    assert_int_equal(b.count, -7);
    assert_true(b.usd.given && !b.usd.null && b.usd.nusd == 1);
    assert_int_equal(b.list.n, 2);
    assert_string_equal(b.list.items[1], "y");
    assert_true(asg_str_eq_z(b.raw, "[{\"a\":1}]"));
}


static void
refused(const char *text, const char *code, const char *param)
{
    assert_false(read_body(text));
    assert_int_equal(e.status, 400);
    assert_string_equal(e.code, code);
    assert_string_equal(e.param, param);
}


static void
what_is_not_of_the_table_is_refused_by_name(void **state)
{
    (void) state;
    refused("{\"name\":\"a\",\"spent_usd\":1}", "unknown_field", "spent_usd");
    refused("{\"flag\":true}", "missing_field", "name");
    refused("", "missing_field", "name");
    refused("{\"name\":\"a\",\"n\\u0061me\":\"b\"}", "duplicate_key", "");
    refused("[]", "invalid_json", "");
    refused("{\"name\":\"a\"} x", "invalid_json", "");
    refused("{\"name\":\"a\"", "invalid_json", "");
}


static void
wrong_types_name_the_field(void **state)
{
    static const char *const amounts[] = {"1e3", "-5", "\"5\"", "NaN", "01",
        "0.0000000001", "9007200", "1.", ".5", "true", NULL};
    char text[80];
    int i;

    (void) state;
    refused("{\"name\":5}", "invalid_value", "name");
    refused("{\"name\":\"\"}", "invalid_value", "name");
    refused("{\"name\":\"elevenchars\"}", "invalid_value", "name");
    refused("{\"name\":\"a\\u0000b\"}", "invalid_value", "name");
    refused("{\"name\":\"a\",\"flag\":1}", "invalid_value", "flag");
    refused("{\"name\":\"a\",\"count\":1.5}", "invalid_value", "count");
    refused("{\"name\":\"a\",\"list\":[1]}", "invalid_value", "list");
    refused("{\"name\":\"a\",\"list\":[\"1\",\"2\",\"3\",\"4\"]}",
            "invalid_value", "list");
    for (i = 0; amounts[i] != NULL; i++) {
        snprintf(text, sizeof(text), "{\"name\":\"a\",\"usd\":%s}",
                 amounts[i]);
        assert_false(read_body(text));
        assert_int_equal(e.status, 400);
    }
}


static void
null_is_unlimited_and_absent_is_not_given(void **state)
{
    (void) state;
    assert_true(read_body("{\"name\":\"a\",\"usd\":null}"));
    assert_true(b.usd.given && b.usd.null);
    assert_true(read_body("{\"name\":\"a\"}"));
    assert_false(b.usd.given);
}


static int
set_up(void **state)
{
    (void) state;
    ctl_arena_init(&arena, 1024 * 1024);

    return 0;
}


static int
tear_down(void **state)
{
    (void) state;
    ctl_arena_reset(&arena);

    return 0;
}


/* It would break a line of the log, or the UTF-8 of the answer. */
static void
a_name_that_is_not_plain_is_not_repeated(void **state)
{
    (void) state;
    refused("{\"a\\nb\":1}", "unknown_field", "?");
    refused("{\"a\x7f\":1}", "unknown_field", "?");
    refused("{\"na\xc3\xafve\":1}", "unknown_field", "?");
    refused("{\"" "0123456789012345678901234567890123456789"
            "0123456789012345678901234\":1}", "unknown_field", "?");
    assert_null(strpbrk(e.text, "\n\x7f"));
}


/* What is kept as jsonb: as it came, and nothing that grows in there. */
static void
an_object_is_kept_as_it_is(void **state)
{
    (void) state;
    assert_true(read_body("{\"name\":\"a\",\"object\":"
                          "{\"a\": [1.50, {\"b\":{}}], \"c\":\"\\\\u0000\"}}"));
    assert_string_equal(b.object,
                        "{\"a\": [1.50, {\"b\":{}}], \"c\":\"\\\\u0000\"}");
    refused("{\"name\":\"a\",\"object\":[]}", "invalid_value", "object");
    refused("{\"name\":\"a\",\"object\":null}", "invalid_value", "object");
    refused("{\"name\":\"a\",\"object\":{\"a\":[1e999999]}}", "invalid_value",
            "object");
    refused("{\"name\":\"a\",\"object\":{\"a\":123456789012345678901234567890"
            "123}}", "invalid_value", "object");
    refused("{\"name\":\"a\",\"object\":{\"a\\u0000\":1}}", "invalid_value",
            "object");
    refused("{\"name\":\"a\",\"object\":{\"a\":\"\\u0000\"}}", "invalid_value",
            "object");
    refused("{\"name\":\"a\",\"object\":{\"a\":\"0123456789012345678901234567"
            "8901234567890123456789012345678\"}}", "invalid_value", "object");
    refused("{\"name\":\"a\",\"object\":{\"a\":1,\"a\":2}}", "duplicate_key",
            "");
    refused("{\"name\":\"a\",\"object\":{\"a\":", "invalid_json", "");
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_is_read),
        cmocka_unit_test(what_is_not_of_the_table_is_refused_by_name),
        cmocka_unit_test(wrong_types_name_the_field),
        cmocka_unit_test(null_is_unlimited_and_absent_is_not_given),
        cmocka_unit_test(a_name_that_is_not_plain_is_not_repeated),
        cmocka_unit_test(an_object_is_kept_as_it_is)
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
