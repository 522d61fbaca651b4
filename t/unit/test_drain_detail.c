/*
 * The detail of a usage event: kept as it came, or replaced by {} when the
 * database could not hold it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "meter/drain_detail.h"

#define UUID "0123abcd-0123-0123-0123-0123456789ab"

static asg_json_t *json;

static struct ctl_detail read_text(const char *text, const char *pins)
{
    struct ctl_detail d;

    ctl_detail_read(json, asg_str_z(text), asg_str_z(pins), &d);
    return d;
}

static void expect_refused(const char *text)
{
    struct ctl_detail d = read_text(text, "k.x:total:0,p.proj-1:total:0");

    assert_true(asg_str_eq_z(d.json, "{}"));
    assert_true(asg_str_eq_z(d.project, "proj-1"));
    assert_int_equal(d.key.len, 0);
    assert_int_equal(d.project_version, 0);
}

static void its_project_key_and_version_are_found(void **state)
{
    static const char text[] = "{\"f\":1,\"project\":\"proj-2\",\"pv\":7,"
        "\"key\":\"" UUID "\",\"flags\":[\"cut\"],\"in\":{\"project\":\"no\"}}";
    struct ctl_detail d = read_text(text, "p.proj-1:total:0");

    (void) state;
    assert_true(asg_str_eq_z(d.json, text));
    assert_true(asg_str_eq_z(d.project, "proj-2"));
    assert_true(asg_str_eq_z(d.key, UUID));
    assert_int_equal(d.project_version, 7);
}

static void without_a_project_the_pins_tell_it(void **state)
{
    struct ctl_detail d = read_text("{}", "p.proj-1:1h:3600,p.proj-1:total:0");

    (void) state;
    assert_true(asg_str_eq_z(d.project, "proj-1"));
    assert_int_equal(read_text("{}", "").project.len, 0);
    assert_int_equal(read_text("{}", "p.").project.len, 0);
    assert_int_equal(read_text("{}", "k.a:total:0,").project.len, 0);
}

static void what_was_held_is_an_amount_or_not_told(void **state)
{
    (void) state;
    assert_int_equal(read_text("{\"held\":7}", "").held_nusd, 7);
    assert_int_equal(read_text("{\"held\":0}", "").held_nusd, 0);
    assert_int_equal(read_text("{}", "").held_nusd, -1);
    assert_int_equal(read_text("{\"held\":-7}", "").held_nusd, -1);
    assert_int_equal(read_text("{\"held\":1.5}", "").held_nusd, -1);
    assert_int_equal(read_text("{\"held\":\"7\"}", "").held_nusd, -1);
    assert_int_equal(read_text("{\"in\":{\"held\":7}}", "").held_nusd, -1);
    assert_int_equal(read_text("{\"held\":9007199254740992}", "").held_nusd,
                     -1);
}

static void a_key_that_is_no_uuid_is_left_out(void **state)
{
    (void) state;
    assert_int_equal(read_text("{\"key\":\"x\"}", "").key.len, 0);
    assert_int_equal(read_text("{\"key\":\"0123ABCD-0123-0123-0123-"
                               "0123456789ab\"}", "").key.len, 0);
    assert_int_equal(read_text("{\"key\":7}", "").key.len, 0);
}

static void what_the_database_cannot_hold_is_replaced(void **state)
{
    char *large = malloc(4096);

    (void) state;
    expect_refused("");
    expect_refused("[]");
    expect_refused("{\"a\":1");
    expect_refused("{\"a\":1}x");
    expect_refused("{\"a\":\"\\u0000\"}");
    expect_refused("{\"\\u0000\":1}");
    expect_refused("{\"a\":1e400000}");
    expect_refused("{\"a\":1234567890123456789}");
    expect_refused("{\"a\":1,\"a\":2}");
    expect_refused("{\"a\":\"\xff\"}");
    expect_refused("{\"a\":[[[[[[[[[]]]]]]]]]}");

    assert_non_null(large);
    memset(large, ' ', 4095);
    large[0] = '{';
    large[4094] = '}';
    large[4095] = '\0';
    expect_refused(large);
    free(large);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(its_project_key_and_version_are_found),
        cmocka_unit_test(without_a_project_the_pins_tell_it),
        cmocka_unit_test(what_was_held_is_an_amount_or_not_told),
        cmocka_unit_test(a_key_that_is_no_uuid_is_left_out),
        cmocka_unit_test(what_the_database_cannot_hold_is_replaced),
    };
    int failed;

    json = calloc(1, sizeof(*json));
    if (json == NULL) {
        return EXIT_FAILURE;
    }
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    free(json);
    return failed;
}
